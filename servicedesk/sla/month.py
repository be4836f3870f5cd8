"""A calendar as a person looks at it: the days of a month, the hours of a week, what is coming."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from itertools import groupby
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from servicedesk.sla.calendar import (
    DAY_MINUTES,
    WEEKDAYS,
    CalendarDefinition,
    compiled_versions,
    joined,
    without,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from servicedesk.sla.calendar import Holiday, OpenInterval
    from servicedesk.sla.models import CalendarVersion

    Rulings = Sequence[tuple[date, CalendarDefinition]]

ONE_DAY = timedelta(days=1)
Span = tuple[int, int]  # minutes after local midnight, within the day


@dataclass(frozen=True, kw_only=True)
class Day:
    """A day as it is worked."""

    on: date
    spans: tuple[Span, ...]  # as a wall clock shows them
    holidays: tuple[Holiday, ...]
    open_for: timedelta  # business time, as it really passes
    lasts: timedelta  # 23 or 25 hours where the clocks change

    @property
    def is_odd(self) -> bool:
        """Whether the clocks change on it."""
        return self.lasts != ONE_DAY


@dataclass(frozen=True, kw_only=True)
class Month:
    """A month in weeks from Monday; None stands for days of its neighbours."""

    first: date
    weeks: tuple[tuple[Day | None, ...], ...]

    @property
    def days(self) -> list[Day]:
        """Return the days in order."""
        return [day for week in self.weeks for day in week if day]

    @property
    def open_for(self) -> timedelta:
        """Return the business time of the month."""
        return sum((day.open_for for day in self.days), timedelta(0))

    @property
    def following(self) -> date:
        """Return the first day of the next month."""
        return (self.first + 31 * ONE_DAY).replace(day=1)

    @property
    def preceding(self) -> date:
        """Return the first day of the month before."""
        return (self.first - ONE_DAY).replace(day=1)


def rulings(versions: Iterable[CalendarVersion]) -> list[tuple[date, CalendarDefinition]]:
    """Return from when on which definition rules; of two from the same day, the later version."""
    by_day = {
        version.effective_on: CalendarDefinition.from_json(version.definition)
        for version in sorted(versions, key=lambda version: (version.effective_on, version.version))
    }
    return sorted(by_day.items())


def ruling_on(versions: Rulings, day: date) -> CalendarDefinition:
    """Return the definition that rules on a day; the first one also before its own."""
    index = bisect_right([since for since, _ in versions], day) - 1
    return versions[max(index, 0)][1]


def month_of(versions: Rulings, first: date) -> Month:
    """Return the month that begins on `first`, each day by the version that rules on it."""
    days = list(_days(versions, first, (first + 31 * ONE_DAY).replace(day=1) - ONE_DAY))
    padded: list[Day | None] = [*[None] * first.weekday(), *days]
    padded += [None] * (-len(padded) % WEEKDAYS)
    weeks = (tuple(padded[at : at + WEEKDAYS]) for at in range(0, len(padded), WEEKDAYS))
    return Month(first=first, weeks=tuple(weeks))


def _days(versions: Rulings, first: date, last: date) -> Iterator[Day]:
    calendar = compiled_versions(versions)
    zone = ZoneInfo(versions[0][1].time_zone)
    day, midnight = first, _midnight(first, zone)
    while day <= last:
        following = _midnight(day + ONE_DAY, zone)
        yield Day(
            on=day,
            spans=spans_of(versions, day),
            holidays=tuple(holidays_between(versions, day, day)),
            open_for=calendar.between(midnight, following),
            lasts=following - midnight,
        )
        day, midnight = day + ONE_DAY, following


def _midnight(day: date, zone: ZoneInfo) -> datetime:
    return datetime.combine(day, time(), zone).astimezone(UTC)


def spans_of(versions: Rulings, day: date) -> tuple[Span, ...]:
    """Return the open hours of a day with what the night before leaves of it, holidays out."""
    before = day - ONE_DAY
    spans = [
        *(
            (max(interval.start - DAY_MINUTES, 0), interval.end - DAY_MINUTES)
            for interval in ruling_on(versions, before).weekly[before.weekday()]
            if interval.end > DAY_MINUTES
        ),
        *(
            (interval.start, min(interval.end, DAY_MINUTES))
            for interval in ruling_on(versions, day).weekly[day.weekday()]
        ),
    ]
    for holiday in holidays_between(versions, day, day):
        spans = without(spans, holiday.closed_from, holiday.closed_until)
    return tuple(joined(spans))


def holidays_between(versions: Rulings, first: date, last: date) -> list[Holiday]:
    """Return the holidays from `first` to `last`, each by the version that rules on its day."""
    found = [
        holiday
        for definition in {id(one): one for _, one in versions}.values()
        for holiday in definition.holidays
        if first <= holiday.on <= last and ruling_on(versions, holiday.on) is definition
    ]
    return sorted(found, key=lambda holiday: (holiday.on, holiday.closed_from))


@dataclass(frozen=True, kw_only=True)
class DaysAlike:
    """Weekdays in a row with the same hours; Monday is 0."""

    first: int
    last: int
    intervals: tuple[OpenInterval, ...]


def week_in_short(definition: CalendarDefinition) -> list[DaysAlike]:
    """Return the week with days alike told together."""
    days = groupby(enumerate(definition.weekly), key=lambda day: day[1])
    return [
        DaysAlike(first=group[0][0], last=group[-1][0], intervals=intervals)
        for intervals, group in ((intervals, list(members)) for intervals, members in days)
    ]


def hours_a_week(definition: CalendarDefinition) -> timedelta:
    """Return the business time of a week without holidays."""
    minutes = sum(interval.end - interval.start for day in definition.weekly for interval in day)
    return timedelta(minutes=minutes)
