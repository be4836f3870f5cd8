"""Random ledgers on random calendars, against counting minute by minute, and what holds for all."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from servicedesk.sla.cycles import COUNTED, Metric, Party, Verdict
from servicedesk.sla.derivation import derive
from servicedesk.sla.evaluation import EventKind, LedgerEvent, evaluate
from tests.minute_by_minute import WINDOW, MinuteByMinute, opened_on
from tests.random_ledgers import BASES, few_years, stories
from tests.sla_story import MICROSECOND, MINUTE, NIGHTS, OFFICE

__all__ = ["few_years"]  # what the stories are compiled with
simulated = settings(max_examples=120, deadline=None, derandomize=True, database=None)
held = settings(max_examples=60, deadline=None, derandomize=True, database=None)


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
