"""Cycles: one run of one metric each, what it was made of, and what can be asked of it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

from servicedesk.core.text import msgid
from servicedesk.sla.calendar import MICROSECOND

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from servicedesk.sla.calendar import BusinessCalendar
    from servicedesk.sla.plan import Threshold

ZERO = timedelta(0)
AT_RISK = 75  # per cent of the target used: from here on somebody should look
NEAR_MISS = 90  # met, with at least this much of the target used
WHOLE = 100


class Metric(StrEnum):
    """What is measured."""

    FIRST_RESPONSE = "first_response"
    PERIODIC_UPDATE = "periodic_update"
    RESOLUTION = "resolution"


METRIC_LABELS = {
    Metric.FIRST_RESPONSE: msgid("First response"),
    Metric.PERIODIC_UPDATE: msgid("Periodic update"),
    Metric.RESOLUTION: msgid("Resolution"),
}


class Party(StrEnum):
    """For whom a cycle waits."""

    CLIENT = "client"
    THIRD_PARTY = "third_party"
    DEVICE = "device"  # it is off or out of reach: its last contact and the command's state say so
    PLANNED = "planned"  # until a date agreed with the client


# Nothing but an answer ends the wait for the first one. Who waits for somebody else, or for a
# device, still owes the client news; who waits for the client's word or for the agreed day does not.
PAUSED_BY: Mapping[Metric, frozenset[Party]] = {
    Metric.FIRST_RESPONSE: frozenset(),
    Metric.PERIODIC_UPDATE: frozenset({Party.CLIENT, Party.PLANNED}),
    Metric.RESOLUTION: frozenset(Party),
}


class Verdict(StrEnum):
    """How a cycle stands or ended."""

    RUNNING = "running"
    PAUSED = "paused"
    MET = "met"
    BREACHED = "breached"
    SUPERSEDED = "superseded"
    WITHDRAWN = "withdrawn"


COUNTED = frozenset({Verdict.MET, Verdict.BREACHED})


class Standing(StrEnum):
    """How a subject stands as a whole; the worst of what is open."""

    ON_TRACK = "on_track"
    AT_RISK = "at_risk"
    BREACHED = "breached"
    PAUSED = "paused"
    ENDED = "ended"
    MERGED = "merged"  # another subject goes on with it


OPEN_STANDINGS = (Standing.BREACHED, Standing.AT_RISK, Standing.PAUSED, Standing.ON_TRACK)
STANDING_LABELS = {
    Standing.BREACHED: msgid("Breached"),
    Standing.AT_RISK: msgid("At risk"),
    Standing.PAUSED: msgid("Paused"),
    Standing.ON_TRACK: msgid("On track"),
    Standing.ENDED: msgid("Ended"),
    Standing.MERGED: msgid("Merged"),
}


@dataclass(frozen=True, kw_only=True)
class WorkingDays:
    """A target in working days of the calendar: until the close of the n-th day after the first."""

    days: int


Target = timedelta | WorkingDays  # business time, or working days


class Percents(NamedTuple):
    """Shares of a target: where the plan has people told, and where the clock looks, rising."""

    told: frozenset[int]
    watched: tuple[int, ...]


@dataclass(frozen=True)
class Terms:
    """What a cycle is measured by: a row of a plan version, on a calendar."""

    targets: Mapping[Metric, Target]
    calendar: BusinessCalendar  # with every version that is known
    name: str = ""
    plan_id: int = 0
    calendar_id: int = 0  # the version that ruled when the terms began
    newest_calendar_id: int = 0  # the newest version that the calendar knows
    kind: str = ""
    priority: str = ""
    thresholds: tuple[Threshold, ...] = ()
    # as the calendar was known before each version came: until when, and the calendar till then
    known_until: tuple[tuple[datetime, BusinessCalendar], ...] = ()

    @cached_property
    def percents(self) -> Mapping[Metric, Percents]:
        """Return the shares of each metric's target at which something happens."""
        told = {
            metric: {t.percent for t in self.thresholds if t.is_for(metric, self.priority)}
            for metric in Metric
        }
        return {
            metric: Percents(frozenset(percents), tuple(sorted(percents | {AT_RISK, WHOLE})))
            for metric, percents in told.items()
        }

    def calendar_at(self, stopped_at: datetime | None) -> BusinessCalendar:
        """Return the calendar that judges what stopped then: what came later says nothing of it."""
        if stopped_at is not None:
            for until, calendar in self.known_until:
                if stopped_at < until:
                    return calendar
        return self.calendar

    def business_time(
        self, metric: Metric, start: datetime, calendar: BusinessCalendar | None = None
    ) -> timedelta:
        """Return a metric's target from `start` on, as business time: one unit for all judging."""
        target = self.targets[metric]
        if isinstance(target, WorkingDays):
            calendar = calendar or self.calendar
            return calendar.between(start, calendar.add_working_days(start, target.days))
        return target


@dataclass(frozen=True, kw_only=True)
class Interval:
    """A piece of a cycle: running (`party` None) or waiting for somebody."""

    start: datetime
    end: datetime | None
    party: Party | None
    business_time: timedelta
    caused_by: int = 0  # the sequence of the event from which on it was so


@dataclass(frozen=True, kw_only=True)
class Cycle:
    """One run of one metric under one version of the terms."""

    metric: Metric
    terms: Terms
    started_at: datetime
    target: timedelta
    due_at: datetime | None
    stopped_at: datetime | None
    elapsed: timedelta  # business time that counts
    verdict: Verdict
    intervals: tuple[Interval, ...]
    queue: str = ""  # whose it was when it was decided, or is now
    agent_id: int | None = None
    # sequences of events: from where it counts, whose terms it has, by what it stopped and how it
    # was decided (which is another than the stop when it was withdrawn later)
    began_by: int = 0
    planned_by: int = 0
    stopped_by: int | None = None
    decided_by: int | None = None

    @property
    def remaining(self) -> timedelta:
        """Return the business time left, never below zero."""
        return max(ZERO, self.target - self.elapsed)

    @property
    def is_open(self) -> bool:
        """Whether it has not stopped."""
        return self.stopped_at is None

    @property
    def is_running(self) -> bool:
        """Whether time passes for it, breached or not."""
        return self.is_open and self.intervals[-1].party is None

    @property
    def waiting_for(self) -> Party | None:
        """Return for whom it waits now."""
        return self.intervals[-1].party if self.is_open else None

    @property
    def used_percent(self) -> int:
        """Return how much of the target is used, rounded down; may go beyond 100."""
        return int(WHOLE * self.elapsed / self.target) if self.target else WHOLE

    @property
    def is_near_miss(self) -> bool:
        """Whether it was met with at least nine tenths of the target used."""
        return self.verdict is Verdict.MET and WHOLE * self.elapsed >= NEAR_MISS * self.target

    @property
    def counted_at(self) -> datetime | None:
        """Return when it was decided: on stopping in time, or the moment the target ran out."""
        if self.verdict is Verdict.MET:
            return self.stopped_at
        return self.due_at if self.verdict is Verdict.BREACHED else None

    def reached_at(self, percent: int) -> datetime | None:
        """Return when so much of the target was or will be used; None if a pause keeps it from it."""
        return used_up(self.intervals, self.target * percent / WHOLE, self.terms.calendar)

    def has_reached(self, percent: int) -> bool:
        """Whether so much of the target is used; the whole of it only when it is exceeded."""
        wanted = self.target * percent / WHOLE
        return self.elapsed > wanted if percent >= WHOLE else self.elapsed >= wanted


def used_up(
    intervals: Iterable[Interval], business_time: timedelta, calendar: BusinessCalendar
) -> datetime | None:
    """Return when the running pieces add up to `business_time`.

    None while that depends on a pause's end.
    """
    left = business_time
    end: datetime | None = None
    for interval in intervals:
        if interval.party is not None:
            end = interval.end
            continue
        if interval.end is None or interval.business_time >= left:
            return calendar.add(interval.start, left)
        left -= interval.business_time
        end = interval.end
    return calendar.add(end, left) if end is not None else None


def current(cycles: Iterable[Cycle], metric: Metric) -> Cycle | None:
    """Return the newest cycle of a metric that was not superseded."""
    found = [c for c in cycles if c.metric is metric and c.verdict is not Verdict.SUPERSEDED]
    return found[-1] if found else None


def percents_watched(cycle: Cycle) -> Sequence[int]:
    """Return at which shares of its target a cycle is looked at, rising."""
    return cycle.terms.percents[cycle.metric].watched


def acted_up_to(cycle: Cycle, warned_percent: int, *, acts: bool) -> int:
    """Return up to which share of its target there is nothing left to do.

    What people are told waits for a look that `acts`, until the cycle stops; what nobody is told is
    done as soon as it is passed. So it follows from the warnings written and the events.
    """
    told, watched = cycle.terms.percents[cycle.metric]
    waits = cycle.is_open and not (acts and cycle.is_running)
    for percent in watched:
        if percent > warned_percent:
            if not cycle.has_reached(percent) or (waits and percent in told):
                break
            warned_percent = percent
    return warned_percent


def next_look_at(cycle: Cycle, warned_percent: int, now: datetime) -> datetime | None:
    """Return when the clock has to look at a cycle again; None when only an event can change it.

    `warned_percent` is what was already acted on. A target that runs out exactly at closing time is
    exceeded on opening: there the next look is.
    """
    if not cycle.is_running:
        return None
    percent = next((p for p in percents_watched(cycle) if p > warned_percent), None)
    if percent is None:
        return None
    at = cycle.reached_at(percent)
    if at is None or at > now or cycle.has_reached(percent):
        return at
    return cycle.terms.calendar.next_opening(now) + MICROSECOND


def standing_of(cycles: Iterable[Cycle]) -> Standing:
    """Return how an open subject stands: breached before at risk before paused before on track."""
    found = [cycle for cycle in cycles if cycle.is_open]
    if any(cycle.verdict is Verdict.BREACHED for cycle in found):
        return Standing.BREACHED
    if any(cycle.verdict is Verdict.RUNNING and cycle.has_reached(AT_RISK) for cycle in found):
        return Standing.AT_RISK
    paused = any(cycle.verdict is Verdict.PAUSED for cycle in found)
    return Standing.PAUSED if paused else Standing.ON_TRACK
