"""Which backups stay."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from servicedesk.backups.retention import kept

NOW = datetime(2026, 11, 24, 3, tzinfo=UTC)


def nights(count: int) -> list[datetime]:
    return [NOW - timedelta(days=number) for number in range(count)]


def test_days_weeks_and_months_stay():
    found = sorted(kept(nights(500)), reverse=True)

    assert found[:7] == nights(7)
    # the last of each week before: Sundays
    assert [at.date().isoformat() for at in found[7:10]] == [
        "2026-11-15",
        "2026-11-08",
        "2026-11-01",
    ]
    months = {(at.year, at.month) for at in found}
    assert len(months) == 12
    assert min(months) == (2025, 12)
    assert {at.day for at in found if at < NOW - timedelta(days=40)} <= {28, 30, 31}


def test_the_last_of_a_day_stays_and_the_newest_always():
    morning, noon = NOW, NOW + timedelta(hours=9)
    assert kept([morning, noon], daily=1, weekly=0, monthly=0) == {noon}
    assert kept([morning, noon], daily=0, weekly=0, monthly=0) == {noon}
    assert kept([]) == set()


def test_when_none_are_made_none_go():
    old = [NOW - timedelta(days=400 + number) for number in range(5)]
    assert kept(old, daily=5) == set(old)
