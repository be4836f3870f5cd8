"""What stands on a calendar, as values: runs of the past, times to come, agreed dates, and what else."""

from __future__ import annotations

from datetime import timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, NamedTuple
from zoneinfo import ZoneInfo

from servicedesk.core.text import Text

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import date, datetime
    from typing import Any

    from servicedesk.planning.models import Category, RunState, TaskState, WorkKind
    from servicedesk.planning.other_dates import DateSource

NONE = timedelta(0)


class What(StrEnum):
    """Four kinds of things have a time."""

    RUN = "run"
    DUE = "due"  # no run yet: its time comes by the schedule
    TICKET = "ticket"  # a date agreed with the client
    OTHER = "other"  # what the calendar was told of, see other_dates.py


class TaskSeen(NamedTuple):
    """What a calendar knows of a task."""

    id: int
    reference: str
    key: str | None
    title: str
    client_id: int | None
    client_name: str | None
    category: Category
    work_kind: WorkKind
    state: TaskState
    version: int
    updated_at: datetime
    window_minutes: int | None
    group_ids: tuple[int, ...] = ()
    device_ids: tuple[int, ...] = ()

    @property
    def window(self) -> timedelta:
        """Return how long its window is; zero without one."""
        return timedelta(minutes=self.window_minutes or 0)


class Occasion(NamedTuple):
    """One line of a calendar; `times` above one stands for so many on the day."""

    what: What
    starts_at: datetime
    ends_at: datetime  # the end of its window; its beginning where it has none
    on: date  # in the reader's zone
    title: str
    reference: str  # of the task, the ticket or whatever it is
    changed_at: datetime
    revision: int  # goes up with whatever changes about it
    client_name: str | None = None  # None: the whole service
    task: TaskSeen | None = None
    state: RunState | None = None
    run_id: int | None = None
    reason: Text | None = None
    incident: str | None = None
    times: int = 1
    is_cut: bool = False  # there are more than `times`
    last_at: datetime | None = None  # of many, the last one's beginning
    source: DateSource | None = None  # of what else has a date, with its own words
    kind_words: str = ""
    state_words: str = ""

    @property
    def is_tentative(self) -> bool:
        """Whether it comes only if somebody approves its task."""
        return self.what is What.DUE and self.task is not None and not self.task.state.is_on

    @property
    def has_window(self) -> bool:
        """Whether it lasts."""
        return self.ends_at - self.starts_at > NONE


def local_day(at: datetime, zone: str) -> date:
    """Return the day it is in a zone."""
    return at.astimezone(ZoneInfo(zone)).date()


def reason_of(words: str | None, values: Mapping[str, Any] | None) -> Text | None:
    """Return why a run ended as it did."""
    return Text.from_json({"words": words, "values": values or {}}) if words else None
