"""SLA % of a metric: cycles met of those that were decided in the month."""

from __future__ import annotations

from typing import TYPE_CHECKING

from servicedesk.core.text import msgid
from servicedesk.reviews.metrics.figure import Better, Item, Section
from servicedesk.reviews.metrics.shapes import Share
from servicedesk.sla.cycles import Verdict

if TYPE_CHECKING:
    from collections.abc import Sequence

    from servicedesk.reviews.history import History


class ServiceLevels(Share):
    """Targets that were kept."""

    code = "service_levels"
    label = msgid("Targets kept")
    definition = (
        msgid(
            "Cycles that met their target, of those that met it or ran out of it in the month, for each"
            " target by itself."
        ),
        msgid(
            "A ticket that is reopened begins another cycle. Cycles that were replaced because the"
            " ticket's priority or agreement changed are left out and listed."
        ),
        msgid(
            "Provisional while a target that ran out as a day closed can be met before the next opening."
        ),
    )
    section = Section.SERVICE_LEVELS
    better = Better.UP
    by = ("metric", "kind", "priority")
    part_label = msgid("Met their target")
    rest_label = msgid("Missed their target")

    def evidence(self, history: History) -> Sequence[Item]:
        """Return one item a decided cycle."""
        return [
            Item(
                reference=cycle.reference,
                counts=cycle.verdict is Verdict.MET,
                tags=cycle.tags,
                about=cycle.subject,
            )
            for cycle in history.decided
        ]

    def is_provisional(self, history: History) -> bool:
        """Whether a target that ran out as a day closed may be met yet, before the next opening."""
        return bool(history.undecided)
