from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import threading
import time
from datetime import timedelta
from typing import TYPE_CHECKING

import psycopg
import pytest
from flask import Flask
from sqlalchemy import NullPool, create_engine, text

from servicedesk.core import embedded_postgres
from servicedesk.core.actors import SYSTEM
from servicedesk.core.database import acting, session
from servicedesk.core.jobs import JOBS, Job
from servicedesk.processes import children, preparation, scheduler, worker
from servicedesk.processes.children import Child, KeepsDying
from servicedesk.processes.job_book import RETRIES

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path
    from typing import Any

STUBBORN = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(60)"


def eventually(holds: Callable[[], object], seconds: float = 10) -> bool:
    deadline = time.monotonic() + seconds
    while not holds():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


def told(what: str, pid: int) -> str:
    command = ["ps", "-o", f"{what}=", "-p", str(pid)]
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip()


def is_alive(pid: int) -> bool:
    state = told("stat", pid)
    return bool(state) and not state.startswith("Z")


# children


def watch_to_the_end(child: Child, news: list[str | None]) -> None:
    while True:
        news.append(child.watch())
        time.sleep(0.01)


def test_a_child_that_keeps_dying_is_given_up(monkeypatch):
    monkeypatch.setattr(children, "LONGEST_PAUSE", 0.01)
    child = Child(name="worker", command=(sys.executable, "-c", "exit(3)"), environment={})
    news: list[str | None] = []

    with pytest.raises(KeepsDying, match=r"worker ended 5 times .* exit code 3"):
        watch_to_the_end(child, news)

    assert sum(line is not None for line in news) == 4


def test_a_child_that_does_not_listen_is_ended_after_the_grace(monkeypatch):
    monkeypatch.setattr(children, "GRACE", 0.2)
    process = children.start((sys.executable, "-S", "-c", STUBBORN), os.environ)
    ignored = 1 << (signal.SIGTERM - 1)
    assert eventually(lambda: int(told("ignored", process.pid), 16) & ignored)

    assert children.end([process]) == [process.pid]
    assert not is_alive(process.pid)


def test_a_child_dies_with_its_parent_even_when_that_is_killed():
    program = (
        "import sys, time; from servicedesk.processes import children;"
        "p = children.start((sys.executable, '-S', '-c', 'import time; time.sleep(60)'), {});"
        "print(p.pid, flush=True); time.sleep(60)"
    )
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE) as parent:
        pid = int(parent.stdout.readline())
        assert eventually(lambda: is_alive(pid) and "leash.py" not in told("args", pid))
        parent.send_signal(signal.SIGKILL)

    assert eventually(lambda: not is_alive(pid))


# the embedded database


@pytest.fixture
def own_instance(tmp_path: Path) -> Iterator[Path]:
    yield tmp_path
    embedded_postgres.stop(tmp_path)


def test_the_database_comes_back_after_it_was_killed_and_its_number_given_to_another(own_instance):
    assert embedded_postgres.ensure_running(own_instance)
    assert not embedded_postgres.ensure_running(own_instance)
    conninfo = preparation.conninfo(embedded_postgres.url(own_instance))
    with psycopg.connect(conninfo) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 1 AS one")
    left = own_instance / "postgres" / "data" / "postmaster.pid"
    lines = left.read_text().splitlines()
    os.kill(int(lines[0]), signal.SIGKILL)
    assert eventually(lambda: not is_alive(int(lines[0])))
    left.write_text("\n".join([str(os.getppid()), *lines[1:]]))

    assert embedded_postgres.ensure_running(own_instance)

    with psycopg.connect(conninfo) as connection:
        assert connection.execute("SELECT one FROM kept").fetchone() == (1,)


def test_text_search_keeps_its_index_under_row_level_security(instance):
    with psycopg.connect(preparation.conninfo(embedded_postgres.url(instance))) as connection:
        found = connection.execute(
            "SELECT proleakproof FROM pg_proc WHERE proname = 'ts_match_vq'"
        ).fetchone()
    assert found == (True,)


# the clock (who is elected: test_clock_lease)


@pytest.fixture
def engine(database_address: str) -> Iterator[Any]:
    engine = create_engine(database_address, poolclass=NullPool)
    yield engine
    engine.dispose()


def jobs(engine: Any) -> list[tuple[str, str, int, str | None]]:
    with engine.connect() as connection:
        rows = connection.execute(
            text("SELECT task_name, status, attempts, queueing_lock FROM procrastinate_jobs")
        )
        return sorted(tuple(row) for row in rows)


def test_the_clock_ticks_what_is_declared_periodic_and_stops(engine, monkeypatch):
    often = Job(name="test.often", queue="default", run=lambda: None, every=timedelta(hours=1))
    monkeypatch.setitem(JOBS, often.name, often)
    stop = threading.Event()
    address = engine.url.render_as_string(hide_password=False)
    clock = threading.Thread(target=scheduler.serve, args=(address, stop))
    clock.start()

    assert eventually(lambda: "test.often" in {name for name, *_ in jobs(engine)})
    stop.set()
    clock.join(timeout=5)
    assert not clock.is_alive()


# the worker


def run_worker(address: str) -> None:
    asyncio.run(worker.work(Flask("test"), address, wait=False))


def enqueue(engine: Any, name: str, once_as: str | None = None) -> None:
    with engine.begin() as connection:
        connection.execute(
            text("SELECT desk_enqueue('default', :name, NULL, :once, '{}', NULL)"),
            {"name": name, "once": once_as},
        )


@pytest.mark.usefixtures("sessions")
def test_a_job_runs_as_the_desk_itself_under_its_role(engine, database_address, monkeypatch):
    seen = []

    def look() -> None:
        role = session().execute(text("SELECT current_user")).scalar()
        seen.append((acting(), role))

    monkeypatch.setitem(JOBS, "test.look", Job(name="test.look", queue="default", run=look))
    enqueue(engine, "test.look")

    run_worker(database_address)

    assert seen == [(SYSTEM, "desk_worker")]
    assert jobs(engine) == [("test.look", "succeeded", 1, None)]


@pytest.mark.usefixtures("sessions")
def test_a_failed_job_waits_for_its_next_try_beside_a_new_one_of_the_same_name(
    engine, database_address, monkeypatch
):
    tries = []

    def fail_first() -> None:
        tries.append(1)
        if len(tries) == 1:
            enqueue(engine, "test.fail", once_as="one")
            raise RuntimeError("the mail server sleeps")

    job = Job(name="test.fail", queue="default", run=fail_first)
    monkeypatch.setitem(JOBS, job.name, job)
    enqueue(engine, "test.fail", once_as="one")

    run_worker(database_address)

    # a quick worker may have done the new one already
    new, failed = jobs(engine)
    assert (new[0], new[3]) == ("test.fail", "one")
    assert failed == ("test.fail", "todo", 1, None)


@pytest.mark.usefixtures("sessions")
def test_what_a_dead_worker_was_doing_is_done_again(engine, database_address, monkeypatch):
    done = []
    job = Job(name="test.work", queue="default", run=lambda: done.append(1))
    monkeypatch.setitem(JOBS, "test.work", job)
    enqueue(engine, "test.work", once_as="one")
    with engine.begin() as connection:
        connection.execute(
            text(
                "WITH dead AS (INSERT INTO procrastinate_workers (last_heartbeat)"
                " VALUES (now() - interval '1 minute') RETURNING id)"
                " UPDATE procrastinate_jobs SET status = 'doing', worker_id = (SELECT id FROM dead)"
            )
        )
    enqueue(engine, "test.work", once_as="one")

    run_worker(database_address)

    assert done == [1, 1]
    assert [status for _, status, *_ in jobs(engine)] == ["succeeded", "succeeded"]


@pytest.mark.usefixtures("sessions")
def test_a_job_that_kills_each_of_its_workers_is_given_up(engine, database_address):
    enqueue(engine, "test.deadly")
    with engine.begin() as connection:
        connection.execute(
            text("UPDATE procrastinate_jobs SET status = 'doing', attempts = :tries"),
            {"tries": RETRIES},
        )

    run_worker(database_address)

    assert [status for _, status, *_ in jobs(engine)] == ["failed"]
