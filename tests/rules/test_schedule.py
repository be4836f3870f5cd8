"""Due times: what a cron expression or an interval says, through every change of the clocks."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from itertools import islice, pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from servicedesk.planning.schedule import (
    After,
    Cron,
    Interval,
    Once,
    Unit,
    cron_fault,
    dues,
    dues_between,
    from_json,
    next_due,
    to_json,
)

MADRID = "Europe/Madrid"
ZONES = (
    MADRID,
    "Atlantic/Canary",
    "America/Bogota",
    "America/St_Johns",
    "Australia/Lord_Howe",  # half an hour
    "Africa/Casablanca",  # back for Ramadan, on again after it
)
SPRING, AUTUMN = date(2026, 3, 29), date(2026, 10, 25)


def at(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=UTC)


def on_wall(*parts: int) -> datetime:
    return datetime(*parts)  # noqa: DTZ001  what the clock on the wall says


def around(day: date) -> tuple[datetime, datetime]:
    noon = datetime(day.year, day.month, day.day, 12, tzinfo=UTC)
    return noon - timedelta(days=1), noon + timedelta(days=1)


def of_day(schedule: Cron | Interval, day: date) -> list[datetime]:
    """Return the due times that the wall clock dates on a day."""
    begin, end = around(day)
    zone = ZoneInfo(schedule.zone)
    return [
        due
        for due in dues_between(schedule, begin, end, 10_000)
        if due.astimezone(zone).date() == day
    ]


@pytest.mark.parametrize("day", [SPRING, AUTUMN], ids=["hour missing", "hour doubled"])
@pytest.mark.parametrize(
    "schedule",
    [
        Cron(expression="30 2 * * *", zone=MADRID),
        Interval(count=1, unit=Unit.DAY, starts_at=on_wall(2026, 1, 1, 2, 30), zone=MADRID),
        Interval(count=1, unit=Unit.WEEK, starts_at=on_wall(2026, 1, 4, 2, 30), zone=MADRID),
    ],
    ids=["cron", "days", "weeks"],
)
def test_half_past_two_comes_once_when_the_hour_is_doubled_and_once_when_it_is_missing(
    schedule, day
):
    assert len(of_day(schedule, day)) == 1


def test_a_missing_time_comes_as_much_later_as_the_clock_is_put_on():
    assert of_day(Cron(expression="30 2 * * *", zone=MADRID), SPRING) == [at(2026, 3, 29, 1, 30)]


def test_a_doubled_time_counts_the_first_time():
    assert of_day(Cron(expression="30 2 * * *", zone=MADRID), AUTUMN) == [at(2026, 10, 25, 0, 30)]


@pytest.mark.parametrize(("day", "hours"), [(SPRING, 23), (AUTUMN, 25)])
def test_every_hour_means_every_hour_that_really_passes(day, hours):
    schedule = Cron(expression="0 * * * *", zone=MADRID)
    found = of_day(schedule, day)
    assert len(found) == hours
    assert {later - sooner for sooner, later in pairwise(found)} == {timedelta(hours=1)}


def test_times_of_a_skipped_hour_and_of_the_next_one_come_in_order_and_each_once():
    schedule = Cron(expression="*/20 2,3 * * *", zone=MADRID)
    assert of_day(schedule, SPRING) == [at(2026, 3, 29, 1, minute) for minute in (0, 20, 40)]
    assert len(of_day(schedule, AUTUMN)) == 6


def test_a_month_too_short_has_it_on_its_last_day_and_the_next_has_its_own_again():
    schedule = Interval(
        count=1, unit=Unit.MONTH, starts_at=on_wall(2027, 10, 31, 9), zone="America/Bogota"
    )
    days = [due.date() for due in islice(dues(schedule, at(2027, 1, 1)), 6)]
    assert days == [
        date(2027, 10, 31),
        date(2027, 11, 30),
        date(2027, 12, 31),
        date(2028, 1, 31),
        date(2028, 2, 29),
        date(2028, 3, 31),
    ]


def test_the_last_day_of_a_schedule_is_one_of_it():
    schedule = Cron(expression="0 23 * * *", zone=MADRID, until=date(2026, 5, 2))
    assert dues_between(schedule, at(2026, 5, 1), at(2026, 6, 1), 99) == [
        at(2026, 5, 1, 21),
        at(2026, 5, 2, 21),
    ]


def test_once_comes_once_and_what_follows_another_task_comes_by_that_alone():
    once = Once(at=at(2026, 5, 1), zone=MADRID)
    assert next_due(once, at(2026, 4, 1)) == at(2026, 5, 1)
    assert next_due(once, at(2026, 5, 1)) is None
    assert next_due(After(minutes=5, zone=MADRID), at(2026, 4, 1)) is None


@pytest.mark.parametrize(
    "expression",
    ["", "* * * *", "* * * * * *", "61 * * * *", "0 0 30 2 *", "a b c d e", "0 25 * * *", "@daily"],
)
def test_an_expression_that_means_nothing_is_a_fault(expression):
    assert cron_fault(expression)


@pytest.mark.parametrize("expression", ["0 0 29 2 *", "*/5 * * * *", "15 3 1-7 * MON", "0 0 L * *"])
def test_an_expression_that_means_something_is_none(expression):
    assert cron_fault(expression) is None


zones = st.sampled_from(ZONES)
walls = st.datetimes(on_wall(2012, 1, 1), on_wall(2030, 12, 31)).map(
    lambda wall: wall.replace(second=0, microsecond=0)
)
anytime = st.datetimes(on_wall(2012, 1, 1), on_wall(2029, 12, 31))
# a few days before clocks change somewhere
changes = st.sampled_from(
    [
        on_wall(year, month, day)
        for year in (2019, 2026, 2027)
        for month, day in ((3, 5), (3, 24), (4, 1), (5, 5), (9, 28), (10, 21), (10, 29))
    ]
)
instants = st.one_of(anytime, changes).map(lambda wall: wall.replace(tzinfo=UTC))
held = settings(max_examples=80, deadline=None, derandomize=True, database=None)
intervals = st.builds(
    Interval,
    count=st.integers(1, 40),
    unit=st.sampled_from(Unit),
    starts_at=walls,
    zone=zones,
)
some = st.lists(st.integers(0, 59), min_size=1, max_size=3, unique=True)
hours = st.lists(st.integers(0, 23), min_size=1, max_size=4, unique=True)
weekdays = st.lists(st.integers(0, 6), min_size=1, max_size=7, unique=True)


def cron(minutes: list[int], hours: list[int], weekdays: list[int], zone: str) -> Cron:
    fields = [",".join(map(str, field)) for field in (minutes, hours)]
    # cron counts from Sunday, Python from Monday
    days = ",".join(str((day + 1) % 7) for day in weekdays)
    return Cron(expression=f"{fields[0]} {fields[1]} * * {days}", zone=zone)


crons = st.builds(cron, some, hours, weekdays, zones)


@held
@given(st.one_of(intervals, crons), instants, st.integers(1, 30))
def test_from_wherever_one_looks_the_same_times_follow(schedule, begin, number):
    found = list(islice(dues(schedule, begin), number))
    assert found == sorted(set(found))
    assert all(due > begin for due in found)
    for sooner, later in pairwise(found):
        assert next_due(schedule, sooner) == later
        assert next_due(schedule, later - timedelta(seconds=1)) == later


@held
@given(st.one_of(intervals, crons))
def test_a_schedule_is_read_as_it_was_written(schedule):
    assert from_json(to_json(schedule)) == schedule


@held
@given(some, hours, weekdays, zones, instants)
def test_each_time_of_the_wall_comes_once_as_a_minute_by_minute_walk_finds(
    minutes, hours, weekdays, zone, begin
):
    schedule = cron(minutes, hours, weekdays, zone)
    end = begin + timedelta(days=9)
    local = ZoneInfo(zone)
    wall = begin.astimezone(local).replace(tzinfo=None, second=0, microsecond=0) - timedelta(days=2)
    expected = set()
    for _ in range(13 * 24 * 60):
        wall += timedelta(minutes=1)
        if wall.minute in minutes and wall.hour in hours and wall.weekday() in weekdays:
            instant = wall.replace(tzinfo=local).astimezone(UTC)
            if begin < instant <= end:
                expected.add(instant)
    assert dues_between(schedule, begin, end, 10_000) == sorted(expected)


@held
@given(intervals, instants)
def test_intervals_are_what_counting_from_their_beginning_gives(schedule, begin):
    zone = ZoneInfo(schedule.zone)
    end = begin + timedelta(days=100)
    if schedule.unit in {Unit.SECOND, Unit.MINUTE, Unit.HOUR}:
        step = {Unit.SECOND: 1, Unit.MINUTE: 60, Unit.HOUR: 3600}[schedule.unit] * schedule.count
        first = schedule.starts_at.replace(tzinfo=zone)
        found = dues_between(schedule, begin, end, 50)
        assert all((due - first).total_seconds() % step == 0 for due in found)
        assert all(due > begin for due in found)
        return
    expected = []
    number = 0
    while True:
        wall = counted(schedule, number)
        if wall > (end + timedelta(days=3)).replace(tzinfo=None):
            break
        due = wall.replace(tzinfo=zone).astimezone(UTC)
        if begin < due <= end:
            expected.append(due)
        number += 1
    assert dues_between(schedule, begin, end, 1000) == sorted(set(expected))


def counted(schedule: Interval, number: int) -> datetime:
    """Return the wall clock's time after so many steps, by walking day by day."""
    start = schedule.starts_at
    if schedule.unit is Unit.DAY:
        return start + timedelta(days=number * schedule.count)
    if schedule.unit is Unit.WEEK:
        return start + timedelta(days=7 * number * schedule.count)
    years, month = divmod(start.month - 1 + number * schedule.count, 12)
    day = start.day
    while True:
        try:
            return start.replace(year=start.year + years, month=month + 1, day=day)
        except ValueError:
            day -= 1
