"""10,000 jobs, three workers: one is killed, one stopped for long, the database restarted under them."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections import Counter

import pytest
from sqlalchemy import NullPool, create_engine, text

from config import ROOT
from servicedesk.core import embedded_postgres
from servicedesk.processes import scheduler
from servicedesk.processes.job_book import RETRIES
from tests import marking_worker
from tests.desk_on_loopback import START, until

JOBS = 10_000  # half of them before the kill, half before the restart
ENQUEUE = """
SELECT desk_enqueue_all('default', :name, (SELECT jsonb_agg(jsonb_build_object(
    'arguments', jsonb_build_object('number', n))) FROM generate_series(CAST(:first AS int), CAST(:last AS int)) n))
"""
# the clock of the test has the desk's own periodic jobs done as well
MINE = f"procrastinate_jobs WHERE task_name = '{marking_worker.NAME}'"

SILENT = """
SELECT last_heartbeat < now() - interval '6 seconds' FROM procrastinate_workers WHERE id = :worker
"""
MOST_TRIED_AGAIN = 100  # what three workers do at one time, at each of the three events
AWAY = 6  # seconds without a database: longer than anybody waits for a connection


class Queue:
    """A server of its own, its workers and a clock."""

    def __init__(self, instance) -> None:
        self.address = embedded_postgres.url(instance)
        self.engine = create_engine(self.address, poolclass=NullPool)
        self.environment = os.environ | {
            "SERVICEDESK_MODE": "test",
            "SERVICEDESK_INSTANCE": str(instance),
            "DATABASE_URL": self.address,
        }
        self.workers: list[subprocess.Popen] = []
        self.stop_clock = threading.Event()
        self.clock = threading.Thread(
            target=scheduler.serve, args=(self.address, self.stop_clock), daemon=True
        )

    def start(self) -> None:
        with self.engine.begin() as connection:
            connection.execute(text(marking_worker.TABLES))
        for _ in range(3):
            command = [sys.executable, "-m", "tests.marking_worker"]
            self.workers.append(subprocess.Popen(command, cwd=ROOT, env=self.environment))
        self.clock.start()
        workers = "SELECT count(*) FROM procrastinate_workers"
        until(lambda: self.ask(workers) == 3, seconds=START, what="three workers")

    def ask(self, question: str, **facts: object):
        with self.engine.connect() as connection:
            return connection.execute(text(question), facts).scalar()

    def rows(self, question: str, **facts: object) -> list[tuple]:
        with self.engine.connect() as connection:
            return [tuple(row) for row in connection.execute(text(question), facts)]

    def enqueue(self, first: int, last: int) -> None:
        facts = {"name": marking_worker.NAME, "first": first, "last": last}
        with self.engine.begin() as connection:
            connection.execute(text(ENQUEUE), facts)

    def until_done(self, share: float, what: str) -> None:
        done = f"SELECT count(*) FROM {MINE} AND status = 'succeeded'"
        until(lambda: self.ask(done) >= JOBS * share, seconds=90, what=what)

    def doing(self, worker: subprocess.Popen, known: dict[int, int]) -> set[int]:
        """Return the jobs that the database says this worker is doing."""
        found = self.rows(
            f"SELECT id FROM {MINE} AND status = 'doing' AND worker_id = :worker",
            worker=known[worker.pid],
        )
        return {number for (number,) in found}

    def stop_at_work(self, worker: subprocess.Popen, known: dict[int, int]) -> bool:
        """Stop it; tell whether that was amid a job, and let it go on if not."""
        worker.send_signal(signal.SIGSTOP)
        time.sleep(0.3)  # what it has sent is done by then
        if not self.doing(worker, known):
            worker.send_signal(signal.SIGCONT)
            return False
        return True

    def numbers(self) -> dict[int, int]:
        """Return by process under which number each worker is known."""
        return dict(
            self.rows(
                "SELECT DISTINCT t.pid, j.worker_id FROM mark_try t"
                f" JOIN (SELECT * FROM {MINE}) j ON (j.args->>'number')::bigint = t.number"
                " WHERE j.worker_id IS NOT NULL"
            )
        )

    def end(self) -> None:
        self.stop_clock.set()
        for worker in self.workers:
            worker.kill()
            worker.wait()
        self.clock.join(20)
        self.engine.dispose()


@pytest.fixture
def queue(own_server):
    queue = Queue(own_server)
    yield queue
    queue.end()


def test_no_job_is_lost_or_left_whatever_happens_to_its_worker(queue, own_server):
    queue.start()
    queue.enqueue(1, JOBS // 2)
    killed, stopped, spared = queue.workers
    until(lambda: len(queue.numbers()) == 3, what="all three work")
    numbers = queue.numbers()

    until(lambda: queue.stop_at_work(stopped, numbers), what="to catch it at work")
    killed.kill()
    # whatever they had sent has been done by then
    until(lambda: queue.ask(SILENT, worker=numbers[stopped.pid]), what="its silence")
    left = queue.doing(stopped, numbers) | queue.doing(killed, numbers)
    assert queue.doing(stopped, numbers)
    until(
        lambda: not queue.doing(stopped, numbers) | queue.doing(killed, numbers),
        what="what they were doing is taken over",
    )
    stopped.send_signal(signal.SIGCONT)
    woken_at = queue.ask("SELECT clock_timestamp()")
    queue.enqueue(JOBS // 2 + 1, JOBS)
    queue.until_done(0.6, "most of it")
    assert queue.ask(f"SELECT count(*) FROM {MINE} AND status = 'todo'"), "too late for a restart"
    embedded_postgres.stop(own_server)
    time.sleep(AWAY)
    embedded_postgres.ensure_running(own_server, throw_away=True)
    back_at = queue.ask("SELECT clock_timestamp()")
    queue.until_done(1, "all of it")

    states = Counter(dict(queue.rows(f"SELECT status::text, count(*) FROM {MINE} GROUP BY 1")))
    assert states == {"succeeded": JOBS}
    assert queue.ask("SELECT count(*) FROM mark") == JOBS
    assert queue.ask("SELECT count(DISTINCT number) FROM mark_try") == JOBS
    tries = dict(queue.rows(f"SELECT id, attempts FROM {MINE} AND attempts > 1"))
    assert left <= set(tries), "each of them was tried again"
    assert max(tries.values()) <= RETRIES
    assert len(tries) < MOST_TRIED_AGAIN
    assert [worker.poll() for worker in (stopped, spared)] == [None, None]
    at_work = "SELECT count(*) FROM mark_try WHERE pid = :pid AND at > :at"
    assert queue.ask(at_work, pid=stopped.pid, at=woken_at) > 0
    for worker in (stopped, spared):
        assert queue.ask(at_work, pid=worker.pid, at=back_at) > 0
