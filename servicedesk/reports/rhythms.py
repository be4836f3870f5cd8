"""When a report comes by itself: pure arithmetic on the wall clock of its author."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, time
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from servicedesk.planning.schedule import Cron, Interval, Unit, dues, next_due
from servicedesk.reports.models import Rhythm

if TYPE_CHECKING:
    from servicedesk.planning.schedule import Schedule

FIRST_WORKING_DAY = 0
MONDAY, SATURDAY = 0, 5
# cron counts from Sunday
SUNDAY_AHEAD = 1
DAYS_A_WEEK = 7
LONG_AGO = datetime(2020, 1, 1)  # noqa: DTZ001  what the clock on the wall says


@dataclass(frozen=True, kw_only=True)
class When:
    """How often, on which day, at which hour. Of a month: its day, or 0 for the first from Monday to Friday.

    A month too short for its day has it on its last one.
    """

    rhythm: Rhythm
    hour: int
    zone: str
    weekday: int = MONDAY
    month_day: int = 1

    def following(self, after: datetime) -> datetime | None:
        """Return the next time after an instant."""
        if self.rhythm is Rhythm.MONTHLY and self.month_day == FIRST_WORKING_DAY:
            zone = ZoneInfo(self.zone)
            return next(
                (at for at in dues(self._schedule(), after) if _begins_work(at.astimezone(zone))),
                None,
            )
        return next_due(self._schedule(), after)

    def _schedule(self) -> Schedule:
        if self.rhythm is Rhythm.DAILY:
            return Cron(expression=f"0 {self.hour} * * *", zone=self.zone)
        if self.rhythm is Rhythm.WEEKLY:
            day = (self.weekday + SUNDAY_AHEAD) % DAYS_A_WEEK
            return Cron(expression=f"0 {self.hour} * * {day}", zone=self.zone)
        if self.month_day == FIRST_WORKING_DAY:
            return Cron(expression=f"0 {self.hour} 1-3 * *", zone=self.zone)
        # January has all its days: from there on every month
        first = datetime.combine(LONG_AGO.replace(day=self.month_day), time(self.hour))
        return Interval(count=1, unit=Unit.MONTH, starts_at=first, zone=self.zone)


def _begins_work(local: datetime) -> bool:
    """Whether one of a month's first three days is its first from Monday to Friday."""
    if local.day == 1:
        return local.weekday() < SATURDAY
    return local.weekday() == MONDAY
