"""Business time: one calendar, compiled once, and two functions that undo each other.

A calendar is local (opening hours on weekdays, holidays); instants are UTC. Compiling turns it into
sorted open intervals in UTC microseconds with their cumulative working time, so `add` and `between`
are one or two bisections, whatever the distance. Days with a daylight-saving change have the length
they really have: each opening and closing is converted on its own.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from itertools import pairwise
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)
DAY_MINUTES = 24 * 60
FIRST_YEAR = 2015
YEARS_AHEAD = 10
WEEKDAYS = 7


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


class BusinessCalendar:
    """A compiled calendar: `add` and `between` in O(log n) of its intervals."""

    __slots__ = ("_ends", "_limits", "_starts", "_worked", "definition")

    def __init__(self, definition: CalendarDefinition, first_year: int, last_year: int) -> None:
        """Compile the years from `first_year` to `last_year`; use `compiled()` instead."""
        self.definition = definition
        spans = list(_merged(_open_spans(definition, first_year, last_year)))
        self._starts = [start for start, _ in spans]
        self._ends = [end for _, end in spans]
        worked, total = [], 0
        for start, end in spans:
            worked.append(total)
            total += end - start
        worked.append(total)
        self._worked = worked  # working microseconds before each interval, and in all
        zone = ZoneInfo(definition.time_zone)
        self._limits = (
            _microseconds(datetime(first_year, 1, 1, tzinfo=zone)),
            _microseconds(datetime(last_year + 1, 1, 1, tzinfo=zone)),
        )

    def between(self, start: datetime, end: datetime) -> timedelta:
        """Return the business time from `start` to `end`. Raises ValueError if `end` is earlier."""
        first, last = _microseconds(start), _microseconds(end)
        if last < first:
            raise ValueError("business time is measured forwards")
        return timedelta(microseconds=self._position(last) - self._position(first))

    def add(self, start: datetime, business_time: timedelta) -> datetime:
        """Return the earliest instant from `start` on by which `business_time` has passed.

        A target that runs out exactly at closing time gives the closing, not the next opening;
        zero gives `start` itself. Raises ValueError for a negative time.
        """
        span = _span(business_time)
        if span < 0:
            raise ValueError("business time is added forwards")
        if span == 0:
            return start
        wanted = self._position(_microseconds(start)) + span
        worked = self._worked
        if wanted > worked[-1]:
            raise CalendarError("that lies beyond the years this calendar was compiled for")
        index = bisect_left(worked, wanted) - 1
        return EPOCH + timedelta(microseconds=self._starts[index] + wanted - worked[index])

    def add_working_days(self, start: datetime, days: int) -> datetime:
        """Return the close of the `days`-th working day after the day of `start`.

        A working day is a local date on which some interval opens; never 24 hours.
        """
        zone = ZoneInfo(self.definition.time_zone)
        index = bisect_right(self._starts, _microseconds(self._end_of_day(start, zone)) - 1)
        left, last = days, None
        while left or last is None:
            day = self._local_date(index, zone)
            last = index
            while index < len(self._starts) and self._local_date(index, zone) == day:
                last, index = index, index + 1
            left = max(0, left - 1)
        return EPOCH + timedelta(microseconds=self._ends[last])

    def is_open(self, at: datetime) -> bool:
        """Whether business time passes just after `at`."""
        instant = _microseconds(at)
        index = bisect_right(self._starts, instant) - 1
        return index >= 0 and instant < self._ends[index]

    def next_opening(self, at: datetime) -> datetime:
        """Return `at` if open, otherwise the next opening."""
        if self.is_open(at):
            return at
        index = bisect_right(self._starts, self._checked(_microseconds(at)))
        if index >= len(self._starts):
            raise CalendarError("that lies beyond the years this calendar was compiled for")
        return EPOCH + timedelta(microseconds=self._starts[index])

    def _position(self, instant: int) -> int:
        """Return the working microseconds from the beginning of the calendar to `instant`."""
        limits = self._limits
        if not limits[0] <= instant <= limits[1]:
            self._checked(instant)
        index = bisect_right(self._starts, instant) - 1
        if index < 0:
            return 0
        end = self._ends[index]
        return self._worked[index] + (instant if instant < end else end) - self._starts[index]  # noqa: FURB136

    def _checked(self, instant: int) -> int:
        if not self._limits[0] <= instant <= self._limits[1]:
            raise CalendarError("that lies beyond the years this calendar was compiled for")
        return instant

    def _local_date(self, index: int, zone: ZoneInfo) -> date:
        if index >= len(self._starts):
            raise CalendarError("that lies beyond the years this calendar was compiled for")
        return (EPOCH + timedelta(microseconds=self._starts[index])).astimezone(zone).date()

    @staticmethod
    def _end_of_day(at: datetime, zone: ZoneInfo) -> datetime:
        following = at.astimezone(zone).date() + timedelta(days=1)
        return datetime.combine(following, time(), zone)


@lru_cache(maxsize=256)
def _compiled(definition: CalendarDefinition, last_year: int) -> BusinessCalendar:
    return BusinessCalendar(definition, FIRST_YEAR, last_year)


def compiled(definition: CalendarDefinition, now: datetime | None = None) -> BusinessCalendar:
    """Return the compiled calendar from 2015 to ten years from now; made once a definition."""
    return _compiled(definition, (now or datetime.now(UTC)).year + YEARS_AHEAD)


def compiled_versions(versions: Sequence[tuple[date, CalendarDefinition]]) -> BusinessCalendar:
    """Return the calendar of all versions, each from its date on."""
    return compiled(versions[-1][1])


def _microseconds(at: datetime) -> int:
    delta = at - EPOCH  # raises TypeError for a naive time: it would have no meaning
    return (delta.days * 86_400 + delta.seconds) * 1_000_000 + delta.microseconds


def _span(duration: timedelta) -> int:
    return (duration.days * 86_400 + duration.seconds) * 1_000_000 + duration.microseconds


def _open_spans(
    definition: CalendarDefinition, first_year: int, last_year: int
) -> Iterator[tuple[int, int]]:
    """Yield the open spans in UTC microseconds, in order, holidays taken out."""
    zone = ZoneInfo(definition.time_zone)
    closed: dict[date, list[Holiday]] = {}
    for holiday in definition.holidays:
        closed.setdefault(holiday.on, []).append(holiday)
    # the last evening of the year before may reach into the first morning
    day = date(first_year, 1, 1) - timedelta(days=1)
    while day.year <= last_year:
        following = day + timedelta(days=1)
        for interval in definition.weekly[day.weekday()]:
            spans = [(interval.start, interval.end)]
            for holiday in closed.get(day, ()):
                spans = _without(spans, holiday.closed_from, holiday.closed_until)
            for holiday in closed.get(following, ()):
                spans = _without(
                    spans, DAY_MINUTES + holiday.closed_from, DAY_MINUTES + holiday.closed_until
                )
            for start, end in spans:
                opens, closes = _instant(day, start, zone), _instant(day, end, zone)
                if closes > opens:
                    yield opens, closes
        day = following


def _without(spans: list[tuple[int, int]], start: int, end: int) -> list[tuple[int, int]]:
    """Return `spans` with what lies between `start` and `end` taken out."""
    pieces = [
        piece
        for a, b in spans
        for piece in ((a, min(b, start)), (max(a, end), b))
        if piece[0] < piece[1]
    ]
    return sorted(set(pieces))


def _instant(day: date, minutes: int, zone: ZoneInfo) -> int:
    """Return the UTC microseconds of a local wall-clock time.

    A time that the clocks jump over means the moment they jump to; one that happens twice means the
    first, so that a shift over the doubled hour is an hour longer, as the people in it know.
    """
    local = datetime.combine(day + timedelta(days=minutes // DAY_MINUTES), time(), None)
    local += timedelta(minutes=minutes % DAY_MINUTES)
    aware = local.replace(tzinfo=zone)
    if aware.astimezone(UTC).astimezone(zone).replace(tzinfo=None) != local:
        return _jump(local, zone)
    return _microseconds(aware.astimezone(UTC))


def _jump(local: datetime, zone: ZoneInfo) -> int:
    """Return the instant at which the clocks skip over `local`."""
    low = _microseconds((local - timedelta(hours=3)).replace(tzinfo=zone).astimezone(UTC))
    high = _microseconds((local + timedelta(hours=3)).replace(tzinfo=zone).astimezone(UTC))
    before = _offset(low, zone)
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if _offset(middle, zone) == before else (low, middle)
    return high


def _offset(instant: int, zone: ZoneInfo) -> timedelta | None:
    return (EPOCH + timedelta(microseconds=instant)).astimezone(zone).utcoffset()


def _merged(spans: Iterator[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    """Join spans that touch, so that a round-the-clock calendar is one span a holiday apart."""
    current: tuple[int, int] | None = None
    for span in sorted(spans):
        if current and span[0] <= current[1]:
            current = (current[0], max(current[1], span[1]))
            continue
        if current:
            yield current
        current = span
    if current:
        yield current
