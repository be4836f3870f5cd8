"""A resolved ticket closes by itself after five quiet working days of the contract's calendar."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import select

from servicedesk.core.actors import SYSTEM
from servicedesk.core.unit_of_work import unit_of_work
from servicedesk.sla.clocks import calendar_of
from servicedesk.sla.models import SlaLedger
from servicedesk.tickets.models import EntryKind, Ticket, TicketState
from servicedesk.tickets.timeline import tell

if TYPE_CHECKING:
    from datetime import datetime

    from servicedesk.core.unit_of_work import Work

QUIET_DAYS = 5


def close_due_at(work: Work, ticket: Ticket) -> datetime:
    """Return the close of the fifth working day after today."""
    calendar = calendar_of(work.session, work.session.get_one(SlaLedger, ticket.ledger_id))
    return calendar.add_working_days(work.at, QUIET_DAYS)


def close_quiet_tickets(limit: int = 200) -> int:
    """Close what was resolved long enough ago; return how many."""
    with unit_of_work(SYSTEM, "tickets.close_quiet") as work:
        tickets = work.session.scalars(
            select(Ticket)
            .where(Ticket.state == TicketState.RESOLVED, Ticket.close_due_at <= work.at)
            .order_by(Ticket.resolved_at)
            .limit(limit)
            .with_for_update(skip_locked=True)
        ).all()
        for ticket in tickets:
            tell(
                work,
                ticket,
                EntryKind.STATE,
                before=ticket.state.value,
                after=TicketState.CLOSED.value,
                by_itself=True,
            )
            ticket.state, ticket.closed_at, ticket.close_due_at = (
                TicketState.CLOSED,
                work.at,
                None,
            )
    return len(tickets)
