"""From the ledger of events to cycles with verdicts: a pure function, the same whenever it is asked.

A pause never moves a start; overlapping pauses count once; which pauses stop which metric is said in
`cycles.PAUSED_BY`. While a cycle is paused its due time is not known: `due_at` is None and
`remaining` says what is left.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from enum import StrEnum
from operator import itemgetter
from typing import TYPE_CHECKING, Any

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


Pause = tuple["datetime", "datetime | None", Party]


Owner = tuple[str, int | None]  # queue, agent


@dataclass
class _Run:
    """A wait being told: where it starts, where, how and under whom it stopped.

    Also kept where the terms of the moment promise nothing: others may, from its real start on.
    """

    metric: Metric
    started_at: datetime
    terms: Terms
    stopped_at: datetime | None = None
    ended_as: Verdict | None = None
    owner: Owner = ("", None)


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

    def start(self, metric: Metric, at: datetime) -> None:
        if self.terms:
            self.runs.append(_Run(metric, at, self.terms))

    def stop(self, at: datetime, *metrics: Metric, ended_as: Verdict | None = None) -> list[_Run]:
        """Stop what is open, under whoever has it as far as is told: not who takes it next."""
        stopped = self.open_runs(*metrics)
        for run in stopped:
            run.stopped_at, run.ended_as, run.owner = at, ended_as, self.owner
        return stopped

    def end_pauses(self, at: datetime, party: Party | None = None) -> None:
        self.pauses = [
            (start, at if end is None and party in {None, who} else end, who)
            for start, end, who in self.pauses
        ]

    @property
    def owner(self) -> Owner:
        return self.owners[-1][1] if self.owners else ("", None)

    def owner_at(self, at: datetime) -> Owner:
        return next((owner for since, owner in reversed(self.owners) if since <= at), ("", None))


@dataclass(frozen=True, kw_only=True)
class Evaluation:
    """A ledger as it stands: its cycles by metric, whether its subject is open, and whose it is."""

    cycles: tuple[Cycle, ...]
    standing: Standing
    queue: str
    agent_id: int | None


def evaluate(events: Iterable[LedgerEvent], now: datetime) -> tuple[Cycle, ...]:
    """Return every cycle of the ledger, oldest first within its metric, as it stands at `now`."""
    return evaluation_of(events, now).cycles


def evaluation_of(events: Iterable[LedgerEvent], now: datetime) -> Evaluation:
    """Return the ledger's cycles and its subject as they stand at `now`."""
    story = _Story()
    for event in sorted(events, key=lambda event: (event.at, event.sequence)):
        if event.at <= now:
            _TELL[event.kind](story, event)
    queue, agent_id = story.owner
    cycles = tuple(
        _cycle(run, story, now)
        for metric in Metric
        for run in story.runs
        if run.metric is metric and metric in run.terms.targets
    )
    ended = Standing.MERGED if story.is_merged else Standing.ENDED
    return Evaluation(
        cycles=cycles,
        standing=standing_of(cycles) if story.is_open else ended,
        queue=queue,
        agent_id=agent_id,
    )


def _started(story: _Story, event: LedgerEvent) -> None:
    story.terms = event.terms
    story.is_open = True
    _assigned(story, event)
    story.start(Metric.FIRST_RESPONSE, event.at)
    story.start(Metric.RESOLUTION, event.at)


def _responded(story: _Story, event: LedgerEvent) -> None:
    story.stop(event.at, Metric.FIRST_RESPONSE, Metric.PERIODIC_UPDATE)
    if story.is_open:  # the first answer promises the next news
        story.start(Metric.PERIODIC_UPDATE, event.at)


def _assigned(story: _Story, event: LedgerEvent) -> None:
    story.owners.append((event.at, (event.queue or story.owner[0], event.agent_id)))


def _paused(story: _Story, event: LedgerEvent) -> None:
    party = event.party or Party.CLIENT
    if not any(end is None and who is party for _, end, who in story.pauses):
        story.pauses.append((event.at, None, party))


def _resumed(story: _Story, event: LedgerEvent) -> None:
    story.end_pauses(event.at, event.party)


def _resolved(story: _Story, event: LedgerEvent) -> None:
    # an open pause closes first, then the cycle is judged; being told that it is solved is an answer
    story.end_pauses(event.at)
    story.stop(event.at)
    story.is_open = False


def _reopened(story: _Story, event: LedgerEvent) -> None:
    story.is_open = True
    for metric in (Metric.PERIODIC_UPDATE, Metric.RESOLUTION):
        if not story.open_runs(metric):
            story.start(metric, event.at)


def _replanned(story: _Story, event: LedgerEvent) -> None:
    story.terms = event.terms or story.terms
    for run in story.stop(event.at, ended_as=Verdict.SUPERSEDED):
        story.start(run.metric, run.started_at)


def _withdrawn(story: _Story, event: LedgerEvent) -> None:
    story.end_pauses(event.at)
    story.stop(event.at)
    story.is_open = False
    for run in story.runs:
        run.ended_as = Verdict.WITHDRAWN


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
    calendar = run.terms.calendar
    end = run.stopped_at or now
    pauses = [pause for pause in story.pauses if pause[2] in PAUSED_BY[run.metric]]
    intervals = _intervals(run.started_at, end, pauses, calendar)
    elapsed = sum((i.business_time for i in intervals if i.party is None), ZERO)
    target = run.terms.business_time(run.metric, run.started_at)
    waiting_for = None if run.stopped_at else _waiting_for(pauses)
    if run.stopped_at is None:
        if waiting_for is not intervals[-1].party:
            # a wait begins or ends at this very instant: the piece to come has no length yet
            intervals.append(_piece(now, now, waiting_for, calendar))
        intervals[-1] = replace(intervals[-1], end=None)
    verdict = _verdict(run, elapsed, target, is_paused=waiting_for is not None)
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
    )


def _waiting_for(pauses: Iterable[Pause]) -> Party | None:
    """Return for whom it waits now: the earliest pause that is open, as `_intervals` cuts them."""
    still = [pause for pause in pauses if pause[1] is None]
    return min(still, key=itemgetter(0))[2] if still else None


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
    start: datetime,
    end: datetime,
    pauses: Sequence[Pause],
    calendar: BusinessCalendar,
) -> list[Interval]:
    """Cut [start, end] into running and waiting pieces; overlapping pauses are one wait."""
    pieces: list[Interval] = []
    at = start
    for pause_start, pause_end, party in sorted(pauses, key=itemgetter(0)):
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
