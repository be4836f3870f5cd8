"""Holidays out of an iCalendar file: what can be read, and what cannot and why."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import TYPE_CHECKING, Any

from icalendar import Calendar

from servicedesk.core.text import Text, Verbatim, msgid
from servicedesk.sla.calendar import DAY_MINUTES, Holiday
from servicedesk.sla.notation import NAME_LENGTH, NotationError, holiday_named

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from zoneinfo import ZoneInfo

    from icalendar.cal.component import Component

LARGEST_FILE = 512 * 1024
MOST_ENTRIES = 1000
LONGEST = timedelta(days=62)
ONE_DAY = timedelta(days=1)
# what a faulty file makes the parser trip over; nothing of it is ours to handle better
UNREADABLE = (
    ValueError,
    KeyError,
    TypeError,
    AttributeError,
    IndexError,
    ArithmeticError,
    RecursionError,
)


@dataclass(frozen=True, kw_only=True)
class Failure:
    """An entry that could not be taken over."""

    entry: str
    why: Text


@dataclass(frozen=True, kw_only=True)
class Imported:
    """What a file gave."""

    holidays: tuple[Holiday, ...]
    failures: tuple[Failure, ...]


def holidays_in_file(content: bytes, zone: ZoneInfo, years: range) -> Imported:
    """Return the holidays of a file within `years`, as days and hours of `zone`.

    Raises NotationError for what is no such file, too large or too long.
    """
    if len(content) > LARGEST_FILE:
        raise NotationError(
            msgid("The file has more than %(kilobytes)s kB."), kilobytes=LARGEST_FILE // 1024
        )
    events = _events(content)
    if not events:
        raise NotationError(msgid("The file has no entries."))
    if len(events) > MOST_ENTRIES:
        raise NotationError(msgid("The file has more than %(most)s entries."), most=MOST_ENTRIES)
    found: dict[Holiday, None] = {}
    failures = []
    for number, event in enumerate(events, start=1):
        try:
            found |= dict.fromkeys(_holidays(event, zone, years))
        except NotationError as fault:
            failures.append(Failure(entry=_title(event, number), why=fault.text))
        except UNREADABLE:
            failures.append(
                Failure(entry=_title(event, number), why=Text(msgid("it cannot be read.")))
            )
    return Imported(
        holidays=tuple(sorted(found, key=lambda one: (one.on, one.closed_from))),
        failures=tuple(failures),
    )


def _events(content: bytes) -> list[Component]:
    try:
        return list(Calendar.from_ical(content).walk("VEVENT"))
    except UNREADABLE:
        raise NotationError(msgid("This is not an iCalendar file (.ics).")) from None


def _title(event: Component, number: int) -> str:
    title = " ".join(str(event.get("SUMMARY") or "").split())[:NAME_LENGTH]
    return title or f"#{number}"


def _holidays(event: Component, zone: ZoneInfo, years: range) -> Iterator[Holiday]:
    """Yield what an entry closes, a holiday a day. Raises NotationError."""
    if str(event.get("STATUS") or "").upper() == "CANCELLED":
        raise NotationError(msgid("it was cancelled."))
    if "RECURRENCE-ID" in event or "RDATE" in event:
        raise NotationError(msgid("it changes single repetitions of another entry."))
    start, end = _bounds(event, zone)
    if end <= start or end - start > LONGEST:
        raise NotationError(
            msgid("it has to last from a moment to %(days)s days."), days=LONGEST.days
        )
    title, is_any = str(event.get("SUMMARY") or ""), False
    for first in _repetitions(event, start, years):
        for on, closed_from, closed_until in _days(first, first + (end - start)):
            if on.year in years:
                is_any = True
                named = holiday_named(on, title)
                yield Holiday(on, named.name, closed_from, closed_until)
    if not is_any:
        raise NotationError(
            msgid("it lies outside the years %(first)s to %(last)s."),
            first=years.start,
            last=years.stop - 1,
        )


def _bounds(event: Component, zone: ZoneInfo) -> tuple[datetime, datetime]:
    """Return start and end as a wall clock of `zone` shows them."""
    start = _instant(event, "DTSTART")
    if start is None:
        raise NotationError(msgid("it has no date that can be read."))
    end = _instant(event, "DTEND")
    if end is None:
        length = event.get("DURATION")
        if length is not None:
            end = start + length.dt
        elif not isinstance(start, datetime):
            end = start + ONE_DAY
        else:
            raise NotationError(msgid("it says when it begins, not when it ends."))
    return _local(start, zone), _local(end, zone)


def _instant(event: Component, name: str) -> date | None:
    told = event.get(name)
    value = getattr(told, "dt", None)
    return value if isinstance(value, date) else None


def _local(at: date, zone: ZoneInfo) -> datetime:
    if not isinstance(at, datetime):
        return datetime.combine(at, time())
    return at.astimezone(zone).replace(tzinfo=None) if at.tzinfo else at


def _days(start: datetime, end: datetime) -> Iterator[tuple[date, int, int]]:
    """Yield each day with the minutes that are closed."""
    day = start.date()
    while datetime.combine(day, time()) < end:
        midnight = datetime.combine(day, time())
        opens = max(0, _minutes(start - midnight))
        closes = min(DAY_MINUTES, _minutes(end - midnight))
        if opens < closes:
            yield day, opens, closes
        day += ONE_DAY


def _minutes(span: timedelta) -> int:
    return int(span.total_seconds() // 60)


def _repetitions(event: Component, start: datetime, years: range) -> list[datetime]:
    """Return the starts of an entry that is once, or the same date every so many years."""
    rule = event.get("RRULE")
    if rule is None:
        return [start]
    if not isinstance(rule, dict):
        raise NotationError(msgid("it has more than one rule of repetition."))
    every, times, until = _yearly(rule, start)
    left_out = _exceptions(event)
    found = []
    number = 0
    for year in range(start.year, years.stop, every):
        try:
            again = start.replace(year=year)
        except ValueError:
            continue  # 29 February, in a year without
        number += 1
        if (times and number > times) or (until and again.date() > until):
            break
        if again.date() not in left_out:
            found.append(again)
    return found


def _yearly(rule: Mapping[str, Any], start: datetime) -> tuple[int, int, date | None]:
    """Return interval, count and last day of a rule that repeats a date. Raises NotationError."""
    told = {str(name).upper(): value for name, value in rule.items()}
    is_same_day = (
        str(_first(told, "FREQ", "")).upper() == "YEARLY"
        and set(told) <= {"FREQ", "INTERVAL", "COUNT", "UNTIL", "WKST", "BYMONTH", "BYMONTHDAY"}
        and [int(month) for month in told.get("BYMONTH", [start.month])] == [start.month]
        and [int(day) for day in told.get("BYMONTHDAY", [start.day])] == [start.day]
    )
    every = int(_first(told, "INTERVAL", 1))
    if not is_same_day or every < 1:
        raise NotationError(
            msgid("it repeats by “%(rule)s”; only the same date every year can be taken over."),
            rule=Verbatim(_rule_words(told)),
        )
    until = _first(told, "UNTIL", None)
    if isinstance(until, datetime):
        until = until.astimezone(UTC).date() if until.tzinfo else until.date()
    return every, int(_first(told, "COUNT", 0)), until


def _first(told: Mapping[str, Any], name: str, otherwise: Any) -> Any:
    values = told.get(name)
    if isinstance(values, list):
        return values[0] if values else otherwise
    return otherwise if values is None else values


def _rule_words(told: Mapping[str, Any]) -> str:
    pieces = (f"{name}={_first(told, name, '')}" for name in told)
    return ";".join(pieces)[:80]


def _exceptions(event: Component) -> set[date]:
    told = event.get("EXDATE") or []
    lists = told if isinstance(told, list) else [told]
    days = (one.dt for exceptions in lists for one in exceptions.dts)
    return {day.date() if isinstance(day, datetime) else day for day in days}
