"""What gets in each other's way: against every pair looked at one by one."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from itertools import combinations
from random import Random

import pytest

from servicedesk.planning.conflicts import (
    MOST_PAIRS,
    Reach,
    Span,
    Why,
    conflicts,
    meetings,
    share_plainly,
)
from servicedesk.planning.models import Category, WorkKind

MIDNIGHT = datetime(2026, 3, 2, tzinfo=UTC)
DAY = date(2026, 3, 2)


def task(number, **more):
    return Reach(
        **{
            "task_id": number,
            "category": Category.SECURITY_POLICIES,
            "work_kind": WorkKind.ACTION,
            "client_id": 1,
            "group_ids": frozenset({7}),
        }
        | more
    )


def span(reach, begin, end=None):
    starts_at = MIDNIGHT + timedelta(minutes=begin)
    ends_at = MIDNIGHT + timedelta(minutes=begin if end is None else end)
    return Span(reach, starts_at, ends_at, DAY)


def found(*spans, holidays=None):
    return conflicts(spans, list(meetings(spans)), share_plainly, holidays or {})


@pytest.mark.parametrize("seed", range(30))
def test_times_that_meet_are_those_that_have_an_instant_in_common(seed):
    dice = Random(seed)
    spans = []
    for number in range(25):
        begin = dice.randrange(0, 300, 10)
        spans.append(span(task(number % 9), begin, begin + dice.choice((0, 0, 10, 30, 90))))
    expected = {
        frozenset((one, other))
        for one, other in combinations(spans, 2)
        if one.reach.task_id != other.reach.task_id
        and (
            one.starts_at == other.starts_at
            or max(one.starts_at, other.starts_at) < min(one.ends_at, other.ends_at)
            or one.starts_at < other.starts_at == other.ends_at < one.ends_at
            or other.starts_at < one.starts_at == one.ends_at < other.ends_at
        )
    }
    assert {frozenset(pair) for pair in meetings(spans)} == expected


def test_two_actions_on_the_same_devices_at_one_time_are_told_once_with_how_often():
    first, second = task(1), task(2)
    (told,) = found(
        span(first, 0, 60), span(second, 30, 90), span(first, 500, 560), span(second, 500)
    )
    assert (told.why, told.count) == (Why.SAME_DEVICES, 2)
    assert (told.first_id, told.second_id) == (1, 2)
    assert told.starts_at == MIDNIGHT + timedelta(minutes=30)
    assert told.ends_at == MIDNIGHT + timedelta(minutes=60)


@pytest.mark.parametrize(
    "other",
    [
        task(2, client_id=2),
        task(2, group_ids=frozenset({8})),
        task(2, group_ids=frozenset(), device_ids=frozenset({7})),
        task(2, work_kind=WorkKind.CHECK),
        task(2, client_id=None, category=Category.PREVENTIVE_MAINTENANCE),
    ],
)
def test_what_concerns_different_devices_goes_together(other):
    assert not found(span(task(1), 0, 60), span(other, 30, 90))


@pytest.mark.parametrize("other", [task(2), task(2, client_id=None), task(2, client_id=5)])
def test_a_change_of_the_whole_service_goes_with_nothing(other):
    change = task(
        1,
        client_id=None,
        category=Category.INFRASTRUCTURE_CHANGE,
        work_kind=WorkKind.CHECKLIST,
        group_ids=frozenset(),
    )
    (told,) = found(span(change, 0, 240), span(other, 60))
    assert told.why is Why.SERVICE_CHANGE
    assert told.starts_at == told.ends_at == MIDNIGHT + timedelta(minutes=60)
    assert not found(span(change, 0, 60), span(other, 60))  # it begins as the window ends


def test_steps_for_people_on_a_holiday_are_told_and_machines_work_on_them():
    people, machine = task(1, work_kind=WorkKind.CHECKLIST), task(2)
    (told,) = found(span(people, 0), span(machine, 300), holidays={DAY: "Carnival"})
    assert (told.why, told.first_id, told.holiday) == (Why.HOLIDAY, 1, "Carnival")


def test_however_many_meet_only_so_many_are_looked_at():
    spans = [span(task(number), 0, 60) for number in range(100)]
    assert sum(1 for _ in meetings(spans)) == MOST_PAIRS
