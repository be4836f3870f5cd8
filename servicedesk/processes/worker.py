"""A worker: takes jobs out of the database and runs them, any number of workers at once."""

from __future__ import annotations

import asyncio
import logging
import sys
from typing import TYPE_CHECKING, Any

import procrastinate
import structlog
from procrastinate import RetryStrategy
from psycopg.errors import UniqueViolation

from config import Settings
from servicedesk.app import create_app
from servicedesk.core.actors import SYSTEM
from servicedesk.core.database import acting_as, session
from servicedesk.core.embedded_postgres import database_url
from servicedesk.core.jobs import JOBS, Job, JobName
from servicedesk.processes.logs import configure_logs
from servicedesk.processes.preparation import conninfo

if TYPE_CHECKING:
    from flask import Flask
    from procrastinate import JobContext

CONCURRENCY = 4  # jobs at a time, each in a thread
HEARTBEAT = 3.0  # seconds
STALLED = 15.0  # seconds without a heartbeat: that worker is dead, its jobs are taken over
GRACE = 5.0  # seconds for running jobs when stopping
LONGEST_WAIT = 8  # tries after the first: 3, 9, 27 … seconds later, the last almost 2 hours
KEEP_DONE = 6  # hours
KEEP_FAILED = 30 * 24  # hours

RESCUE = JobName("jobs.rescue_stalled")
FORGET = JobName("jobs.forget_old")

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
    queue = job_app(app, url)
    async with queue.open_async():
        await rescue_stalled(queue)
        await queue.run_worker_async(
            wait=wait,
            name="desk",
            concurrency=CONCURRENCY,
            update_heartbeat_interval=HEARTBEAT,
            stalled_worker_timeout=STALLED,
            shutdown_graceful_timeout=GRACE,
        )


def job_app(app: Flask, url: str) -> procrastinate.App:
    """Hand every declared job to Procrastinate, and the two that look after the queue itself."""
    connector = procrastinate.PsycopgConnector(
        conninfo=conninfo(url), min_size=1, max_size=CONCURRENCY + 3
    )
    queue = procrastinate.App(connector=connector)
    for job in JOBS.values():
        _add_job(queue, app, job)

    @queue.task(name=RESCUE.name, queue=RESCUE.queue, pass_context=True)
    async def rescue(context: JobContext) -> None:
        await rescue_stalled(context.app)

    @queue.task(name=FORGET.name, queue=FORGET.queue, pass_context=True)
    async def forget(context: JobContext) -> None:
        manager = context.app.job_manager
        await manager.delete_old_jobs(KEEP_DONE)
        await manager.delete_old_jobs(
            KEEP_FAILED, include_failed=True, include_cancelled=True, include_aborted=True
        )

    return queue


def _add_job(queue: procrastinate.App, app: Flask, job: Job[Any]) -> None:
    # the clock brings a periodic job again by itself
    retry = None if job.every else RetryStrategy(max_attempts=LONGEST_WAIT, exponential_wait=3)

    @queue.task(name=job.name, queue=job.queue, pass_context=True, retry=retry or False)
    def perform(context: JobContext, **arguments: Any) -> None:
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
            if context.job.queueing_lock and not job.every:
                _give_up_queueing_lock(context)
            raise


def _give_up_queueing_lock(context: JobContext) -> None:
    """Let the job wait for its next try although another of the same name may wait by then."""
    with session_of_queue(context) as connection:
        connection.execute(GIVE_UP_QUEUEING_LOCK, {"id": context.job.id})
