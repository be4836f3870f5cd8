"""In, out and net flow; they reconcile with the backlog before and after."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

from servicedesk.core.text import msgid
from servicedesk.reviews.metrics.figure import Figure, Item, Row, Section, Unit, Value
from servicedesk.reviews.metrics.shapes import share

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from servicedesk.reviews.facts import TicketFacts
    from servicedesk.reviews.history import History


class Flow(StrEnum):
    """What a ticket did in the month; opening + created + came back - resolved - left = closing."""

    OPENING = "opening"  # open at the beginning
    CREATED = "created"
    CAME_BACK = "came_back"  # had been resolved before the month, and was reopened in it
    RESOLVED = "resolved"
    LEFT = "left"  # withdrawn, or set aside, without a resolution
    CLOSING = "closing"  # open at the end
    SET_ASIDE = "set_aside"  # came and was merged, spam or a test: in no other figure


class Volume(Figure):
    """How much of what came was resolved."""

    code = "volume"
    label = msgid("Resolved for each that came")
    definition = (
        msgid("Tickets finally resolved in the month, divided by those created in it."),
        msgid(
            "Open at the beginning, plus created, plus come back (resolved in an earlier month, and in"
            " this one reopened: still open or resolved again at its end), less resolved, less"
            " withdrawn, are those open at the end."
        ),
        msgid(
            "Tickets that were merged into another, spam or a test are left out of all figures and"
            " counted apart."
        ),
    )
    section = Section.VOLUME
    unit = Unit.RATIO
    by = ("flow", "kind", "priority")

    def evidence(self, history: History) -> Sequence[Item]:
        """Return one item a ticket and thing that it did."""
        return [
            Item(
                reference=ticket.reference,
                counts=flow is Flow.RESOLVED,
                tags={"flow": flow.value, **ticket.tags},
                about=ticket.subject,
            )
            for ticket in history.tickets
            for flow in _flows(history, ticket)
        ]

    def value(self, history: History, items: Sequence[Item]) -> Value:
        """Return out by in; n is how many came. Kinds and priorities are of what came."""
        del history
        by_flow = {flow: [i for i in items if i.tags["flow"] == flow] for flow in Flow}
        came, out = by_flow[Flow.CREATED], len(by_flow[Flow.RESOLVED])
        rows = [
            Row(by="flow", of=flow.value, amount=len(found), n=len(found))
            for flow, found in by_flow.items()
        ]
        for tag in ("kind", "priority"):
            rows += [
                Row(by=tag, of=of, amount=amount, n=amount)
                for of in sorted({item.tags[tag] for item in came})
                if (amount := sum(item.tags[tag] == of for item in came))
            ]
        return Value(amount=share(out, len(came)), n=len(came), part=out, rows=tuple(rows))


def _flows(history: History, ticket: TicketFacts) -> Iterator[Flow]:
    period, story = history.period, ticket.story
    came, is_open = period.holds(story.created_at), story.is_open_at(period.end)
    was_open = not came and story.is_open_at(period.start)
    is_resolved = period.holds(story.resolved_at(period.end))
    if came and ticket.is_set_aside(period.end):
        yield Flow.SET_ASIDE
        return
    if was_open:
        yield Flow.OPENING
    elif came:
        yield Flow.CREATED
    elif is_open or is_resolved:
        yield Flow.CAME_BACK
    else:  # resolved before the month, and at most rated in it
        return
    if is_open:
        yield Flow.CLOSING
    else:
        yield Flow.RESOLVED if is_resolved else Flow.LEFT
