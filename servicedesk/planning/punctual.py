"""What punctuality counts: in which class each planned time is, and what an address asks for.

Every time of a month, by the clock on the operator's wall, is in exactly one class:

- punctual: it began within five minutes of its time;
- late: it began later, or has not begun and more than five minutes have passed;
- missed: it never began: no clock ran, its window closed, another run stands for it, or it was
  called off only after its time;
- left out: by its rule it did not begin because the run before was not over, or because the task was
  switched off after it fell due.

Not planned, and not counted: what somebody asked for by hand, what was called off before its time,
and what has not begun while its five minutes are not over. What failed after it began counts by its
beginning; it is counted apart and listed.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Self

from sqlalchemy import ColumnElement, and_, case, or_, true

from servicedesk.core.text import msgid
from servicedesk.planning.firing import MADE_UP
from servicedesk.planning.looks import REFERENCE_LENGTH
from servicedesk.planning.models import ON_TIME, Category, PlannedRun, RunState
from servicedesk.sla.evidence import MONTH

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime


class Figure(StrEnum):
    """What is counted. The first four are the classes; together they are what was planned."""

    PUNCTUAL = "punctual"
    LATE = "late"
    MISSED = "missed"
    LEFT_OUT = "left_out"
    PLANNED = "planned"
    FAILED = "failed"
    NOT_PUNCTUAL = "not_punctual"


CLASSES = (Figure.PUNCTUAL, Figure.LATE, Figure.MISSED, Figure.LEFT_OUT)
FIGURE_LABELS = {
    Figure.PLANNED: msgid("Planned in the month"),
    Figure.PUNCTUAL: msgid("Punctual times"),
    Figure.LATE: msgid("Began late"),
    Figure.MISSED: msgid("Missed times"),
    Figure.LEFT_OUT: msgid("Times left out"),
    Figure.FAILED: msgid("Failed runs"),
    Figure.NOT_PUNCTUAL: msgid("Not punctual"),
}
DEFINITION = (
    msgid("Punctuality is the share of planned times that began within five minutes."),
    msgid("Late: it began later, or has not begun yet."),
    msgid(
        "Missed: it never began: no clock ran, its window closed, another run stands for it, or it"
        " was called off only after its time."
    ),
    msgid(
        "Left out: the run before it was not over, or its task was switched off after it fell due."
    ),
    msgid("Failed ones count by when they began; they are counted apart and listed."),
    msgid(
        "Not counted: what somebody started by hand, and what was called off before its time."
        " A time belongs to the month of the operator's clock."
    ),
)


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """What is counted; empty text means everything."""

    client: str = ""  # a reference; "-": the whole service
    category: str = ""
    month: str = ""
    figure: str = ""
    own: bool = False  # with the desk's own housekeeping

    @classmethod
    def read(cls, told: Mapping[str, str]) -> Self:
        """Return what an address asks, without what is not understood."""
        client, month = told.get("client", ""), told.get("month", "")
        category, figure = told.get("category", ""), told.get("figure", "")
        return cls(
            client=client if len(client) <= REFERENCE_LENGTH and client.isprintable() else "",
            category=category if category in set(Category) else "",
            month=month if MONTH.fullmatch(month) else "",
            figure=figure if figure in set(Figure) else "",
            own=told.get("own", "") == "yes",
        )

    def but(self, **changes: Any) -> Self:
        """Return it with something else asked for."""
        return replace(self, **changes)

    def as_words(self) -> dict[str, str]:
        """Return what is set, as an address says it."""
        words = {**vars(self), "own": "yes" if self.own else ""}
        return {name: value for name, value in words.items() if value}


def class_in_sql() -> ColumnElement[str]:
    """Return the class of a run that counts."""
    begun = PlannedRun.started_at.is_not(None)
    made_up = and_(PlannedRun.state == RunState.SKIPPED, PlannedRun.reason == MADE_UP)
    never = and_(~begun, PlannedRun.state == RunState.CANCELLED)
    return case(
        (or_(PlannedRun.state == RunState.MISSED, made_up, never), Figure.MISSED.value),
        (PlannedRun.state == RunState.SKIPPED, Figure.LEFT_OUT.value),
        (and_(begun, PlannedRun.started_at - PlannedRun.due_at <= ON_TIME), Figure.PUNCTUAL.value),
        else_=Figure.LATE.value,
    )


def is_planned(now: datetime | ColumnElement[datetime]) -> ColumnElement[bool]:
    """Return the condition for a time that counts at an instant."""
    return and_(
        PlannedRun.asked_by_name.is_(None),
        PlannedRun.due_at <= now,
        or_(
            PlannedRun.started_at.is_not(None),
            PlannedRun.finished_at.is_not(None),
            PlannedRun.due_at < now - ON_TIME,
        ),
        or_(PlannedRun.state != RunState.CANCELLED, PlannedRun.finished_at > PlannedRun.due_at),
    )


def is_figure(figure: str) -> ColumnElement[bool]:
    """Return the condition for a run behind a figure, of those that count."""
    if figure in set(CLASSES):
        return class_in_sql() == figure
    if figure == Figure.NOT_PUNCTUAL:
        return class_in_sql() != Figure.PUNCTUAL.value
    return PlannedRun.state == RunState.FAILED if figure == Figure.FAILED else true()
