"""Fires a second: due times that become a run and a job each, against writing the bare rows."""

from __future__ import annotations

import json
import statistics
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import create_engine, text
from sqlalchemy.orm import Session

from benchmarks.conformity import counting
from servicedesk import schema
from servicedesk.core import embedded_postgres
from servicedesk.planning.firing import BATCH, fire_due
from servicedesk.planning.schedule import Cron, to_json

if TYPE_CHECKING:
    from sqlalchemy import Engine

TASKS = 20_000
DUE = 2_000  # at the same moment
OLD_RUNS = 500_000
ROUNDS = 5
FIRST = datetime(2026, 3, 2, 10, tzinfo=UTC)
TASK = """
INSERT INTO planned_task (reference, category, title, description, work_kind, code, parameters,
    group_ids, device_ids, steps, queue, schedule, misfire, overlap, owner_name, notice_days,
    shown_to_client, state, needs_approval, content_hash, author_name, next_due_at, created_at,
    updated_at, version)
SELECT 'TP-' || n, 'preventive_maintenance', 'Look', '', 'check', 'engines.reachable', '{}', '{}',
    '{}', '{}', 'operations', jsonb_set(CAST(:schedule AS jsonb), '{expression}',
        to_jsonb('0 ' || 10 + n / :due || ' * * *')), 'run_once', 'skip', 'Bench', 0, false,
    'active', false, '', 'Bench',
    CAST(:first AS timestamptz) + make_interval(hours => n / :due), :first, :first, 1
  FROM generate_series(0, :tasks - 1) n
"""
RUN = """
INSERT INTO planned_run (task_id, due_at, state, created_at, finished_at)
SELECT 1 + n % :tasks, CAST(:first AS timestamptz) - make_interval(mins => 1 + n / :tasks), 'done',
       :first, :first FROM generate_series(0, :runs - 1) n
"""
BARE = """
INSERT INTO bench_bare (task_id, due_at, state, created_at)
SELECT n, :first, 'queued', :first FROM generate_series(1, :due) n
"""


def measure() -> None:
    """Make tasks and old runs in a database of its own, measure, print, leave nothing behind."""
    with tempfile.TemporaryDirectory(prefix="bench-") as name:
        folder = Path(name)
        embedded_postgres.ensure_running(folder)
        try:
            address = embedded_postgres.url(folder)
            schema.upgrade(address)
            engine = create_engine(address)
            _fill(engine)
            print(f"{TASKS:,} planned tasks, {OLD_RUNS:,} old runs, {DUE:,} due at once")
            _measure(engine)
            engine.dispose()
        finally:
            embedded_postgres.stop(folder)


def _fill(engine: Engine) -> None:
    schedule = json.dumps(to_json(Cron(expression="0 10 * * *", zone="UTC")))
    with engine.begin() as connection:
        connection.execute(
            text(TASK), {"schedule": schedule, "first": FIRST, "tasks": TASKS, "due": DUE}
        )
        connection.execute(text(RUN), {"first": FIRST, "tasks": TASKS, "runs": OLD_RUNS})
        connection.execute(
            text(
                "CREATE TABLE bench_bare (id bigserial PRIMARY KEY, task_id bigint,"
                " due_at timestamptz, state text, created_at timestamptz, UNIQUE (task_id, due_at))"
            )
        )
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("VACUUM ANALYZE"))


def _measure(engine: Engine) -> None:
    quiet = []
    with Session(engine, info={"as_owner": True}) as session:
        for _ in range(ROUNDS * 20):
            began = time.perf_counter()
            fire_due(session, FIRST - timedelta(seconds=1))
            session.commit()
            quiet.append(time.perf_counter() - began)
    print(f"a look that finds nothing due     {statistics.median(quiet) * 1000:8.2f} ms")
    fired, bare = [], []
    for number in range(ROUNDS):
        at = FIRST + timedelta(hours=number)
        bare.append(_bare(engine, at))
        fired.append(_fire_all(engine, at))
    rate, plain = (DUE / statistics.median(times) for times in (fired, bare))
    print(f"bare rows, one statement          {plain:8,.0f} a second")
    print(
        f"fires, {BATCH} a transaction         {rate:8,.0f} a second  ({plain / rate:.1f} × slower)"
    )
    with counting(engine) as statements, Session(engine, info={"as_owner": True}) as session:
        fire_due(session, FIRST + timedelta(hours=ROUNDS))
        session.rollback()
    print(f"statements for {BATCH} fires            {len(statements):8}")


def _bare(engine: Engine, at: datetime) -> float:
    began = time.perf_counter()
    with engine.begin() as connection:
        connection.execute(text(BARE), {"first": at, "due": DUE})
    return time.perf_counter() - began


def _fire_all(engine: Engine, at: datetime) -> float:
    began, written = time.perf_counter(), 0
    while written < DUE:
        with Session(engine, info={"as_owner": True}) as session:
            fired = fire_due(session, at)
            session.commit()
        if not fired:
            raise AssertionError(f"{written} of {DUE} were due")
        written += fired
    return time.perf_counter() - began


if __name__ == "__main__":
    measure()
