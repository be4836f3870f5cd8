"""Backlog and its age: what is not resolved at the end of the month."""

from __future__ import annotations

from typing import TYPE_CHECKING

from servicedesk.core.text import msgid
from servicedesk.reviews.metrics.figure import Better, Item, Section
from servicedesk.reviews.metrics.shapes import Count
from servicedesk.sla.ageing import BUCKETS, buckets, local_day

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

    from servicedesk.reviews.history import History
    from servicedesk.sla.ageing import Bucket

AGES = ("00-01", "02-03", "04-07", "08-15", "16-30", "31")  # working days; they sort


class Backlog(Count):
    """Tickets that are open at the month's end."""

    code = "backlog"
    label = msgid("Open at the end of the month")
    definition = (
        msgid("Tickets not resolved at the end of the month, by their age."),
        msgid("The age is the number of working days after the one of arrival."),
    )
    section = Section.VOLUME
    better = Better.DOWN
    by = ("age", "kind", "priority")

    def evidence(self, history: History) -> Sequence[Item]:
        """Return one item an open ticket, the oldest first; its measure is its elapsed seconds."""
        end = history.period.end
        open_then = [ticket for ticket in history.counted if ticket.story.is_open_at(end)]
        return [
            Item(
                reference=ticket.reference,
                measure=(end - ticket.story.created_at).total_seconds(),
                tags={
                    "age": _age(
                        buckets(ticket.calendar, history.period.last_on),
                        local_day(ticket.calendar, ticket.story.created_at),
                    ),
                    **ticket.tags,
                },
                about=ticket.subject,
            )
            for ticket in sorted(open_then, key=lambda one: (one.story.created_at, one.id))
        ]


def _age(found: Sequence[Bucket], day: date) -> str:
    for bucket in found:
        if bucket.holds(day):
            return AGES[len(BUCKETS) if bucket.oldest is None else BUCKETS.index(bucket.oldest)]
    return AGES[-1]
