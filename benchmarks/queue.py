"""Jobs a second with 1, 2 and 4 workers, and how soon a job begins after the commit that caused it."""

from __future__ import annotations

import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg

from benchmarks.queue_worker import NAME
from config import ROOT
from servicedesk import schema
from servicedesk.core import embedded_postgres
from servicedesk.processes.preparation import conninfo

if TYPE_CHECKING:
    from collections.abc import Iterator

JOBS = 3_000
WORKERS = (1, 2, 4)
SAMPLES = 300  # jobs that come one by one while nothing else waits
TABLES = """
CREATE TABLE bench_mark (number bigint PRIMARY KEY, started_at double precision);
GRANT INSERT ON bench_mark TO desk_worker;
CREATE TABLE bench_plain (id bigserial PRIMARY KEY, is_done boolean DEFAULT false);
CREATE INDEX ON bench_plain (id) WHERE NOT is_done
"""
ENQUEUE = """
SELECT desk_enqueue_all('default', %s, (SELECT jsonb_agg(jsonb_build_object(
    'arguments', jsonb_build_object('number', n))) FROM generate_series(1, %s) n))
"""
ENQUEUE_ONE = (
    "SELECT desk_enqueue('default', %s, NULL, NULL, jsonb_build_object('number', %s::int), NULL)"
)
TAKE = "SELECT id FROM bench_plain WHERE NOT is_done ORDER BY id LIMIT 1 FOR UPDATE SKIP LOCKED"
DONE = "UPDATE bench_plain SET is_done = true WHERE id = %s"
MARK = "INSERT INTO bench_mark VALUES (%s, extract(epoch FROM clock_timestamp()))"
SIZES = """
SELECT relname, reltuples::bigint, pg_size_pretty(pg_total_relation_size(oid)) FROM pg_class
 WHERE relname IN ('procrastinate_jobs', 'procrastinate_events') ORDER BY 1 DESC
"""


def measure() -> None:
    """Measure on a server of its own that keeps what it commits, and leave nothing behind."""
    with tempfile.TemporaryDirectory(prefix="bench-") as name:
        folder = Path(name)
        embedded_postgres.ensure_running(folder)
        try:
            address = embedded_postgres.url(folder)
            schema.upgrade(address)
            with psycopg.connect(conninfo(address), autocommit=True) as connection:
                connection.execute(TABLES)
                _measure_at(connection, folder, address)
        finally:
            embedded_postgres.stop(folder)


def _measure_at(connection: psycopg.Connection, folder: Path, address: str) -> None:
    print(f"queue: {JOBS:,} jobs that write a row each, workers as processes, commits on disk")
    print(f"{'':40}{'jobs/s':>9}{'× loop':>9}")
    loop = _plain_loop(connection)
    print(f"{'one bare loop over a plain table':40}{loop:9.0f}{1:9.2f}")
    for count in WORKERS:
        with _workers(connection, folder, address, count):
            rate = _rate(connection)
            print(f"{f'{count} worker' + 's' * (count > 1):40}{rate:9.0f}{rate / loop:9.2f}")
            if count == 1:
                waits = _waits(connection)
    connection.execute("ANALYZE procrastinate_jobs, procrastinate_events")
    print(
        f"from commit to job start, {SAMPLES} at rest: median {statistics.median(waits):.1f} ms,"
        f" 99th percentile {waits[int(len(waits) * 0.99)]:.1f} ms"
    )
    sizes = connection.execute(SIZES).fetchall()
    print(", ".join(f"{name} {rows:,} ({size})" for name, rows, size in sizes))


def _plain_loop(connection: psycopg.Connection) -> float:
    """Return jobs a second of the least that a queue in a table can be."""
    connection.execute("INSERT INTO bench_plain (id) SELECT generate_series(1, %s)", [JOBS])
    began = time.perf_counter()
    is_left = True
    while is_left:
        with connection.transaction():
            row = connection.execute(TAKE).fetchone()
            is_left = row is not None
            if row is not None:
                connection.execute(MARK, row)
                connection.execute(DONE, row)
    return JOBS / (time.perf_counter() - began)


@contextmanager
def _workers(
    connection: psycopg.Connection, folder: Path, address: str, count: int
) -> Iterator[None]:
    """Run so many workers, each of which has begun to look for jobs."""
    environment = os.environ | {
        "SERVICEDESK_MODE": "test",
        "SERVICEDESK_INSTANCE": str(folder),
        "DATABASE_URL": address,
    }
    command = [sys.executable, "-m", "benchmarks.queue_worker"]
    processes = [subprocess.Popen(command, cwd=ROOT, env=environment) for _ in range(count)]  # noqa: S603
    try:
        _until(connection, "SELECT count(*) FROM procrastinate_workers", count)
        yield
    finally:
        for process in processes:
            process.terminate()
        for process in processes:
            process.wait()


def _rate(connection: psycopg.Connection) -> float:
    connection.execute("TRUNCATE bench_mark")
    began = time.perf_counter()
    connection.execute(ENQUEUE, [NAME, JOBS])
    _until(connection, "SELECT count(*) FROM bench_mark", JOBS)
    return JOBS / (time.perf_counter() - began)


def _waits(connection: psycopg.Connection) -> list[float]:
    """Return the milliseconds between commit and start of single jobs, in order."""
    _until(connection, "SELECT count(*) FROM procrastinate_jobs WHERE status = 'succeeded'", JOBS)
    connection.execute("TRUNCATE bench_mark")
    dice, committed = random.Random(1), {}
    for number in range(SAMPLES):
        committed[number] = time.time()
        connection.execute(ENQUEUE_ONE, [NAME, number])
        time.sleep(0.03 + dice.random() * 0.04)
    _until(connection, "SELECT count(*) FROM bench_mark", SAMPLES)
    started = connection.execute("SELECT number, started_at FROM bench_mark").fetchall()
    return sorted((at - committed[number]) * 1000 for number, at in started)


def _until(connection: psycopg.Connection, question: str, count: int) -> None:
    while True:
        row = connection.execute(question.encode()).fetchone()
        if row and row[0] >= count:
            return
        time.sleep(0.02)


if __name__ == "__main__":
    measure()
