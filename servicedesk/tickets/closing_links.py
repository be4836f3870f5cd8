"""Links in a mail to decide on one resolved ticket: a capability of the person it was sent to.

Nothing but the hash is kept, and nothing of a row ever changes: a link lives as long as the ticket is
resolved as it was when the mail was sent. Whoever decides, by link or otherwise, ends all of them.
"""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from sqlalchemy import ForeignKey, Index, select
from sqlalchemy.orm import Mapped, mapped_column

from servicedesk.accounts.models import User
from servicedesk.accounts.people import gate
from servicedesk.clients.actors import actor_for
from servicedesk.clients.visibility import visible_to
from servicedesk.core import clock, database
from servicedesk.core.actors import Role
from servicedesk.core.database import Model
from servicedesk.core.errors import NotFound
from servicedesk.core.text import Text
from servicedesk.tickets.models import EntryKind, Ticket, TicketEntry, TicketState
from servicedesk.tickets.moves import may_decide

if TYPE_CHECKING:
    from servicedesk.core.actors import Actor
    from servicedesk.core.unit_of_work import Work

LIFETIME = timedelta(days=30)
SAID = (EntryKind.MESSAGE, EntryKind.DESK_NOTE)


class ClosingLink(Model):
    """The hash of a link to decide on a ticket, and whom it was mailed to."""

    __tablename__ = "closing_link"
    __table_args__ = (Index("ix_closing_link_expires_at", "expires_at"),)
    __audited__ = False

    id: Mapped[int] = mapped_column(primary_key=True)
    client_id: Mapped[int] = mapped_column(ForeignKey("client.id"))
    ticket_id: Mapped[int] = mapped_column(ForeignKey("ticket.id"))
    user_id: Mapped[int] = mapped_column(ForeignKey("user.id"))
    token_hash: Mapped[str] = mapped_column(unique=True)
    resolved_at: Mapped[datetime]  # of the ticket, when it was sent
    expires_at: Mapped[datetime]


def make_closing_link(work: Work, ticket: Ticket, user_id: int) -> str:
    """Return the secret word of a new link for a person who is mailed that the ticket is resolved."""
    token = secrets.token_urlsafe(32)
    work.session.add(
        ClosingLink(
            client_id=ticket.client_id,
            ticket_id=ticket.id,
            user_id=user_id,
            token_hash=_hash(token),
            resolved_at=ticket.resolved_at,
            expires_at=work.at + LIFETIME,
        )
    )
    return token


@dataclass(frozen=True, kw_only=True)
class Decider:
    """Whose link it is, and the little of its ticket that the link shows."""

    actor: Actor
    reference: str
    subject: str
    said: str | Text  # with what words it was resolved
    resolved_at: datetime


def decider_of(token: str, address: str) -> Decider:
    """Return who may decide by a link, and on what.

    Raises NotFound, always the same: for what never was, is over, or belongs to nobody any more.
    """
    session = database.session()
    with database.acting_as(gate(address)):
        found = session.execute(
            select(ClosingLink, User)
            .join(User, User.id == ClosingLink.user_id)
            .where(
                ClosingLink.token_hash == _hash(token),
                ClosingLink.expires_at > clock.now(),
                User.is_active,
                User.role == Role.CONTACT,
            )
        ).one_or_none()
        if found is None:
            raise NotFound
        link, user = found
        actor = actor_for(user, address)
    with database.acting_as(actor):
        ticket = session.scalar(
            select(Ticket).where(
                Ticket.id == link.ticket_id,
                Ticket.state == TicketState.RESOLVED,
                Ticket.resolved_at == link.resolved_at,
                visible_to(actor, Ticket.client_id),
            )
        )
        if ticket is None or not may_decide(actor, ticket):
            raise NotFound
        decider = Decider(
            actor=actor,
            reference=ticket.reference,
            subject=ticket.subject,
            said=_said(ticket),
            resolved_at=link.resolved_at,
        )
        session.rollback()
    return decider


def _said(ticket: Ticket) -> str | Text:
    """Return the public words with which it was resolved, if there were any."""
    entry = database.session().scalar(
        select(TicketEntry)
        .where(
            TicketEntry.ticket_id == ticket.id,
            TicketEntry.kind.in_(SAID),
            TicketEntry.is_public,
            TicketEntry.at == ticket.resolved_at,
        )
        .order_by(TicketEntry.id.desc())
        .limit(1)
    )
    if entry is None:
        return ""
    return Text.from_json(entry.facts) if entry.kind is EntryKind.DESK_NOTE else entry.body


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()
