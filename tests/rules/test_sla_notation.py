"""What people type is read, refused with a reason, and written back the same."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from servicedesk.sla.calendar import Holiday, OpenInterval
from servicedesk.sla.cycles import WorkingDays
from servicedesk.sla.notation import (
    NotationError,
    overlapping_days,
    read_holidays,
    read_hours,
    read_target,
    written_holidays,
    written_hours,
    written_target,
)

HOUR, MINUTE = timedelta(hours=1), timedelta(minutes=1)


@pytest.mark.parametrize(
    ("typed", "intervals"),
    [
        ("08:00-14:00, 15:00-19:00", [(480, 840), (900, 1140)]),
        ("15:00 – 19:00; 8-14", [(480, 840), (900, 1140)]),  # noqa: RUF001
        ("22:00-06:00", [(1320, 1800)]),
        ("00:00-24:00", [(0, 1440)]),
        ("0:00-0:00", [(0, 1440)]),
        ("8.30h - 9.15h", [(510, 555)]),
        ("", []),
        ("cerrado", []),
        ("—", []),
    ],
)
def test_hours_are_read_as_people_write_them(typed, intervals):
    assert read_hours(typed) == tuple(OpenInterval(*pair) for pair in intervals)


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        ("ocho a dos", "no interval"),
        ("08:00", "no interval"),
        ("08:00-14:00,", "no interval"),
        ("08:70-14:00", "60 minutes"),
        ("25:00-26:00", "00:00 to 24:00"),
        ("08:00-14:00, 13:00-15:00", "overlap"),
        ("\u0660\u0668:00-14:00", "no interval"),
    ],
)
def test_what_is_no_hours_is_refused_with_its_reason(typed, words):
    with pytest.raises(NotationError, match=words):
        read_hours(typed)


@given(st.lists(st.integers(0, 1439), min_size=2, max_size=8, unique=True), st.integers(0, 600))
def test_hours_written_are_read_the_same(cuts, night):
    cuts.sort()
    cuts = cuts[: len(cuts) // 2 * 2]
    intervals = [OpenInterval(*pair) for pair in zip(cuts[::2], cuts[1::2], strict=True)]
    last = intervals[-1]
    if night:
        intervals[-1] = OpenInterval(last.start, min(1440 + night, last.start + 1440))
    assert read_hours(written_hours(intervals)) == tuple(intervals)


def test_a_night_must_not_run_into_the_next_mornings_hours():
    night, morning = (OpenInterval(1320, 1800),), (OpenInterval(300, 600),)
    assert overlapping_days([night, morning, (), (), (), (), ()]) == [0]
    assert overlapping_days([morning, (), (), (), (), (), night]) == [6]
    assert overlapping_days([night] * 7) == []


def test_holidays_are_read_a_line_each_and_every_fault_is_told():
    typed = """
    2027-05-02; Fiesta local
    2027-12-24; Nochebuena; 14:00-24:00

    2027-02-30; Nunca
    mañana
    2027-01-01;
    2027-01-02; Dos; 10:00-11:00, 12:00-13:00
    2027-05-02; Fiesta local
    """
    found, faults = read_holidays(typed)
    assert found == [
        Holiday(date(2027, 5, 2), "Fiesta local"),
        Holiday(date(2027, 12, 24), "Nochebuena", 840, 1440),
    ]
    assert [str(fault.values["number"]) for fault in faults] == ["5", "6", "7", "8"]
    assert read_holidays(written_holidays(found)) == (found, [])


@pytest.mark.parametrize(
    ("typed", "target"),
    [
        ("4 h", 4 * HOUR),
        ("4h", 4 * HOUR),
        ("30 min", 30 * MINUTE),
        ("1.5 h", 90 * MINUTE),
        ("1,5 h", 90 * MINUTE),
        ("2 h 30 min", 150 * MINUTE),
        ("2 horas 30 minutos", 150 * MINUTE),
        ("3 d", WorkingDays(days=3)),
        ("3 días", WorkingDays(days=3)),
        ("", None),
        ("-", None),
    ],
)
def test_targets_are_read_as_people_write_them(typed, target):
    assert read_target(typed) == target


@pytest.mark.parametrize("typed", ["4", "soon", "1.5 d", "3 d 4 h", "4 h h", "30 min 2 h", "-4 h"])
def test_what_is_no_target_is_refused(typed):
    with pytest.raises(NotationError):
        read_target(typed)


@given(st.integers(1, 120_000))
def test_targets_written_are_read_the_same(minutes):
    assert read_target(written_target(minutes * MINUTE)) == minutes * MINUTE
    days = WorkingDays(days=1 + minutes % 250)
    assert read_target(written_target(days)) == days
    seconds = timedelta(seconds=minutes % 6000 + 1)
    assert read_target(written_target(seconds)) == seconds
