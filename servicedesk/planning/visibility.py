"""Which planned tasks exist for an actor: their clients', and what is done for the whole service."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import ColumnElement, and_, or_

from servicedesk.clients.visibility import visible_to
from servicedesk.planning.models import PlannedTask

if TYPE_CHECKING:
    from servicedesk.core.actors import Actor


def tasks_visible_to(actor: Actor) -> ColumnElement[bool]:
    """Return the condition on `PlannedTask`; contacts see only what is meant for them."""
    reached = visible_to(actor, PlannedTask.client_id)
    if actor.client_ids is None:
        return reached
    reached = or_(PlannedTask.client_id.is_(None), reached)
    return and_(reached, PlannedTask.shown_to_client) if actor.is_contact else reached
