"""What was agreed before: the open actions of earlier reviews and visits, and what became of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import ColumnElement, Select, or_, select

from servicedesk.engagement.models import ActionPoint, Visit
from servicedesk.reviews.models import ReviewAction, ReviewState, ServiceReview
from servicedesk.tickets.models import OPEN_STATES, Ticket, TicketState

if TYPE_CHECKING:
    from datetime import date

    from servicedesk.reviews.history import History


def actions_before(history: History) -> list[dict[str, Any]]:
    """Return the actions that were open in the month or are still, by their day."""
    period = history.period
    reviewed = (
        _followed(ReviewAction, ServiceReview)
        .join(ServiceReview, ServiceReview.id == ReviewAction.review_id)
        .where(
            ServiceReview.contract_id == period.contract_id,
            ServiceReview.month < period.month,
            ServiceReview.state != ReviewState.DRAFT,
            _is_of(history),
        )
    )
    visited = (
        _followed(ActionPoint, Visit)
        .join(Visit, Visit.id == ActionPoint.visit_id)
        .where(
            Visit.contract_id == period.contract_id,
            ActionPoint.created_at < period.end,
            _is_of(history),
        )
    )
    rows = [*history.session.execute(reviewed), *history.session.execute(visited)]
    return [
        {**row._mapping, "due_on": row.due_on.isoformat(), "state": row.state.value}  # noqa: SLF001
        for row in sorted(rows, key=lambda row: (row.due_on, row.ticket))
    ]


def _followed(
    kept: type[ReviewAction | ActionPoint], origin: type[ServiceReview | Visit]
) -> Select[str, str, date, str, str, TicketState]:
    """Return the query for who does what by when, where that was agreed, and how its ticket is."""
    return (
        select(
            kept.words,
            kept.owner,
            kept.due_on,
            origin.reference.label("origin"),
            Ticket.reference.label("ticket"),
            Ticket.state,
        )
        .select_from(kept)
        .join(Ticket, Ticket.id == kept.ticket_id)
    )


def _is_of(history: History) -> ColumnElement[bool]:
    return or_(
        Ticket.state.in_(OPEN_STATES),
        Ticket.resolved_at >= history.period.start,
        Ticket.closed_at >= history.period.start,
    )
