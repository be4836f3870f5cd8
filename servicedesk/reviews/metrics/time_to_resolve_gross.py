"""Time to resolve, gross: what the client felt."""

from __future__ import annotations

from typing import TYPE_CHECKING

from servicedesk.core.text import msgid
from servicedesk.reviews.metrics.figure import Better, Item, Section, Unit
from servicedesk.reviews.metrics.shapes import Duration, seconds

if TYPE_CHECKING:
    from collections.abc import Sequence

    from servicedesk.reviews.history import History


class TimeToResolveGross(Duration):
    """Time on the clock from arrival to final resolution."""

    code = "time_to_resolve_gross"
    label = msgid("Time to resolve, gross")
    definition = (
        msgid(
            "Time on the clock, nights and holidays included, from a ticket's creation to its final"
            " resolution in the month: what the client felt."
        ),
    )
    section = Section.TIMES
    unit = Unit.ELAPSED_SECONDS
    better = Better.DOWN
    by = ("kind", "priority")

    def evidence(self, history: History) -> Sequence[Item]:
        """Return one item a resolved ticket, with its elapsed seconds."""
        return [
            Item(
                reference=ticket.reference,
                measure=seconds(at - ticket.story.created_at),
                tags=ticket.tags,
                about=ticket.subject,
            )
            for ticket, at in history.resolved
        ]
