"""The clocks once more, by a program that knows nothing: it steps through minutes and counts.

It shares no code with `servicedesk.sla`: own table of what stops what, own wall clock, no sorting,
no cutting into pieces, no arithmetic. Slow, and simple enough to be believed.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

STOPPED_BY = {
    "first_response": (),
    "periodic_update": ("client", "planned"),
    "resolution": ("client", "third_party", "device", "planned"),
}
WINDOW = 14 * 24 * 60  # minutes that are simulated from a base on


@lru_cache(maxsize=64)
def wall_minutes(zone: str, base: datetime) -> list[int]:
    """Return for each minute from `base` on the latest that a clock on the wall has shown.

    So an opening hour that the clocks jump over begins when they jump, and one that comes twice
    began the first time.
    """
    latest, shown = 0, []
    for minute in range(-300, WINDOW):
        local = (base + timedelta(minutes=minute)).astimezone(ZoneInfo(zone))
        latest = max(latest, local.toordinal() * 1440 + local.hour * 60 + local.minute)
        shown.append(latest)
    return shown[300:]


def opened_on(definition, base: datetime) -> list[int]:
    """Return for each minute from `base` on the day on which it was opened; 0 where it is closed."""
    closed = {holiday.on.toordinal() for holiday in definition.holidays}
    found = []
    for now in wall_minutes(definition.time_zone, base):
        today = now // 1440
        by = 0
        if today not in closed:
            for day in (today, today - 1):
                for interval in definition.weekly[(day + 6) % 7]:
                    if day * 1440 + interval.start <= now < day * 1440 + interval.end:
                        by = day
        found.append(by)
    return found


@dataclass
class Counted:
    """A cycle as counted: times are minutes after the base."""

    metric: str
    terms: str
    start: int
    target: int
    stop: int | None = None
    verdict: str = ""
    elapsed: int = 0
    due: int | None = None
    waited: dict[str, int] = field(default_factory=dict)


class MinuteByMinute:
    """Steps through the minutes of a story and keeps what it sees.

    `terms` has by name: the minutes opened (see `opened_on`) and what is promised, in minutes or as
    ("days", n). `events` are (minute, kind, party or name of terms), in the order of their telling.
    """

    def __init__(self, base, zone, terms, events, now) -> None:
        self.base, self.zone, self.terms = base, zone, terms
        self.waiting: list[str] = []
        self.waits: list[tuple[str, ...]] = []  # of each minute since the base
        self.cycles: list[Counted] = []
        self.owed: dict[str, int] = {}  # since when, whether promised or not
        self.current, self.is_open = "", False
        left = list(events)
        for minute in range(now + 1):
            while left and left[0][0] == minute:
                _, kind, what = left.pop(0)
                getattr(self, kind)(minute, what)
            self.waits.append(tuple(self.waiting))
        for cycle in self.cycles:
            self.count(cycle, now)

    def begin(self, metric, start) -> None:
        self.owed[metric] = start
        opened, promised = self.terms[self.current]
        if metric in promised:
            target = self.minutes_of(promised[metric], opened, start)
            self.cycles.append(Counted(metric, self.current, start, target))

    def minutes_of(self, promise, opened, start) -> int:
        if isinstance(promise, int):
            return promise
        local = (self.base + timedelta(minutes=start)).astimezone(ZoneInfo(self.zone))
        days = sorted({day for day in opened if day > local.toordinal()})
        last = days[promise[1] - 1]
        return sum(1 for day in opened[start:] if day and day <= last)

    def end(self, minute, *metrics, verdict="") -> None:
        ended = [c for c in self.cycles if c.stop is None and (not metrics or c.metric in metrics)]
        for cycle in ended:
            cycle.stop, cycle.verdict = minute, verdict
        self.owed = {m: since for m, since in self.owed.items() if metrics and m not in metrics}

    def started(self, minute, what) -> None:
        self.current, self.is_open = what, True
        self.begin("first_response", minute)
        self.begin("resolution", minute)

    def responded(self, minute, what) -> None:
        self.end(minute, "first_response", "periodic_update")
        if self.is_open:
            self.begin("periodic_update", minute)

    def paused(self, minute, what) -> None:
        if what not in self.waiting:
            self.waiting.append(what)

    def resumed(self, minute, what) -> None:
        self.waiting = [party for party in self.waiting if what and party != what]

    def resolved(self, minute, what) -> None:
        self.waiting = []
        self.is_open = False
        self.end(minute)

    def reopened(self, minute, what) -> None:
        self.is_open = True
        self.begin("periodic_update", minute)
        self.begin("resolution", minute)

    def replanned(self, minute, what) -> None:
        self.current = what
        owed = self.owed
        self.end(minute, verdict="superseded")
        for metric, since in owed.items():
            self.begin(metric, since)

    def withdrawn(self, minute, what) -> None:
        self.resolved(minute, what)
        for cycle in self.cycles:
            cycle.verdict = "withdrawn"

    merged = withdrawn

    def stops(self, cycle, minute) -> list[str]:
        return [party for party in self.waits[minute] if party in STOPPED_BY[cycle.metric]]

    def count(self, cycle: Counted, now: int) -> None:
        """Count a cycle's minutes; then go on without a wait, until its target is used."""
        opened, _ = self.terms[cycle.terms]
        end = now if cycle.stop is None else cycle.stop
        for minute in range(cycle.start, end):
            if opened[minute]:
                stopped = self.stops(cycle, minute)
                if stopped:
                    cycle.waited[stopped[0]] = cycle.waited.get(stopped[0], 0) + 1
                else:
                    cycle.elapsed += 1
                    if cycle.elapsed == cycle.target:
                        cycle.due = minute + 1
        is_waiting = cycle.stop is None and bool(self.stops(cycle, now))
        if not cycle.verdict:
            cycle.verdict = self.judged(cycle, is_waiting=is_waiting)
        used, minute = cycle.elapsed, end
        while cycle.due is None and not is_waiting and minute < WINDOW:
            used += 1 if opened[minute] else 0
            minute += 1
            cycle.due = minute if used == cycle.target else None

    def judged(self, cycle, *, is_waiting) -> str:
        if cycle.elapsed > cycle.target:
            return "breached"
        if cycle.stop is not None:
            return "met"
        return "paused" if is_waiting else "running"


def instant(base: datetime, minute: int) -> datetime:
    """Return the instant so many minutes after the base."""
    return base.astimezone(UTC) + timedelta(minutes=minute)
