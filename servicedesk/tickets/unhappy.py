"""Telling a client's account managers that somebody closed or rated a ticket and was not content."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import select

from servicedesk.accounts.models import Notice, User
from servicedesk.accounts.notices import tell_people
from servicedesk.clients.models import AccountManagement, Client
from servicedesk.core.actors import SYSTEM, Role
from servicedesk.core.unit_of_work import unit_of_work
from servicedesk.tickets.models import EntryKind, Ticket, TicketEntry

if TYPE_CHECKING:
    from collections.abc import Sequence

    from servicedesk.core.unit_of_work import Work

NOTICE = "unhappy_client"


def tell_unhappy(ticket_id: int) -> None:
    """Tell the account managers by notice and mail, once a ticket however often it is rated.

    A client that nobody manages is the supervisors'.
    """
    with unit_of_work(SYSTEM, "tickets.tell_unhappy") as work:
        ticket = work.session.get_one(Ticket, ticket_id, with_for_update=True)
        work.concerns(ticket.client_id, ticket.reference)
        people = _managers(work, ticket)
        if _is_told(work, ticket, people):
            return
        said = _said(work, ticket)
        tell_people(
            work,
            people,
            NOTICE,
            reference=ticket.reference,
            client_id=ticket.client_id,
            title=ticket.subject,
            client=work.session.scalar(select(Client.name).where(Client.id == ticket.client_id)),
            author=said.author_name,
            verdict=said.facts.get("verdict"),
            rating=said.facts.get("rating"),
            words=said.body,
        )
        work.note(told_to=[person.name for person in people])


def _said(work: Work, ticket: Ticket) -> TicketEntry:
    """Return the newest line in which a contact decided or rated."""
    query = select(TicketEntry).where(
        TicketEntry.ticket_id == ticket.id,
        TicketEntry.kind.in_((EntryKind.DECIDED, EntryKind.RATED)),
    )
    return work.session.scalars(query.order_by(TicketEntry.id.desc()).limit(1)).one()


def _is_told(work: Work, ticket: Ticket, people: Sequence[User]) -> bool:
    told = select(Notice.id).where(
        Notice.user_id.in_([person.id for person in people]),
        Notice.kind == NOTICE,
        Notice.reference == ticket.reference,
    )
    return work.session.scalar(told.limit(1)) is not None


def _managers(work: Work, ticket: Ticket) -> Sequence[User]:
    managing = select(AccountManagement.user_id).where(
        AccountManagement.client_id == ticket.client_id
    )
    active = select(User).where(User.is_active).order_by(User.name, User.id)
    managers = active.where(User.role == Role.ACCOUNT_MANAGER, User.id.in_(managing))
    found = work.session.scalars(managers).all()
    return found or work.session.scalars(active.where(User.role == Role.SUPERVISOR)).all()
