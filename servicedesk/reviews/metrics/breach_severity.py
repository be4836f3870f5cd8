"""Severity of breaches: by how much targets were missed."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from servicedesk.core.text import msgid
from servicedesk.reviews.metrics.figure import Better, Item, Section, Value
from servicedesk.reviews.metrics.shapes import Duration
from servicedesk.sla.cycles import Verdict

if TYPE_CHECKING:
    from collections.abc import Sequence

    from servicedesk.reviews.history import History


class BreachSeverity(Duration):
    """The sum of what was used beyond targets."""

    code = "breach_severity"
    label = msgid("Time beyond targets")
    definition = (
        msgid(
            "Business time beyond the target of every cycle that missed it in the month, added up."
        ),
        msgid("Of what still went on, the time up to the end of the month."),
    )
    section = Section.SERVICE_LEVELS
    better = Better.DOWN
    by = ("metric",)

    def evidence(self, history: History) -> Sequence[Item]:
        """Return one item a breach, with the business seconds beyond its target."""
        return [
            Item(
                reference=cycle.reference,
                measure=round(history.beyond[cycle.ledger_id, cycle.metric, cycle.ordinal]),
                tags={"metric": cycle.metric.value},
                about=cycle.subject,
            )
            for cycle in history.decided
            if cycle.verdict is Verdict.BREACHED
        ]

    def is_provisional(self, history: History) -> bool:
        """Whether a target that ran out as a day closed may be met yet, before the next opening."""
        return bool(history.undecided)

    def value(self, history: History, items: Sequence[Item]) -> Value:
        """Return the sum; the median stands beside it."""
        found = super().value(history, items)
        return replace(found, amount=found.total)
