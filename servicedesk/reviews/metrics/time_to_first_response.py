"""Time to first response: until a person of the operator says something."""

from __future__ import annotations

from typing import TYPE_CHECKING

from servicedesk.core.text import msgid
from servicedesk.reviews.metrics.figure import Better, Item, Section
from servicedesk.reviews.metrics.shapes import Duration, seconds

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from servicedesk.reviews.facts import TicketFacts
    from servicedesk.reviews.history import History


class TimeToFirstResponse(Duration):
    """Business time from a ticket's arrival to the first word of a person."""

    code = "time_to_first_response"
    label = msgid("Time to first response")
    definition = (
        msgid(
            "Business time from a ticket's creation to the first public message by a person of the"
            " operator, of tickets for which that was in the month."
        ),
        msgid("What the desk says by itself is no response."),
    )
    section = Section.TIMES
    better = Better.DOWN
    by = ("kind", "priority")

    def evidence(self, history: History) -> Sequence[Item]:
        """Return one item a ticket that was first answered in the month."""
        return [
            Item(
                reference=ticket.reference,
                measure=seconds(ticket.calendar.between(ticket.story.created_at, at)),
                tags=ticket.tags,
                about=ticket.subject,
            )
            for ticket in history.counted
            if (at := _answered_at(history, ticket)) and history.period.holds(at)
        ]


def _answered_at(history: History, ticket: TicketFacts) -> datetime | None:
    said = history.messages.get(ticket.id, ())
    return next((one.at for one in said if one.by_person and not one.by_client), None)
