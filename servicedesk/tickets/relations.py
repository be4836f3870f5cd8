"""Who watches a ticket, and which tickets have to do with one another."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import select

from servicedesk.clients.visibility import visible_to
from servicedesk.core.errors import InvalidInput
from servicedesk.core.permissions import Permission, require
from servicedesk.core.text import msgid
from servicedesk.core.unit_of_work import unit_of_work
from servicedesk.tickets.handling import locked_ticket
from servicedesk.tickets.models import EntryKind, Ticket, TicketRelation, TicketWatcher
from servicedesk.tickets.timeline import tell

if TYPE_CHECKING:
    from servicedesk.core.actors import Actor
    from servicedesk.core.unit_of_work import Work


def watch_ticket(actor: Actor, reference: str, *, watching: bool) -> None:
    """Begin or stop being told of what happens. Raises NotFound, Forbidden."""
    with unit_of_work(actor, "tickets.watch") as work:
        ticket = locked_ticket(work, reference)
        require(actor, Permission.TICKET_COMMENT)
        present = work.session.get(TicketWatcher, (ticket.id, actor.user_id))
        if watching and present is None:
            work.session.add(
                TicketWatcher(
                    ticket_id=ticket.id,
                    user_id=actor.user_id,
                    client_id=ticket.client_id,
                    name=actor.name,
                )
            )
        elif not watching and present is not None:
            work.session.delete(present)


def relate_tickets(actor: Actor, reference: str, other_reference: str) -> None:
    """Note that two tickets of one client have to do with each other.

    Raises NotFound, Forbidden, InvalidInput.
    """
    with unit_of_work(actor, "tickets.relate") as work:
        ticket = locked_ticket(work, reference)
        require(actor, Permission.TICKET_COMMENT)
        other = work.session.scalar(
            select(Ticket).where(
                Ticket.reference == other_reference.strip().upper(),
                Ticket.client_id == ticket.client_id,
                visible_to(actor, Ticket.client_id),
            )
        )
        if other is None or other.id == ticket.id:
            raise InvalidInput(msgid("There is no such ticket of this client."), field="other")
        if relate(work, ticket, other):
            tell(work, ticket, EntryKind.RELATED, other=other.reference)
            tell(work, other, EntryKind.RELATED, other=ticket.reference)


def relate(work: Work, ticket: Ticket, other: Ticket) -> bool:
    """Note that two tickets have to do with each other; return whether that is new."""
    first, second = sorted((ticket.id, other.id))
    if work.session.get(TicketRelation, (first, second)) is not None:
        return False
    work.session.add(TicketRelation(first_id=first, second_id=second, client_id=ticket.client_id))
    return True
