"""When a task is due on each day of a calendar: pure, bounded, and reckoned once a process.

A task that is due many times a day is told as one line a day; of a cron expression that comes more
often than `MOST_A_DAY` nobody needs to know how much more.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, time, timedelta
from functools import lru_cache
from itertools import groupby
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from servicedesk.planning.schedule import REAL_UNITS, Interval, Schedule, dues

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import date

FEW = 3  # due times a day that are shown one by one
MOST_A_DAY = 24  # counted
MOST_DUES = 1500  # of one task in one look; the days after them stay empty, and that is said
MOMENT = timedelta(microseconds=1)
ONE_DAY = timedelta(days=1)


@dataclass(frozen=True, kw_only=True)
class DueDay:
    """The due times of one task on one local day."""

    on: date
    dues: tuple[datetime, ...]  # ascending; only the first `MOST_A_DAY`
    count: int
    is_cut: bool  # there are more than were counted

    @property
    def is_many(self) -> bool:
        """Whether it is told as one line."""
        return self.count > FEW


@dataclass(frozen=True, kw_only=True)
class DueDays:
    """The days on which a task is due; `is_cut` where there were too many to reckon."""

    days: tuple[DueDay, ...]
    is_cut: bool = False


@lru_cache(maxsize=8192)
def due_days(schedule: Schedule, first: date, last: date, zone: str) -> DueDays:
    """Return the due times of a schedule from `first` to `last`, days of a zone."""
    walked = list(_thinned(schedule, first, last, ZoneInfo(zone)))
    days = []
    for on, group in groupby(walked, key=lambda due: due.astimezone(ZoneInfo(zone)).date()):
        found = tuple(group)
        is_full = len(found) > MOST_A_DAY
        exact = _counted(schedule, found[0], on, ZoneInfo(zone)) if is_full else len(found)
        days.append(
            DueDay(
                on=on,
                dues=found[:MOST_A_DAY],
                count=exact or MOST_A_DAY,
                is_cut=exact is None,
            )
        )
    return DueDays(days=tuple(days), is_cut=len(walked) >= MOST_DUES)


def _thinned(schedule: Schedule, first: date, last: date, zone: ZoneInfo) -> Iterator[datetime]:
    """Yield due times, of a day one more than are counted at most."""
    at, end = _midnight(first, zone), _midnight(last + ONE_DAY, zone)
    yielded = 0
    while at < end and yielded < MOST_DUES:
        tomorrow, today = at, 0
        for due in dues(schedule, at - MOMENT):
            if due >= end or yielded >= MOST_DUES:
                return
            if today == 0 or due >= tomorrow:
                tomorrow, today = _midnight(due.astimezone(zone).date() + ONE_DAY, zone), 0
            today, yielded = today + 1, yielded + 1
            yield due
            if today > MOST_A_DAY:
                break
        else:
            return
        at = tomorrow


def _counted(schedule: Schedule, first: datetime, on: date, zone: ZoneInfo) -> int | None:
    """Return how often a schedule comes on a day where that is plain arithmetic."""
    if not isinstance(schedule, Interval) or schedule.unit not in REAL_UNITS:
        return None
    step = REAL_UNITS[schedule.unit] * schedule.count
    return (_midnight(on + ONE_DAY, zone) - MOMENT - first) // step + 1


def _midnight(day: date, zone: ZoneInfo) -> datetime:
    return datetime.combine(day, time(), zone)
