"""A worker: takes jobs out of the database and runs them, any number of workers at once."""

from __future__ import annotations

import asyncio
import logging
import sys
from typing import TYPE_CHECKING, Any

import procrastinate
import structlog
from procrastinate import PsycopgConnector, RetryStrategy

from config import Settings
from servicedesk.app import create_app
from servicedesk.core.actors import SYSTEM
from servicedesk.core.database import acting_as, session
from servicedesk.core.embedded_postgres import database_url
from servicedesk.core.jobs import JOBS, Job, JobName
from servicedesk.processes.logs import configure_logs
from servicedesk.processes.preparation import conninfo

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from flask import Flask
    from procrastinate import JobContext

CONCURRENCY = 4  # jobs at a time, each in a thread
HEARTBEAT = 3.0  # seconds
STALLED = 15.0  # seconds without a heartbeat: that worker is dead, its jobs are taken over
GRACE = 5.0  # seconds for running jobs when stopping
POLL = 2.0  # seconds between looks for a job that is to be tried again
RETRIES = 8  # after 3, 9, 27 … seconds, the last almost 2 hours after the one before

RESCUE = JobName("jobs.rescue_stalled")

# rows are locked until they are queued again, so two workers cannot take over the same job
STALLED_JOBS = """
    SELECT j.id, j.task_name, j.attempts
      FROM procrastinate_jobs j LEFT JOIN procrastinate_workers w ON w.id = j.worker_id
     WHERE j.status = 'doing'
       AND (w.id IS NULL OR w.last_heartbeat < now() - make_interval(secs => %(seconds)s))
       FOR UPDATE OF j SKIP LOCKED
"""
GIVE_UP_LOCK = "UPDATE procrastinate_jobs SET queueing_lock = NULL WHERE id = %(id)s"
QUEUE_AGAIN = "SELECT procrastinate_retry_job_v2(%(id)s, now(), NULL, NULL, NULL)"
GIVE_UP = "SELECT procrastinate_finish_job_v1(%(id)s, 'failed', false)"

log = structlog.get_logger("servicedesk.worker")


def main() -> int:
    """Work until SIGTERM or SIGINT."""
    settings = Settings.from_environment()
    configure_logs(as_json=settings.is_production)
    # it tells each attempt that failed, to be repeated or not; we tell it ourselves
    logging.getLogger("procrastinate").setLevel(logging.CRITICAL)
    asyncio.run(work(create_app(settings), database_url(settings)))
    return 0


async def work(app: Flask, url: str, *, wait: bool = True) -> None:
    """Take over what dead workers left, then run jobs; without `wait`, until none is due."""
    connector = PsycopgConnector(conninfo=conninfo(url), min_size=1, max_size=CONCURRENCY + 3)
    queue = procrastinate.App(connector=connector)
    add_jobs(queue, app, connector)
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
            worker_middleware=[_wait_without_a_name],
        )


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
    with structlog.contextvars.bound_contextvars(job=job.name, job_id=context.job.id):
        try:
            with app.app_context(), acting_as(SYSTEM):
                try:
                    job.run(**arguments)
                finally:
                    session().rollback()
        except Exception:
            log.exception("job failed", attempt=context.job.attempts + 1)
            raise


async def _wait_without_a_name(
    call_next: Callable[[], Awaitable[Any]], context: JobContext, _worker: object
) -> Any:
    """Take a failed job's queueing lock: by now another may wait under it, and two may not."""
    try:
        return await call_next()
    except BaseException:
        connector = context.app.connector
        if context.job.queueing_lock:
            await connector.execute_query_async(GIVE_UP_LOCK, id=context.job.id)
        raise


async def rescue_stalled(connector: PsycopgConnector) -> None:
    """Queue again what dead workers were doing; what outlived its tries is failed instead."""
    async with connector.pool.connection() as connection, connection.transaction():
        found = await connection.execute(STALLED_JOBS, {"seconds": STALLED})
        for job_id, name, attempts in await found.fetchall():
            log.warning("job of a dead worker", job=name, job_id=job_id, attempt=attempts + 1)
            await connection.execute(GIVE_UP_LOCK, {"id": job_id})
            again = QUEUE_AGAIN if attempts < RETRIES else GIVE_UP
            await connection.execute(again, {"id": job_id})


if __name__ == "__main__":
    sys.exit(main())
