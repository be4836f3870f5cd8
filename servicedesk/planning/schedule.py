"""When a task is due: pure arithmetic on wall clocks, from any instant to the next one.

A time of the wall clock that daylight saving skips comes once, moved on by the hour that is
missing; one that comes twice counts the first time. Only expressions that say "every hour" or "every
minute" follow real time through the change, as cron has always done.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from heapq import heappop, heappush
from itertools import islice
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from cronsim import CronSim, CronSimError

from servicedesk.core.text import msgid

if TYPE_CHECKING:
    from collections.abc import Iterator

MONTHS_A_YEAR = 12
_SHIFT = timedelta(hours=3)  # no clock is put on or back by more


class Unit(StrEnum):
    """What a calendar interval counts."""

    SECOND = "second"  # the desk's own tasks and tests; no form offers it
    MINUTE = "minute"
    HOUR = "hour"
    DAY = "day"
    WEEK = "week"
    MONTH = "month"


UNIT_LABELS = {
    Unit.MINUTE: msgid("minutes"),
    Unit.HOUR: msgid("hours"),
    Unit.DAY: msgid("days"),
    Unit.WEEK: msgid("weeks"),
    Unit.MONTH: msgid("months"),
}
REAL_UNITS = {
    Unit.SECOND: timedelta(seconds=1),
    Unit.MINUTE: timedelta(minutes=1),
    Unit.HOUR: timedelta(hours=1),
}


@dataclass(frozen=True, kw_only=True)
class Once:
    """At one instant."""

    at: datetime
    zone: str  # in which people said it


@dataclass(frozen=True, kw_only=True)
class Cron:
    """Five fields of cron (minute, hour, day, month, weekday), on the wall clock of a zone."""

    expression: str
    zone: str
    until: date | None = None  # the last day, in the zone


@dataclass(frozen=True, kw_only=True)
class Interval:
    """Every so many minutes, hours, days, weeks or months from a first time of the wall clock.

    Days, weeks and months keep the time of the wall clock; a month too short has it on its last day.
    """

    count: int
    unit: Unit
    starts_at: datetime  # without a zone: what the clock on the wall says
    zone: str
    until: date | None = None


@dataclass(frozen=True, kw_only=True)
class After:
    """So many minutes after another task went well."""

    minutes: int
    zone: str


Schedule = Once | Cron | Interval | After


class ScheduleKind(StrEnum):
    """The four ways to say when."""

    ONCE = "once"
    CRON = "cron"
    INTERVAL = "interval"
    AFTER = "after"


SCHEDULE_LABELS = {
    ScheduleKind.ONCE: msgid("Once"),
    ScheduleKind.INTERVAL: msgid("Every so often"),
    ScheduleKind.CRON: msgid("By a cron expression"),
    ScheduleKind.AFTER: msgid("After another task"),
}


def kind_of(schedule: Schedule) -> ScheduleKind:
    """Return which of the four it is."""
    return ScheduleKind(type(schedule).__name__.lower())


def next_due(schedule: Schedule, after: datetime) -> datetime | None:
    """Return the first due time later than `after`, in UTC; None when there is none."""
    return next(dues(schedule, after), None)


def dues(schedule: Schedule, after: datetime) -> Iterator[datetime]:
    """Yield the due times later than `after`, ascending, each instant once, in UTC."""
    match schedule:
        case Once():
            if schedule.at > after:
                yield schedule.at.astimezone(UTC)
        case Cron():
            yield from _until(schedule, _cron(schedule, after))
        case Interval():
            yield from _until(schedule, _interval(schedule, after))
        case After():
            return  # another task's end brings it


def dues_between(schedule: Schedule, after: datetime, until: datetime, most: int) -> list[datetime]:
    """Return at most `most` due times later than `after` and not later than `until`."""
    found = []
    for due in islice(dues(schedule, after), most):
        if due > until:
            break
        found.append(due)
    return found


def _until(schedule: Cron | Interval, found: Iterator[datetime]) -> Iterator[datetime]:
    zone = ZoneInfo(schedule.zone)
    for due in found:
        if schedule.until is not None and due.astimezone(zone).date() > schedule.until:
            return
        yield due


def _cron(schedule: Cron, after: datetime) -> Iterator[datetime]:
    zone = ZoneInfo(schedule.zone)
    if schedule.expression.split()[1].startswith("*"):  # every hour: real time
        yield from (
            due.astimezone(UTC) for due in CronSim(schedule.expression, after.astimezone(zone))
        )
        return
    begin = after.astimezone(zone).replace(tzinfo=UTC) - _SHIFT
    walls = (wall.replace(tzinfo=zone) for wall in CronSim(schedule.expression, begin))
    yield from (due for due in _in_order(walls) if due > after)


def _in_order(walls: Iterator[datetime]) -> Iterator[datetime]:
    """Yield ascending wall times as ascending instants: a skipped hour's come later than its next."""
    waiting: list[datetime] = []
    last = datetime.min.replace(tzinfo=UTC)
    for wall in walls:
        due = wall.astimezone(UTC)
        heappush(waiting, due)
        while waiting[0] <= due - _SHIFT:
            if (first := heappop(waiting)) > last:
                last = first
                yield first
    for due in sorted(set(waiting)):
        if due > last:
            yield due


def _interval(schedule: Interval, after: datetime) -> Iterator[datetime]:
    zone = ZoneInfo(schedule.zone)
    if step := REAL_UNITS.get(schedule.unit):
        yield from _real(schedule.starts_at.replace(tzinfo=zone), step * schedule.count, after)
        return
    # two steps back: a skipped or doubled hour moves instants, never by a step
    number = max(0, _steps_before(schedule, after.astimezone(zone).replace(tzinfo=None)) - 2)
    while True:
        try:
            wall = _wall(schedule, number)
        except (OverflowError, ValueError):
            return
        due = wall.replace(tzinfo=zone).astimezone(UTC)
        if due > after:
            yield due
        number += 1


def _real(start: datetime, step: timedelta, after: datetime) -> Iterator[datetime]:
    first = start.astimezone(UTC)
    number = max(0, (after - first) // step + 1)
    while True:
        try:
            yield first + step * number
        except OverflowError:
            return
        number += 1


def _steps_before(schedule: Interval, wall: datetime) -> int:
    if schedule.unit is Unit.MONTH:
        start = schedule.starts_at
        months = (wall.year - start.year) * MONTHS_A_YEAR + wall.month - start.month
        return months // schedule.count
    return (wall - schedule.starts_at) // _day_step(schedule)


def _day_step(schedule: Interval) -> timedelta:
    days = 7 if schedule.unit is Unit.WEEK else 1
    return timedelta(days=days * schedule.count)


def _wall(schedule: Interval, number: int) -> datetime:
    start = schedule.starts_at
    if schedule.unit is not Unit.MONTH:
        return start + _day_step(schedule) * number
    months = start.month - 1 + schedule.count * number
    year, month = start.year + months // MONTHS_A_YEAR, months % MONTHS_A_YEAR + 1
    day = min(start.day, _days_in(year, month))
    return start.replace(year=year, month=month, day=day)


def _days_in(year: int, month: int) -> int:
    following = date(year + month // MONTHS_A_YEAR, month % MONTHS_A_YEAR + 1, 1)
    return (following - timedelta(days=1)).day


def cron_fault(expression: str) -> str | None:
    """Return what is wrong with a cron expression (msgid), or None."""
    if len(expression.split()) != 5:  # noqa: PLR2004
        return msgid("Write five fields: minute, hour, day, month, weekday. Example: 30 2 * * 1-5.")
    try:
        found = next(CronSim(expression, datetime(2024, 1, 1, tzinfo=UTC)), None)
    except (CronSimError, ValueError):
        return msgid("Write five fields: minute, hour, day, month, weekday. Example: 30 2 * * 1-5.")
    return None if found else msgid("It never comes.")


def to_json(schedule: Schedule) -> dict[str, Any]:
    """Return the schedule as it is stored."""
    kept: dict[str, Any] = {"kind": kind_of(schedule).value}
    for name, value in vars(schedule).items():
        if value is not None:
            kept[name] = value.isoformat() if isinstance(value, (date, datetime)) else value
    return kept


def from_json(kept: dict[str, Any]) -> Schedule:
    """Return the schedule that `to_json` wrote."""
    zone = kept["zone"]
    until = date.fromisoformat(kept["until"]) if "until" in kept else None
    match ScheduleKind(kept["kind"]):
        case ScheduleKind.ONCE:
            return Once(at=datetime.fromisoformat(kept["at"]), zone=zone)
        case ScheduleKind.CRON:
            return Cron(expression=kept["expression"], zone=zone, until=until)
        case ScheduleKind.INTERVAL:
            return Interval(
                count=kept["count"],
                unit=Unit(kept["unit"]),
                starts_at=datetime.fromisoformat(kept["starts_at"]),
                zone=zone,
                until=until,
            )
        case ScheduleKind.AFTER:
            return After(minutes=kept["minutes"], zone=zone)


def daily(at: time, zone: str, starts_on: date) -> Interval:
    """Return every day at a time of the wall clock."""
    return Interval(count=1, unit=Unit.DAY, starts_at=datetime.combine(starts_on, at), zone=zone)
