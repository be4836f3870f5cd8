"""Business time and cycles of a ledger, walked through plainly; shares nothing with the desk's own.

Calendars are the JSON of their rows, events the rows of the ledger.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from itertools import pairwise
from zoneinfo import ZoneInfo

ZERO = timedelta(0)
DAY = timedelta(days=1)
WAITED = {
    "first_response": set(),
    "periodic_update": {"client", "planned"},
    "resolution": {"client", "third_party", "device", "planned"},
}


class Hours:
    """A calendar's open hours of two years, one after the other."""

    def __init__(self, told: dict) -> None:
        self.zone = ZoneInfo(told["time_zone"])
        closed = {}
        for on, _name, begin, end in told["holidays"]:
            closed.setdefault(date.fromisoformat(on), []).append((begin, end))
        self.open: list[tuple[datetime, datetime]] = []
        self.closings: dict[date, datetime] = {}
        day = date(2025, 12, 20)
        while day < date(2027, 4, 1):
            for begin, end in told["weekly"][day.weekday()]:
                minutes = [
                    m
                    for m in range(begin, end)
                    if not any(a <= m % 1440 < b for a, b in closed.get(day + m // 1440 * DAY, ()))
                ]
                for first, last in runs(minutes):
                    opens, closes = self.instant(day, first), self.instant(day, last + 1)
                    self.open.append((opens, closes))
                    on = day + first // 1440 * DAY
                    self.closings[on] = max(closes, self.closings.get(on, closes))
            day += DAY

    def instant(self, day: date, minutes: int) -> datetime:
        day += minutes // 1440 * DAY
        minutes %= 1440
        return datetime.combine(day, time(minutes // 60, minutes % 60), self.zone).astimezone(UTC)

    def worked(self, start: datetime, end: datetime) -> timedelta:
        total = ZERO
        for opens, closes in self.open:
            if closes > start and opens < end:
                total += min(closes, end) - max(opens, start)
        return total

    def nth_close(self, start: datetime, days: int) -> datetime:
        today = start.astimezone(self.zone).date()
        return self.closings[sorted(day for day in self.closings if day > today)[days - 1]]

    def working_days(self, after: date, until: date) -> int:
        """Count the days after one, up to another, on which some time is open."""
        midnight = [self.instant(after + n * DAY, 0) for n in range(1, (until - after).days + 2)]
        return sum(self.worked(a, b) > ZERO for a, b in pairwise(midnight))


def runs(minutes: list[int]) -> list[tuple[int, int]]:
    found: list[list[int]] = []
    for minute in minutes:
        if found and found[-1][1] == minute - 1:
            found[-1][1] = minute
        else:
            found.append([minute, minute])
    return [(first, last) for first, last in found]


def in_order(events: list[dict]) -> list[dict]:
    return sorted(events, key=lambda event: (event["at"], event["sequence"]))


def waits(events: list[dict]) -> list[dict]:
    """Return the waits as they began: from, to (None: goes on), for whom."""
    found: list[dict] = []
    for event in in_order(events):
        going = [wait for wait in found if wait["to"] is None]
        if event["kind"] == "paused" and all(w["party"] != event["party"] for w in going):
            found.append({"from": event["at"], "to": None, "party": event["party"]})
        over = event["kind"] in {"resolved", "withdrawn", "merged"}
        if over or event["kind"] == "resumed":
            for wait in going:
                if over or event["party"] in {None, wait["party"]}:
                    wait["to"] = event["at"]
    return found


def pieces(events: list[dict], start: datetime, end: datetime, parties: set[str]) -> list[tuple]:
    """Cut a span at every beginning and end of a wait: (from, to, whom it waits for or None)."""
    relevant = [wait for wait in waits(events) if wait["party"] in parties]
    cuts = {start, end}
    for wait in relevant:
        cuts |= {at for at in (wait["from"], wait["to"]) if at and start < at < end}
    marks = sorted(cuts)
    found = []
    for begin, stop in pairwise(marks):
        over = [w for w in relevant if w["from"] <= begin and (w["to"] is None or w["to"] >= stop)]
        first = min(over, key=lambda wait: wait["from"], default=None)  # the first of equals
        found.append((begin, stop, first["party"] if first else None))
    return found


@dataclass
class Run:
    """A cycle: since when, under which row of the plan, and how it ended."""

    metric: str
    start: datetime
    plan: dict
    began: int
    planned: int
    stop: datetime | None = None
    ended: str = ""  # superseded or withdrawn
    verdict: str = ""
    target: timedelta = ZERO
    elapsed: timedelta = ZERO
    decided_at: datetime | None = None

    @property
    def key(self) -> tuple:
        return (self.metric, self.began, self.planned)


class Ledger:
    """Tells cycles from events, up to an instant."""

    def __init__(self, events: list[dict], now: datetime, terms) -> None:
        self.events = [event for event in events if event["at"] <= now]
        self.now, self.terms = now, terms
        self.runs: list[Run] = []
        self.is_open, self.plan = False, None
        for event in in_order(self.events):
            self.hear(event)
        self.runs = [run for run in self.runs if run.metric in run.plan["targets"]]
        for run in self.runs:
            self.judge(run)

    def hear(self, event: dict) -> None:
        tell = {
            name: getattr(self, name) for name in ("started", "responded", "reopened", "replanned")
        }
        tell |= dict.fromkeys(("resolved", "withdrawn", "merged"), self.over)
        if event["kind"] in tell:
            tell[event["kind"]](event)

    def started(self, event: dict) -> None:
        self.plan, self.is_open = self.terms(event), True
        self.begin(event, "first_response", "resolution")

    def responded(self, event: dict) -> None:
        self.end(event, "", "first_response", "periodic_update")
        if self.is_open:
            self.begin(event, "periodic_update")

    def reopened(self, event: dict) -> None:
        self.is_open = True
        self.begin(event, "periodic_update", "resolution")

    def replanned(self, event: dict) -> None:
        self.plan = self.terms(event)
        for run in self.end(event, "superseded"):
            self.runs.append(Run(run.metric, run.start, self.plan, run.began, event["sequence"]))

    def over(self, event: dict) -> None:
        self.end(event, "")
        self.is_open = False
        if event["kind"] != "resolved":
            for run in self.runs:
                run.ended = "withdrawn"

    def begin(self, event: dict, *metrics: str) -> None:
        for metric in metrics:
            if not any(run.metric == metric and run.stop is None for run in self.runs):
                number = event["sequence"]
                self.runs.append(Run(metric, event["at"], self.plan, number, number))

    def end(self, event: dict, ended: str, *metrics: str) -> list[Run]:
        ending = [r for r in self.runs if r.stop is None and (not metrics or r.metric in metrics)]
        for run in ending:
            run.stop, run.ended = event["at"], ended
        return ending

    def judge(self, run: Run) -> None:
        hours, promise = run.plan["hours"], run.plan["targets"][run.metric]
        if "working_days" in promise:
            run.target = hours.worked(
                run.start, hours.nth_close(run.start, promise["working_days"])
            )
        else:
            run.target = timedelta(seconds=promise["seconds"])
        counts = [
            (begin, stop)
            for begin, stop, party in pieces(
                self.events, run.start, run.stop or self.now, WAITED[run.metric]
            )
            if party is None
        ]
        run.elapsed = sum((hours.worked(*span) for span in counts), ZERO)
        if run.ended:
            run.verdict, run.decided_at = run.ended, run.stop
        elif run.elapsed > run.target:
            run.verdict, run.decided_at = "breached", ran_out(hours, counts, run.target)
        elif run.stop:
            run.verdict, run.decided_at = "met", run.stop


def ran_out(hours: Hours, spans: list[tuple], target: timedelta) -> datetime:
    """Return when the open time within spans has added up to a target."""
    left = target
    for begin, stop in spans:
        for opens, closes in hours.open:
            first, last = max(opens, begin), min(closes, stop)
            if first < last:
                if last - first >= left:
                    return first + left
                left -= last - first
    raise AssertionError("it did not run out")


@cache
def midnight(day: date, zone: str) -> datetime:
    return datetime.combine(day, time(), ZoneInfo(zone)).astimezone(UTC)
