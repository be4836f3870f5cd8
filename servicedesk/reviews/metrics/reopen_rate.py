"""Reopen rate: what was not solved after all."""

from __future__ import annotations

from typing import TYPE_CHECKING

from servicedesk.core.text import msgid
from servicedesk.reviews.metrics.figure import Better, Item, Section
from servicedesk.reviews.metrics.shapes import Share

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from servicedesk.reviews.facts import TicketFacts
    from servicedesk.reviews.history import History

WITHIN = 10  # working days


class ReopenRate(Share):
    """Tickets resolved in the month that were reopened soon."""

    code = "reopen_rate"
    label = msgid("Reopened")
    definition = (
        msgid(
            "Tickets resolved in the month and reopened within 10 working days of that, of all tickets"
            " resolved in the month."
        ),
        msgid("Provisional until those days have passed for all of them."),
    )
    section = Section.QUALITY
    better = Better.DOWN
    by = ("kind", "priority")
    part_label = msgid("Reopened soon")
    rest_label = msgid("Stayed solved")

    def evidence(self, history: History) -> Sequence[Item]:
        """Return one item a ticket that was resolved at least once in the month."""
        return [
            Item(
                reference=ticket.reference,
                counts=any(
                    again is not None and again <= _deadline(ticket, at) for at, again in found
                ),
                tags=ticket.tags,
                about=ticket.subject,
            )
            for ticket in history.counted
            if (found := _resolved_in(history, ticket))
        ]

    def is_provisional(self, history: History) -> bool:
        """Whether one that stands resolved may still be reopened in time."""
        return any(
            again is None and _deadline(ticket, at) >= history.counted_at
            for ticket in history.counted
            for at, again in _resolved_in(history, ticket)
        )


def _resolved_in(history: History, ticket: TicketFacts) -> list[tuple[datetime, datetime | None]]:
    return [
        (at, again if again and again <= history.counted_at else None)
        for at, again in ticket.story.resolutions()
        if history.period.holds(at)
    ]


def _deadline(ticket: TicketFacts, at: datetime) -> datetime:
    return ticket.calendar.add_working_days(at, WITHIN)
