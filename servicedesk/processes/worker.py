"""A worker: takes jobs out of the database and runs them, any number of workers at once."""

from __future__ import annotations

import asyncio
import logging
import sys
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import procrastinate
import psycopg
import structlog
from procrastinate import PsycopgConnector, RetryStrategy
from procrastinate.exceptions import ConnectorException
from psycopg_pool import AsyncConnectionPool

from config import Mode, Settings
from servicedesk.app import create_app
from servicedesk.core.actors import SYSTEM
from servicedesk.core.database import acting_as, session
from servicedesk.core.embedded_postgres import database_url
from servicedesk.core.jobs import JOBS, Job
from servicedesk.core.links import CONNECT_SECONDS, LINK
from servicedesk.core.metrics import JOB_SECONDS
from servicedesk.core.trace import following, without_trace
from servicedesk.processes.job_book import RESCUE, RETRIES, STALLED, JobBook, rescue_stalled
from servicedesk.processes.logs import configure_logs, quieten
from servicedesk.processes.metrics_door import open_metrics_door
from servicedesk.processes.preparation import conninfo, serve_or_refuse

if TYPE_CHECKING:
    from collections.abc import Iterator

    from flask import Flask
    from procrastinate import JobContext

CONCURRENCY = 4  # jobs at a time, each in a thread
HEARTBEAT = 3.0  # seconds
GRACE = 5.0  # seconds for running jobs when stopping
POLL = 2.0  # seconds between looks for a job that is to be tried again
SLOW = 1.0  # seconds: a periodic job that took longer is worth a line

log = structlog.get_logger("servicedesk.worker")


def main() -> int:
    """Work until SIGTERM or SIGINT."""
    settings = Settings.from_environment()
    configure_logs(as_json=settings.is_production)
    if settings.mode is Mode.DEVELOPMENT:
        quieten()
    # it tells each attempt that failed, to be repeated or not; we tell it ourselves
    logging.getLogger("procrastinate").setLevel(logging.CRITICAL)
    # and the pool each try to reach a database that is away
    logging.getLogger("psycopg.pool").setLevel(logging.ERROR)
    url = database_url(settings)
    serve_or_refuse(url)
    app = create_app(settings)
    open_metrics_door(app, settings)
    asyncio.run(work(app, url))
    return 0


async def work(app: Flask, url: str, *, wait: bool = True) -> None:
    """Take over what dead workers left, then run jobs; without `wait`, until none is due."""
    while True:
        try:
            await _work_through(app, url, wait=wait)
        except (ConnectorException, psycopg.OperationalError) as error:
            if not wait:
                raise
            log.warning("the worker waits for the database", reason=str(error.__cause__ or error))
            await asyncio.sleep(POLL)
        else:
            return


async def _work_through(app: Flask, url: str, *, wait: bool) -> None:
    connector = PsycopgConnector(
        conninfo=conninfo(url),
        min_size=1,
        max_size=CONCURRENCY + 3,
        kwargs=LINK | {"application_name": "servicedesk worker"},
        configure=_keep_book_lightly,
        timeout=CONNECT_SECONDS,
        # then whoever needs one next tries anew, instead of a pool that waits longer and longer
        reconnect_timeout=POLL,
        pool_factory=_pool,
    )
    queue = procrastinate.App(connector=connector)
    add_jobs(queue, app, connector)
    queue.job_manager = JobBook(connector, queue.tasks)
    async with queue.open_async():
        await rescue_stalled(connector)
        await queue.run_worker_async(
            wait=wait,
            name="desk",
            concurrency=CONCURRENCY,
            fetch_job_polling_interval=POLL,
            update_heartbeat_interval=HEARTBEAT,
            stalled_worker_timeout=STALLED,
            shutdown_graceful_timeout=GRACE,
        )


async def _keep_book_lightly(connection: psycopg.AsyncConnection[Any]) -> None:
    # each statement of the queue stands alone: a transaction around it is two more round trips
    await connection.set_autocommit(True)
    # what a job commits is on disk, and with it that the job was taken. If the server dies before the
    # end of a job is on disk as well, the job runs again, as any job may
    await connection.execute("SET synchronous_commit = off")


def _pool(*, check: object, **options: Any) -> AsyncConnectionPool:
    """Return a pool that does not ask a connection how it is before each statement.

    The book of jobs copes with a broken one, and asking is another round trip.
    """
    del check
    return AsyncConnectionPool(**options)


def add_jobs(queue: procrastinate.App, app: Flask, connector: PsycopgConnector) -> None:
    """Hand every declared job to Procrastinate, and what looks after the queue itself."""
    for job in JOBS.values():
        _add_job(queue, app, job)

    @queue.task(name=RESCUE.name, queue=RESCUE.queue)
    async def rescue() -> None:
        await rescue_stalled(connector)


def _add_job(queue: procrastinate.App, app: Flask, job: Job[Any]) -> None:
    # the clock brings a periodic job again by itself
    retry = None if job.every else RetryStrategy(max_attempts=RETRIES, exponential_wait=3)

    @queue.task(name=job.name, queue=job.queue, pass_context=True, retry=retry or False)
    def perform(context: JobContext, /, **arguments: Any) -> None:
        run_job(app, job, context, arguments)


def run_job(app: Flask, job: Job[Any], context: JobContext, arguments: dict[str, Any]) -> None:
    """Run one job as the desk itself, in an application context of its own; leave nothing open."""
    told, asked_by = without_trace(arguments)
    with (
        structlog.contextvars.bound_contextvars(job=job.name, job_id=context.job.id),
        following(asked_by or f"job-{context.job.id}"),
        _accounted(job),
    ):
        try:
            with app.app_context(), acting_as(SYSTEM):
                try:
                    job.run(**told)
                finally:
                    session().rollback()
        except Exception:
            log.exception("job failed", attempt=context.job.attempts + 1)
            raise


@contextmanager
def _accounted(job: Job[Any]) -> Iterator[None]:
    """Measure a job, and leave a line of what somebody asked for or what took long."""
    began, outcome = time.perf_counter(), "failed"
    try:
        yield
        outcome = "done"
    finally:
        seconds = time.perf_counter() - began
        JOB_SECONDS.labels(job.name, outcome).observe(seconds)
        if outcome == "done" and (job.every is None or seconds > SLOW):
            log.info("job done", ms=round(seconds * 1000, 1))


if __name__ == "__main__":
    sys.exit(main())
