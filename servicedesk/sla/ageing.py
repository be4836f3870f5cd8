"""How old open things are, in working days: the days of arrival that belong to each bucket."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, time, timedelta
from functools import lru_cache
from itertools import islice
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import date

    from servicedesk.sla.calendar import BusinessCalendar

BUCKETS = (1, 3, 7, 15, 30)  # the last working day of each; the one after them has no end
LONGEST_WALK = 730  # days back: a calendar with so few working days has old things in one bucket


@dataclass(frozen=True, kw_only=True)
class Bucket:
    """Ages in working days, and from and to which local day came what is so old."""

    youngest: int
    oldest: int | None
    came_from: date | None
    came_to: date | None

    def holds(self, day: date) -> bool:
        """Whether what came on a day is so old."""
        return (self.came_to is None or day <= self.came_to) and (
            self.came_from is None or day >= self.came_from
        )


def local_day(calendar: BusinessCalendar, at: datetime) -> date:
    """Return the day it is in the calendar's zone."""
    return at.astimezone(calendar.zone).date()


def is_working_day(calendar: BusinessCalendar, day: date) -> bool:
    """Whether business time passes on a local day."""
    zone = calendar.zone
    begin, end = (datetime.combine(one, time(), zone) for one in (day, day + timedelta(days=1)))
    return calendar.between(begin, end) > timedelta(0)


@lru_cache(maxsize=256)
def buckets(calendar: BusinessCalendar, today: date) -> tuple[Bucket, ...]:
    """Return the buckets of a day, youngest first.

    The age is the number of working days after the one of arrival, today's among them.
    """
    working = tuple(islice(_working_days_back(calendar, today), BUCKETS[-1] + 1))
    found: list[Bucket] = []
    youngest, came_to = 0, None
    for oldest in (*BUCKETS, None):
        came_from = working[oldest] if oldest is not None and oldest < len(working) else None
        found.append(Bucket(youngest=youngest, oldest=oldest, came_from=came_from, came_to=came_to))
        if oldest is None or came_from is None:
            break
        youngest, came_to = oldest + 1, came_from - timedelta(days=1)
    return tuple(found)


def _working_days_back(calendar: BusinessCalendar, today: date) -> Iterator[date]:
    for back in range(LONGEST_WALK):
        day = today - timedelta(days=back)
        if is_working_day(calendar, day):
            yield day
