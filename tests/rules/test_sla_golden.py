"""What `right` means for service levels: one test for each decision that others leave open."""

from __future__ import annotations

from datetime import date

import pytest

from servicedesk.sla.calendar import (
    CalendarDefinition,
    Holiday,
    compiled_versions,
)
from servicedesk.sla.cycles import Metric, Terms, Verdict, WorkingDays, next_look_at
from servicedesk.sla.derivation import derive
from servicedesk.sla.evaluation import EventKind, evaluate
from servicedesk.sla.plan import PlanDefinition, PlanError, Recipient, Threshold
from tests.sla_story import (
    CLIENT,
    DAILY,
    DEVICE,
    HOUR,
    LATER,
    MICROSECOND,
    MINUTE,
    OFFICE,
    STARTED,
    TERMS,
    THIRD,
    URGENT,
    at,
    cycles,
    resolution,
    terms,
    told,
)

PAUSED, RESUMED, RESOLVED = EventKind.PAUSED, EventKind.RESUMED, EventKind.RESOLVED


def columns(events, now=LATER, warned=None):
    """Return the columns of the cycles' rows, by metric and ordinal."""
    return derive(events, now, warned or {}).cycles


def test_reopened_is_a_new_cycle_the_first_verdict_stays_and_it_is_counted_as_a_reopen():
    events = told((at(16, 9), *STARTED), (at(16, 12), RESOLVED), (at(18, 9), EventKind.REOPENED))
    first, second = cycles(events, now=at(19, 16))
    assert (first.verdict, first.elapsed) == (Verdict.MET, 3 * HOUR)
    assert (second.verdict, second.started_at) == (Verdict.BREACHED, at(18, 9))
    # each counts on its own, and the second one is the reopening: there is one less of them than
    # there are cycles (that the ticket counts it too is a matter of operations)
    numbered = [ordinal for metric, ordinal in columns(events) if metric is Metric.RESOLUTION]
    assert numbered == [1, 2]
    assert len(cycles(events, Metric.FIRST_RESPONSE)) == 1  # answered is answered


@pytest.mark.parametrize("other", [URGENT, terms(resolution=2 * HOUR, plan_id=7)])
def test_another_priority_or_plan_counts_from_the_real_start_and_keeps_every_pause(other):
    events = told(
        (at(16, 9), *STARTED),
        (at(16, 10), PAUSED, CLIENT),
        (at(16, 12), RESUMED, CLIENT),
        (at(16, 12), EventKind.REPLANNED, {"terms": other}),
    )
    old, new = cycles(events, now=at(16, 12))
    assert (old.verdict, old.stopped_at, old.target) == (Verdict.SUPERSEDED, at(16, 12), 8 * HOUR)
    assert (new.verdict, new.started_at) == (Verdict.RUNNING, at(16, 9))
    assert (new.elapsed, new.due_at, new.target) == (HOUR, at(16, 13), 2 * HOUR)
    assert [i.party for i in new.intervals] == [None, CLIENT["party"], None]


def test_a_superseded_target_is_listed_and_not_counted_even_if_it_was_breached_already():
    events = told(
        (at(16, 9), EventKind.STARTED, {"terms": URGENT}),
        (at(16, 16), EventKind.REPLANNED, {"terms": TERMS}),
        (at(16, 17), RESOLVED),
    )
    old, new = cycles(events)
    assert old.elapsed > old.target
    assert (old.verdict, new.verdict) == (Verdict.SUPERSEDED, Verdict.MET)
    rows = columns(events)
    assert rows[Metric.RESOLUTION, 1]["month"] is None
    assert rows[Metric.RESOLUTION, 2]["month"] == date(2026, 11, 1)


def test_what_another_plan_promises_first_counts_from_the_real_start_too():
    events = told(
        (at(16, 9), EventKind.STARTED, {"terms": terms(first_response=None, resolution=None)}),
        (at(16, 11), EventKind.REPLANNED, {"terms": TERMS}),
        (at(16, 12), EventKind.RESPONDED),
    )
    (response,) = cycles(events, Metric.FIRST_RESPONSE)
    assert (response.verdict, response.started_at) == (Verdict.BREACHED, at(16, 9))
    (only,) = cycles(events, now=at(16, 12))
    assert (only.verdict, only.due_at) == (Verdict.RUNNING, at(16, 17))


def test_an_edited_calendar_is_a_new_version_from_its_date_and_nothing_in_the_past_moves():
    closed = tuple(Holiday(date(2026, 11, day), "Closed") for day in (16, 17, 18, 19, 20, 24))
    edited = CalendarDefinition(time_zone="Europe/Madrid", weekly=OFFICE.weekly, holidays=closed)
    both = compiled_versions([(date(2020, 1, 1), OFFICE), (date(2026, 11, 23), edited)])
    new = Terms(TERMS.targets, both)
    for stop in (at(16, 11), at(20, 16)):  # before its date: to the microsecond as it was
        events = [(at(16, 9), EventKind.STARTED), (stop, RESOLVED)]
        before, after = (
            resolution(told((*events[0], {"terms": one}), events[1])) for one in (TERMS, new)
        )
        assert (before.elapsed, before.verdict) == (after.elapsed, after.verdict)
        assert before.due_at == after.due_at
        assert before.intervals == after.intervals
    # and what goes on after it is measured by it: the 24th is closed
    assert resolution(told((at(23, 16), EventKind.STARTED, {"terms": new}))).due_at == at(25, 16)


def test_several_plans_cannot_match_a_plan_has_one_target_and_one_threshold_for_a_moment():
    """Exactly one plan a contract and day is a matter of the database: see the operations."""
    warning = Threshold(percent=75, reaches=frozenset({Recipient.ASSIGNEE}))
    another = Threshold(
        percent=75, reaches=frozenset({Recipient.QUEUE}), priorities=frozenset({"critical"})
    )
    targets = {("incident", "high"): {Metric.RESOLUTION: HOUR}}
    with pytest.raises(PlanError, match="same moment") as refused:
        PlanDefinition(targets=targets, thresholds=(warning, another))
    assert refused.value.where == "thresholds.1"
    elsewhere = Threshold(
        percent=75,
        reaches=frozenset({Recipient.QUEUE}),
        metrics=frozenset({Metric.RESOLUTION}),
        priorities=frozenset({"critical"}),
    )
    low = Threshold(percent=75, reaches=warning.reaches, priorities=frozenset({"low"}))
    assert PlanDefinition(targets=targets, thresholds=(elsewhere, low)).thresholds
    # a second target for the same row and metric has no place where it could stand
    plan = PlanDefinition(targets=targets)
    assert PlanDefinition.from_json(plan.to_json()) == plan
    assert plan.targets_of("incident", "high") == {Metric.RESOLUTION: HOUR}


def test_paused_and_resolved_in_one_step_closes_the_open_interval_first_and_then_judges():
    started, paused = (at(16, 9), *STARTED), (at(16, 10), PAUSED, CLIENT)
    stop = at(20, 10)
    for last in (
        [(stop, RESOLVED)],
        [(stop, RESUMED, CLIENT), (stop, RESOLVED)],
        [(stop, RESOLVED), (stop, RESUMED, CLIENT)],
        [(stop, PAUSED, DEVICE), (stop, RESOLVED)],
    ):
        cycle = resolution(told(started, paused, *last))
        assert (cycle.verdict, cycle.elapsed, cycle.stopped_at) == (Verdict.MET, HOUR, stop)
        assert [(i.start, i.end, i.party) for i in cycle.intervals] == [
            (at(16, 9), at(16, 10), None),
            (at(16, 10), stop, CLIENT["party"]),
        ]
    # and who was late already stays late: the pause takes nothing away
    late = told((at(16, 9), *STARTED), (at(17, 10), PAUSED, CLIENT), (at(17, 10), RESOLVED))
    assert resolution(late).verdict is Verdict.BREACHED


def test_merged_takes_the_cycles_of_the_child_out_of_the_figures_and_lists_them():
    events = told(
        (at(16, 9), *STARTED),
        (at(16, 10), EventKind.RESPONDED),
        (at(18, 9), EventKind.MERGED),
    )
    child = derive(events, LATER, {})
    assert {row["verdict"] for row in child.cycles.values()} == {Verdict.WITHDRAWN}
    assert {row["month"] for row in child.cycles.values()} == {None}
    assert len(child.cycles) == 2  # listed
    assert (child.ledger["standing"], child.ledger["next_due_at"]) == ("merged", None)
    target = told((at(16, 9), *STARTED), (at(16, 12), RESOLVED))  # a ledger of its own
    assert {row["month"] for row in columns(target).values()} == {date(2026, 11, 1)}


def test_withdrawn_leaves_the_figures():
    events = told((at(16, 9), *STARTED), (at(18, 9), EventKind.WITHDRAWN))
    assert {c.verdict for c in evaluate(events, LATER)} == {Verdict.WITHDRAWN}


def test_open_and_past_due_counts_as_breached_now_and_once():
    events = told((at(16, 9), *STARTED), (at(16, 10), EventKind.RESPONDED))
    on_time, due = at(16, 17), at(16, 17)
    assert resolution(events, on_time).verdict is Verdict.RUNNING
    late = resolution(events, at(17, 9) + MICROSECOND)
    assert (late.verdict, late.is_open, late.counted_at) == (Verdict.BREACHED, True, due)
    open_row = columns(events, at(17, 10))[Metric.RESOLUTION, 1]
    ended = [*events, *told((at(30, 9, month=12), RESOLVED))]
    rows = columns(ended, at(31, 9, month=12))
    assert [ordinal for metric, ordinal in rows if metric is Metric.RESOLUTION] == [1]
    for column in ("verdict", "month", "due_at", "is_near_miss"):
        assert rows[Metric.RESOLUTION, 1][column] == open_row[column]
    assert open_row["month"] == date(2026, 11, 1)  # when it ran out, not when it ended


def test_exactly_on_time_is_met():
    for stop, verdict in (
        (at(16, 17), Verdict.MET),
        (at(17, 9), Verdict.MET),  # not a microsecond of business time later
        (at(17, 9) + MICROSECOND, Verdict.BREACHED),
    ):
        assert resolution(told((at(16, 9), *STARTED), (stop, RESOLVED))).verdict is verdict
    exact = told((at(16, 9), *STARTED), (at(16, 10), EventKind.RESPONDED))
    (answer,) = cycles(exact, Metric.FIRST_RESPONSE)
    assert (answer.verdict, answer.elapsed, answer.is_near_miss) == (Verdict.MET, HOUR, True)


def test_a_target_that_runs_out_exactly_at_closing_shows_the_closing_and_is_judged_by_elapsed_time():
    for stop in (at(16, 17), at(16, 17, 1), at(16, 23), at(17, 9)):
        events = told((at(16, 9), *STARTED), (stop, RESOLVED))
        assert resolution(events).due_at == at(16, 17)  # never the next opening
        assert resolution(events).verdict is Verdict.MET  # also where stop > due
        assert resolution(events).elapsed == 8 * HOUR
    still = told((at(16, 9), *STARTED))
    for now in (at(16, 17), at(16, 23), at(17, 9)):
        assert resolution(still, now).verdict is Verdict.RUNNING
        assert next_look_at(resolution(still, now), 75, now) in {
            at(16, 17),
            at(17, 9) + MICROSECOND,
        }
    late = told((at(16, 9), *STARTED), (at(17, 9, 1), RESOLVED))
    assert (resolution(late).verdict, resolution(late).due_at) == (Verdict.BREACHED, at(16, 17))


def test_overlapping_pauses_are_their_union_in_business_time_and_never_move_the_start():
    events = told(
        (at(16, 9), *STARTED),
        (at(16, 10), PAUSED, CLIENT),
        (at(16, 11), PAUSED, DEVICE),
        (at(16, 12), RESUMED, CLIENT),
        (at(16, 13), RESUMED, DEVICE),
        (at(16, 16), PAUSED, THIRD),  # over the night: one hour of business time
        (at(17, 9), RESUMED, THIRD),
    )
    cycle = resolution(events, at(17, 10))
    assert (cycle.started_at, cycle.elapsed, cycle.due_at) == (at(16, 9), 5 * HOUR, at(17, 13))
    waits = [(i.start, i.end, i.party, i.business_time) for i in cycle.intervals if i.party]
    assert waits == [
        (at(16, 10), at(16, 12), CLIENT["party"], 2 * HOUR),
        (at(16, 12), at(16, 13), DEVICE["party"], HOUR),
        (at(16, 16), at(17, 9), THIRD["party"], HOUR),
    ]


def test_while_it_waits_nothing_is_due():
    events = told((at(16, 9), *STARTED), (at(16, 10), PAUSED, CLIENT))
    assert resolution(events, at(16, 10)).due_at is None
    assert resolution(events, at(16, 12)).verdict is Verdict.PAUSED
    assert resolution(events, at(16, 12)).remaining == 7 * HOUR
    assert next_look_at(resolution(events, at(16, 12)), 0, at(16, 12)) is None


def test_time_is_exact_business_time_to_the_microsecond_inside():
    sliver = 7 * MICROSECOND
    events = told(
        (at(16, 9) + sliver, *STARTED),
        (at(16, 10) + 9 * MICROSECOND, PAUSED, CLIENT),
        (at(16, 11), RESUMED, CLIENT),
        (at(16, 17), RESOLVED),
    )
    cycle = resolution(events)
    assert cycle.elapsed == HOUR + 2 * MICROSECOND + 6 * HOUR
    assert sum((i.business_time for i in cycle.intervals), 0 * HOUR) == 8 * HOUR - sliver
    assert columns(events)[Metric.RESOLUTION, 1]["elapsed_seconds"] == 7 * 3600  # seconds shown


def test_days_are_working_days_of_the_calendar_never_24_hours():
    two_days = {"terms": terms(first_response=None, resolution=WorkingDays(days=2))}
    # from Monday over a holiday on Tuesday: Wednesday, and the close of Thursday
    events = told((at(7, 15, month=12), EventKind.STARTED, two_days))
    cycle = resolution(events, at(9, 9, month=12))
    assert cycle.due_at == at(10, 17, month=12)
    assert cycle.target == 2 * HOUR + 16 * HOUR  # the rest of Monday does not count as a day
    # wherever in its day it starts, it has until the same close
    for hour in (0, 7, 9, 16, 17, 23):
        early = told((at(9, hour, month=12), EventKind.STARTED, two_days))
        assert resolution(early, at(9, hour, month=12)).due_at == at(11, 17, month=12)


@pytest.mark.parametrize(
    ("calendar", "start", "due"),
    [
        (OFFICE, at(27, 12, month=3), at(30, 17, month=3)),  # Friday; the weekend has 47 hours
        (OFFICE, at(23, 12, month=10), at(26, 17, month=10)),  # and here 49
        (DAILY, at(28, 12, month=3), at(29, 17, month=3)),
        (DAILY, at(24, 12, month=10), at(25, 17, month=10)),
    ],
)
def test_a_working_day_over_a_daylight_saving_weekend_ends_at_its_close(calendar, start, due):
    one_day = {"terms": terms(resolution=WorkingDays(days=1), calendar=calendar)}
    events = told((start, EventKind.STARTED, one_day))
    assert resolution(events, start).due_at == due
    assert resolution(events, start).target == 13 * HOUR
    for stop, verdict in ((due, Verdict.MET), (due + 16 * HOUR + MINUTE, Verdict.BREACHED)):
        ended = [*events, *told((stop, RESOLVED))]
        assert resolution(ended, stop).verdict is verdict
