"""From the ledger of events to cycles with verdicts: a pure function, the same whenever it is asked.

Pauses stop both metrics. A pause never moves a start; overlapping pauses count once. While a cycle
is paused its due time is not known: `due_at` is None and `remaining` says what is left.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from servicedesk.sla.calendar import BusinessCalendar

ZERO = timedelta(0)


class EventKind(StrEnum):
    """What can happen to a subject of service levels."""

    STARTED = "started"
    RESPONDED = "responded"  # a public message by a person of the operator
    PAUSED = "paused"
    RESUMED = "resumed"
    RESOLVED = "resolved"
    REOPENED = "reopened"
    REPLANNED = "replanned"  # another priority, plan or calendar from the real start on
    WITHDRAWN = "withdrawn"  # merged, spam, cancelled: leaves the figures


class Party(StrEnum):
    """For whom a cycle waits."""

    CLIENT = "client"
    THIRD_PARTY = "third_party"
    DEVICE = "device"
    PLANNED = "planned"


class Metric(StrEnum):
    """What is measured."""

    FIRST_RESPONSE = "first_response"
    RESOLUTION = "resolution"


class Verdict(StrEnum):
    """How a cycle stands or ended."""

    RUNNING = "running"
    PAUSED = "paused"
    MET = "met"
    BREACHED = "breached"
    SUPERSEDED = "superseded"
    WITHDRAWN = "withdrawn"


@dataclass(frozen=True)
class Terms:
    """What a cycle is measured by: target business time by metric, on one calendar version."""

    targets: Mapping[Metric, timedelta]
    calendar: BusinessCalendar
    name: str = ""


@dataclass(frozen=True, kw_only=True)
class LedgerEvent:
    """An event; those of one instant are ordered by `sequence`. `terms` come with a (re)plan."""

    at: datetime
    sequence: int
    kind: EventKind
    party: Party | None = None
    terms: Terms | None = None
    actor: str = ""


@dataclass(frozen=True, kw_only=True)
class Interval:
    """A piece of a cycle: running (`party` None) or waiting for somebody."""

    start: datetime
    end: datetime | None
    party: Party | None
    business_time: timedelta


@dataclass(frozen=True, kw_only=True)
class Cycle:
    """One run of one metric under one version of the terms."""

    metric: Metric
    started_at: datetime
    target: timedelta
    due_at: datetime | None
    stopped_at: datetime | None
    elapsed: timedelta  # business time that counts
    verdict: Verdict
    intervals: tuple[Interval, ...]

    @property
    def remaining(self) -> timedelta:
        """Return the business time left, never below zero."""
        return max(ZERO, self.target - self.elapsed)

    @property
    def is_open(self) -> bool:
        """Whether it has not stopped."""
        return self.stopped_at is None


@dataclass
class _Run:
    """A cycle being told: where it starts, where and how it stopped."""

    metric: Metric
    started_at: datetime
    terms: Terms
    stopped_at: datetime | None = None
    ended_as: Verdict | None = None


@dataclass
class _Story:
    """The ledger as read so far."""

    runs: list[_Run] = field(default_factory=list)
    pauses: list[tuple[datetime, datetime | None, Party]] = field(default_factory=list)
    terms: Terms | None = None

    def open_runs(self, *metrics: Metric) -> list[_Run]:
        wanted = metrics or tuple(Metric)
        return [run for run in self.runs if run.stopped_at is None and run.metric in wanted]

    def start(self, metric: Metric, at: datetime) -> None:
        if self.terms and metric in self.terms.targets:
            self.runs.append(_Run(metric, at, self.terms))

    def end_pauses(self, at: datetime, party: Party | None = None) -> None:
        self.pauses = [
            (start, at if end is None and party in {None, who} else end, who)
            for start, end, who in self.pauses
        ]


def evaluate(events: Iterable[LedgerEvent], now: datetime) -> tuple[Cycle, ...]:
    """Return every cycle of the ledger, oldest first within its metric, as it stands at `now`."""
    story = _Story()
    for event in sorted(events, key=lambda event: (event.at, event.sequence)):
        if event.at <= now:
            _TELL[event.kind](story, event)
    return tuple(
        _cycle(run, story.pauses, now)
        for metric in Metric
        for run in story.runs
        if run.metric is metric
    )


def _started(story: _Story, event: LedgerEvent) -> None:
    story.terms = event.terms
    for metric in Metric:
        story.start(metric, event.at)


def _responded(story: _Story, event: LedgerEvent) -> None:
    for run in story.open_runs(Metric.FIRST_RESPONSE):
        run.stopped_at = event.at


def _paused(story: _Story, event: LedgerEvent) -> None:
    party = event.party or Party.CLIENT
    if not any(end is None and who is party for _, end, who in story.pauses):
        story.pauses.append((event.at, None, party))


def _resumed(story: _Story, event: LedgerEvent) -> None:
    story.end_pauses(event.at, event.party)


def _resolved(story: _Story, event: LedgerEvent) -> None:
    # an open pause closes first, then the cycle is judged; being told that it is solved is an answer
    story.end_pauses(event.at)
    for run in story.open_runs():
        run.stopped_at = event.at


def _reopened(story: _Story, event: LedgerEvent) -> None:
    if not story.open_runs(Metric.RESOLUTION):
        story.start(Metric.RESOLUTION, event.at)


def _replanned(story: _Story, event: LedgerEvent) -> None:
    story.terms = event.terms or story.terms
    for run in story.open_runs():
        run.stopped_at, run.ended_as = event.at, Verdict.SUPERSEDED
        story.start(run.metric, run.started_at)


def _withdrawn(story: _Story, event: LedgerEvent) -> None:
    story.end_pauses(event.at)
    for run in story.runs:
        run.stopped_at = run.stopped_at or event.at
        run.ended_as = Verdict.WITHDRAWN


_TELL = {
    EventKind.STARTED: _started,
    EventKind.RESPONDED: _responded,
    EventKind.PAUSED: _paused,
    EventKind.RESUMED: _resumed,
    EventKind.RESOLVED: _resolved,
    EventKind.REOPENED: _reopened,
    EventKind.REPLANNED: _replanned,
    EventKind.WITHDRAWN: _withdrawn,
}


def _cycle(
    run: _Run, pauses: Sequence[tuple[datetime, datetime | None, Party]], now: datetime
) -> Cycle:
    calendar = run.terms.calendar
    end = run.stopped_at or now
    intervals = _intervals(run.started_at, end, pauses, calendar)
    elapsed = sum((i.business_time for i in intervals if i.party is None), ZERO)
    target = run.terms.targets[run.metric]
    waiting_for = None if run.stopped_at else _waiting_for(pauses, now)
    is_paused = waiting_for is not None
    if run.stopped_at is None:
        if is_paused is not (intervals[-1].party is not None):
            # a pause begins or ends at this very instant: the piece to come has no length yet
            intervals.append(_piece(now, now, waiting_for, calendar))
        intervals[-1] = replace(intervals[-1], end=None)
    return Cycle(
        metric=run.metric,
        started_at=run.started_at,
        target=target,
        due_at=_due(run.started_at, target, intervals, calendar, is_paused=is_paused),
        stopped_at=run.stopped_at,
        elapsed=elapsed,
        verdict=_verdict(run, elapsed, target, is_paused=is_paused),
        intervals=tuple(intervals),
    )


def _waiting_for(
    pauses: Sequence[tuple[datetime, datetime | None, Party]], now: datetime
) -> Party | None:
    """Return for whom it waits at `now`: the earliest pause that is open."""
    open_now = [
        (start, party)
        for start, end, party in pauses
        if start <= now and (end is None or end > now)
    ]
    return min(open_now)[1] if open_now else None


def _verdict(run: _Run, elapsed: timedelta, target: timedelta, *, is_paused: bool) -> Verdict:
    if run.ended_as:
        return run.ended_as
    # by elapsed business time, never by comparing with the due time: closed hours are nobody's
    if elapsed > target:
        return Verdict.BREACHED
    if run.stopped_at:
        return Verdict.MET
    return Verdict.PAUSED if is_paused else Verdict.RUNNING


def _due(
    started_at: datetime,
    target: timedelta,
    intervals: Sequence[Interval],
    calendar: BusinessCalendar,
    *,
    is_paused: bool,
) -> datetime | None:
    """Return when the target runs out, or ran out; None while that depends on a pause's end."""
    left, begin = target, started_at
    for interval in intervals:
        if interval.party is not None:
            begin = interval.end or begin
            continue
        begin = interval.start
        if interval.business_time >= left and interval.end is not None:
            return calendar.add(begin, left)
        if interval.end is None:
            return calendar.add(begin, left)
        left -= interval.business_time
        begin = interval.end
    return None if is_paused else calendar.add(begin, left)


def _intervals(
    start: datetime,
    end: datetime,
    pauses: Sequence[tuple[datetime, datetime | None, Party]],
    calendar: BusinessCalendar,
) -> list[Interval]:
    """Cut [start, end] into running and waiting pieces; overlapping pauses are one wait."""
    pieces: list[Interval] = []
    at = start
    for pause_start, pause_end, party in sorted(pauses, key=lambda pause: pause[0]):
        begin, stop = max(pause_start, at), min(pause_end or end, end)
        if stop <= begin or begin > end:
            continue
        if begin > at:
            pieces.append(_piece(at, begin, None, calendar))
        pieces.append(_piece(begin, stop, party, calendar))
        at = stop
    if at < end or not pieces:
        pieces.append(_piece(at, end, None, calendar))
    return pieces


def _piece(
    start: datetime, end: datetime, party: Party | None, calendar: BusinessCalendar
) -> Interval:
    return Interval(start=start, end=end, party=party, business_time=calendar.between(start, end))


def current(cycles: Iterable[Cycle], metric: Metric) -> Cycle | None:
    """Return the newest cycle of a metric that was not superseded."""
    found = [c for c in cycles if c.metric is metric and c.verdict is not Verdict.SUPERSEDED]
    return found[-1] if found else None


def next_due_at(cycles: Iterable[Cycle]) -> datetime | None:
    """Return what the clock watches: the earliest due time of what still runs and is not breached."""
    due = [c.due_at for c in cycles if c.verdict is Verdict.RUNNING and c.due_at]
    return min(due, default=None)
