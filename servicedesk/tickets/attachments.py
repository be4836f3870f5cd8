"""Files on a ticket: what hangs on its timeline, and who may download it."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING

from sqlalchemy import select
from sqlalchemy.orm import joinedload

from servicedesk.clients.visibility import visible_to
from servicedesk.core.errors import InvalidInput, NotFound
from servicedesk.core.files import ALLOWED, Upload, clean_name, keep, kind_of, path_of
from servicedesk.core.text import msgid
from servicedesk.tickets.models import Attachment, Ticket, TicketEntry

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy.orm import Session

    from servicedesk.core.actors import Actor
    from servicedesk.core.unit_of_work import Work

MAX_FILES = 5


def attach(work: Work, entry: TicketEntry, uploads: Sequence[Upload]) -> None:
    """Store files with a timeline entry. Raises InvalidInput naming the file at fault."""
    if len(uploads) > MAX_FILES:
        raise InvalidInput(msgid("At most %(count)s files."), field="files", count=MAX_FILES)
    checked = [(upload, kind_of(upload)) for upload in uploads]
    for upload, suffix in checked:
        work.session.add(
            Attachment(
                client_id=entry.client_id,
                entry_id=entry.id,
                reference=secrets.token_urlsafe(16),
                name=clean_name(upload.name, suffix),
                media_type=ALLOWED[suffix],
                size=len(upload.content),
                sha256=keep(upload.content),
                created_at=work.at,
            )
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
