"""The lives of simulated devices: seeded, one day after another, and full of human weakness."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from servicedesk.sandbox.facts import MOST_DAYS, SYSTEMS, TEMPTATIONS, lived, present, stamped

NOW = datetime(2026, 5, 4, 12, tzinfo=UTC)
SEED = 7


def device(number: int = 1, platform: str = "android", **facts) -> dict:
    return {
        "id": f"device-{number}",
        "platform": platform,
        "last_contact": (NOW - timedelta(hours=2)).isoformat(),
        "inventory": {
            "os_version": SYSTEMS[platform][0],
            "has_passcode": True,
            "is_encrypted": True,
            "is_compromised": False,
            "apps": [{"identifier": "org.example.work", "name": "Work", "version": "1.2.9-beta"}],
        },
        **facts,
    }


@given(st.integers(1, 500), st.sampled_from(sorted(SYSTEMS)), st.integers(0, MOST_DAYS))
def test_a_life_is_the_same_whenever_it_is_told_and_leaves_the_beginning_alone(
    number, platform, days
):
    one = device(number, platform)
    before = device(number, platform)
    assert lived(one, SEED, days) == lived(one, SEED, days)
    assert one == before
    assert lived(one, SEED, 0) == one["inventory"]


def test_users_install_what_they_should_not_skip_updates_and_make_them():
    lives = [lived(device(number), SEED, MOST_DAYS) for number in range(300)]
    tempting = {identifier for identifier, *_ in TEMPTATIONS["android"]}
    tempted = [life for life in lives if tempting & {app["identifier"] for app in life["apps"]}]
    systems = [SYSTEMS["android"].index(life["os_version"]) for life in lives]
    assert 5 < len(tempted) < 150
    assert 30 < systems.count(0) < 200, "some never update"
    assert systems.count(len(SYSTEMS["android"]) - 1) > 30, "and some always do"
    versions = {life["apps"][0]["version"] for life in lives}
    assert len(versions) > 10
    assert all(version.startswith("1.2.9-beta") or version[:4] == "1.2." for version in versions)
    fallen = [lived(device(n), SEED, d)["has_passcode"] for n in range(300) for d in (10, 40, 70)]
    assert 0 < fallen.count(False) < len(fallen) / 10


def test_another_seed_tells_another_story():
    stories = {str([lived(device(n), seed, 60) for n in range(20)]) for seed in range(5)}
    assert len(stories) == 5


@pytest.mark.parametrize(("hours", "pace", "days"), [(5, 1, 0), (72, 1, 3), (5, 24, 5)])
def test_time_passes_at_its_pace(hours, pace, days):
    told = stamped(device(), NOW)
    later = NOW + timedelta(hours=hours)
    assert present(told, SEED, later, pace)["inventory"] == lived(device(), SEED, days)


def test_a_living_device_is_in_touch_and_a_silent_one_stays_as_it_was():
    told = stamped(device(), NOW)
    for hours in (2, 30, 400):
        now = NOW + timedelta(hours=hours)
        seen = datetime.fromisoformat(present(told, SEED, now)["last_contact"])
        assert now - timedelta(hours=1) <= seen <= now
    assert present(told, SEED, NOW)["last_contact"] == device()["last_contact"]
    for silence in (None, (NOW - timedelta(days=10)).isoformat()):
        silent = stamped(device(last_contact=silence), NOW)
        later = present(silent, SEED, NOW + timedelta(days=50))
        assert later == device(last_contact=silence)


def test_who_never_reported_does_not_begin_to():
    told = stamped(device(inventory=None), NOW)
    assert present(told, SEED, NOW + timedelta(days=50))["inventory"] is None
