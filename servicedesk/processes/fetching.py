"""Which job a worker takes: the next one whose name it knows.

While a new release is brought in, workers of the old one still run. Procrastinate would give them a
job of the new release, and they would fail it because they do not know its name. Here it waits for a
worker that does.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from procrastinate.jobs import Job
from procrastinate.manager import JobManager

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from procrastinate.connector import BaseConnector

# what `procrastinate_fetch_job_v2` does, and the names
NEXT_JOB = """
    WITH candidate AS (
      SELECT jobs.id FROM procrastinate_jobs AS jobs
       WHERE jobs.status = 'todo'
         AND jobs.task_name = ANY(%(names)s::varchar[])
         AND (%(queues)s::varchar[] IS NULL OR jobs.queue_name = ANY(%(queues)s::varchar[]))
         AND (jobs.scheduled_at IS NULL OR jobs.scheduled_at <= now())
         AND NOT EXISTS (
           SELECT FROM procrastinate_jobs AS other
            WHERE jobs.lock IS NOT NULL AND other.lock = jobs.lock
              AND (other.status = 'doing' OR (other.status = 'todo'
                   AND (other.priority, -other.id) > (jobs.priority, -jobs.id))))
       ORDER BY jobs.priority DESC, jobs.id LIMIT 1
         FOR UPDATE OF jobs SKIP LOCKED)
    UPDATE procrastinate_jobs SET status = 'doing', worker_id = %(worker_id)s
      FROM candidate WHERE procrastinate_jobs.id = candidate.id
 RETURNING procrastinate_jobs.id, status, task_name, priority, lock, queueing_lock, args,
           scheduled_at, queue_name, attempts, worker_id
"""


class KnownJobs(JobManager):
    """Procrastinate's manager of jobs, which fetches only what this worker can run."""

    def __init__(self, connector: BaseConnector, tasks: Mapping[str, object]) -> None:
        """Take the names of `tasks`, as they are whenever a job is fetched."""
        super().__init__(connector)
        self.tasks = tasks

    async def fetch_job(self, queues: Iterable[str] | None, worker_id: int) -> Job | None:
        """Mark the next job as being done by this worker and return it; None if there is none."""
        rows: list[dict[str, Any]] = await self.connector.execute_query_all_async(
            NEXT_JOB,
            names=list(self.tasks),
            queues=None if queues is None else list(queues),
            worker_id=worker_id,
        )
        return Job.from_row(rows[0]) if rows else None
