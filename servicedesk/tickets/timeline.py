"""Writing on a ticket's timeline, and telling the people concerned."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from sqlalchemy import select

from servicedesk.accounts.models import User
from servicedesk.clients.models import AuthorisedContact
from servicedesk.core.actors import Role, Side
from servicedesk.core.mail import queue_mail
from servicedesk.tickets.closing_links import make_closing_link
from servicedesk.tickets.models import EntryKind, Ticket, TicketEntry, TicketWatcher

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from servicedesk.core.actors import Actor
    from servicedesk.core.unit_of_work import Work
    from servicedesk.orders.models import WorkOrder


def tell(
    work: Work,
    ticket: Ticket,
    kind: EntryKind,
    *,
    body: str = "",
    is_public: bool = True,
    author: Actor | None = None,
    **facts: Any,
) -> TicketEntry:
    """Add a line to the timeline, in the actor's name unless another is given."""
    by = author or work.actor
    entry = TicketEntry(
        client_id=ticket.client_id,
        ticket_id=ticket.id,
        at=work.at,
        kind=kind,
        is_public=is_public,
        author_id=by.user_id,
        author_name=by.name,
        author_side=by.side,
        body=body,
        facts=facts,
    )
    work.session.add(entry)
    ticket.updated_at = work.at
    return entry


def mail_people(
    work: Work, ticket: Ticket, news: str, *, body: str = "", **facts: str | int
) -> None:
    """Have the people concerned told by mail, each in their language, except who caused it.

    Whoever opened a ticket gets its reference all the same.
    `news` is `opened`, `opened_by_desk`, `message`, `answered` or the name of a move: the mail's
    first sentence follows from it and from the facts it needs.
    An agent's message goes to the requester, the client's to the assignee; watchers get both. Each
    contact who is told that it is resolved gets a link of their own to decide on it. What
    an operator's person asked for is no matter of the client's contacts, until they are asked.
    """
    watchers = select(TicketWatcher.user_id).where(TicketWatcher.ticket_id == ticket.id)
    concerned = {ticket.requester_id}
    if work.actor.side is not Side.OPERATOR and ticket.assignee_id:
        concerned.add(ticket.assignee_id)
    if news == "wait_for_client" and ticket.requester_side is Side.OPERATOR:
        concerned.update(_contacts_of(work, ticket))
    people = work.session.execute(
        select(User.id, User.email, User.language, User.role).where(
            User.is_active, User.id.in_(concerned) | User.id.in_(watchers)
        )
    )
    for user_id, email, language, role in people:
        own: dict[str, str] = {}
        if news == "resolve" and role is Role.CONTACT and ticket.requester_side is Side.CLIENT:
            own = {"closing": make_closing_link(work, ticket, user_id)}
        if user_id != work.actor.user_id or news == "opened":
            queue_mail(
                work,
                email,
                language,
                "ticket_news",
                about=ticket.reference,
                news=news,
                reference=ticket.reference,
                title=ticket.subject,
                author=work.actor.name,
                body=body,
                for_client=role is Role.CONTACT,
                **facts,
                **own,
            )


def _contacts_of(work: Work, ticket: Ticket) -> Sequence[int]:
    """Return who speaks for the ticket's client."""
    query = select(AuthorisedContact.user_id)
    return work.session.scalars(query.where(AuthorisedContact.client_id == ticket.client_id)).all()


def warn_owners(work: Work, ticket: Ticket, order: WorkOrder, begins_at: datetime) -> None:
    """Have the client's contacts and every supervisor told that much will be wiped, and when.

    Each of them can still stop it; who caused it is told too.
    """
    contacts = select(AuthorisedContact.user_id).where(
        AuthorisedContact.client_id == ticket.client_id
    )
    people = work.session.execute(
        select(User.email, User.language, User.time_zone, User.role).where(
            User.is_active, (User.role == Role.SUPERVISOR) | User.id.in_(contacts)
        )
    )
    for email, language, time_zone, role in people:
        queue_mail(
            work,
            email,
            language,
            "wide_order",
            about=ticket.reference,
            reference=ticket.reference,
            order=order.reference,
            devices=order.target_count,
            author=order.author_name,
            approved_by=order.approved_by_name,
            begins_at=begins_at.astimezone(ZoneInfo(time_zone)).strftime("%H:%M"),
            for_client=role is Role.CONTACT,
        )
