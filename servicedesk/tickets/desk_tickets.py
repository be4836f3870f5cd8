"""Tickets that the desk opens, tells about and resolves by itself, as a step of what caused it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import select

from servicedesk.clients.contracts import contract_in_force
from servicedesk.clients.house import operator_house
from servicedesk.core.actors import SYSTEM
from servicedesk.core.errors import InvalidInput
from servicedesk.core.text import Text, msgid
from servicedesk.tickets.checklist import add_steps
from servicedesk.tickets.handling import is_unfinished, make_move
from servicedesk.tickets.intake import (
    NewTicket,
    attach_devices,
    attach_order,
    contact_of,
    write_ticket,
)
from servicedesk.tickets.models import EntryKind, Ticket, TicketEntry
from servicedesk.tickets.moves import move_named
from servicedesk.tickets.timeline import mail_people, tell

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime

    from servicedesk.core.unit_of_work import Work
    from servicedesk.orders.models import WorkOrder


def open_for_desk(
    work: Work,
    *,
    client_id: int | None,
    new: NewTicket,
    requester: tuple[int, str] | None = None,
    steps: Iterable[str] = (),
    devices: Iterable[int] = (),
    order: WorkOrder | None = None,
    because: tuple[EntryKind, Mapping[str, Any]] = (EntryKind.OPENED, {}),
) -> Ticket:
    """Open a ticket with checklist, devices or order; without a client it is the operator's own.

    The requester (id, name) is asked to confirm and is mailed; where none is given it is the client's
    contact, who hears nothing of what an operator's person asks for. `because` is the first line of
    the timeline. Raises InvalidInput without a contract in force, or without anybody to ask.
    """
    owner_id = operator_house(work).id if client_id is None else client_id
    contract = contract_in_force(work.session, owner_id, work.at.date())
    if contract is None:
        raise InvalidInput(
            msgid("There is no client of that reference with a contract in force."), field="client"
        )
    asks = requester or contact_of(work, owner_id)
    if asks is None:
        raise InvalidInput(msgid("The client has no authorised contact yet."), field="client")
    ticket = write_ticket(work, contract, new, asks, order)
    kind, facts = because
    tell(work, ticket, kind, author=SYSTEM, **facts)
    attach_devices(work, ticket, devices)
    add_steps(work, ticket, steps)
    if order:
        attach_order(work, ticket, order)
    mail_people(work, ticket, "opened_by_desk")
    return ticket


def note_from_desk(
    work: Work, ticket: Ticket, words: Text, *, is_public: bool = False, mark: str = ""
) -> None:
    """Add a line by the desk, told to each reader in their language.

    `mark` says what it is about, for whoever asks later whether that was told: see `latest_mark`.
    """
    facts = words.to_json() | ({"mark": mark} if mark else {})
    tell(
        work,
        ticket,
        EntryKind.DESK_NOTE,
        is_public=is_public,
        author=SYSTEM,
        **facts,
    )


def latest_mark(work: Work, ticket: Ticket) -> tuple[str, datetime] | None:
    """Return the mark of the newest marked line of the desk, and when it was written."""
    marked = TicketEntry.facts["mark"].as_string()
    row = work.session.execute(
        select(marked, TicketEntry.at)
        .where(
            TicketEntry.ticket_id == ticket.id,
            TicketEntry.kind == EntryKind.DESK_NOTE,
            marked.is_not(None),
        )
        .order_by(TicketEntry.id.desc())
        .limit(1)
    ).first()
    return (row[0], row[1]) if row else None


def is_touched(work: Work, ticket: Ticket) -> bool:
    """Whether a person has it, or has done or said anything about it."""
    by_people = select(TicketEntry.id).where(
        TicketEntry.ticket_id == ticket.id, TicketEntry.author_id.is_not(None)
    )
    return ticket.assignee_id is not None or work.session.scalar(by_people.limit(1)) is not None


def reopen_from_desk(work: Work, ticket: Ticket) -> None:
    """Go on with a resolved ticket: what it was about is there again."""
    make_move(work, ticket, move_named("reopen"))


def resolve_from_desk(
    work: Work, ticket: Ticket, words: Text, *, is_public: bool = True, mark: str = ""
) -> bool:
    """Resolve an open ticket and say why, to the client too; return whether that was possible.

    It stays as it is when it is over, or when orders or steps of it are open.
    """
    work.session.refresh(ticket, with_for_update=True)
    if not ticket.is_open or is_unfinished(work, ticket):
        return False
    note_from_desk(work, ticket, words, is_public=is_public, mark=mark)
    make_move(work, ticket, move_named("resolve"))
    return True
