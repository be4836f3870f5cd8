"""The clock: turns time into jobs, in the one process that holds the clock's lock.

Any number may be started; the others wait and take over within seconds. The clock decides when,
workers do the work.
"""

from __future__ import annotations

import signal
import sys
import threading
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import structlog
from apscheduler.executors.pool import ThreadPoolExecutor
from apscheduler.schedulers.background import BackgroundScheduler
from apscheduler.triggers.interval import IntervalTrigger
from sqlalchemy import NullPool, create_engine, text
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from config import Settings
from servicedesk.app import create_app
from servicedesk.core import clock
from servicedesk.core.embedded_postgres import database_url
from servicedesk.core.jobs import JOBS, Job, JobName, enqueue
from servicedesk.processes.logs import configure_logs
from servicedesk.processes.worker import RESCUE

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy import Connection, Engine

CLOCK_LOCK = 7_302_027  # the advisory lock of the one process that may tick
TRY_AGAIN = 2.0  # seconds between tries to be elected, and between looks at the lock

log = structlog.get_logger("servicedesk.clock")


class Clock:
    """One term as the elected clock: lasts as long as its connection, which holds the lock."""

    def __init__(self, connection: Connection) -> None:
        """Take a connection that was elected."""
        self.connection = connection
        self.lost = threading.Event()
        self._one_at_a_time = threading.Lock()
        self.scheduler = BackgroundScheduler(
            timezone="UTC",
            executors={"default": ThreadPoolExecutor(1)},
            job_defaults={"coalesce": True, "misfire_grace_time": None, "max_instances": 1},
        )

    def start(self) -> None:
        """Begin to tick; everything fires at once, since nobody knows how long no clock ran."""
        for job, every in periodic_jobs():
            self.scheduler.add_job(
                self.tick,
                IntervalTrigger(seconds=every.total_seconds(), timezone="UTC"),
                args=[job],
                id=job.name,
                replace_existing=True,
                next_run_time=clock.now(),
            )
        self.scheduler.start()

    def tick(self, job: Job[Any] | JobName) -> None:
        """Enqueue `job` unless it waits already; a lost connection is a lost election."""
        with self._one_at_a_time:
            if self.lost.is_set():
                return
            try:
                # through the connection that holds the lock: who lost it cannot enqueue either
                with Session(self.connection, info={"as_owner": True}) as current:
                    enqueue(current, job, {}, once_as=job.name)
                    current.commit()
            except SQLAlchemyError:
                self._step_down()

    def look(self) -> None:
        """Find out whether this process is still the elected one."""
        with self._one_at_a_time:
            try:
                held = self.connection.execute(text(STILL_HELD), {"key": CLOCK_LOCK}).scalar()
                self.connection.commit()
            except SQLAlchemyError:
                held = False
            if not held:
                self._step_down()

    def _step_down(self) -> None:
        if not self.lost.is_set():
            log.warning("the clock lost its connection; the next election decides")
        self.lost.set()

    def stop(self) -> None:
        """Tick no more."""
        self.lost.set()
        self.scheduler.shutdown(wait=True)


STILL_HELD = """
    SELECT EXISTS (SELECT FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid()
                      AND granted AND (classid::bigint << 32) + objid::bigint = :key)
"""


def periodic_jobs() -> Iterator[tuple[Job[Any] | JobName, timedelta]]:
    """Yield what is to be enqueued and how often."""
    yield RESCUE, timedelta(seconds=10)
    for job in JOBS.values():
        if job.every is not None:
            yield job, job.every


def elect(engine: Engine) -> Connection | None:
    """Return a connection that holds the clock's lock, or None while another process has it."""
    connection = None
    try:
        connection = engine.connect()
        query = text("SELECT pg_try_advisory_lock(:key)")
        elected = connection.execute(query, {"key": CLOCK_LOCK}).scalar()
        connection.commit()
    except SQLAlchemyError:
        elected = False
    if elected and connection is not None:
        return connection
    if connection is not None:
        connection.close()
    return None


def serve(url: str, stop: threading.Event) -> None:
    """Be elected, tick, be elected again, until told to stop."""
    engine = create_engine(
        url,
        poolclass=NullPool,
        # a leader cut off from the server must learn of it before the server elects another
        connect_args={"connect_timeout": 5, "keepalives_idle": 5, "tcp_user_timeout": 10_000},
    )
    while not stop.is_set():
        connection = elect(engine)
        if connection is None:
            stop.wait(TRY_AGAIN)
            continue
        term = Clock(connection)
        term.start()
        while not stop.wait(TRY_AGAIN) and not term.lost.is_set():
            term.look()
        term.stop()
        # a connection that failed cannot be given back, only thrown away
        connection.invalidate()
        connection.close()


def main() -> int:
    """Run until SIGTERM or SIGINT."""
    settings = Settings.from_environment()
    configure_logs(as_json=settings.is_production)
    create_app(settings)  # declares the jobs
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    serve(database_url(settings), stop)
    return 0


if __name__ == "__main__":
    sys.exit(main())
