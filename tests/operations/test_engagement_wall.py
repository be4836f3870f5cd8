"""A thousand who want the same sixteen days at once, from threads of several processes."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from servicedesk.core import database
from servicedesk.core.actors import Role
from servicedesk.engagement.models import EntryKind
from tests.booking_process import Wish, as_argument, try_all
from tests.engagement_story import entries, years

ROOT = Path(__file__).resolve().parents[2]
QUARTERS = 64
HELD = {EntryKind.RESERVE: 1, EntryKind.GIVE_BACK: -1}  # consuming only says what it was for


@pytest.mark.parametrize("release", [0.0, 0.6])
def test_a_thousand_attempts_at_once_never_take_more_than_sixteen_days(
    make, sessions, shared_database, release
):
    client = make.client()
    manager = make.person(Role.ACCOUNT_MANAGER, client)
    wish = Wish(
        address=shared_database,
        client=client.reference,
        client_id=client.id,
        user_id=manager.user_id,
        attempts=336,
        threads=6,
        seed=1,
        release=release,
    )
    others = [
        subprocess.Popen(
            [sys.executable, "-m", "tests.booking_process", as_argument(replace(wish, seed=seed))],
            cwd=ROOT,
            stdout=subprocess.PIPE,
        )
        for seed in (2, 3)
    ]
    tried = try_all(wish)
    database.use_sessions(sessions)
    for other in others:
        tried += json.loads(other.communicate(timeout=200)[0])
        assert other.returncode == 0

    assert len(tried) >= 1000
    (year,) = years(client)
    taken = highest = 0
    for entry in entries(client):
        taken += HELD.get(entry.kind, 0) * entry.quarters
        highest = max(highest, taken)
    assert highest <= QUARTERS
    assert taken == year.reserved_quarters + year.consumed_quarters
    refused = [(asked, left) for asked, left in tried if left >= 0]
    assert all(left < asked for asked, left in refused)
    assert refused
    if not release:  # whoever asked for a single quarter got it, until nothing was left
        assert sum(asked for asked, left in tried if left < 0) == taken == QUARTERS
