"""What a schedule and its window must keep to, said beside the field at fault."""

from __future__ import annotations

from typing import TYPE_CHECKING
from zoneinfo import available_timezones

from servicedesk.core.errors import InvalidInput
from servicedesk.core.text import msgid
from servicedesk.planning.schedule import (
    After,
    Cron,
    Interval,
    Once,
    Schedule,
    Unit,
    cron_fault,
    next_due,
)

if TYPE_CHECKING:
    from datetime import datetime

MOST_COUNT = 1000  # of an interval's units
WINDOW = (5, 7 * 24 * 60)  # minutes
YEARS = (2000, 2100)  # of what is planned
LONGEST_DELAY = 31 * 24 * 60  # minutes after another task
LONGEST_CRON = 120


def check_schedule(now: datetime, schedule: Schedule) -> None:
    """Raise InvalidInput with the field at fault unless a schedule can be kept."""
    if schedule.zone not in available_timezones():
        raise InvalidInput(msgid("There is no such time zone."), field="zone")
    match schedule:
        case After():
            check_number(schedule.minutes, "after_minutes", 0, LONGEST_DELAY)
            return
        case Once():
            _check_once(now, schedule)
        case Cron():
            _check_cron(schedule)
        case Interval():
            _check_interval(schedule)
    if next_due(schedule, now) is None:
        raise InvalidInput(msgid("It never comes."), field="schedule")


def _check_once(now: datetime, schedule: Once) -> None:
    _check_year(schedule.at, "once_at")
    if schedule.at <= now:
        raise InvalidInput(msgid("This time has passed."), field="once_at")


def _check_cron(schedule: Cron) -> None:
    if len(schedule.expression) > LONGEST_CRON:
        raise InvalidInput(msgid("This is too long."), field="cron")
    if fault := cron_fault(schedule.expression):
        raise InvalidInput(fault, field="cron")


def _check_interval(schedule: Interval) -> None:
    _check_year(schedule.starts_at, "interval_starts_at")
    check_number(schedule.count, "interval_count", 1, MOST_COUNT)
    if schedule.unit is Unit.SECOND:
        raise InvalidInput(msgid("Choose one of the list."), field="interval_unit")


def check_window(minutes: int | None) -> None:
    """Raise InvalidInput unless a maintenance window can be kept."""
    if minutes is not None:
        check_number(minutes, "window_minutes", *WINDOW)


def _check_year(when: datetime, name: str) -> None:
    first, last = YEARS
    if not first <= when.year <= last:
        raise InvalidInput(
            msgid("Write a year from %(first)s to %(last)s."), field=name, first=first, last=last
        )


def check_number(number: int, name: str, least: int, most: int) -> None:
    """Raise InvalidInput unless a number is within its limits."""
    if not least <= number <= most:
        raise InvalidInput(
            msgid("Write a whole number from %(least)s to %(most)s."),
            field=name,
            least=least,
            most=most,
        )
