"""Random ledgers on random calendars, against counting minute by minute, and what holds for all."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from servicedesk.sla import calendar
from servicedesk.sla.calendar import CalendarDefinition, Holiday, OpenInterval, compiled
from servicedesk.sla.cycles import COUNTED, Metric, Party, Terms, Verdict, WorkingDays
from servicedesk.sla.derivation import derive
from servicedesk.sla.evaluation import EventKind, LedgerEvent, evaluate
from tests.minute_by_minute import WINDOW, MinuteByMinute, instant, opened_on
from tests.sla_story import ALWAYS, MICROSECOND, MINUTE, NIGHTS, OFFICE

# the last week-ends of March and October are those of the changing clocks; Bogotá never changes
BASES = [datetime(2026, month, day, tzinfo=UTC) for month, day in ((3, 27), (10, 23), (7, 6))]
ZONES = ["Europe/Madrid", "Atlantic/Canary", "America/Bogota"]
STEPS = [0, 0, 0, 1, 7, 45, 60, 240, 431, 960]
TARGETS = [1, 30, 60, 240, 480, 1000]
QUARTERS = 7 * 24 * 4
simulated = settings(max_examples=120, deadline=None, derandomize=True, database=None)
held = settings(max_examples=60, deadline=None, derandomize=True, database=None)


@pytest.fixture(autouse=True, scope="module")
def few_years():
    """Compile what the stories need of each calendar: there are very many of them."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(calendar, "FIRST_YEAR", 2025)
        patch.setattr(calendar, "YEARS_AHEAD", 5)
        yield


@st.composite
def weeks(draw):
    """Opening hours: the usual kinds, or any intervals, also over midnight and Sunday's."""
    if draw(st.booleans()):
        return draw(st.sampled_from([OFFICE.weekly, NIGHTS.weekly, ALWAYS.weekly]))
    marks = draw(st.lists(st.integers(0, QUARTERS - 1), min_size=2, max_size=24, unique=True))
    marks = sorted(marks)[: len(marks) // 2 * 2]
    week: list[list[OpenInterval]] = [[] for _ in range(7)]
    for opens, closes in zip(marks[::2], marks[1::2], strict=True):
        day, start = divmod(opens * 15, 1440)
        length = min((closes - opens) * 15, 1440)
        week[day].append(OpenInterval(start, start + length))
    return tuple(tuple(day) for day in week)


@st.composite
def calendars(draw, base, zone):
    """A calendar with some days closed."""
    days = draw(st.lists(st.integers(0, 8), max_size=2, unique=True))
    holidays = tuple(Holiday((base + timedelta(days=day)).date(), "Closed") for day in days)
    return CalendarDefinition(time_zone=zone, weekly=draw(weeks()), holidays=holidays)


def promises(week):
    """Targets of some metrics, in minutes; in working days where no night is worked."""
    amounts = st.sampled_from(TARGETS)
    if week == OFFICE.weekly:
        amounts |= st.sampled_from([("days", 1), ("days", 2)])
    return st.fixed_dictionaries(
        {}, optional={metric.value: amounts for metric in Metric}
    ) | st.fixed_dictionaries({metric.value: amounts for metric in Metric})


@dataclass(frozen=True)
class Story:
    """A ledger, told to both: `events` are (minute, kind, party or name of terms)."""

    base: datetime
    zone: str
    plans: dict[str, tuple[CalendarDefinition, dict]]
    events: tuple[tuple[int, str, str], ...]
    now: int

    def terms(self, name: str) -> Terms:
        definition, promised = self.plans[name]
        return Terms(
            {Metric(metric): _target(promise) for metric, promise in promised.items()},
            compiled(definition, self.base),
            name=name,
        )

    def ledger(self) -> list[LedgerEvent]:
        known = {name: self.terms(name) for name in self.plans}
        return [
            LedgerEvent(
                at=instant(self.base, minute),
                sequence=number,
                kind=EventKind(kind),
                party=Party(what) if kind in {"paused", "resumed"} and what else None,
                terms=known.get(what),
            )
            for number, (minute, kind, what) in enumerate(self.events)
        ]

    def at(self, minute: int) -> datetime:
        return instant(self.base, minute)

    def counted(self):
        plans = {
            name: (opened_on(definition, self.base), promised)
            for name, (definition, promised) in self.plans.items()
        }
        return MinuteByMinute(self.base, self.zone, plans, self.events, self.now).cycles


def _target(promise):
    return MINUTE * promise if isinstance(promise, int) else WorkingDays(days=promise[1])


PARTIES = ["client", "third_party", "device"]  # the fourth is kept for a pause that is added
WHILE_OPEN = [("paused", p) for p in PARTIES] * 2 + [("resumed", p) for p in [*PARTIES, ""]] * 2
WHILE_OPEN += [("responded", "")] * 3 + [("replanned", "A"), ("replanned", "B")]
WHILE_OPEN += [("resolved", "")] * 2 + [("withdrawn", ""), ("merged", "")]
WHILE_CLOSED = [("reopened", "")] * 3 + [("responded", "")]


@st.composite
def stories(draw):
    """Any ledger that can come about, looked at any time after its beginning."""
    base, zone = draw(st.sampled_from(BASES)), draw(st.sampled_from(ZONES))
    plans = {}
    for name in "AB":
        definition = draw(calendars(base, zone))
        plans[name] = (definition, draw(promises(definition.weekly)))
    minute = draw(st.integers(0, 3000))
    events, is_open = [(minute, "started", "A")], True
    for _ in range(draw(st.integers(0, 12))):
        minute += draw(st.sampled_from(STEPS))
        kind, what = draw(st.sampled_from(WHILE_OPEN if is_open else WHILE_CLOSED))
        events.append((minute, kind, what))
        if kind in {"withdrawn", "merged"}:
            break
        is_open = {"resolved": False, "reopened": True}.get(kind, is_open)
    now = draw(st.integers(events[0][0], minute)) | draw(st.sampled_from([0, 1]))
    if draw(st.booleans()):
        now = minute + draw(st.sampled_from([*STEPS, 2500]))
    return Story(base, zone, plans, tuple(events), max(now, events[0][0]))


def business(cycle, party):
    return sum((i.business_time for i in cycle.intervals if i.party is party), timedelta(0))


def listed(cycles):
    """Return evaluated cycles in the order of the simulation's telling: as they began."""
    return {metric: [c for c in cycles if c.metric.value == metric] for metric in Metric}


@simulated
@given(stories())
def test_a_ledger_is_what_counting_minutes_makes_of_it(story):
    evaluated = evaluate(story.ledger(), story.at(story.now))
    counted = story.counted()
    assert len(counted) == len(evaluated)
    for metric, cycles in listed(evaluated).items():
        expected = [cycle for cycle in counted if cycle.metric == metric]
        for cycle, by_hand in zip(cycles, expected, strict=True):
            assert cycle.terms.name == by_hand.terms
            assert cycle.started_at == story.at(by_hand.start)
            assert cycle.target == by_hand.target * MINUTE
            assert cycle.stopped_at == (None if by_hand.stop is None else story.at(by_hand.stop))
            assert cycle.elapsed == by_hand.elapsed * MINUTE
            assert cycle.verdict == by_hand.verdict
            for party in Party:
                assert business(cycle, party) == by_hand.waited.get(party.value, 0) * MINUTE
            _same_due(story, cycle, by_hand)


def _same_due(story, cycle, by_hand):
    if by_hand.due is not None:
        assert cycle.due_at == story.at(by_hand.due)
    elif cycle.due_at is not None:  # further off than anybody counted
        assert cycle.due_at > story.at(WINDOW)


@held
@given(stories(), st.integers(0, 4000), st.integers(0, 2000))
def test_a_pause_never_shortens_a_deadline(story, after, length):
    begin = story.events[0][0] + after
    plain = story.ledger()
    pause = [
        LedgerEvent(at=story.at(begin), sequence=98, kind=EventKind.PAUSED, party=Party.PLANNED),
        LedgerEvent(
            at=story.at(begin + length), sequence=99, kind=EventKind.RESUMED, party=Party.PLANNED
        ),
    ]
    now = story.at(story.now)
    for before, after_it in zip(evaluate(plain, now), evaluate([*plain, *pause], now), strict=True):
        assert after_it.started_at == before.started_at
        assert after_it.elapsed <= before.elapsed
        if after_it.due_at is not None:
            assert before.due_at is None or after_it.due_at >= before.due_at
        if before.verdict is Verdict.MET:
            assert after_it.verdict is Verdict.MET


@held
@given(stories(), st.integers(0, 60_000))
def test_what_is_decided_reads_the_same_whenever_it_is_asked_and_whatever_comes_after(story, later):
    events, now = story.ledger(), story.at(story.now)
    known = [event for event in events if event.at <= now]
    then = evaluate(known, now)
    assert evaluate(events, now) == then  # events to come change nothing now
    assert evaluate(list(reversed(events)), now) == then  # nor does the order of reading
    for cycles in (evaluate(known, now + later * MINUTE), evaluate(events, now + later * MINUTE)):
        for metric in Metric:
            old = [c for c in then if c.metric is metric]
            new = [c for c in cycles if c.metric is metric]
            for before, after in zip(old, new, strict=False):
                if before.stopped_at is not None and after.verdict is not Verdict.WITHDRAWN:
                    assert after == before
                if before.verdict is Verdict.BREACHED and after.verdict in COUNTED:
                    assert (after.verdict, after.counted_at) == (before.verdict, before.counted_at)


@held
@given(stories())
def test_intervals_leave_no_gap_and_add_up(story):
    now = story.at(story.now)
    for cycle in evaluate(story.ledger(), now):
        starts = [interval.start for interval in cycle.intervals]
        ends = [interval.end for interval in cycle.intervals]
        assert starts == [cycle.started_at, *ends[:-1]]
        assert ends[-1] == cycle.stopped_at  # None while it is open
        assert cycle.elapsed == business(cycle, None)
        whole = cycle.terms.calendar.between(cycle.started_at, cycle.stopped_at or now)
        assert sum((i.business_time for i in cycle.intervals), timedelta(0)) == whole
        is_open = cycle.verdict in {Verdict.RUNNING, Verdict.PAUSED}
        assert not is_open or (cycle.waiting_for is not None) == (cycle.verdict is Verdict.PAUSED)


@held
@given(stories())
def test_the_rows_are_derived_once_and_for_all(story):
    events, now = story.ledger(), story.at(story.now)
    first = derive(events, now, {})
    assert derive(events, now, {}) == first
    acted = derive(events, now, {}, acts=True)
    warned = {key: row["warned_percent"] for key, row in acted.cycles.items()}
    again = derive(events, now, warned, acts=True)
    assert (again.ledger, again.cycles, again.reached) == (acted.ledger, acted.cycles, {})
    for key, row in first.cycles.items():
        assert (row["month"] is not None) == (row["verdict"] in COUNTED)
        assert row | {"warned_percent": 0} == acted.cycles[key] | {"warned_percent": 0}


@held
@given(stories(), st.sampled_from([1, 50, 75, 90, 100, 150]))
def test_a_share_is_reached_at_the_moment_that_is_told_for_it(story, percent):
    now = story.at(story.now)
    events = [event for event in story.ledger() if event.at <= now]
    for number, cycle in enumerate(evaluate(events, now)):
        at = cycle.reached_at(percent)
        if at is None:
            assert cycle.waiting_for is not None
            assert not cycle.has_reached(percent)
        elif at <= (cycle.stopped_at or now):
            is_used = cycle.elapsed > cycle.target * percent / 100
            assert cycle.has_reached(percent) == (is_used if percent >= 100 else True)
        elif cycle.is_open:  # nothing more happens: it is then, not before
            calendar = cycle.terms.calendar
            just_after = calendar.next_opening(at) + MICROSECOND
            for moment, reached in (
                (at - MICROSECOND, False),
                (at, percent < 100),
                (just_after, True),
            ):
                found = evaluate(events, moment)[number]
                assert found.has_reached(percent) is reached
                assert replace(found, queue="").reached_at(percent) == at


def test_the_simulation_itself_counts_a_week_by_hand():
    """A fault of both would go unseen: so one story is counted on paper."""
    base = BASES[0]  # Friday; on Sunday Madrid's clocks go forward
    office = {"A": (opened_on(OFFICE, base), {"resolution": 480, "first_response": 60})}
    friday_at_four = 15 * 60  # 15:00 of UTC
    monday_at_ten = (3 * 24 + 8) * 60
    events = [
        (friday_at_four, "started", "A"),
        (friday_at_four + 30, "paused", "client"),
        (monday_at_ten, "resumed", "client"),
    ]
    response, whole = MinuteByMinute(
        base, OFFICE.time_zone, office, events, monday_at_ten + 60
    ).cycles
    assert (response.elapsed, response.verdict, response.due) == (
        180,
        "breached",
        friday_at_four + 60,
    )
    assert (whole.elapsed, whole.waited, whole.verdict) == (90, {"client": 90}, "running")
    assert whole.due == monday_at_ten + 7 * 60 + 16 * 60 + 30  # of 450 minutes 420 on Monday
    nights = opened_on(NIGHTS, base)  # 22:00 to 6:00; one of them has an hour less
    sunday = date(2026, 3, 28).toordinal()
    assert sum(1 for day in nights if day == sunday) == 7 * 60
    assert sum(1 for day in nights if day == sunday + 1) == 8 * 60
