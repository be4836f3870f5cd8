"""Clients to choose from in forms and filters, and the one that was chosen."""

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

    from sqlalchemy.orm import Session

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


def client_named(session: Session, actor: Actor, reference: str) -> Client:
    """Return a client of the actor's. Raises InvalidInput: it is something to choose."""
    plain = reference.replace("\x00", "")
    found = session.scalar(
        select(Client).where(Client.reference == plain, visible_to(actor, Client.id))
    )
    if found is None:
        raise InvalidInput(msgid("Choose a client."), field="client")
    return found
