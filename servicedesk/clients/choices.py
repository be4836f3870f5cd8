"""Clients to choose from in forms and filters, and the one that was chosen."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import select

from servicedesk.clients.models import Client
from servicedesk.clients.visibility import of_customers, visible_to
from servicedesk.core import database
from servicedesk.core.errors import InvalidInput, NotFound
from servicedesk.core.text import msgid

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy.orm import Session

    from servicedesk.core.actors import Actor


def clients_to_choose(actor: Actor, *, with_house: bool = False) -> Sequence[Any]:
    """Return reference and name of the actor's clients, by name; the operator's own last, if asked."""
    query = (
        select(Client.reference, Client.name)
        .where(visible_to(actor, Client.id))
        .order_by(Client.is_internal, Client.name)
    )
    if not with_house:
        query = query.where(of_customers(Client.id))
    return database.session().execute(query).all()


def client_meant(actor: Actor, reference: str = "") -> Client:
    """Return the client of a reference, or the actor's only one where none is named.

    Raises NotFound, also for a client that is not the actor's, and InvalidInput where none is named
    and several could be meant.
    """
    query = select(Client).where(visible_to(actor, Client.id)).order_by(Client.id).limit(2)
    if reference:
        query = query.where(Client.reference == reference.replace("\x00", ""))
    else:
        query = query.where(of_customers(Client.id))
    found = database.session().scalars(query).all()
    if not found:
        raise NotFound
    if len(found) > 1:
        raise InvalidInput(msgid("Choose a client."), field="client")
    return found[0]


def client_named(session: Session, actor: Actor, reference: str) -> Client:
    """Return a client of the actor's. Raises InvalidInput: it is something to choose."""
    plain = reference.replace("\x00", "")
    found = session.scalar(
        select(Client).where(Client.reference == plain, visible_to(actor, Client.id))
    )
    if found is None:
        raise InvalidInput(msgid("Choose a client."), field="client")
    return found
