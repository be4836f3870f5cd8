"""500 due times, three workers, two clocks: killed, stopped, and the database restarted under them."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from datetime import datetime, timedelta

import pytest
from sqlalchemy import NullPool, create_engine, text

from config import ROOT
from servicedesk.core import embedded_postgres
from servicedesk.core.clock_lease import leader
from servicedesk.planning.schedule import Interval, Unit, to_json
from tests import planned_worker
from tests.desk_on_loopback import START, until

TASKS = 15
SECONDS = 34  # at least, of a schedule that comes every second
MORE = 3  # seconds after the last kill
AWAY = 4  # seconds without a database
ADD = """
INSERT INTO planned_task (reference, category, title, description, work_kind, code, parameters,
    group_ids, device_ids, steps, queue, schedule, misfire, overlap, owner_name, notice_days,
    shown_to_client, state, needs_approval, content_hash, author_name, next_due_at, created_at,
    updated_at, version)
SELECT 'TP-' || n, 'preventive_maintenance', 'Mark', '', 'check', :code, '{}', '{}', '{}', '{}',
    'operations', CAST(:schedule AS jsonb), 'run_each', 'parallel', 'A test', 0, false, 'active',
    false, '', 'A test', :first, :first, :first, 1
  FROM generate_series(1, :tasks) n
"""


class Desk:
    """A server of its own with clocks and workers as processes."""

    def __init__(self, instance) -> None:
        self.address = embedded_postgres.url(instance)
        self.engine = create_engine(self.address, poolclass=NullPool)
        self.environment = os.environ | {
            "SERVICEDESK_MODE": "test",
            "SERVICEDESK_INSTANCE": str(instance),
            "DATABASE_URL": self.address,
        }
        self.processes: list[subprocess.Popen] = []

    def start(self, module: str) -> subprocess.Popen:
        command = [sys.executable, "-m", module]
        self.processes.append(subprocess.Popen(command, cwd=ROOT, env=self.environment))
        return self.processes[-1]

    def ask(self, question: str, **facts: object):
        with self.engine.connect() as connection:
            return connection.execute(text(question), facts).scalar()

    def rows(self, question: str) -> list[tuple]:
        with self.engine.connect() as connection:
            return [tuple(row) for row in connection.execute(text(question))]

    def leading(self, clocks: list[subprocess.Popen]) -> subprocess.Popen | None:
        with self.engine.connect() as connection:
            found = leader(connection)
        pid = found and found.is_held and int(found.holder.split(":")[1])
        return next((clock for clock in clocks if clock.pid == pid), None)

    def end(self) -> None:
        for process in self.processes:
            process.kill()
            process.wait()
        self.engine.dispose()


@pytest.fixture
def desk(own_server):
    desk = Desk(own_server)
    yield desk
    desk.end()


def plan(desk: Desk) -> datetime:
    """Plan tasks that are due every second from soon on; return the first time."""
    first: datetime = desk.ask("SELECT date_trunc('second', now()) + interval '2 seconds'")
    schedule = Interval(count=1, unit=Unit.SECOND, starts_at=first.replace(tzinfo=None), zone="UTC")
    facts = {"code": planned_worker.CODE, "first": first, "tasks": TASKS}
    with desk.engine.begin() as connection:
        connection.execute(text(ADD), facts | {"schedule": text_of(schedule)})
    return first


def text_of(schedule: Interval) -> str:
    return json.dumps(to_json(schedule))


def test_each_due_time_has_one_run_that_is_done_whatever_happens_meanwhile(desk, own_server):
    with desk.engine.begin() as connection:
        connection.execute(text(planned_worker.TABLES))
    workers = [desk.start("tests.planned_worker") for _ in range(3)]
    clocks = [desk.start("servicedesk.processes.scheduler") for _ in range(2)]
    known = "SELECT count(*) FROM procrastinate_workers"
    until(lambda: desk.ask(known) == 3, seconds=START, what="three workers")
    stopped = until(lambda: desk.leading(clocks), seconds=START, what="a clock to be elected")
    (other,) = [clock for clock in clocks if clock is not stopped]
    first = plan(desk)
    count = "SELECT count(*) FROM planned_run"
    until(lambda: desk.ask(count) > TASKS * 3, what="the first runs")

    # the elected clock is stopped for longer than its lease, a worker is killed, another is stopped
    stopped.send_signal(signal.SIGSTOP)
    workers[0].kill()
    workers[1].send_signal(signal.SIGSTOP)
    until(lambda: desk.leading([other]), seconds=10, what="the other clock")
    before = desk.ask(count)
    until(lambda: desk.ask(count) > before, seconds=10, what="its runs")
    stopped.send_signal(signal.SIGCONT)
    # the database goes away under all of them
    embedded_postgres.stop(own_server)
    time.sleep(AWAY)
    embedded_postgres.ensure_running(own_server, throw_away=True)
    until(lambda: desk.leading(clocks), seconds=20, what="a clock again")
    # the clock that leads now is killed amid its work
    last = desk.leading(clocks)
    if last is not None:
        last.kill()
    (left,) = [clock for clock in clocks if clock is not last]
    until(lambda: desk.leading([left]), seconds=20, what="the clock that is left")
    seconds = max(
        SECONDS, int(desk.ask("SELECT extract(epoch FROM now() - :first)", first=first)) + MORE
    )
    end = first + timedelta(seconds=seconds)
    until(lambda: desk.ask("SELECT now() > :end", end=end), seconds=90, what="the last due time")
    until(
        lambda: desk.ask("SELECT min(next_due_at) > :end FROM planned_task", end=end),
        seconds=20,
        what="the last run",
    )
    workers[1].send_signal(signal.SIGCONT)
    over = "SELECT count(*) FROM planned_run WHERE finished_at IS NULL AND due_at < :end"
    until(lambda: desk.ask(over, end=end) == 0, seconds=90, what="all to be over")

    upto = f"planned_run WHERE due_at < '{end.isoformat()}'"
    dues = desk.rows(f"SELECT task_id, due_at FROM {upto}")
    times = [first + timedelta(seconds=number) for number in range(seconds)]
    expected = {(task_id, due) for task_id in range(1, TASKS + 1) for due in times}
    assert len(dues) == len(expected)
    assert set(dues) == expected
    states = dict(desk.rows(f"SELECT state, count(*) FROM {upto} GROUP BY 1"))
    assert states == {"done": len(expected)}
    marks = f"SELECT count(*) FROM mark WHERE run_id IN (SELECT id FROM {upto})"
    assert desk.ask(marks) == len(expected)
    assert desk.ask("SELECT count(*) FROM ticket") == 0, "nothing went wrong, nothing is reported"
