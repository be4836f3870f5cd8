"""The clock: turns time into jobs and runs, in the one process that holds the clock's lease.

Any number may be started; the others wait and take over within seconds. The clock decides when,
workers do the work.
"""

from __future__ import annotations

import logging
import os
import secrets
import signal
import socket
import sys
import threading
import time
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Any

import structlog
from apscheduler.executors.pool import ThreadPoolExecutor
from apscheduler.schedulers.background import BackgroundScheduler
from apscheduler.triggers.interval import IntervalTrigger
from sqlalchemy import NullPool, create_engine
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from config import Settings
from servicedesk.app import create_app
from servicedesk.core import clock
from servicedesk.core.beats import BEATS
from servicedesk.core.clock_lease import elect, give_back, prolong
from servicedesk.core.embedded_postgres import database_url
from servicedesk.core.jobs import JOBS, Job, JobName, enqueue
from servicedesk.core.links import LINK
from servicedesk.processes.job_book import RESCUE
from servicedesk.processes.logs import configure_logs
from servicedesk.processes.metrics_door import open_metrics_door
from servicedesk.processes.preparation import serve_or_refuse

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from sqlalchemy import Connection, Engine

TRY_AGAIN = 1.0  # seconds between tries to be elected
LOOK = 2.0  # seconds between renewals, besides those of the ticks
SOON = timedelta(seconds=5)  # until what failed is tried again
LEAP = 2.0  # seconds by which the host's clock may drift from steady time within a term

# what a session may hold up: a clock that was stopped amid a transaction lets go of the lease's row
# after a statement and an idle time, together no longer than the lease itself
LIMITS = {
    "statement_timeout": 3_000,  # milliseconds, like all of these
    "lock_timeout": 1_000,
    "idle_in_transaction_session_timeout": 3_000,
    "client_connection_check_interval": 1_000,  # a killed one's statement ends as well
}

log = structlog.get_logger("servicedesk.clock")


class Clock:
    """One term as the elected clock: whatever it writes, it writes while it holds the lease."""

    def __init__(self, connection: Connection, holder: str, term: int) -> None:
        """Take over for a term that has begun."""
        self.connection = connection
        self.holder = holder
        self.term = term
        self.lost = threading.Event()
        self._one_at_a_time = threading.Lock()
        self._steady_offset = _steady_offset()
        self.scheduler = BackgroundScheduler(
            timezone="UTC",
            # the row of the lease lets in one transaction at a time, so more threads would only wait
            executors={"default": ThreadPoolExecutor(1)},
            job_defaults={"coalesce": True, "misfire_grace_time": None, "max_instances": 1},
        )

    def start(self) -> None:
        """Begin to tick; everything fires at once, since nobody knows how long no clock ran."""
        for name, every, act in duties():
            self.scheduler.add_job(
                self.tick,
                IntervalTrigger(seconds=every.total_seconds(), timezone="UTC"),
                args=[name, act],
                id=name,
                name=name,
                replace_existing=True,
                next_run_time=clock.now(),
            )
        self.scheduler.start()

    def tick(self, name: str, act: Callable[[Session], object]) -> None:
        """Do one thing in this term; if it fails, undo it and try it again soon."""
        if self.write(name, act) or self.lost.is_set():
            return
        soon, scheduled = clock.now() + SOON, self.scheduler.get_job(name)
        if scheduled.next_run_time > soon:
            scheduled.modify(next_run_time=soon)

    def write(self, name: str, act: Callable[[Session], object]) -> bool:
        """Have `act` write in a transaction that holds the lease; tell whether it did.

        A lost connection or lease is the end of the term.
        """
        with self._one_at_a_time:
            if self.lost.is_set():
                return False
            try:
                with Session(self.connection, info={"as_owner": True}) as current:
                    if not prolong(current, self.holder, self.term):
                        self._step_down("another one was elected")
                        return False
                    act(current)
                    current.commit()
            except Exception:
                if self._is_cut():
                    self._step_down("the connection was lost")
                else:
                    log.exception("a beat failed", beat=name)
                return False
        return True

    def _is_cut(self) -> bool:
        # not every way in which the server ends a session is one that SQLAlchemy takes for an end
        driver = (
            None if self.connection.invalidated else self.connection.connection.driver_connection
        )
        return driver is None or bool(driver.closed)

    def look(self) -> None:
        """Renew the lease; find out whether this process is still the elected one."""
        self.write("lease", lambda _: None)
        if abs(_steady_offset() - self._steady_offset) > LEAP:
            # what is scheduled was reckoned by the time before; a new term begins anew
            self._step_down("this host's clock was set")

    def _step_down(self, reason: str) -> None:
        if not self.lost.is_set():
            log.warning("the clock steps down", reason=reason, term=self.term)
        self.lost.set()

    def stop(self) -> None:
        """Tick no more; let another one begin at once, if the lease is still ours to give."""
        was_lost = self.lost.is_set()
        self.lost.set()
        self.scheduler.shutdown(wait=True)
        if not was_lost:
            with self._one_at_a_time:
                give_back(self.connection, self.holder, self.term)
                self.connection.commit()


def _steady_offset() -> float:
    return time.time() - time.monotonic()


def duties() -> Iterator[tuple[str, timedelta, Callable[[Session], object]]]:
    """Yield what the clock does, how often, and under which name."""
    yield RESCUE.name, timedelta(seconds=10), partial(_enqueue_once, RESCUE)
    for job in JOBS.values():
        if job.every is not None:
            yield job.name, job.every, partial(_enqueue_once, job)
    for beat in BEATS.values():
        yield f"beat {beat.name}", beat.every, beat.run


def _enqueue_once(job: Job[Any] | JobName, current: Session) -> None:
    enqueue(current, job, {}, once_as=job.name)


def identity() -> str:
    """Return a name for this process that people can read and no other process has or will have."""
    return f"{socket.gethostname()}:{os.getpid()}:{secrets.token_hex(4)}"


def engine_at(url: str) -> Engine:
    """Return an engine whose sessions hold nothing up for longer than the lease."""
    settings = {name: str(value) for name, value in LIMITS.items()} | {"timezone": "UTC"}
    options = " ".join(f"-c {name}={value}" for name, value in settings.items())
    return create_engine(
        url,
        poolclass=NullPool,
        hide_parameters=True,
        connect_args=LINK | {"options": options, "application_name": "servicedesk clock"},
    )


def serve(url: str, stop: threading.Event) -> None:
    """Be elected, tick, be elected again, until told to stop; a database that is away is awaited."""
    engine, holder, is_away = engine_at(url), identity(), False
    while not stop.is_set():
        try:
            with engine.connect() as connection:
                is_away = False
                serve_through(connection, holder, stop)
        except SQLAlchemyError as error:
            if not is_away:
                log.warning("the clock waits for the database", reason=str(error.__cause__))
            is_away = True
            stop.wait(TRY_AGAIN)
    engine.dispose()


def serve_through(connection: Connection, holder: str, stop: threading.Event) -> None:
    """Stand for election until elected, then tick until the term is lost."""
    term = None
    while term is None and not stop.is_set():
        term = elect(connection, holder)
        connection.commit()
        if term is None:
            stop.wait(TRY_AGAIN)
    if term is None:
        return
    log.info("elected as the clock", holder=holder, term=term)
    elected = Clock(connection, holder, term)
    elected.start()
    while not elected.lost.is_set() and not stop.wait(LOOK):
        elected.look()
    elected.stop()


def main() -> int:
    """Run until SIGTERM or SIGINT."""
    settings = Settings.from_environment()
    configure_logs(as_json=settings.is_production)
    # it warns of each tick that is due while the one before still waits; they are one
    logging.getLogger("apscheduler.scheduler").setLevel(logging.ERROR)
    url = database_url(settings)
    serve_or_refuse(url)
    open_metrics_door(create_app(settings), settings)  # declares the jobs and beats
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    serve(url, stop)
    return 0


if __name__ == "__main__":
    sys.exit(main())
