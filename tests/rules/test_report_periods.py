"""Periods that people name, and when a report comes by itself."""

from __future__ import annotations

from datetime import UTC, date, datetime
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest

from servicedesk.reports.models import Rhythm
from servicedesk.reports.periods import Period, days_of, instants_of
from servicedesk.reports.rhythms import When

ZONE = "Europe/Madrid"


@pytest.mark.parametrize(
    ("period", "today", "first", "last"),
    [
        (Period.LAST_MONTH, "2026-01-31", "2025-12-01", "2025-12-31"),
        (Period.LAST_MONTH, "2024-03-31", "2024-02-01", "2024-02-29"),
        (Period.THIS_MONTH, "2026-11-24", "2026-11-01", "2026-11-24"),
        (Period.LAST_7_DAYS, "2026-03-03", "2026-02-24", "2026-03-02"),
        (Period.LAST_30_DAYS, "2026-03-03", "2026-02-01", "2026-03-02"),
        (Period.LAST_QUARTER, "2026-03-31", "2025-10-01", "2025-12-31"),
        (Period.LAST_QUARTER, "2026-12-31", "2026-07-01", "2026-09-30"),
    ],
)
def test_a_period_moves_with_the_days(period, today, first, last):
    found = days_of(period, date.fromisoformat(today))
    assert [day.isoformat() for day in found] == [first, last]


@pytest.mark.parametrize(("day", "hours"), [("2026-03-29", 23), ("2026-10-25", 25)])
def test_a_day_is_as_long_as_the_wall_clock_says(day, hours):
    on = date.fromisoformat(day)
    begins, ends = instants_of(on, on, ZONE)
    assert (ends - begins).total_seconds() == hours * 3600
    assert begins.astimezone(ZoneInfo(ZONE)).isoformat()[:16] == f"{day}T00:00"


@pytest.mark.parametrize(
    ("when", "expected"),
    [
        ({"rhythm": Rhythm.DAILY}, ["2026-03-28", "2026-03-29", "2026-03-30"]),
        ({"rhythm": Rhythm.WEEKLY, "weekday": 6}, ["2026-03-29", "2026-04-05", "2026-04-12"]),
        ({"rhythm": Rhythm.WEEKLY, "weekday": 0}, ["2026-03-30", "2026-04-06", "2026-04-13"]),
        ({"rhythm": Rhythm.MONTHLY, "month_day": 31}, ["2026-03-31", "2026-04-30", "2026-05-31"]),
        # 1 August 2026 is a Saturday, 1 November a Sunday
        ({"rhythm": Rhythm.MONTHLY, "month_day": 0}, ["2026-04-01", "2026-05-01", "2026-06-01"]),
    ],
)
def test_a_rhythm_keeps_the_hour_of_the_wall_clock(when, expected):
    following, found = When(hour=8, zone=ZONE, **when), []
    at = datetime(2026, 3, 27, 12, tzinfo=UTC)
    for _ in expected:
        at = following.following(at)
        found.append(at.astimezone(ZoneInfo(ZONE)))
    assert [local.date().isoformat() for local in found] == expected
    assert {local.hour for local in found} == {8}


def test_the_first_working_day_is_never_at_a_weekend():
    when = When(rhythm=Rhythm.MONTHLY, hour=8, zone=ZONE, month_day=0)
    at, days = datetime(2026, 6, 30, tzinfo=UTC), []
    for _ in range(12):
        at = when.following(at)
        days.append(at.astimezone(ZoneInfo(ZONE)).date())
    assert [day.isoformat() for day in days[:5]] == [
        "2026-07-01", "2026-08-03", "2026-09-01", "2026-10-01", "2026-11-02",
    ]  # fmt: skip
    assert all(day.weekday() < 5 for day in days)
    assert all(one.month != other.month for one, other in pairwise(days))
