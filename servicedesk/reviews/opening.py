"""What of the items behind a figure a reader can open: the rest is named without a link."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import select

from servicedesk.clients.visibility import visible_to
from servicedesk.core import database
from servicedesk.devices.models import Device
from servicedesk.engagement.models import Visit
from servicedesk.orders.models import WorkOrder
from servicedesk.planning.models import PlannedTask
from servicedesk.planning.visibility import tasks_visible_to
from servicedesk.reviews.metrics.figure import Subject
from servicedesk.tickets.models import Ticket

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from sqlalchemy import Select

    from servicedesk.core.actors import Actor

MODELS: Mapping[Subject, type[Ticket | WorkOrder | Device | Visit]] = {
    Subject.TICKET: Ticket,
    Subject.ORDER: WorkOrder,
    Subject.DEVICE: Device,
    Subject.VISIT: Visit,
}


def openable(actor: Actor, subject: Subject, references: Collection[str]) -> frozenset[str]:
    """Return which of the references the actor can open; one statement. Runs are named by their task."""
    named = sorted({reference.partition("/")[0] for reference in references if reference})
    if not named:
        return frozenset()
    query: Select[str]
    if subject is Subject.RUN:
        query = select(PlannedTask.reference).where(
            PlannedTask.reference.in_(named), tasks_visible_to(actor)
        )
    else:
        model = MODELS[subject]
        query = select(model.reference).where(
            model.reference.in_(named), visible_to(actor, model.client_id)
        )
    return frozenset(database.session().scalars(query))
