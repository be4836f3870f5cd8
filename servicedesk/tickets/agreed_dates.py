"""What was planned for a date agreed with the client goes on by itself when it comes."""

from __future__ import annotations

from sqlalchemy import select

from servicedesk.core.actors import SYSTEM
from servicedesk.core.unit_of_work import unit_of_work
from servicedesk.tickets.handling import end_wait
from servicedesk.tickets.models import EntryKind, Ticket, TicketState
from servicedesk.tickets.timeline import tell


def resume_planned(limit: int = 200) -> int:
    """Go on with tickets whose agreed date has come, from that very moment; return how many."""
    with unit_of_work(SYSTEM, "tickets.resume_planned") as work:
        tickets = work.session.scalars(
            select(Ticket)
            .where(Ticket.state == TicketState.PLANNED, Ticket.planned_for <= work.at)
            .order_by(Ticket.planned_for)
            .limit(limit)
            .with_for_update(skip_locked=True)
        ).all()
        for ticket in tickets:
            end_wait(work, ticket, at=ticket.planned_for)
            tell(
                work,
                ticket,
                EntryKind.STATE,
                before=ticket.state.value,
                after=TicketState.IN_PROGRESS.value,
                date_came=True,
            )
            ticket.state, ticket.planned_for = TicketState.IN_PROGRESS, None
    return len(tickets)
