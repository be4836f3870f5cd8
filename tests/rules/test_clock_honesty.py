"""Whatever happens and whenever the clock looks, a threshold of a cycle fires at most once."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from hypothesis import example, given, settings
from hypothesis import strategies as st

from servicedesk.sla.calendar import CalendarDefinition, OpenInterval, compiled
from servicedesk.sla.cycles import Metric, Party, Terms, percents_watched
from servicedesk.sla.derivation import derive, numbered
from servicedesk.sla.evaluation import EventKind, LedgerEvent, evaluate
from servicedesk.sla.plan import Recipient, Threshold

MONDAY = datetime(2026, 11, 16, 9, tzinfo=UTC)
OFFICE = compiled(
    CalendarDefinition(
        time_zone="Europe/Madrid", weekly=((OpenInterval(540, 1020),),) * 5 + ((), ())
    )
)
THRESHOLDS = tuple(
    Threshold(percent=percent, reaches=frozenset({Recipient.QUEUE}))
    for percent in (50, 75, 90, 100)
)


def terms(hours: int) -> Terms:
    span = timedelta(hours=hours)
    targets = dict.fromkeys((Metric.FIRST_RESPONSE, Metric.PERIODIC_UPDATE), span / 2)
    targets |= {Metric.RESOLUTION: span}
    return Terms(targets, OFFICE, priority="medium", thresholds=THRESHOLDS)


@dataclass
class Clock:
    """A ledger and who looks at it, as `clocks` and `watch` do it with the database."""

    events: list[LedgerEvent] = field(default_factory=list)
    warned: dict = field(default_factory=dict)
    next_look: datetime | None = None
    fired: Counter = field(default_factory=Counter)
    passed_over: set = field(default_factory=set)
    crossed: set = field(default_factory=set)  # what a look met running, and beyond it
    on_the_dot: set = field(default_factory=set)  # reached at the very instant of a look

    def hear(self, kind: EventKind, at: datetime, **more: object) -> None:
        self.events.append(LedgerEvent(at=at, sequence=len(self.events), kind=kind, **more))
        self._refresh(at)

    def sweep(self, at: datetime) -> None:
        now = max(at, self.events[-1].at)
        for key, cycle in numbered(evaluate(self.events, now)).items():
            if cycle.is_running and at == now:
                watched = percents_watched(cycle)
                self.crossed |= {(*key, p) for p in watched if is_past(cycle, p, at)}
                self.on_the_dot |= {(*key, p) for p in watched if cycle.reached_at(p) == at}
        if self.next_look is None or self.next_look >= at:
            return
        derived = self._refresh(at, acts=True)
        for key, percents in derived.reached.items():
            self.fired.update((*key, percent) for percent in percents)
            self.passed_over |= {(*key, percent) for percent in percents[:-1]}

    def _refresh(self, at: datetime, *, acts: bool = False):
        now = max(at, *(event.at for event in self.events), MONDAY)
        derived = derive(self.events, now, self.warned, acts=acts)
        self.warned = {key: row["warned_percent"] for key, row in derived.cycles.items()}
        self.next_look = derived.ledger["next_due_at"]
        return derived


def is_past(cycle, percent: int, at: datetime) -> bool:
    """Whether a look finds it passed; at the very instant it only does if it looks for another."""
    reached_at = cycle.reached_at(percent)
    return cycle.has_reached(percent) and reached_at is not None and reached_at < at


STEPS = st.one_of(
    st.tuples(st.just(EventKind.PAUSED), st.sampled_from([Party.CLIENT, Party.DEVICE])),
    st.tuples(st.just(EventKind.RESUMED), st.none()),
    st.tuples(st.just(EventKind.REPLANNED), st.sampled_from([2, 8, 16, 40])),
    st.tuples(st.just(EventKind.RESPONDED), st.none()),
    st.tuples(st.just(EventKind.RESOLVED), st.none()),
    st.tuples(st.just(EventKind.REOPENED), st.none()),
    st.tuples(st.just("sweep"), st.none()),
    st.tuples(st.just("sweep"), st.none()),
    st.tuples(st.just("sweep"), st.none()),
)
HISTORIES = st.lists(st.tuples(st.integers(0, 1500), STEPS), max_size=40)


def live(history, jumps=(0,) * 40) -> Clock:
    """Let things happen so many minutes after one another; `jumps` set the looker's clock wrong."""
    clock, at = Clock(), MONDAY
    clock.hear(EventKind.STARTED, at, terms=terms(8))
    for number, (minutes, (kind, more)) in enumerate(history):
        at += timedelta(minutes=minutes)
        if kind == "sweep":
            clock.sweep(at + timedelta(minutes=jumps[number]))
        elif kind is EventKind.PAUSED:
            clock.hear(kind, at, party=more)
        elif kind is EventKind.REPLANNED:
            clock.hear(kind, at, terms=terms(more))
        else:
            clock.hear(kind, at)
    return clock


@settings(max_examples=400, deadline=None, derandomize=True, database=None)
@example([(216, ("sweep", None))])
@given(HISTORIES)
def test_each_threshold_of_a_cycle_fires_once_when_a_look_meets_it_beyond(history):
    clock = live(history)
    assert set(clock.fired.values()) <= {1}
    assert clock.crossed <= set(clock.fired) <= clock.crossed | clock.on_the_dot


@settings(max_examples=400, deadline=None, derandomize=True, database=None)
@given(HISTORIES)
def test_of_several_in_one_look_all_but_the_highest_are_passed_over(history):
    clock = live(history)
    told = set(clock.fired) - clock.passed_over
    for metric, ordinal, percent in clock.passed_over:
        assert any(one[:2] == (metric, ordinal) and one[2] > percent for one in told)


@settings(max_examples=400, deadline=None, derandomize=True, database=None)
@given(HISTORIES, st.lists(st.integers(-5000, 5000), min_size=40, max_size=40))
def test_a_clock_that_jumps_back_and_forth_fires_nothing_twice(history, jumps):
    clock = live(history, jumps)
    assert set(clock.fired.values()) <= {1}


@settings(max_examples=200, deadline=None, derandomize=True, database=None)
@given(HISTORIES)
def test_a_look_leaves_nothing_due_that_it_has_seen(history):
    clock = live(history)
    moment = clock.events[-1].at + timedelta(days=3)
    clock.sweep(moment)
    assert clock.next_look is None or clock.next_look > moment
