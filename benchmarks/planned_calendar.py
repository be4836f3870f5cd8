"""`python -m benchmarks.planned_calendar`: the calendar of 300 planned tasks with a year of runs.

First is the first look of a process, which reckons the schedules; then the median of the next ones.
CPU is the processor's time of ours: what is left on a machine that does nothing else, besides the
database's.
"""

from __future__ import annotations

import statistics
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Any

from sqlalchemy import create_engine, insert
from sqlalchemy.orm import scoped_session, sessionmaker

from servicedesk import schema
from servicedesk.clients.models import Client
from servicedesk.core import database, embedded_postgres
from servicedesk.core.actors import Actor, Role
from servicedesk.planning.calendar import calendar_of, found_between
from servicedesk.planning.calendar_rows import Narrowed
from servicedesk.planning.due_days import due_days
from servicedesk.planning.looks import Look, Shape
from servicedesk.planning.models import (
    Category,
    MisfirePolicy,
    OverlapPolicy,
    PlannedRun,
    PlannedTask,
    RunState,
    TaskState,
    WorkKind,
)
from servicedesk.planning.punctual import Wanted
from servicedesk.planning.punctuality import punctuality
from servicedesk.planning.schedule import Cron, Interval, Unit, dues_between, next_due, to_json
from servicedesk.tickets.models import Queue

if TYPE_CHECKING:
    from collections.abc import Callable

    from servicedesk.planning.schedule import Schedule

TASKS, CLIENTS, ROUNDS, AIM = 300, 30, 30, 50
ZONE = "Europe/Madrid"
NOW = datetime.now(UTC)
AGENT = Actor(role=Role.AGENT, name="Agent", user_id=1)


def main() -> None:
    """Measure in a database of its own, and leave nothing behind."""
    with tempfile.TemporaryDirectory(prefix="bench-") as name:
        folder = Path(name)
        embedded_postgres.ensure_running(folder, throw_away=True)
        try:
            address = embedded_postgres.url(folder)
            schema.upgrade(address)
            engine = create_engine(address)
            database.use_sessions(scoped_session(sessionmaker(engine, expire_on_commit=False)))
            _measure()
            engine.dispose()
        finally:
            embedded_postgres.stop(folder)


def _measure() -> None:
    runs = _fill(Random(300))
    today = NOW.date()
    print(f"{TASKS} tasks of {CLIENTS} clients, {runs:,} runs of a year; aim {AIM} ms")
    print(f"{'':30}{'first':>9}{'median':>9}{'p95':>9}{'CPU':>9}  ms")
    for shape in Shape:
        look = Look(shape=shape, on=today)
        _line(shape.value, lambda look=look: calendar_of(AGENT, look, ZONE))
    back, ahead = today - timedelta(days=90), today + timedelta(days=180)
    _line("feed, nine months", lambda: found_between(AGENT, Narrowed(), back, ahead, ZONE))
    _line("punctuality", lambda: punctuality(AGENT, Wanted()))


def _line(name: str, look: Callable[[], Any]) -> None:
    due_days.cache_clear()
    times, spent = [], []
    with database.acting_as(AGENT):
        for _ in range(ROUNDS + 1):
            database.session().expunge_all()
            began, cpu = time.perf_counter(), time.process_time()
            look()
            times.append((time.perf_counter() - began) * 1000)
            spent.append((time.process_time() - cpu) * 1000)
            database.session().rollback()
    rest = sorted(times[1:])
    p95 = rest[int(len(rest) * 0.95)]
    cpu = statistics.median(spent[1:])
    print(f"{name:30}{times[0]:9.1f}{statistics.median(rest):9.1f}{p95:9.1f}{cpu:9.1f}")


def _schedule(dice: Random) -> Schedule:
    """Return what tasks of a service come by: most by the week or month, some every day."""
    hour, minute = dice.randrange(24), dice.randrange(60)
    fate = dice.random()
    if fate < 0.02:
        at = datetime(2025, 1, 1, hour, minute)  # noqa: DTZ001  the clock on the wall
        return Interval(count=1, unit=Unit.HOUR, starts_at=at, zone=ZONE)
    if fate < 0.15:
        return Cron(expression=f"{minute} {hour} * * *", zone=ZONE)
    if fate < 0.6:
        return Cron(expression=f"{minute} {hour} * * {dice.randrange(7)}", zone=ZONE)
    return Cron(expression=f"{minute} {hour} {dice.randrange(1, 29)} * *", zone=ZONE)


def _fill(dice: Random) -> int:
    session = database.session()
    session.info["as_owner"] = True
    clients = [
        {
            "reference": f"CLI-{number}",
            "name": f"Client {number}",
            "tax_id": str(number),
            "sector": "",
            "city": "",
            "created_at": NOW,
        }
        for number in range(1, CLIENTS + 1)
    ]
    session.execute(insert(Client), clients)
    runs = 0
    for number in range(TASKS):
        schedule = _schedule(dice)
        task = _task(number, schedule, dice)
        session.add(task)
        session.flush()
        past = dues_between(schedule, NOW - timedelta(days=365), NOW, 9000)
        rows = [
            {
                "task_id": task.id,
                "client_id": task.client_id,
                "due_at": due,
                "state": RunState.DONE,
                "created_at": due,
                "started_at": due,
                "finished_at": due,
            }
            for due in past
        ]
        session.execute(insert(PlannedRun), rows)
        runs += len(rows)
    session.commit()
    session.info.clear()
    return runs


def _task(number: int, schedule: Schedule, dice: Random) -> PlannedTask:
    is_change = number % 60 == 0
    return PlannedTask(
        reference=f"TP-{number}",
        client_id=None if is_change else dice.randrange(1, CLIENTS + 1),
        category=Category.INFRASTRUCTURE_CHANGE if is_change else Category.SECURITY_POLICIES,
        title=f"Task {number}",
        description="",
        work_kind=WorkKind.CHECKLIST if is_change else WorkKind.ACTION,
        code="",
        parameters={},
        group_ids=[dice.randrange(1, 9)],
        device_ids=[],
        steps=[],
        queue=Queue.OPERATIONS,
        schedule=to_json(schedule),
        window_minutes=dice.choice((None, 60, 240)),
        misfire=MisfirePolicy.RUN_ONCE,
        overlap=OverlapPolicy.SKIP,
        owner_name="",
        notice_days=0,
        shown_to_client=True,
        state=TaskState.ACTIVE,
        needs_approval=False,
        content_hash="",
        author_name="",
        next_due_at=next_due(schedule, NOW),
        created_at=NOW,
        updated_at=NOW,
    )


if __name__ == "__main__":
    main()
