"""Resolved tickets that nobody said anything about are closed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import Select, func, select

from servicedesk.core import clock
from servicedesk.core.text import Text, msgid
from servicedesk.planning.checks.check import Check
from servicedesk.planning.checks.looking import looking
from servicedesk.tickets.models import Ticket, TicketState
from servicedesk.tickets.quiet_days import close_quiet_tickets

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sqlalchemy.orm import Session

    from servicedesk.planning.checks.check import Round


class QuietTickets(Check):
    """Close what was resolved five working days ago and has been quiet since."""

    code = "tickets.close_quiet"
    label = msgid("Quiet tickets are closed")
    description = msgid(
        "Closes resolved tickets that nobody said anything about for five working days."
    )
    is_housekeeping = True

    def run(self, given: Round, parameters: Mapping[str, str]) -> Text:
        """Close them, some hundred in a transaction."""
        del parameters
        with looking() as session:
            total = session.scalar(_due()) or 0
        closed = 0
        given.seen(closed, total)
        while count := close_quiet_tickets():
            closed += count
            given.seen(closed, max(closed, total))
        return Text(msgid("%(tickets)s tickets were closed."), {"tickets": closed})

    def preview(
        self, session: Session, client_id: int | None, parameters: Mapping[str, str]
    ) -> Sequence[Text]:
        """Count them."""
        del client_id, parameters
        return [Text(msgid("Closes %(tickets)s tickets."), {"tickets": session.scalar(_due())})]


def _due() -> Select[Any]:
    return select(func.count()).where(
        Ticket.state == TicketState.RESOLVED, Ticket.close_due_at <= clock.now()
    )
