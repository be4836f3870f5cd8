"""Punctuality of planned tasks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from servicedesk.core.text import msgid
from servicedesk.planning.punctual import Figure as Punctual
from servicedesk.reviews.metrics.figure import Better, Item, Section, Subject
from servicedesk.reviews.metrics.shapes import Share

if TYPE_CHECKING:
    from collections.abc import Sequence

    from servicedesk.reviews.history import History


class Punctuality(Share):
    """Planned times that began within five minutes."""

    code = "punctuality"
    label = msgid("Punctuality of planned tasks")
    definition = (
        msgid(
            "Times planned in the month for this client that began within five minutes, of all of them;"
            " every one that did not is listed."
        ),
        msgid(
            "What somebody started by hand, and what was called off before its time, is no planned time."
        ),
    )
    section = Section.PLANNED
    subject = Subject.RUN
    better = Better.UP
    by = ("category", "punctuality")
    part_label = msgid("On time")
    rest_label = msgid("Not on time")

    def evidence(self, history: History) -> Sequence[Item]:
        """Return one item a planned time."""
        return [
            Item(
                reference=f"{run.task}/{run.run_id}",
                counts=run.punctuality == Punctual.PUNCTUAL,
                tags={"category": run.category, "punctuality": run.punctuality},
                about=run.title,
            )
            for run in history.runs
        ]
