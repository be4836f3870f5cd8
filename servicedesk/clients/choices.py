"""Clients to choose from in forms and filters."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import select

from servicedesk.clients.models import Client
from servicedesk.clients.visibility import visible_to
from servicedesk.core import database

if TYPE_CHECKING:
    from collections.abc import Sequence

    from servicedesk.core.actors import Actor


def clients_to_choose(actor: Actor) -> Sequence[Any]:
    """Return reference and name of the actor's clients, by name."""
    return (
        database.session()
        .execute(
            select(Client.reference, Client.name)
            .where(visible_to(actor, Client.id))
            .order_by(Client.name)
        )
        .all()
    )
