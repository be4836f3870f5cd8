"""How many contacts said anything: beside satisfaction, never without it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from servicedesk.core.text import msgid
from servicedesk.reviews.metrics.figure import Better, Item, Section
from servicedesk.reviews.metrics.shapes import Share

if TYPE_CHECKING:
    from collections.abc import Sequence

    from servicedesk.reviews.history import History


class SatisfactionResponse(Share):
    """Resolved tickets that have a score."""

    code = "satisfaction_response"
    label = msgid("Response rate of satisfaction")
    definition = (
        msgid("Tickets finally resolved in the month that have a score, of all of them."),
        msgid("Provisional for 45 days: a score can still be given."),
    )
    section = Section.QUALITY
    better = Better.UP
    part_label = msgid("With a score")
    rest_label = msgid("Without a score")

    def evidence(self, history: History) -> Sequence[Item]:
        """Return one item a resolved ticket."""
        return [
            Item(
                reference=ticket.reference,
                counts=bool(history.scores.get(ticket.id)),
                about=ticket.subject,
            )
            for ticket, _at in history.resolved
        ]

    def is_provisional(self, history: History) -> bool:
        """Whether a score is missing that may still come."""
        return not history.period.is_settled(history.counted_at) and any(
            not history.scores.get(ticket.id) for ticket, _at in history.resolved
        )
