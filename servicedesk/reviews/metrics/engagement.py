"""The account manager's days: opening, consumed, reserved, left, and when they run out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from servicedesk.core.text import msgid
from servicedesk.engagement.models import EntryKind
from servicedesk.engagement.statement import EFFECTS
from servicedesk.reviews.metrics.figure import Figure, Item, Row, Section, Subject, Unit, Value

if TYPE_CHECKING:
    from collections.abc import Sequence

    from servicedesk.reviews.history import History

OPENING, ADDED, CONSUMED, RESERVED, LEFT = "opening", "added", "consumed", "reserved", "left"


class Engagement(Figure):
    """How many days are left; the ledger behind it is the account manager's."""

    code = "engagement"
    label = msgid("Days left")
    definition = (
        msgid(
            "Of the contract year that the month ends in: days not consumed at the beginning of the month"
            " (or year), added and consumed in it, reserved at its end, and left. Opening and added, less"
            " consumed, are reserved and left."
        ),
    )
    section = Section.ENGAGEMENT
    unit = Unit.QUARTERS
    subject = Subject.VISIT
    by = ("kind",)

    def evidence(self, history: History) -> Sequence[Item]:
        """Return one item a line of the year's ledger; what the month itself brought counts."""
        return [
            Item(
                reference=entry.visit,
                counts=history.period.holds(entry.at),
                measure=entry.quarters,
                tags={"kind": entry.kind},
                about=entry.title,
            )
            for entry in history.days.entries
        ]

    def value(self, history: History, items: Sequence[Item]) -> Value:
        """Return what is left, in quarters of a day, with what it is made of."""
        year, contract = history.days.year, history.contract
        granted = year.granted_quarters if year else int(contract.engagement_days * 4)
        _held, spent, more = _sums([item for item in items if not item.counts])
        held_now, spent_now, more_now = _sums(items)
        amounts = {
            OPENING: granted + more - spent,
            ADDED: more_now - more,
            CONSUMED: spent_now - spent,
            RESERVED: held_now,
            LEFT: granted + more_now - spent_now - held_now,
        }
        return Value(
            amount=amounts[LEFT],
            n=len(items),
            total=granted + more_now,
            rows=tuple(
                Row(by="days", of=name, amount=amount, n=0) for name, amount in amounts.items()
            ),
        )


def _sums(lines: Sequence[Item]) -> tuple[int, int, int]:
    """Return what lines hold, spend and add, in quarters."""
    effects = [(EFFECTS[EntryKind(line.tags["kind"])], int(line.measure or 0)) for line in lines]
    held, spent, more = (
        sum(effect[place] * quarters for effect, quarters in effects) for place in range(3)
    )
    return held, spent, more
