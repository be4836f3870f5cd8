"""From the ledger of events to cycles with verdicts: a pure function, the same whenever it is asked.

A pause never moves a start; overlapping pauses count once; which pauses stop which metric is said in
`cycles.PAUSED_BY`. While a cycle is paused its due time is not known: `due_at` is None and
`remaining` says what is left.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import TYPE_CHECKING, Any, NamedTuple

from servicedesk.sla.cycles import (
    PAUSED_BY,
    ZERO,
    Cycle,
    Interval,
    Metric,
    Party,
    Standing,
    Terms,
    Verdict,
    standing_of,
    used_up,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import datetime, timedelta

    from servicedesk.sla.calendar import BusinessCalendar


class EventKind(StrEnum):
    """What can happen to a subject of service levels."""

    STARTED = "started"
    RESPONDED = "responded"  # a public message by a person of the operator
    ASSIGNED = "assigned"  # to an agent or a queue: whose figures it belongs to
    PAUSED = "paused"
    RESUMED = "resumed"
    RESOLVED = "resolved"
    REOPENED = "reopened"
    REPLANNED = "replanned"  # another priority, plan or contract from the real start on
    WITHDRAWN = "withdrawn"  # cancelled: its cycles leave the figures
    MERGED = "merged"  # into another subject, which keeps its own cycles


@dataclass(frozen=True, kw_only=True)
class LedgerEvent:
    """An event; those of one instant are ordered by `sequence`. `terms` come with a (re)plan."""

    at: datetime
    sequence: int
    kind: EventKind
    party: Party | None = None
    terms: Terms | None = None
    queue: str = ""
    agent_id: int | None = None
    actor: str = ""
    evidence: Mapping[str, Any] = field(default_factory=dict)


class Pause(NamedTuple):
    """A wait for one party, with the sequence of the events that began and ended it."""

    start: datetime
    end: datetime | None
    party: Party
    began_by: int
    ended_by: int | None = None


Owner = tuple[str, int | None]  # queue, agent


@dataclass
class _Run:
    """A wait being told: where it starts, where, how and under whom it stopped, by which events.

    Also kept where the terms of the moment promise nothing: others may, from its real start on.
    """

    metric: Metric
    started_at: datetime
    terms: Terms
    began_by: int
    planned_by: int
    stopped_at: datetime | None = None
    stopped_by: int | None = None
    ended_as: Verdict | None = None
    ended_by: int | None = None
    owner: Owner = ("", None)

    def end_as(self, verdict: Verdict, event: LedgerEvent) -> None:
        self.ended_as, self.ended_by = verdict, event.sequence


@dataclass
class _Story:
    """The ledger as read so far."""

    runs: list[_Run] = field(default_factory=list)
    pauses: list[Pause] = field(default_factory=list)
    owners: list[tuple[datetime, Owner]] = field(default_factory=list)
    terms: Terms | None = None
    is_open: bool = False
    is_merged: bool = False

    def open_runs(self, *metrics: Metric) -> list[_Run]:
        wanted = metrics or tuple(Metric)
        return [run for run in self.runs if run.stopped_at is None and run.metric in wanted]

    def start(self, metric: Metric, event: LedgerEvent) -> None:
        if self.terms:
            by = event.sequence
            self.runs.append(_Run(metric, event.at, self.terms, began_by=by, planned_by=by))

    def stop(self, event: LedgerEvent, *metrics: Metric) -> list[_Run]:
        """Stop what is open, under whoever has it as far as is told: not who takes it next."""
        stopped = self.open_runs(*metrics)
        for run in stopped:
            run.stopped_at, run.stopped_by, run.owner = event.at, event.sequence, self.owner
        return stopped

    def end_pauses(self, event: LedgerEvent, party: Party | None = None) -> None:
        self.pauses = [
            pause._replace(end=event.at, ended_by=event.sequence)
            if pause.end is None and party in {None, pause.party}
            else pause
            for pause in self.pauses
        ]

    @property
    def owner(self) -> Owner:
        return self.owners[-1][1] if self.owners else ("", None)

    def owner_at(self, at: datetime) -> Owner:
        return next((owner for since, owner in reversed(self.owners) if since <= at), ("", None))


@dataclass(frozen=True, kw_only=True)
class Evaluation:
    """A ledger as it stands: its cycles by metric, whether its subject is open, and whose it is."""

    events: tuple[LedgerEvent, ...]  # what has happened by then, in its order
    cycles: tuple[Cycle, ...]
    standing: Standing
    queue: str
    agent_id: int | None


def present(events: Iterable[LedgerEvent], now: datetime) -> datetime:
    """Return the instant as of which a ledger is told, never before its newest event.

    What has happened has happened: a clock that was set back does not take an event away.
    """
    return max([now, *(event.at for event in events)])


def evaluate(events: Iterable[LedgerEvent], now: datetime) -> tuple[Cycle, ...]:
    """Return every cycle of the ledger, oldest first within its metric, as it stands at `now`."""
    return evaluation_of(events, now).cycles


def evaluation_of(events: Iterable[LedgerEvent], now: datetime) -> Evaluation:
    """Return the ledger's cycles and its subject as they stand at `now`."""
    told, story = _story_of(event for event in events if event.at <= now)
    queue, agent_id = story.owner
    cycles = tuple(
        _cycle(run, story, now)
        for metric in Metric
        for run in story.runs
        if run.metric is metric and metric in run.terms.targets
    )
    ended = Standing.MERGED if story.is_merged else Standing.ENDED
    return Evaluation(
        events=told,
        cycles=cycles,
        standing=standing_of(cycles) if story.is_open else ended,
        queue=queue,
        agent_id=agent_id,
    )


def lapse(
    events: Iterable[LedgerEvent], start: datetime, end: datetime, calendar: BusinessCalendar
) -> list[Interval]:
    """Return for whom a subject waited between two instants, cut as the pieces of its cycles are.

    Every kind of wait counts, and what overlaps counts once, for whom it was waited first.
    """
    _told, story = _story_of(events)
    return _cut(start, end, story.pauses, calendar)


def _story_of(events: Iterable[LedgerEvent]) -> tuple[tuple[LedgerEvent, ...], _Story]:
    """Return events in the order they are told in, and what they tell."""
    story = _Story()
    told = tuple(sorted(events, key=lambda event: (event.at, event.sequence)))
    for event in told:
        _TELL[event.kind](story, event)
    story.pauses.sort(key=lambda pause: pause.start)
    return told, story


def _started(story: _Story, event: LedgerEvent) -> None:
    story.terms = event.terms
    story.is_open = True
    _assigned(story, event)
    story.start(Metric.FIRST_RESPONSE, event)
    story.start(Metric.RESOLUTION, event)


def _responded(story: _Story, event: LedgerEvent) -> None:
    story.stop(event, Metric.FIRST_RESPONSE, Metric.PERIODIC_UPDATE)
    if story.is_open:  # the first answer promises the next news
        story.start(Metric.PERIODIC_UPDATE, event)


def _assigned(story: _Story, event: LedgerEvent) -> None:
    story.owners.append((event.at, (event.queue or story.owner[0], event.agent_id)))


def _paused(story: _Story, event: LedgerEvent) -> None:
    party = event.party or Party.CLIENT
    if not any(pause.end is None and pause.party is party for pause in story.pauses):
        story.pauses.append(Pause(event.at, None, party, event.sequence))


def _resumed(story: _Story, event: LedgerEvent) -> None:
    story.end_pauses(event, event.party)


def _resolved(story: _Story, event: LedgerEvent) -> None:
    # an open pause closes first, then the cycle is judged; being told that it is solved is an answer
    story.end_pauses(event)
    story.stop(event)
    story.is_open = False


def _reopened(story: _Story, event: LedgerEvent) -> None:
    story.is_open = True
    for metric in (Metric.PERIODIC_UPDATE, Metric.RESOLUTION):
        if not story.open_runs(metric):
            story.start(metric, event)


def _replanned(story: _Story, event: LedgerEvent) -> None:
    terms = story.terms = event.terms or story.terms
    for run in story.stop(event):
        run.end_as(Verdict.SUPERSEDED, event)
        if terms:
            again = _Run(run.metric, run.started_at, terms, run.began_by, event.sequence)
            story.runs.append(again)


def _withdrawn(story: _Story, event: LedgerEvent) -> None:
    story.end_pauses(event)
    story.stop(event)
    story.is_open = False
    for run in story.runs:
        run.end_as(Verdict.WITHDRAWN, event)


def _merged(story: _Story, event: LedgerEvent) -> None:
    _withdrawn(story, event)
    story.is_merged = True


_TELL = {
    EventKind.STARTED: _started,
    EventKind.RESPONDED: _responded,
    EventKind.ASSIGNED: _assigned,
    EventKind.PAUSED: _paused,
    EventKind.RESUMED: _resumed,
    EventKind.RESOLVED: _resolved,
    EventKind.REOPENED: _reopened,
    EventKind.REPLANNED: _replanned,
    EventKind.WITHDRAWN: _withdrawn,
    EventKind.MERGED: _merged,
}


def _cycle(run: _Run, story: _Story, now: datetime) -> Cycle:
    calendar = run.terms.calendar_at(run.stopped_at)
    end = run.stopped_at or now
    pauses = [pause for pause in story.pauses if pause.party in PAUSED_BY[run.metric]]
    intervals = _intervals(run, end, pauses, calendar)
    elapsed = sum((i.business_time for i in intervals if i.party is None), ZERO)
    target = run.terms.business_time(run.metric, run.started_at, calendar)
    waits = None if run.stopped_at else _waits(pauses)
    if run.stopped_at is None:
        if (waits.party if waits else None) is not intervals[-1].party:
            # a wait begins or ends at this very instant: the piece to come has no length yet
            party, by = (waits.party, waits.began_by) if waits else (None, _ended_by(pauses, now))
            intervals.append(_piece((now, now), party, calendar, by))
        intervals[-1] = replace(intervals[-1], end=None)
    verdict = _verdict(run, elapsed, target, is_paused=waits is not None)
    due_at = used_up(intervals, target, calendar)
    queue, agent_id = run.owner if run.stopped_at else story.owner
    if verdict is Verdict.BREACHED and due_at:
        queue, agent_id = story.owner_at(due_at)
    return Cycle(
        metric=run.metric,
        terms=run.terms,
        started_at=run.started_at,
        target=target,
        due_at=due_at,
        stopped_at=run.stopped_at,
        elapsed=elapsed,
        verdict=verdict,
        intervals=tuple(intervals),
        queue=queue,
        agent_id=agent_id,
        began_by=run.began_by,
        planned_by=run.planned_by,
        stopped_by=run.stopped_by,
        decided_by=run.stopped_by if run.ended_by is None else run.ended_by,
    )


def _waits(pauses: Iterable[Pause]) -> Pause | None:
    """Return what it waits for now: the earliest pause that is open, as `_intervals` cuts them."""
    still = [pause for pause in pauses if pause.end is None]
    return min(still, key=lambda pause: pause.start, default=None)


def _ended_by(pauses: Sequence[Pause], now: datetime) -> int:
    """Return the event by which the waiting ended at this instant."""
    return max(pause.ended_by or 0 for pause in pauses if pause.end == now)


def _verdict(run: _Run, elapsed: timedelta, target: timedelta, *, is_paused: bool) -> Verdict:
    if run.ended_as:
        return run.ended_as
    # by elapsed business time, never by comparing with the due time: closed hours are nobody's
    if elapsed > target:
        return Verdict.BREACHED
    if run.stopped_at:
        return Verdict.MET
    return Verdict.PAUSED if is_paused else Verdict.RUNNING


def _intervals(
    run: _Run, end: datetime, pauses: Sequence[Pause], calendar: BusinessCalendar
) -> list[Interval]:
    """Cut a run until `end` into running and waiting pieces."""
    return _cut(run.started_at, end, pauses, calendar, began_by=run.began_by)


def _cut(
    start: datetime,
    end: datetime,
    pauses: Sequence[Pause],
    calendar: BusinessCalendar,
    began_by: int = 0,
) -> list[Interval]:
    """Cut a span into running and waiting pieces; overlapping pauses are one wait.

    The pauses come in the order of their starts.
    """
    pieces: list[Interval] = []
    at, by = start, began_by
    for pause in pauses:
        begin, stop = max(pause.start, at), min(pause.end or end, end)
        if stop <= begin or begin > end:
            continue
        if begin > at:
            pieces.append(_piece((at, begin), None, calendar, by))
        pieces.append(_piece((begin, stop), pause.party, calendar, pause.began_by))
        at, by = stop, pause.ended_by or pause.began_by
    if at < end or not pieces:
        pieces.append(_piece((at, end), None, calendar, by))
    return pieces


def _piece(
    span: tuple[datetime, datetime], party: Party | None, calendar: BusinessCalendar, by: int
) -> Interval:
    return Interval(
        start=span[0],
        end=span[1],
        party=party,
        business_time=calendar.between(*span),
        caused_by=by,
    )
