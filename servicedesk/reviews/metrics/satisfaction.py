"""Satisfaction: what contacts said of tickets that were solved."""

from __future__ import annotations

from typing import TYPE_CHECKING

from servicedesk.core.text import msgid
from servicedesk.reviews.metrics.figure import Better, Item, Section
from servicedesk.reviews.metrics.shapes import Share
from servicedesk.tickets.outcomes import SATISFIED_RATING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from servicedesk.reviews.history import History


class Satisfaction(Share):
    """Scores of four and five."""

    code = "satisfaction"
    label = msgid("Satisfaction")
    definition = (
        msgid("Scores of 4 and 5, of all scores given in the month; the newest of each ticket."),
    )
    section = Section.QUALITY
    better = Better.UP
    by = ("score", "kind")
    part_label = msgid("Satisfied")
    rest_label = msgid("Not satisfied")

    def evidence(self, history: History) -> Sequence[Item]:
        """Return one item a score, with what was written."""
        return [
            Item(
                reference=ticket.reference,
                counts=score >= SATISFIED_RATING,
                measure=score,
                tags={"score": str(score), "kind": ticket.kind},
                about=given.words or ticket.subject,
            )
            for ticket, given in history.scored
            if (score := given.score) is not None
        ]
