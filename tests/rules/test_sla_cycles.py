"""What starts, stops and pauses which metric; events of one instant; whose a verdict is."""

from __future__ import annotations

from itertools import permutations

import pytest

from servicedesk.sla.cycles import Metric, Party, Verdict
from servicedesk.sla.derivation import derive
from servicedesk.sla.evaluation import EventKind, LedgerEvent, evaluate, evaluation_of
from tests.sla_story import (
    CLIENT,
    DEVICE,
    HOUR,
    LATER,
    MICROSECOND,
    NEWS,
    PLANNED,
    STARTED,
    THIRD,
    URGENT,
    at,
    cycles,
    resolution,
    terms,
    told,
)

PAUSED, RESUMED, RESOLVED = EventKind.PAUSED, EventKind.RESUMED, EventKind.RESOLVED
RESPONDED, REOPENED, REPLANNED = EventKind.RESPONDED, EventKind.REOPENED, EventKind.REPLANNED
ASSIGNED = EventKind.ASSIGNED
WITH_NEWS = (EventKind.STARTED, {"terms": NEWS})


def owner(name, agent_id):
    return {"queue": name, "agent_id": agent_id}


@pytest.mark.parametrize("wait", [CLIENT, THIRD, DEVICE, PLANNED])
def test_nothing_pauses_the_first_response(wait):
    events = told((at(16, 9), *STARTED), (at(16, 9), PAUSED, wait))
    (running,) = cycles(events, Metric.FIRST_RESPONSE, at(16, 9, 30))
    assert (running.verdict, running.due_at) == (Verdict.RUNNING, at(16, 10))
    assert [interval.party for interval in running.intervals] == [None]
    (late,) = cycles(events, Metric.FIRST_RESPONSE, at(16, 10, 1))
    assert late.verdict is Verdict.BREACHED


def test_being_told_that_it_is_solved_is_an_answer():
    events = told((at(16, 9), *STARTED), (at(16, 9, 59), RESOLVED))
    (response,) = cycles(events, Metric.FIRST_RESPONSE)
    assert (response.verdict, response.stopped_at) == (Verdict.MET, at(16, 9, 59))


def test_news_are_owed_from_the_first_answer_on_after_each_answer_and_until_the_resolution():
    started = (at(16, 9), *WITH_NEWS)
    assert cycles(told(started), Metric.PERIODIC_UPDATE) == []
    events = told(
        started,
        (at(16, 10), RESPONDED),
        (at(16, 13), RESPONDED),
        (at(17, 11), RESPONDED),
        (at(17, 12), RESOLVED),
        (at(17, 13), RESPONDED),  # a word after it is none that was owed
    )
    found = cycles(events, Metric.PERIODIC_UPDATE)
    assert [(c.started_at, c.stopped_at, c.verdict) for c in found] == [
        (at(16, 10), at(16, 13), Verdict.MET),
        (at(16, 13), at(17, 11), Verdict.BREACHED),
        (at(17, 11), at(17, 12), Verdict.MET),
    ]
    # reopening starts it anew, and so does the answer after it
    again = [*events, *told((at(18, 9), REOPENED), (at(18, 10), RESPONDED))]
    found = cycles(again, Metric.PERIODIC_UPDATE, at(18, 11))
    assert [(c.started_at, c.stopped_at) for c in found[3:]] == [
        (at(18, 9), at(18, 10)),
        (at(18, 10), None),
    ]


@pytest.mark.parametrize(
    ("wait", "stops"), [(CLIENT, True), (PLANNED, True), (THIRD, False), (DEVICE, False)]
)
def test_who_waits_for_somebody_else_or_a_device_still_owes_the_client_news(wait, stops):
    events = told((at(16, 9), *WITH_NEWS), (at(16, 10), RESPONDED), (at(16, 11), PAUSED, wait))
    (news,) = cycles(events, Metric.PERIODIC_UPDATE, at(16, 12))
    assert news.verdict is (Verdict.PAUSED if stops else Verdict.RUNNING)
    assert news.due_at == (None if stops else at(16, 14))
    assert resolution(events, at(16, 12)).verdict is Verdict.PAUSED  # all of them stop this one


def test_waits_of_which_only_one_stops_the_news_count_for_each_metric_on_their_own():
    events = told(
        (at(16, 9), *WITH_NEWS),
        (at(16, 10), RESPONDED),
        (at(16, 11), PAUSED, DEVICE),
        (at(16, 12), PAUSED, CLIENT),
        (at(16, 13), RESUMED, CLIENT),
    )
    (news,) = cycles(events, Metric.PERIODIC_UPDATE, at(16, 14))
    assert (news.elapsed, news.waiting_for) == (3 * HOUR, None)
    whole = resolution(events, at(16, 14))
    assert (whole.elapsed, whole.waiting_for) == (2 * HOUR, Party.DEVICE)


def in_every_order(*events):
    """Return the events of one instant in every order in which they may have been written."""
    return [told(*order) for order in permutations(events)]


def test_pause_and_resolution_of_one_instant_are_the_same_in_either_order():
    stop = at(16, 12)
    for now in in_every_order((stop, PAUSED, CLIENT), (stop, RESOLVED)):
        cycle = resolution([*told((at(16, 9), *STARTED)), *now])
        assert (cycle.verdict, cycle.elapsed, cycle.stopped_at) == (Verdict.MET, 3 * HOUR, stop)
        assert [(i.party, i.end) for i in cycle.intervals] == [(None, stop)]


def test_resumption_and_resolution_of_one_instant_are_the_same_in_either_order():
    before = told((at(16, 9), *STARTED), (at(16, 10), PAUSED, DEVICE))
    for now in in_every_order((at(16, 12), RESUMED, DEVICE), (at(16, 12), RESOLVED)):
        cycle = resolution([*before, *now])
        assert (cycle.elapsed, [i.party for i in cycle.intervals]) == (HOUR, [None, Party.DEVICE])


def test_resumption_and_pause_of_one_instant_go_on_waiting_without_a_piece_between():
    before = told((at(16, 9), *STARTED), (at(16, 10), PAUSED, DEVICE))
    for now in in_every_order((at(16, 12), RESUMED, DEVICE), (at(16, 12), PAUSED, CLIENT)):
        cycle = resolution([*before, *now], at(16, 13))
        assert (cycle.elapsed, cycle.waiting_for) == (HOUR, Party.CLIENT)
        parties = [i.party for i in cycle.intervals]
        assert parties == [None, Party.DEVICE, Party.CLIENT]


def test_answer_and_pause_of_one_instant_owe_news_that_wait_from_the_beginning():
    """Asking the client is both: it answers, and it waits."""
    start = told((at(16, 9), *WITH_NEWS))
    for now in in_every_order((at(16, 10), RESPONDED), (at(16, 10), PAUSED, CLIENT)):
        events = [*start, *now]
        (answer,) = cycles(events, Metric.FIRST_RESPONSE)
        assert (answer.verdict, answer.elapsed) == (Verdict.MET, HOUR)
        for moment in (at(16, 10), at(16, 12)):
            (news,) = cycles(events, Metric.PERIODIC_UPDATE, moment)
            assert (news.verdict, news.elapsed) == (Verdict.PAUSED, 0 * HOUR)
            assert resolution(events, moment).verdict is Verdict.PAUSED


def test_another_priority_before_the_resolution_of_one_instant_is_judged_and_after_it_changes_nothing():
    before = told((at(16, 9), *STARTED))
    stop, replan = (at(16, 12), RESOLVED), (at(16, 12), REPLANNED, {"terms": URGENT})
    judged = cycles([*before, *told(replan, stop)])
    assert [c.verdict for c in judged] == [Verdict.SUPERSEDED, Verdict.BREACHED]
    kept = cycles([*before, *told(stop, replan)])
    assert [c.verdict for c in kept] == [Verdict.MET]
    # what is reopened later goes on under what holds then
    again = cycles([*before, *told(stop, replan, (at(17, 9), REOPENED))], now=at(17, 10))
    assert [c.target for c in again] == [8 * HOUR, 2 * HOUR]


def test_reopening_and_assigning_of_one_instant_leave_the_first_verdict_with_whom_it_was():
    before = told(
        (at(16, 9), *STARTED),
        (at(16, 10), ASSIGNED, owner("support", 7)),
        (at(16, 12), RESOLVED),
    )
    for now in in_every_order((at(17, 9), REOPENED), (at(17, 9), ASSIGNED, owner("security", 8))):
        first, second = cycles([*before, *now], now=at(17, 10))
        assert (first.queue, first.agent_id) == ("support", 7)
        assert (second.queue, second.agent_id) == ("security", 8)


def test_who_is_given_it_after_it_was_resolved_has_not_resolved_it_even_at_the_same_instant():
    before = told((at(16, 9), *STARTED), (at(16, 10), ASSIGNED, owner("support", 7)))
    stop, given = (at(16, 12), RESOLVED), (at(16, 12), ASSIGNED, owner("advice", 8))
    (done,) = cycles([*before, *told(stop, given)])
    assert (done.queue, done.agent_id) == ("support", 7)
    (taken,) = cycles([*before, *told(given, stop)])
    assert (taken.queue, taken.agent_id) == ("advice", 8)


def test_a_breach_belongs_to_who_had_it_when_the_target_ran_out():
    events = told(
        (at(16, 9), EventKind.STARTED, {"terms": terms(), **owner("operations", None)}),
        (at(16, 10), ASSIGNED, owner("support", 7)),
        (at(17, 10), ASSIGNED, owner("", 8)),  # the queue stays what it was
        (at(17, 12), RESOLVED),
    )
    (response,) = cycles(events, Metric.FIRST_RESPONSE)
    assert (response.verdict, response.agent_id) == (Verdict.BREACHED, 7)
    for now in (at(17, 11), LATER):  # open, and resolved by another
        (late,) = cycles(events, now=now)
        assert (late.verdict, late.queue, late.agent_id) == (Verdict.BREACHED, "support", 7)
    found = evaluation_of(events, LATER)
    assert (found.queue, found.agent_id) == ("support", 8)
    quick = told(
        (at(16, 9), *STARTED), (at(16, 10), ASSIGNED, owner("support", 7)), (at(16, 11), RESOLVED)
    )
    assert (resolution(quick).queue, resolution(quick).agent_id) == ("support", 7)


def test_a_resumption_learnt_later_counts_from_when_it_held():
    events = told(
        (at(16, 9), *STARTED),
        (at(16, 10), PAUSED, DEVICE),
        (at(16, 15), ASSIGNED, owner("support", 7)),
        (at(16, 12), RESUMED, DEVICE),  # the device had been in touch at twelve
    )
    assert resolution(events[:3], at(16, 16)).elapsed == HOUR
    cycle = resolution(events, at(16, 16))
    assert (cycle.elapsed, cycle.due_at) == (5 * HOUR, at(17, 11))
    ended = [*events, LedgerEvent(at=at(16, 11), sequence=9, kind=RESOLVED)]
    # also if it lies before something known: then it is told in the order of what happened
    assert resolution(ended).elapsed == HOUR
    assert resolution(ended).stopped_at == at(16, 11)


def test_a_resumption_learnt_after_the_resolution_changes_what_it_was_judged_by():
    events = told(
        (at(16, 9), EventKind.STARTED, {"terms": URGENT}),
        (at(16, 10), PAUSED, DEVICE),
        (at(16, 15), RESOLVED),
    )
    assert resolution(events).verdict is Verdict.MET
    learnt = [*events, LedgerEvent(at=at(16, 11), sequence=4, kind=RESUMED, party=Party.DEVICE)]
    cycle = resolution(learnt)
    assert (cycle.verdict, cycle.elapsed, cycle.due_at) == (Verdict.BREACHED, 5 * HOUR, at(16, 12))


def test_for_whom_it_waits_is_the_same_at_every_moment_of_a_wait():
    """Two waits of one instant; one that ends at the very moment of the look."""
    twins = told((at(16, 9), *STARTED), (at(16, 10), PAUSED, THIRD), (at(16, 10), PAUSED, CLIENT))
    for now in (at(16, 10), at(16, 10) + MICROSECOND, at(16, 12)):
        assert resolution(twins, now).waiting_for is Party.THIRD_PARTY
    handed_over = told(
        (at(16, 9), *STARTED),
        (at(16, 10), PAUSED, CLIENT),
        (at(16, 11), PAUSED, DEVICE),
        (at(16, 12), RESUMED, CLIENT),
    )
    for now in (at(16, 12), at(16, 12) + MICROSECOND, at(16, 13)):
        assert resolution(handed_over, now).waiting_for is Party.DEVICE


def test_who_waits_twice_for_the_same_waits_once():
    events = told(
        (at(16, 9), *STARTED),
        (at(16, 10), PAUSED, CLIENT),
        (at(16, 11), PAUSED, CLIENT),
        (at(16, 12), RESUMED, CLIENT),
    )
    assert resolution(events, at(16, 13)).elapsed == 2 * HOUR


def test_events_to_come_change_nothing_now():
    events = told((at(16, 9), *STARTED), (at(16, 10), RESPONDED))
    to_come = told(
        (at(16, 13), PAUSED, CLIENT),
        (at(16, 14), REPLANNED, {"terms": URGENT}),
        (at(16, 15), ASSIGNED, owner("security", 8)),
        (at(16, 16), RESOLVED),
    )
    now = at(16, 12)
    assert evaluate([*events, *to_come], now) == evaluate(events, now)
    assert derive([*events, *to_come], now, {}) == derive(events, now, {})
