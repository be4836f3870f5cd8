"""Near misses: targets kept with nearly nothing left."""

from __future__ import annotations

from typing import TYPE_CHECKING

from servicedesk.core.text import msgid
from servicedesk.reviews.metrics.figure import Better, Item, Section
from servicedesk.reviews.metrics.shapes import Share
from servicedesk.sla.cycles import Verdict

if TYPE_CHECKING:
    from collections.abc import Sequence

    from servicedesk.reviews.history import History


class NearMisses(Share):
    """How many of the targets kept were nearly not."""

    code = "near_misses"
    label = msgid("Near misses")
    definition = (
        msgid(
            "Cycles that met their target with at least nine tenths of it used, of all that met it."
        ),
    )
    section = Section.SERVICE_LEVELS
    better = Better.DOWN
    by = ("metric", "kind", "priority")
    part_label = msgid("Nearly not kept")
    rest_label = msgid("Kept with time to spare")

    def evidence(self, history: History) -> Sequence[Item]:
        """Return one item a cycle that met its target."""
        return [
            Item(
                reference=cycle.reference,
                counts=cycle.is_near_miss,
                tags=cycle.tags,
                about=cycle.subject,
            )
            for cycle in history.decided
            if cycle.verdict is Verdict.MET
        ]
