"""Files on a ticket: what hangs on its timeline, and who may download it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import select
from sqlalchemy.orm import joinedload

from servicedesk.clients.visibility import visible_to
from servicedesk.core.errors import NotFound
from servicedesk.core.files import keep_all, path_of
from servicedesk.tickets.models import Attachment, Ticket, TicketEntry

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy.orm import Session

    from servicedesk.core.actors import Actor
    from servicedesk.core.files import Upload
    from servicedesk.core.unit_of_work import Work

MAX_FILES = 5


def attach(work: Work, entry: TicketEntry, uploads: Sequence[Upload]) -> None:
    """Store files with a timeline entry. Raises InvalidInput naming the file at fault."""
    work.session.add_all(
        Attachment(client_id=entry.client_id, entry_id=entry.id, created_at=work.at, **vars(kept))
        for kept in keep_all(uploads, MAX_FILES)
    )


def attachment_for(
    session: Session, actor: Actor, ticket_reference: str, reference: str
) -> Attachment:
    """Return a file the actor may download. Raises NotFound."""
    query = (
        select(Attachment)
        .join(TicketEntry, TicketEntry.id == Attachment.entry_id)
        .join(Ticket, Ticket.id == TicketEntry.ticket_id)
        .options(joinedload(Attachment.entry, innerjoin=True))
        .where(
            Attachment.reference == reference,
            Ticket.reference == ticket_reference,
            visible_to(actor, Ticket.client_id),
        )
    )
    if actor.is_contact:
        query = query.where(TicketEntry.is_public)
    found = session.scalars(query).one_or_none()
    if found is None or not path_of(found.sha256).exists():
        raise NotFound
    return found
