"""Business time: what a call costs, beside a published package and beside bisection alone.

`businesstimedelta` answers the same questions by walking from opening to opening. The floor is an
instant turned into a number, one bisection (two for `between`), and back; the bare floor, bisection
and nothing else, is what no calendar of sorted spans can do without. All are timed in turns over short
slices of the same instants, and the best turn of each slice counts, so that other work on the
machine disturbs little. It runs alone, too: `python -m benchmarks.business_time`.
"""

from __future__ import annotations

import random
import statistics
from bisect import bisect_right
from datetime import UTC, datetime, time, timedelta
from time import perf_counter
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import businesstimedelta as package
import pytz

from servicedesk.sla.calendar import EPOCH, CalendarDefinition, compiled
from servicedesk.sla.standard import office_hours

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from servicedesk.sla.calendar import BusinessCalendar

INSTANTS, ROUNDS = 20_000, 15
SLICE = 2_000  # instants timed at a stretch: two milliseconds often pass undisturbed
BEGIN, YEARS = datetime(2025, 1, 1, tzinfo=UTC), 3
SPANS = {"8 hours": timedelta(hours=8), "30 days": timedelta(days=30)}  # of business time
PACKAGE_INSTANTS, PACKAGE_ROUNDS = {"8 hours": 100, "30 days": 10}, 3
MADRID = ZoneInfo("Europe/Madrid")
AIM_MICROSECONDS, AIM_FLOOR, AIM_FASTER = 4, 3, {"add": 3, "between": 40}


def measure() -> None:
    """Compare the answers, then the times; print the ratios beside their aims."""
    definition = office_hours("MD")
    calendar, walker = compiled(definition), walking(definition)
    spans = calendar.open_spans(BEGIN, BEGIN.replace(year=BEGIN.year + YEARS))
    dice = random.Random(2)
    seconds = [dice.randrange(YEARS * 365 * 86_400) for _ in range(INSTANTS)]
    starts = [BEGIN + timedelta(seconds=second) for second in seconds]
    print(
        f"business time: {INSTANTS:,} random instants of {YEARS} years with {len(spans):,} spans,"
    )
    print(
        f"{len(definition.holidays)} holidays in all; microseconds a call, best of {ROUNDS} turns;"
    )
    counts = ", ".join(f"{number} of {words}" for words, number in PACKAGE_INSTANTS.items())
    print(f"{package.__name__}, of the same hours: {counts}, best of {PACKAGE_ROUNDS}")
    print(
        f"{'':17}{'µs':>6}{'aim':>5}{'median':>8}{'in Madrid':>11}{'× floor':>9}{'aim':>5}", end=""
    )
    print(f"{'× bare':>8}{'package µs':>12}{'faster ×':>10}{'aim':>5}")
    for words, span in SPANS.items():
        ends = [calendar.add(start, span) for start in starts]
        few = PACKAGE_INSTANTS[words]
        refuse_differences(calendar, walker, list(zip(starts, ends, strict=True))[:few], span)
        for name, seconds_arguments in (("add", [span] * INSTANTS), ("between", ends)):
            pairs = list(zip(starts, seconds_arguments, strict=True))
            report(f"{name}, {words}", timed(name, calendar, walker, pairs, few), AIM_FASTER[name])
    report_compiling(definition)


def walking(definition: CalendarDefinition) -> package.Rules:
    """Return the same opening hours as the package's rules."""
    zone = pytz.timezone(definition.time_zone)
    intervals = {interval for day in definition.weekly for interval in day}
    rules = [
        package.WorkDayRule(
            start_time=time(*divmod(interval.start, 60)),
            end_time=time(*divmod(interval.end, 60)),
            working_days=[n for n, day in enumerate(definition.weekly) if interval in day],
            tz=zone,
        )
        for interval in intervals
    ]
    days = {holiday.on for holiday in definition.holidays}
    return package.Rules([*rules, package.HolidayRule(days, tz=zone)])


def refuse_differences(
    calendar: BusinessCalendar,
    walker: package.Rules,
    pairs: Sequence[tuple[datetime, datetime]],
    span: timedelta,
) -> None:
    """Raise RuntimeError unless the package gives our answers."""
    added = package.BusinessTimeDelta(walker, timedelta=span)
    for start, end in pairs:
        there = (start + added, walker.difference(start, end).timedelta)
        if there != (end, calendar.between(start, end)):
            raise RuntimeError(
                f"{package.__name__} says {there}, not {end}, of {span} from {start}"
            )


def timed(
    name: str,
    calendar: BusinessCalendar,
    walker: package.Rules,
    pairs: Sequence[tuple[datetime, datetime | timedelta]],
    few: int,
) -> dict[str, tuple[float, float]]:
    """Return the microseconds a call of each contender: best and median."""
    local = [
        (a.astimezone(MADRID), b.astimezone(MADRID) if isinstance(b, datetime) else b)
        for a, b in pairs
    ]
    if name == "add":
        added = [(a, package.BusinessTimeDelta(walker, timedelta=b)) for a, b in pairs[:few]]
        slow = (lambda start, delta: start + delta, added)
    else:
        slow = (walker.difference, pairs[:few])
    floor, bare = floors(name, calendar)
    ours = getattr(calendar, name)
    contenders = {"ours": (ours, pairs), "floor": (floor, pairs), "bare": (bare, pairs)}
    contenders["Madrid"] = (ours, local)
    found = in_turns(contenders, ROUNDS)
    return found | in_turns({"package": slow}, PACKAGE_ROUNDS)


def in_turns(
    contenders: dict[str, tuple[Callable[..., object], Sequence[tuple[Any, Any]]]], rounds: int
) -> dict[str, tuple[float, float]]:
    """Return the mean microseconds a call, by the best and by the median turn of each slice."""
    turns: dict[tuple[str, int], list[float]] = {}
    length = max(len(arguments) for _, arguments in contenders.values())
    for _ in range(rounds):
        for begin in range(0, length, SLICE):
            for who, (ask, arguments) in contenders.items():
                part = arguments[begin : begin + SLICE]
                began = perf_counter()
                for first, second in part:
                    ask(first, second)
                spent = (perf_counter() - began) / len(part) * 1e6
                turns.setdefault((who, begin), []).append(spent)
    return {
        who: (
            statistics.fmean(min(times) for (name, _), times in turns.items() if name == who),
            statistics.fmean(
                statistics.median(times) for (name, _), times in turns.items() if name == who
            ),
        )
        for who in contenders
    }


def floors(name: str, calendar: BusinessCalendar) -> tuple[Callable[..., object], ...]:
    """Return bisection with numbers on both ends, and without, over the calendar's openings."""
    first, last = datetime(2016, 1, 1, tzinfo=UTC), BEGIN.replace(year=BEGIN.year + YEARS + 7)
    opens = [opening for opening, _ in calendar.open_spans(first, last)]
    numbers = [microseconds(opening) for opening in opens]

    def add_floor(start: datetime, _span: timedelta) -> datetime:
        delta = start - EPOCH
        number = (delta.days * 86_400 + delta.seconds) * 1_000_000 + delta.microseconds
        return EPOCH + timedelta(microseconds=numbers[bisect_right(numbers, number)])

    def between_floor(start: datetime, end: datetime) -> timedelta:
        delta = start - EPOCH
        one = (delta.days * 86_400 + delta.seconds) * 1_000_000 + delta.microseconds
        delta = end - EPOCH
        two = (delta.days * 86_400 + delta.seconds) * 1_000_000 + delta.microseconds
        return timedelta(microseconds=bisect_right(numbers, two) - bisect_right(numbers, one))

    def add_bare(start: datetime, _span: timedelta) -> int:
        return bisect_right(opens, start)

    def between_bare(start: datetime, end: datetime) -> int:
        return bisect_right(opens, end) - bisect_right(opens, start)

    return (add_floor, add_bare) if name == "add" else (between_floor, between_bare)


def microseconds(moment: datetime) -> int:
    """Return the microseconds since 1970."""
    return (moment - EPOCH) // timedelta(microseconds=1)


def report(words: str, found: dict[str, tuple[float, float]], faster: int) -> None:
    """Print one function at one span, each ratio beside its aim."""
    best = {who: least for who, (least, _) in found.items()}
    ours, median = found["ours"]
    print(
        f"{words:17}{ours:6.2f}{f'< {AIM_MICROSECONDS}':>5}{median:8.2f}"
        f"{best['Madrid']:11.2f}{ours / best['floor']:9.2f}{f'≤ {AIM_FLOOR}':>5}"
        f"{ours / best['bare']:8.2f}{best['package']:12,.0f}"
        f"{best['package'] / ours:10,.0f}{f'≥ {faster}':>5}"
    )


def report_compiling(definition: CalendarDefinition) -> None:
    """Print what compiling costs the first time, and asking for it again by an equal definition."""
    times = []
    for number in range(5):
        another = CalendarDefinition(
            time_zone=definition.time_zone,
            weekly=definition.weekly,
            holidays=definition.holidays[number + 1 :],
        )
        began = perf_counter()
        calendar = compiled(another)
        times.append((perf_counter() - began) * 1000)
    again = CalendarDefinition.from_json(another.to_json())
    began = perf_counter()
    if compiled(again) is not calendar:
        raise RuntimeError("an equal definition was compiled again")
    known = (perf_counter() - began) * 1e6
    print(f"compiled once: {min(times):.0f} ms from 2015 on; found again by value: {known:.0f} µs")


if __name__ == "__main__":
    measure()
