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
        msgid("Provisional: a score can still be given."),
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
                counts=ticket.rated_at is not None and ticket.rated_at <= history.counted_at,
                about=ticket.subject,
            )
            for ticket, _at in history.resolved
        ]
