"""Business time: one calendar, compiled once, and two functions that undo each other.

A calendar is local (opening hours on weekdays, holidays) and may change from a date on; instants are
UTC. Compiling turns it into sorted open spans of UTC instants with the working time up to each, so
`add` and `between` are one or two bisections, whatever the distance. Days with a daylight-saving
change have the length they really have: there, each opening and closing is converted on its own.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import cache, lru_cache
from itertools import pairwise
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

T = TypeVar("T", int, datetime)

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)
ZERO = timedelta()
SECOND = timedelta(seconds=1)
MINUTE = timedelta(minutes=1)
DAY = timedelta(days=1)
DAY_MINUTES = 24 * 60
FIRST_YEAR = 2015
YEARS_AHEAD = 10
WEEKDAYS = 7
BEYOND = "that lies beyond the years this calendar was compiled for"


class CalendarError(ValueError):
    """A calendar that cannot be worked with; the message says why."""


@dataclass(frozen=True, slots=True)
class OpenInterval:
    """Minutes after local midnight; `end` above 1440 runs into the next day."""

    start: int
    end: int

    def check(self) -> None:
        """Raise CalendarError unless it starts within its day and ends within the next."""
        if not 0 <= self.start < DAY_MINUTES or self.end > 2 * DAY_MINUTES:
            raise CalendarError("an interval starts within its day and ends by the next one's end")
        if self.end <= self.start:
            raise CalendarError("an interval ends after it starts; past midnight add 24 hours")


@dataclass(frozen=True, slots=True)
class Holiday:
    """A day, or the part of it from `closed_from` to `closed_until`, that is not worked."""

    on: date
    name: str
    closed_from: int = 0
    closed_until: int = DAY_MINUTES


@dataclass(frozen=True, kw_only=True)
class CalendarDefinition:
    """Opening hours Monday to Sunday, holidays and the zone they are local to."""

    time_zone: str
    weekly: tuple[tuple[OpenInterval, ...], ...]
    holidays: tuple[Holiday, ...] = ()

    def __post_init__(self) -> None:
        """Refuse what has no meaning. Raises CalendarError."""
        try:
            ZoneInfo(self.time_zone)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            raise CalendarError(f"{self.time_zone!r} is not a time zone") from None
        if len(self.weekly) != WEEKDAYS:
            raise CalendarError("a week has seven days, Monday first")
        for interval in (interval for day in self.weekly for interval in day):
            interval.check()
        if not any(self.weekly):
            raise CalendarError("a calendar needs some opening hours")
        self._refuse_overlaps()
        for holiday in self.holidays:
            if not 0 <= holiday.closed_from < holiday.closed_until <= DAY_MINUTES:
                raise CalendarError(f"{holiday.name} closes within its day")

    def _refuse_overlaps(self) -> None:
        week = DAY_MINUTES * WEEKDAYS
        spans = sorted(
            (day * DAY_MINUTES + interval.start, day * DAY_MINUTES + interval.end)
            for day, intervals in enumerate(self.weekly)
            for interval in intervals
        )
        # the first interval once more, a week on: Sunday night may reach into Monday
        for (_, end), (start, _) in pairwise([*spans, (spans[0][0] + week, spans[0][1] + week)]):
            if start < end:
                raise CalendarError("intervals overlap")

    def to_json(self) -> dict[str, Any]:
        """Return the definition as JSON knows it."""
        return {
            "time_zone": self.time_zone,
            "weekly": [[[i.start, i.end] for i in day] for day in self.weekly],
            "holidays": [
                [h.on.isoformat(), h.name, h.closed_from, h.closed_until] for h in self.holidays
            ],
        }

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> CalendarDefinition:
        """Read what `to_json` wrote. Raises CalendarError."""
        return cls(
            time_zone=data["time_zone"],
            weekly=tuple(tuple(OpenInterval(*pair) for pair in day) for day in data["weekly"]),
            holidays=tuple(
                Holiday(date.fromisoformat(on), name, start, end)
                for on, name, start, end in data["holidays"]
            ),
        )


# each with the date it rules from, in their order
Versions: TypeAlias = tuple[tuple[date, CalendarDefinition], ...]


class BusinessCalendar:
    """A compiled calendar: `add` and `between` in O(log n) of its open spans.

    Span i opens at `_opens[i]`; by its close, `_worked[i]` has been worked since the beginning.
    `_origins[i]` is when that work would have begun had the calendar never closed: within the span,
    the working time at an instant is the distance from there. All are datetimes and timedeltas, so
    that no question and no answer is converted.
    """

    __slots__ = (
        "_closings",
        "_days",
        "_first",
        "_last",
        "_opens",
        "_origins",
        "_worked",
        "versions",
        "zone",
    )

    def __init__(self, versions: Versions, first_year: int, last_year: int) -> None:
        """Compile the years from `first_year` to `last_year`; use `compiled()` instead."""
        first_day, last_day = date(first_year, 1, 1), date(last_year, 12, 31)
        self.versions = versions
        self.zone = ZoneInfo(versions[0][1].time_zone)
        self._first = _instant(first_day, 0, self.zone)
        self._last = _instant(last_day + DAY, 0, self.zone)
        # an empty span at the very beginning: every instant has one that opens before it
        self._opens, self._origins, self._worked = [self._first], [self._first], [ZERO]
        opened = list(openings(versions, first_day, last_day))
        for opens, closes in joined((opens, closes) for _, opens, closes in opened):
            start, end = max(opens, self._first), min(closes, self._last)
            if start < end:
                worked = self._worked[-1] + (end - start)
                self._opens.append(start)
                self._origins.append(end - worked)
                self._worked.append(worked)
        closing: dict[date, datetime] = {}
        for day, _, closes in opened:
            if first_day <= day <= last_day:
                closing[day] = max(closes, closing.get(day, closes))
        self._days = sorted(closing)
        self._closings = [closing[day] for day in self._days]

    def between(self, start: datetime, end: datetime) -> timedelta:
        """Return the business time from `start` to `end`. Raises ValueError if `end` is earlier."""
        if start.tzinfo is not UTC:
            start = _in_utc(start)
        if end.tzinfo is not UTC:
            end = _in_utc(end)
        if not self._first <= start <= end <= self._last:
            raise self._refusal(start, end)
        return self._position(end) - self._position(start)

    def add(self, start: datetime, business_time: timedelta) -> datetime:
        """Return the earliest instant from `start` on by which `business_time` has passed.

        A target that runs out exactly at closing time gives the closing, not the next opening;
        zero gives `start` itself. Raises ValueError for a negative time.
        """
        at = start if start.tzinfo is UTC else _in_utc(start)
        if business_time <= ZERO:
            if business_time:
                raise ValueError("business time is added forwards")
            return start
        if at < self._first:
            raise CalendarError(BEYOND)
        position = self._position(at) + business_time
        try:
            return self._origins[bisect_left(self._worked, position)] + position
        except IndexError:
            raise CalendarError(BEYOND) from None

    def add_working_days(self, start: datetime, days: int) -> datetime:
        """Return the close of the `days`-th working day after the day of `start`.

        A working day is a local date on which some interval opens; never 24 hours. Raises
        ValueError for less than one day.
        """
        if days < 1:
            raise ValueError("working days are counted from one")
        today = self._checked(start).astimezone(self.zone).date()
        index = bisect_right(self._days, today) + days - 1
        if index >= len(self._days):
            raise CalendarError(BEYOND)
        return self._closings[index]

    def is_open(self, at: datetime) -> bool:
        """Whether business time passes just after `at`."""
        at = self._checked(at)
        index = bisect_right(self._opens, at) - 1
        return at - self._origins[index] < self._worked[index]

    def next_opening(self, at: datetime) -> datetime:
        """Return `at` if open, otherwise the next opening."""
        if self.is_open(at):
            return at
        index = bisect_right(self._opens, self._checked(at))
        if index == len(self._opens):
            raise CalendarError(BEYOND)
        return self._opens[index]

    def open_spans(self, start: datetime, end: datetime) -> list[tuple[datetime, datetime]]:
        """Return what of the time from `start` to `end` is open, in order; it adds up to `between`.

        Raises ValueError if `end` is earlier.
        """
        start, end = _in_utc(start), _in_utc(end)
        if not self._first <= start <= end <= self._last:
            raise self._refusal(start, end)
        pieces = (
            (max(start, self._opens[index]), min(end, self._origins[index] + self._worked[index]))
            for index in range(bisect_right(self._opens, start) - 1, bisect_left(self._opens, end))
        )
        return [(opens, closes) for opens, closes in pieces if opens < closes]

    def _position(self, at: datetime) -> timedelta:
        """Return the working time from the beginning of the calendar to an instant of UTC."""
        index = bisect_right(self._opens, at) - 1
        position, worked = at - self._origins[index], self._worked[index]
        return position if position < worked else worked  # noqa: FURB136  min() takes twice as long

    def _checked(self, at: datetime) -> datetime:
        at = _in_utc(at)
        if not self._first <= at <= self._last:
            raise CalendarError(BEYOND)
        return at

    @staticmethod
    def _refusal(start: datetime, end: datetime) -> ValueError:
        if end < start:
            return ValueError("business time is measured forwards")
        return CalendarError(BEYOND)


@lru_cache(maxsize=256)
def _compiled(versions: Versions, last_year: int) -> BusinessCalendar:
    return BusinessCalendar(versions, FIRST_YEAR, last_year)


def compiled(definition: CalendarDefinition, now: datetime | None = None) -> BusinessCalendar:
    """Return the compiled calendar from 2015 to ten years from now; made once a definition."""
    return compiled_versions([(date.min, definition)], now)


def compiled_versions(
    versions: Sequence[tuple[date, CalendarDefinition]], now: datetime | None = None
) -> BusinessCalendar:
    """Return the compiled calendar of versions in the order of the dates they rule from.

    A version rules from local midnight of its date until the next one's; the first also before. An
    interval belongs to the version of the day it opens on: a night shift that began goes on to the
    end it had, and where the new version opens before that, both are open. So nothing before its
    date moves when a version is added. Raises CalendarError.
    """
    if not versions:
        raise CalendarError("a calendar needs a version")
    if any(earlier >= later for (earlier, _), (later, _) in pairwise(versions)):
        raise CalendarError("each version of a calendar begins after the one before")
    if len({definition.time_zone for _, definition in versions}) > 1:
        raise CalendarError("all versions of a calendar are in the same time zone")
    return _compiled(tuple(versions), (now or datetime.now(UTC)).year + YEARS_AHEAD)


def _in_utc(at: datetime) -> datetime:
    return EPOCH + (at - EPOCH)  # raises TypeError for a naive time: it would have no meaning


def openings(
    versions: Versions, first: date, last: date
) -> Iterator[tuple[date, datetime, datetime]]:
    """Yield local day, opening and close of the intervals from `first` to `last`, holidays out.

    Also of what the day before leaves for the first morning, and the last day for the next.
    """
    begins = [begin for begin, _ in versions]
    closed = [_closed_minutes(definition.holidays) for _, definition in versions]
    clock = _WallClock(ZoneInfo(versions[0][1].time_zone))
    for number in range((last - first).days + 2):
        day = first + (number - 1) * DAY
        version = max(bisect_right(begins, day) - 1, 0)
        for interval in versions[version][1].weekly[day.weekday()]:
            spans = [(interval.start, interval.end)]
            for nth in range((interval.end - 1) // DAY_MINUTES + 1):
                for start, end in closed[version].get(day + nth * DAY, ()):
                    spans = without(spans, nth * DAY_MINUTES + start, nth * DAY_MINUTES + end)
            for start, end in spans:
                opens, closes = clock.instant(day, start), clock.instant(day, end)
                if opens < closes:
                    yield day + start // DAY_MINUTES * DAY, opens, closes


def _closed_minutes(holidays: Iterable[Holiday]) -> dict[date, list[tuple[int, int]]]:
    closed: dict[date, list[tuple[int, int]]] = {}
    for holiday in holidays:
        closed.setdefault(holiday.on, []).append((holiday.closed_from, holiday.closed_until))
    return closed


def without(spans: list[tuple[int, int]], start: int, end: int) -> list[tuple[int, int]]:
    """Return `spans` with what lies between `start` and `end` taken out."""
    return [
        piece
        for a, b in spans
        for piece in ((a, min(b, start)), (max(a, end), b))
        if piece[0] < piece[1]
    ]


class _WallClock:
    """The instants of one zone's wall-clock times, quickly: most days are 24 hours throughout."""

    def __init__(self, zone: ZoneInfo) -> None:
        self.zone = zone
        self._midnight = cache(lambda day: _instant(day, 0, zone))

    def instant(self, day: date, minutes: int) -> datetime:
        """Return when the clock shows `minutes` after the midnight that begins `day`."""
        day += minutes // DAY_MINUTES * DAY
        minutes %= DAY_MINUTES
        midnight = self._midnight(day)
        if self._midnight(day + DAY) - midnight != DAY:  # the clocks are changed on this day
            return _instant(day, minutes, self.zone)
        return midnight + minutes * MINUTE


def _instant(day: date, minutes: int, zone: ZoneInfo) -> datetime:
    """Return the first instant at which a local clock shows a time of `day`, or jumps past it.

    So a time that the clocks jump over means the moment of the jump, and one that happens twice
    means the first: a shift over the doubled hour is an hour longer, as the people in it know, and
    what opened or closed in that hour does not do so again when the clocks are put back.
    """
    local = datetime.combine(day, time(minutes // 60, minutes % 60), zone)
    instant, other = local.astimezone(UTC), local.replace(fold=1).astimezone(UTC)
    if instant <= other:
        return instant
    # jumped over, after `other` and by `instant`; two times of one zone compare as a clock shows them
    seconds = range((instant - other) // SECOND)
    jump = bisect_left(seconds, local, key=lambda n: (other + n * SECOND).astimezone(zone))
    return other + jump * SECOND


def joined(spans: Iterable[tuple[T, T]]) -> Iterator[tuple[T, T]]:
    """Join spans that touch, so that a round-the-clock calendar is one span a holiday apart."""
    current: tuple[T, T] | None = None
    for span in sorted(spans):
        if current and span[0] <= current[1]:
            current = (current[0], max(current[1], span[1]))
            continue
        if current:
            yield current
        current = span
    if current:
        yield current
