"""Workers killed while they count: nothing is counted twice, and nothing is left out."""

from __future__ import annotations

import os
import random
import signal
import time
from datetime import timedelta

import pytest
from sqlalchemy import create_engine
from sqlalchemy.orm import scoped_session, sessionmaker

from servicedesk.core import database
from servicedesk.core.actors import SYSTEM
from servicedesk.sla.what_if import counting, jobs
from servicedesk.sla.what_if.models import WhatIfState
from tests.operations.test_what_if import MONDAY, Story

KILLS = 40


def worker_that_dies(address: str, what_if_id: int, after: float) -> None:
    """Count in a process of its own and kill it with SIGKILL after a moment."""
    child = os.fork()
    if child == 0:
        try:
            engine = create_engine(address)
            database.use_sessions(scoped_session(sessionmaker(engine, expire_on_commit=False)))
            database.become(SYSTEM)
            jobs.count(what_if_id=what_if_id)
        finally:
            os._exit(0)
    time.sleep(after)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)


@pytest.mark.filterwarnings("ignore:This process")
def test_killed_workers_leave_what_they_finished_and_the_rest_to_the_next(
    make, database_address, monkeypatch
):
    story, dice = Story(make), random.Random(7)
    for number in range(24):
        story.resolved(10 + number * 2, MONDAY - timedelta(hours=number % 4))
    whole = story.answered(factor_percent=45)
    assert 0 < len(story.changes(whole)) < whole.done
    monkeypatch.setattr(counting, "PIECE", 1)
    asked = story.ask(factor_percent=45)
    kills, seen, patience = 0, [0], 1.0
    while kills < KILLS and story.seen(asked).is_unfinished:
        worker_that_dies(database_address, asked.id, patience * (0.03 + dice.random() * 0.1))
        kills += 1
        seen.append(story.seen(asked).done)
        if seen[-1] == seen[-2]:  # a busy machine gets nowhere in so short a life
            patience *= 1.2
        assert len(story.changes(asked)) <= len(story.changes(whole))
    assert seen == sorted(seen)  # what was done stays done
    assert len(set(seen)) > 2, seen  # they were killed in the middle of it
    jobs.count(what_if_id=asked.id)
    done = story.seen(asked)
    assert (done.state, done.done, done.total) == (WhatIfState.DONE, whole.done, whole.total)
    assert done.result == whole.result
    told = [(c.subject, c.metric, c.was, c.would) for c in story.changes(done)]
    assert told == [(c.subject, c.metric, c.was, c.would) for c in story.changes(whole)]
