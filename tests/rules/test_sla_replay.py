"""A ledger told again under a draft, beside what was."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from servicedesk.sla.calendar import compiled
from servicedesk.sla.cycles import Metric, Verdict, WorkingDays
from servicedesk.sla.evaluation import EventKind, evaluate
from servicedesk.sla.notation import NotationError, read_target, written_target
from servicedesk.sla.plan import PlanDefinition, PlanError, check_target
from servicedesk.sla.replay import Change, Comparison, Draft, replay, scaled
from servicedesk.sla.what_if.figures import by_metric, from_json, to_json
from tests.random_ledgers import few_years, stories
from tests.sla_story import ALWAYS, CLIENT, HOUR, LATER, MINUTE, at, terms, told

__all__ = ["few_years"]  # what the stories are compiled with
held = settings(max_examples=60, deadline=None, derandomize=True, database=None)
HIGH = terms(kind="incident", priority="high")
CRITICAL = terms(resolution=2 * HOUR, kind="incident", priority="critical")
NOVEMBER = date(2026, 11, 1)
RESOLVED = EventKind.RESOLVED


def started(known=HIGH):
    return (at(16, 9), EventKind.STARTED, {"terms": known})


def resolution(events, draft, now=LATER):
    (found,) = (pair for pair in replay(events, draft, now) if pair.cell[2] is Metric.RESOLUTION)
    return found


def plan(**rows) -> PlanDefinition:
    return PlanDefinition(
        targets={
            ("incident", priority): {Metric.RESOLUTION: amount} for priority, amount in rows.items()
        }
    )


@held
@given(stories())
def test_under_the_very_plan_and_calendar_that_were_in_force_nothing_changes(story):
    events, now = story.ledger(), story.at(story.now)
    known = {name: story.terms(name) for name in story.plans}
    same = {("", name): one.targets for name, one in known.items()}
    assume(any(same.values()))
    drafts = [Draft(), Draft(plan=PlanDefinition(targets=same))]
    if all(what != "B" for _, _, what in story.events):
        drafts.append(Draft(plan=drafts[1].plan, calendar=known["A"].calendar))
    for draft in drafts:
        pairs = replay(events, draft, now)
        decided = [c for c in evaluate(events, now) if c.verdict is not Verdict.SUPERSEDED]
        assert len(pairs) == len(decided)
        for pair in pairs:
            assert pair.was == pair.would
            assert pair.change is None


@held
@given(stories(), st.integers(10, 99))
def test_less_time_breaches_what_was_breached_and_more_time_keeps_what_was_met(story, percent):
    events, now = story.ledger(), story.at(story.now)
    for factor, never in ((percent, Change.BETTER), (percent + 100, Change.WORSE)):
        for pair in replay(events, Draft(factor_percent=factor), now):
            assert pair.change is not never
            assert pair.was is not None
            assert pair.would is not None
            assert (pair.was.started_at, pair.was.stopped_at) == (
                pair.would.started_at,
                pair.would.stopped_at,
            )
            assert pair.was.elapsed == pair.would.elapsed
            assert (pair.was.verdict is Verdict.WITHDRAWN) == (
                pair.would.verdict is Verdict.WITHDRAWN
            )


def test_pauses_and_answers_stay_as_they_were_and_the_target_is_another():
    events = told(
        started(),
        (at(16, 10), EventKind.PAUSED, CLIENT),
        (at(17, 10), EventKind.RESUMED, CLIENT),
        (at(17, 14), RESOLVED),
    )
    pair = resolution(events, Draft(factor_percent=50))
    assert (pair.was.verdict, pair.was.elapsed, pair.was.target) == (
        Verdict.MET,
        5 * HOUR,
        8 * HOUR,
    )
    assert (pair.would.verdict, pair.would.elapsed) == (Verdict.BREACHED, 5 * HOUR)
    assert (pair.would.target, pair.change) == (4 * HOUR, Change.WORSE)
    assert pair.would.due_at == at(17, 13)


def test_another_priority_keeps_its_row_of_the_draft():
    events = told(
        started(), (at(16, 11), EventKind.REPLANNED, {"terms": CRITICAL}), (at(16, 15), RESOLVED)
    )
    draft = Draft(plan=plan(high=2 * HOUR, critical=6 * HOUR))
    pair = resolution(events, draft)
    assert pair.cell == ("incident", "critical", Metric.RESOLUTION)
    assert (pair.was.verdict, pair.would.verdict) == (Verdict.BREACHED, Verdict.MET)
    assert (pair.would.target, pair.change) == (6 * HOUR, Change.BETTER)


def test_a_single_target_stands_in_place_of_the_plans_and_the_factor_leaves_it_alone():
    cell = ("incident", "high", Metric.RESOLUTION)
    draft = Draft(
        factor_percent=50, targets={cell: 3 * HOUR, (*cell[:2], Metric.FIRST_RESPONSE): None}
    )
    promised = draft.terms(HIGH).targets
    assert promised == {Metric.RESOLUTION: 3 * HOUR}
    assert draft.terms(CRITICAL).targets == {
        Metric.FIRST_RESPONSE: 30 * MINUTE,
        Metric.RESOLUTION: HOUR,
    }


def test_another_calendar_counts_the_nights_too():
    events = told(started(), (at(17, 10), RESOLVED))
    pair = resolution(events, Draft(calendar=compiled(ALWAYS)))
    assert (pair.was.elapsed, pair.would.elapsed) == (9 * HOUR, 25 * HOUR)
    early = told(started(), (at(16, 18), RESOLVED))
    assert resolution(early, Draft(calendar=compiled(ALWAYS))).change is Change.WORSE


def test_what_a_draft_does_not_promise_is_dropped_and_what_only_it_promises_counts_when_it_is_decided():
    events = told(
        started(terms(first_response=None, kind="incident", priority="high")),
        (at(16, 12), RESOLVED),
    )
    cell = ("incident", "high", Metric.PERIODIC_UPDATE)
    gone = resolution(events, Draft(plan=plan(low=HOUR)))
    assert (gone.would, gone.change) == (None, Change.DROPPED)
    answer = (*cell[:2], Metric.FIRST_RESPONSE)
    pairs = replay(events, Draft(targets={answer: 2 * HOUR, cell: HOUR}), LATER)
    new = next(pair for pair in pairs if pair.cell == answer)
    assert (new.was, new.would.verdict, new.change) == (None, Verdict.BREACHED, Change.WORSE)
    assert new.is_of(NOVEMBER, NOVEMBER)
    assert not new.is_of(date(2026, 10, 1), date(2026, 10, 1))


def test_a_month_counts_what_was_decided_in_it_however_long_it_would_have_taken():
    events = told(started(), (at(17, 10), EventKind.RESPONDED))  # still open, breached on the 16th
    longer = resolution(events, Draft(factor_percent=1000), at(18, 9))
    assert (longer.would.verdict, longer.change) == (Verdict.RUNNING, Change.BETTER)
    assert longer.is_of(NOVEMBER, NOVEMBER)
    figures = Comparison()
    figures.take(longer)
    assert (figures.was.breached, figures.would.decided, figures.would.open) == (1, 0, 1)
    assert figures.difference is None


def test_figures_survive_being_kept_and_add_up_by_metric():
    events = told(started(), (at(16, 16, 30), RESOLVED))
    figures = {}
    for pair in [*replay(events, Draft(factor_percent=50), LATER)] * 3:
        figures.setdefault(pair.cell, Comparison()).take(pair)
    assert from_json(to_json(figures)) == figures
    whole = by_metric(figures)[Metric.RESOLUTION]
    assert (whole.was.met, whole.was.near, whole.would.breached) == (3, 3, 3)
    assert (whole.difference, whole.changes) == (-1.0, {"worse": 3})


@pytest.mark.parametrize(
    ("words", "target"),
    [
        ("4 h", 4 * HOUR),
        ("30 min", 30 * MINUTE),
        ("1.5 h", 90 * MINUTE),
        ("1,5 h", 90 * MINUTE),
        ("1 h 30 min", 90 * MINUTE),
        ("1h30m", 90 * MINUTE),
        ("  3 D ", WorkingDays(days=3)),
        ("3 días", WorkingDays(days=3)),
        ("2 horas", 2 * HOUR),
    ],
)
def test_targets_are_read_as_people_type_them(words, target):
    assert read_target(words) == target
    assert read_target(written_target(target)) == target


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ("4", "Write 4 h"),
        ("four hours", "Write 4 h"),
        ("4 weeks", "Write 4 h"),
        ("4 h 4 h", "Write 4 h"),
        ("-4 h", "Write 4 h"),
        ("1.5 d", "whole ones"),
        ("1 d 2 h", "stand alone"),
        ("9999999 d", "Write 4 h"),
    ],
)
def test_what_is_no_target_is_refused_with_a_sentence(words, sentence):
    with pytest.raises(NotationError, match=sentence):
        read_target(words)


@pytest.mark.parametrize(
    ("words", "sentence"),
    [("0 h", "more than nothing"), ("0 d", "1 to 250"), ("9999 h", "2,000 hours")],
)
def test_a_target_out_of_reach_is_refused_with_a_sentence(words, sentence):
    with pytest.raises(PlanError, match=sentence):
        check_target(read_target(words))


def test_a_factor_leaves_working_days_whole_and_at_least_one():
    assert scaled(WorkingDays(days=3), 50) == WorkingDays(days=2)
    assert scaled(WorkingDays(days=1), 10) == WorkingDays(days=1)
    assert scaled(timedelta(hours=8), 75) == timedelta(hours=6)
