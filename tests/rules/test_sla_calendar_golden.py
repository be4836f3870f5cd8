"""What business time means, as people count it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from servicedesk.sla.calendar import (
    CalendarDefinition,
    CalendarError,
    OpenInterval,
    compiled,
)
from tests.sla_story import ALWAYS, HOUR, NIGHTS, NINE_TO_FIVE, OFFICE, at


@pytest.mark.parametrize(
    ("calendar", "start", "hours", "end"),
    [
        (OFFICE, at(20, 16), 2, at(23, 10)),  # Friday into Monday
        (OFFICE, at(7, 16, month=12), 2, at(9, 10, month=12)),  # over a holiday
        (OFFICE, at(24, 12, month=12), 2, at(25, 10, month=12)),  # part of a day
        (OFFICE, at(20, 9), 8, at(20, 17)),  # exactly to closing: not the next opening
        (NIGHTS, at(20, 23), 8, at(21, 23)),  # over midnight, and the day between
        (ALWAYS, at(28, 12, month=3), 24, at(29, 13, month=3)),  # a day of 23 hours
        (ALWAYS, at(24, 12, month=10), 24, at(25, 11, month=10)),  # a day of 25 hours
    ],
)
def test_business_time_is_added_as_people_count_it(calendar, start, hours, end):
    assert compiled(calendar).add(start, hours * HOUR) == end
    assert compiled(calendar).between(start, end) == hours * HOUR


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"time_zone": "Europe/Nowhere"}, "not a time zone"),
        ({"weekly": ((),) * 7}, "some opening hours"),
        ({"weekly": ((NINE_TO_FIVE, OpenInterval(600, 700)),) + ((),) * 6}, "overlap"),
        ({"weekly": ((OpenInterval(600, 600),),) + ((),) * 6}, "ends after it starts"),
    ],
)
def test_a_calendar_without_meaning_is_refused_with_a_sentence(change, words):
    fields = {"time_zone": "Europe/Madrid", "weekly": OFFICE.weekly} | change
    with pytest.raises(CalendarError, match=words):
        CalendarDefinition(**fields)


instants = st.datetimes(datetime(2024, 1, 1), datetime(2027, 12, 1)).map(  # noqa: DTZ001
    lambda moment: moment.replace(tzinfo=UTC)
)
spans = st.timedeltas(timedelta(0), timedelta(days=20))
zones = st.sampled_from(["Europe/Madrid", "Atlantic/Canary", "America/Bogota"])
weeks = st.sampled_from([OFFICE.weekly, NIGHTS.weekly, ALWAYS.weekly])
quick = settings(max_examples=80, deadline=None, derandomize=True, database=None)


@quick
@given(instants, spans, zones, weeks)
def test_adding_and_measuring_undo_each_other(start, span, zone, weekly):
    calendar = compiled(CalendarDefinition(time_zone=zone, weekly=weekly))
    end = calendar.add(start, span)
    assert calendar.between(start, end) == span
    assert end >= start


@settings(quick, max_examples=25)
@given(instants, st.integers(0, 4000), zones, weeks)
def test_the_calendar_agrees_with_counting_minutes(start, minutes, zone, weekly):
    start = start.replace(second=0, microsecond=0)
    calendar = compiled(CalendarDefinition(time_zone=zone, weekly=weekly))
    counted = sum(open_by_hand(start + timedelta(minutes=n), weekly, zone) for n in range(minutes))
    assert calendar.between(start, start + timedelta(minutes=minutes)) == timedelta(minutes=counted)


def open_by_hand(moment, weekly, zone) -> bool:
    """Whether a minute is worked, looked up on the wall clock of today and yesterday."""
    local = moment.astimezone(ZoneInfo(zone))
    clock = local.hour * 60 + local.minute
    today, yesterday = weekly[local.weekday()], weekly[local.weekday() - 1]
    return any(i.start <= clock < i.end for i in today) or any(
        clock < i.end - 1440 for i in yesterday
    )
