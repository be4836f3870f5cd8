"""The days on which a task is due: the same as its schedule says, but bounded."""

from __future__ import annotations

from collections import Counter
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from servicedesk.planning.due_days import MOST_A_DAY, due_days
from servicedesk.planning.schedule import Cron, Interval, Once, Unit, dues_between

MADRID = "Europe/Madrid"
ZONE = ZoneInfo(MADRID)
FIRST, LAST = date(2026, 10, 1), date(2026, 10, 31)  # the clocks go back on the 25th
START = datetime(2026, 1, 1, 2, 30)  # noqa: DTZ001  the clock on the wall


def plainly(schedule):
    """Every due time of the month, walked one by one."""
    begin = datetime(2026, 10, 1, tzinfo=ZONE)
    end = datetime(2026, 11, 1, tzinfo=ZONE)
    return [
        due
        for due in dues_between(schedule, begin - timedelta(seconds=1), end, 50_000)
        if begin <= due < end
    ]


@pytest.mark.parametrize(
    "schedule",
    [
        Interval(count=1, unit=Unit.DAY, starts_at=START, zone=MADRID),
        Interval(count=1, unit=Unit.WEEK, starts_at=START, zone=MADRID),
        Interval(count=6, unit=Unit.HOUR, starts_at=START, zone=MADRID),
        Cron(expression="30 2 * * *", zone=MADRID),
        Cron(expression="0 9,13 * * 1-5", zone=MADRID),
        Cron(expression="0 * * * *", zone="America/New_York"),
        Once(at=datetime(2026, 10, 31, 23, 59, tzinfo=ZONE), zone=MADRID),
    ],
)
def test_what_is_not_too_often_is_all_there(schedule):
    found = due_days(schedule, FIRST, LAST, MADRID)
    told = [due for day in found.days for due in day.dues]
    expected = plainly(schedule)
    by_day = Counter(due.astimezone(ZONE).date() for due in expected)
    assert {day.on: day.count for day in found.days if not day.is_cut} == {
        on: count for on, count in by_day.items() if count <= MOST_A_DAY
    }
    seen: Counter[date] = Counter()
    first_ones = []
    for due in expected:
        seen[due.astimezone(ZONE).date()] += 1
        if seen[due.astimezone(ZONE).date()] <= MOST_A_DAY:
            first_ones.append(due)
    assert told == first_ones


def test_an_interval_of_minutes_is_counted_without_walking_through_it():
    schedule = Interval(count=5, unit=Unit.MINUTE, starts_at=START, zone=MADRID)
    found = due_days(schedule, FIRST, LAST, MADRID)
    by_day = Counter(due.astimezone(ZONE).date() for due in plainly(schedule))
    assert {day.on: day.count for day in found.days} == by_day
    assert by_day[date(2026, 10, 25)] == 25 * 12  # the day with an hour more
    assert all(len(day.dues) == MOST_A_DAY and not day.is_cut for day in found.days)


def test_a_cron_expression_that_comes_too_often_says_so():
    found = due_days(Cron(expression="* * * * 1", zone=MADRID), FIRST, LAST, MADRID)
    assert [day.on.weekday() for day in found.days] == [0] * 4
    assert all(day.is_cut and day.count == MOST_A_DAY for day in found.days)
    assert not found.is_cut


def test_of_seconds_a_year_is_cut_and_that_is_said():
    schedule = Interval(count=1, unit=Unit.SECOND, starts_at=START, zone=MADRID)
    assert due_days(schedule, FIRST, FIRST + timedelta(days=200), MADRID).is_cut
