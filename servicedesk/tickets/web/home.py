"""The first page of each audience: what waits for this person."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flask import render_template

from servicedesk.core.permissions import Permission
from servicedesk.core.text import msgid
from servicedesk.devices.catalogue import POINT_ACTIONS
from servicedesk.devices.models import DEVICE_STATE_LABELS, PLATFORM_LABELS
from servicedesk.devices.queries import fleet_figures
from servicedesk.orders.listing import orders_without_ticket_that_wait
from servicedesk.shell.navigation import nav
from servicedesk.shell.session import current_actor
from servicedesk.sla.checking import standing_alarm
from servicedesk.tickets import queries
from servicedesk.tickets.models import QUEUE_LABELS

if TYPE_CHECKING:
    from flask.typing import ResponseReturnValue


@nav("portal.home.index", msgid("Home"), "home", 0, Permission.TICKET_READ)
def portal() -> ResponseReturnValue:
    """Show the contact what waits for them, what they can ask for, and their fleet."""
    actor = current_actor()
    return render_template(
        "tickets/home_portal.html",
        counts=queries.counts(actor),
        waiting=queries.tickets_to_confirm(actor),
        newest=queries.tickets(actor, queries.TicketFilter(show="open"), size=5).items,
        fleet=fleet_figures(actor),
        actions=POINT_ACTIONS,
        platforms=PLATFORM_LABELS,
        states=DEVICE_STATE_LABELS,
    )


@nav("desk.home.index", msgid("Work"), "home", 0, Permission.TICKET_READ)
def desk() -> ResponseReturnValue:
    """Show an agent what runs out first, what is theirs and what nobody has taken."""
    actor = current_actor()
    return render_template(
        "tickets/home_desk.html",
        counts=queries.counts(actor),
        mine=queries.tickets_by_due(actor, queries.TicketFilter(assignee="me"), size=10),
        unassigned=queries.tickets_by_due(actor, queries.TicketFilter(assignee="none"), size=15),
        queues=QUEUE_LABELS,
        stuck=orders_without_ticket_that_wait(actor),
        alarm=standing_alarm(actor),
    )
