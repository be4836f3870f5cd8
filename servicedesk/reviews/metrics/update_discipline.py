"""Update discipline: whether the client heard from us as often as promised."""

from __future__ import annotations

from typing import TYPE_CHECKING

from servicedesk.core.text import msgid
from servicedesk.reviews.metrics.figure import Better, Item, Section
from servicedesk.reviews.metrics.shapes import Share
from servicedesk.sla.cycles import Metric, Verdict

if TYPE_CHECKING:
    from collections.abc import Sequence

    from servicedesk.reviews.history import History


class UpdateDiscipline(Share):
    """Intervals between public updates within their target."""

    code = "update_discipline"
    label = msgid("Updates in time")
    definition = (
        msgid(
            "Intervals between public updates that were within the target, of all that ended or ran out"
            " in the month."
        ),
        msgid("Without a target for updates in the agreement there are none."),
    )
    section = Section.SERVICE_LEVELS
    better = Better.UP
    by = ("kind", "priority")
    part_label = msgid("In time")
    rest_label = msgid("Late updates")

    def evidence(self, history: History) -> Sequence[Item]:
        """Return one item an interval."""
        return [
            Item(
                reference=cycle.reference,
                counts=cycle.verdict is Verdict.MET,
                tags={"kind": cycle.kind, "priority": cycle.priority},
                about=cycle.subject,
            )
            for cycle in history.decided
            if cycle.metric is Metric.PERIODIC_UPDATE
        ]

    def is_provisional(self, history: History) -> bool:
        """Whether a target that ran out as a day closed may be met yet, before the next opening."""
        return any(one.metric is Metric.PERIODIC_UPDATE for one in history.undecided)
