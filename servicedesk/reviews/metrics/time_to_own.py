"""Time to own: until a person has the ticket."""

from __future__ import annotations

from typing import TYPE_CHECKING

from servicedesk.core.text import msgid
from servicedesk.reviews.metrics.figure import Better, Item, Section
from servicedesk.reviews.metrics.shapes import Duration, seconds

if TYPE_CHECKING:
    from collections.abc import Sequence

    from servicedesk.reviews.history import History


class TimeToOwn(Duration):
    """Business time from a ticket's arrival to the first person who has it."""

    code = "time_to_own"
    label = msgid("Time until somebody has it")
    definition = (
        msgid(
            "Business time from a ticket's creation until it is first assigned to a person, of tickets"
            " for which that was in the month."
        ),
    )
    section = Section.TIMES
    better = Better.DOWN
    by = ("kind", "priority")

    def evidence(self, history: History) -> Sequence[Item]:
        """Return one item a ticket that was first assigned in the month."""
        return [
            Item(
                reference=ticket.reference,
                measure=seconds(ticket.calendar.between(ticket.story.created_at, at)),
                tags=ticket.tags,
                about=ticket.subject,
            )
            for ticket in history.counted
            if (at := ticket.story.owned_at()) and history.period.holds(at)
        ]
