"""Whose rows exist for an actor: the application's half of the wall between clients."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import ColumnElement, false, select, true

from servicedesk.clients.models import Client

if TYPE_CHECKING:
    from sqlalchemy.orm import InstrumentedAttribute

    from servicedesk.core.actors import Actor


def visible_to(
    actor: Actor,
    column: ColumnElement[int] | InstrumentedAttribute[int] | InstrumentedAttribute[int | None],
) -> ColumnElement[bool]:
    """Return the condition that keeps the actor's clients; `column` holds a client's id."""
    if actor.client_ids is None:
        return true()
    if not actor.client_ids:
        return false()
    if len(actor.client_ids) == 1:
        (only,) = actor.client_ids
        return column == only
    return column.in_(sorted(actor.client_ids))


def of_customers(
    column: ColumnElement[int] | InstrumentedAttribute[int] | InstrumentedAttribute[int | None],
) -> ColumnElement[bool]:
    """Return the condition that leaves the operator's own client out; `column` holds a client's id.

    What is listed or counted of all clients is narrowed by it, unless its own was asked for.
    """
    house = select(Client.id).where(Client.is_internal).correlate(None)
    return column.not_in(house)
