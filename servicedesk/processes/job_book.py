"""The bookkeeping of jobs, for a database that goes away and workers that were taken for dead.

Procrastinate ends when the database does, and lets a worker that was paused for long put an end to a
job that another one has by now. Here a worker waits for the database, and writes how a run ended only
if the job is still its own: taken by it, and not tried again since.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, LiteralString

import psycopg
import structlog
from procrastinate.exceptions import ConnectorException

from servicedesk.core.jobs import JobName
from servicedesk.processes.fetching import KnownJobs

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime

    from procrastinate import PsycopgConnector
    from procrastinate.jobs import Job, Status
    from procrastinate.manager import NotificationCallback
    from psycopg import AsyncConnection

STALLED = 15.0  # seconds without a heartbeat: that worker is dead, its jobs are taken over
RETRIES = 8  # after 3, 9, 27 … seconds, the last almost 2 hours after the one before
TRY_AGAIN = 1.0  # seconds between tries while the database is away

# what looks after the queue goes before what waits in it, however much that is
RESCUE = JobName("jobs.rescue_stalled", rank=100)

# rows are locked until they are queued again, so two workers cannot take over the same job
STALLED_JOBS = """
    SELECT j.id, j.task_name, j.attempts
      FROM procrastinate_jobs j LEFT JOIN procrastinate_workers w ON w.id = j.worker_id
     WHERE j.status = 'doing'
       AND (w.id IS NULL OR w.last_heartbeat < now() - make_interval(secs => %(seconds)s))
       FOR UPDATE OF j SKIP LOCKED
"""
MY_JOBS = """
    SELECT id, task_name, attempts FROM procrastinate_jobs
     WHERE status = 'doing' AND worker_id = %(worker_id)s FOR UPDATE
"""
GIVE_UP_LOCK = "UPDATE procrastinate_jobs SET queueing_lock = NULL WHERE id = %(id)s"
QUEUE_AGAIN = "SELECT procrastinate_retry_job_v2(%(id)s, now(), NULL, NULL, NULL)"
GIVE_UP = "SELECT procrastinate_finish_job_v1(%(id)s, 'failed', false)"

MINE = """
    WITH mine AS (SELECT id FROM procrastinate_jobs
                   WHERE id = %(id)s AND status = 'doing' AND worker_id = %(worker_id)s
                     AND attempts = %(attempts)s FOR UPDATE)
"""
END = "SELECT procrastinate_finish_job_v1(id, %(status)s, %(delete)s) FROM mine"
FINISH = MINE + END
# by now another may wait under its queueing lock, and two may not
LEAVE = "UPDATE procrastinate_jobs SET queueing_lock = NULL WHERE id IN (TABLE mine) RETURNING id"
LEAVE_NAME = MINE + LEAVE
AGAIN = "SELECT procrastinate_retry_job_v2(id, %(at)s, %(priority)s, %(queue)s, %(lock)s) FROM mine"
RETRY = MINE + AGAIN
# a worker that was taken for dead and forgotten is heard of again under its own number
BEAT = """
    INSERT INTO procrastinate_workers AS w (id) OVERRIDING SYSTEM VALUE VALUES (%(worker_id)s)
    ON CONFLICT (id) DO UPDATE SET last_heartbeat = now()
"""

log = structlog.get_logger("servicedesk.worker")


class JobBook(KnownJobs):
    """The manager of one worker's jobs, which never gives up and never speaks for others."""

    connector: PsycopgConnector

    def __init__(self, connector: PsycopgConnector, tasks: Mapping[str, object]) -> None:
        """Begin without a job."""
        super().__init__(connector, tasks)
        self._running: set[tuple[int | None, int]] = set()  # each with its number of tries before
        self._is_unsure = False  # whether we may have been given jobs without hearing of it

    async def fetch_job(self, queues: Iterable[str] | None, worker_id: int) -> Job | None:
        """Return a job to run, or None while none is due or the database is away."""
        try:
            if self._is_unsure:
                await self._return_unheard(worker_id)
            job = await super().fetch_job(queues, worker_id)
        except (ConnectorException, psycopg.Error) as error:
            self._note_absence(error)
            return None
        if job is not None:
            self._running.add((job.id, job.attempts))
        return job

    async def finish_job(self, job: Job, status: Status, delete_job: bool) -> None:  # noqa: FBT001
        """Write how the job ended, if it is still ours."""
        try:
            await self._settle(job, FINISH, status=status.value, delete=delete_job)
        finally:
            self._running.discard((job.id, job.attempts))

    async def retry_job(
        self,
        job: Job,
        retry_at: datetime | None = None,
        priority: int | None = None,
        queue: str | None = None,
        lock: str | None = None,
    ) -> None:
        """Queue the job again, if it is still ours."""
        try:
            if job.queueing_lock:
                await self._settle(job, LEAVE_NAME)
            await self._settle(job, RETRY, at=retry_at, priority=priority, queue=queue, lock=lock)
        finally:
            self._running.discard((job.id, job.attempts))

    async def update_heartbeat(self, worker_id: int) -> None:
        """Give a sign of life, also after having been taken for dead."""
        try:
            await self.connector.execute_query_async(BEAT, worker_id=worker_id)
        except ConnectorException as error:
            self._note_absence(error)

    async def unregister_worker(self, worker_id: int) -> None:
        """Say good-bye, if anybody is there to hear it."""
        try:
            await super().unregister_worker(worker_id)
        except ConnectorException as error:
            self._note_absence(error)

    async def listen_for_jobs(
        self, *, on_notification: NotificationCallback, queues: Iterable[str] | None = None
    ) -> None:
        """Hear of new jobs at once, again and again; those missed are found by looking."""
        while True:
            try:
                await super().listen_for_jobs(on_notification=on_notification, queues=queues)
            except (ConnectorException, psycopg.Error) as error:
                self._note_absence(error)
            await asyncio.sleep(TRY_AGAIN)

    async def _settle(self, job: Job, statement: LiteralString, **values: Any) -> None:
        """Write about the end of a run as soon as the database is there."""
        mine = {"id": job.id, "worker_id": job.worker_id, "attempts": job.attempts}
        while True:
            try:
                told = await self.connector.execute_query_all_async(statement, **mine, **values)
            except ConnectorException as error:
                self._note_absence(error)
                if not isinstance(
                    error.__cause__, (psycopg.OperationalError, psycopg.InterfaceError)
                ):
                    raise
                await asyncio.sleep(TRY_AGAIN)
                continue
            if not told:
                log.warning("another worker has this job", job=job.task_name, job_id=job.id)
            return

    async def _return_unheard(self, worker_id: int) -> None:
        """Queue again what we were given by an answer that was lost on its way."""
        await self.connector.execute_query_async(BEAT, worker_id=worker_id)
        async with self.connector.pool.connection() as connection, connection.transaction():
            given = await connection.execute(MY_JOBS, {"worker_id": worker_id})
            unheard = [
                row for row in await given.fetchall() if (row[0], row[2]) not in self._running
            ]
            await _queue_again(connection, unheard)
        log.info("the database is there again", unheard=len(unheard))
        self._is_unsure = False

    def _note_absence(self, error: Exception) -> None:
        if not self._is_unsure:
            log.warning("the worker waits for the database", reason=str(error.__cause__ or error))
        self._is_unsure = True


async def rescue_stalled(connector: PsycopgConnector) -> None:
    """Queue again what dead workers were doing; what outlived its tries is failed instead."""
    async with connector.pool.connection() as connection, connection.transaction():
        found = await connection.execute(STALLED_JOBS, {"seconds": STALLED})
        stalled = await found.fetchall()
        for job_id, name, attempts in stalled:
            log.warning("job of a dead worker", job=name, job_id=job_id, attempt=attempts + 1)
        await _queue_again(connection, stalled)


async def _queue_again(connection: AsyncConnection[Any], jobs: Iterable[tuple[Any, ...]]) -> None:
    for job_id, _, attempts in jobs:
        await connection.execute(GIVE_UP_LOCK, {"id": job_id})
        again = QUEUE_AGAIN if attempts < RETRIES else GIVE_UP
        await connection.execute(again, {"id": job_id})
