"""A month as it is shown is what is reckoned with."""

from __future__ import annotations

from datetime import date, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from servicedesk.sla.calendar import CalendarDefinition, Holiday, OpenInterval
from servicedesk.sla.month import hours_a_week, month_of, spans_of, week_in_short

HOUR = timedelta(hours=1)
OFFICE = ((OpenInterval(480, 840), OpenInterval(900, 1140)),) * 4 + (
    (OpenInterval(480, 900),),
    (),
    (),
)
ALWAYS = ((OpenInterval(0, 1440),),) * 7
NIGHTS = ((OpenInterval(1320, 1800),),) * 7


def definition(weekly, *holidays, zone="Europe/Madrid"):
    return CalendarDefinition(time_zone=zone, weekly=weekly, holidays=holidays)


def only(one):
    return [(date(2020, 1, 1), one)]


def test_weeks_begin_on_monday_and_cover_just_the_month():
    month = month_of(only(definition(OFFICE)), date(2026, 8, 1))
    assert [len(week) for week in month.weeks] == [7] * 6
    assert month.weeks[0][:5] == (None,) * 5
    assert [day.on.day for day in month.days] == list(range(1, 32))
    assert (month.preceding, month.following) == (date(2026, 7, 1), date(2026, 9, 1))


def test_a_holiday_closes_its_day_or_the_hours_it_says():
    closed = definition(
        OFFICE,
        Holiday(date(2026, 12, 8), "Inmaculada"),
        Holiday(date(2026, 12, 24), "Nochebuena", 720, 1440),
    )
    days = {day.on.day: day for day in month_of(only(closed), date(2026, 12, 1)).days}
    assert (days[8].spans, days[8].open_for) == ((), 0 * HOUR)
    assert [holiday.name for holiday in days[8].holidays] == ["Inmaculada"]
    assert (days[24].spans, days[24].open_for) == (((480, 720),), 4 * HOUR)
    assert days[23].spans == ((480, 840), (900, 1140))


def test_days_on_which_the_clocks_change_have_the_hours_they_have():
    for first, day, hours in ((date(2026, 3, 1), 29, 23), (date(2026, 10, 1), 25, 25)):
        days = month_of(only(definition(ALWAYS)), first).days
        assert [one.on.day for one in days if one.is_odd] == [day]
        assert days[day - 1].open_for == days[day - 1].lasts == hours * HOUR
    # where midnight itself is jumped over
    santiago = only(definition(ALWAYS, zone="America/Santiago"))
    odd = [one for one in month_of(santiago, date(2026, 9, 1)).days if one.is_odd]
    assert [(one.on.day, one.lasts) for one in odd] == [(6, 23 * HOUR)]


def test_a_night_shows_on_both_its_days():
    assert spans_of(only(definition(NIGHTS)), date(2026, 6, 3)) == ((0, 360), (1320, 1440))
    assert hours_a_week(definition(NIGHTS)) == 56 * HOUR


def test_days_alike_are_told_together():
    short = week_in_short(definition(OFFICE))
    assert [(days.first, days.last) for days in short] == [(0, 3), (4, 4), (5, 6)]


def test_each_day_is_by_the_version_that_rules_on_it():
    versions = [
        (date(2020, 1, 1), definition(NIGHTS)),
        (date(2026, 6, 3), definition(OFFICE, Holiday(date(2026, 6, 5), "New"))),
    ]
    days = {day.on.day: day for day in month_of(versions, date(2026, 6, 1)).days}
    assert (days[2].spans, days[2].open_for) == (((0, 360), (1320, 1440)), 8 * HOUR)
    # the night that began under the old version goes on to its end
    assert days[3].spans == ((0, 360), (480, 840), (900, 1140))
    assert days[3].open_for == 16 * HOUR
    assert days[5].spans == ()


minutes = st.integers(0, 1439)


@settings(max_examples=30, deadline=None, derandomize=True, database=None)
@given(
    st.lists(st.tuples(minutes, st.integers(1, 900)), min_size=7, max_size=7),
    st.lists(st.tuples(st.integers(1, 28), minutes, st.integers(1, 1440)), max_size=6),
    st.integers(1, 12),
)
def test_what_a_wall_clock_shows_adds_up_to_what_is_reckoned(week, closed, month):
    weekly = tuple(
        (OpenInterval(start, min(start + length, 1440 + 300)),) if start + length > start else ()
        for start, length in week
    )
    holidays = tuple(
        Holiday(date(2026, month, day), "x", start, min(1440, start + length))
        for day, start, length in closed
    )
    try:
        one = only(definition(weekly, *holidays, zone="UTC"))
    except ValueError:
        return  # a night that runs into the next morning's hours
    for day in month_of(one, date(2026, month, 1)).days:
        shown = sum(end - start for start, end in day.spans)
        assert timedelta(minutes=shown) == day.open_for, day
