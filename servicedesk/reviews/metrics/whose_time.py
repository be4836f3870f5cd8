"""Whose time it was: the gross time of resolved tickets, by who was waited for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from servicedesk.core.text import msgid
from servicedesk.reviews.metrics.figure import Figure, Item, Row, Section, Unit, Value
from servicedesk.reviews.metrics.shapes import share
from servicedesk.reviews.stories import Holder

if TYPE_CHECKING:
    from collections.abc import Sequence

    from servicedesk.reviews.history import History


class WhoseTime(Figure):
    """The operator's share of the time tickets took; the others' stand beside it."""

    code = "whose_time"
    label = msgid("The operator's share of the time")
    definition = (
        msgid(
            "Of the time on the clock that the tickets resolved in the month took, the share that was"
            " with the operator; the rest waited for the client, an agreed date, a third party or a"
            " device out of reach."
        ),
        msgid(
            "Waits that overlap count once, for whom it was waited first; all shares add up to one."
        ),
    )
    section = Section.TIMES
    unit = Unit.SHARE
    by = ("holder",)

    def evidence(self, history: History) -> Sequence[Item]:
        """Return one item a resolved ticket and holder, with its elapsed seconds."""
        return [
            Item(
                reference=ticket.reference,
                counts=holder is Holder.OPERATOR,
                measure=elapsed.total_seconds(),
                tags={"holder": holder.value},
                about=ticket.subject,
            )
            for ticket, times in history.held
            for holder, (elapsed, _business) in sorted(times.items())
        ]

    def value(self, history: History, items: Sequence[Item]) -> Value:
        """Return the operator's share, with every holder's; n is the number of tickets."""
        del history
        whole = sum(item.measure or 0 for item in items)
        by_holder: dict[Holder, list[Item]] = {holder: [] for holder in Holder}
        for item in items:
            by_holder[Holder(item.tags["holder"])].append(item)
        sums = {holder: sum(i.measure or 0 for i in found) for holder, found in by_holder.items()}
        return Value(
            amount=share(sums[Holder.OPERATOR], whole),
            n=len({item.reference for item in items}),
            total=whole,
            rows=tuple(
                Row(
                    by="holder",
                    of=holder.value,
                    amount=share(sums[holder], whole),
                    n=len(by_holder[holder]),
                )
                for holder in Holder
            )
            if items
            else (),
        )
