"""Clients to choose from in forms and filters."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import select

from servicedesk.clients.models import Client
from servicedesk.clients.visibility import visible_to
from servicedesk.core import database
from servicedesk.core.errors import InvalidInput
from servicedesk.core.text import msgid

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


def client_id_of(actor: Actor, reference: str) -> int | None:
    """Return the id of a client by reference; None for an empty one. Raises InvalidInput."""
    if not reference:
        return None
    found = database.session().scalar(
        select(Client.id).where(Client.reference == reference, visible_to(actor, Client.id))
    )
    if found is None:
        raise InvalidInput(msgid("There is no such client."), field="client")
    return found
