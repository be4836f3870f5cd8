"""Work that happens later in a worker: declared here, written as rows of the same transaction.

A job is a plain function registered under its name; `processes.py` hands the registry to
Procrastinate. It runs at least once, so each job looks at the rows first and then acts.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, ParamSpec

from sqlalchemy import text

from servicedesk.core.trace import with_trace

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime, timedelta

    from sqlalchemy.orm import Session

P = ParamSpec("P")


@dataclass(frozen=True)
class JobName:
    """The name of a job, declared where it is asked for; its function may live above."""

    name: str
    queue: str = "default"
    rank: int = 0  # of those that wait, the highest goes first


@dataclass(frozen=True)
class Job(Generic[P]):
    """A declared job; calling it runs it at once, `Work.enqueue` has a worker do it."""

    name: str
    queue: str
    run: Callable[P, None]
    every: timedelta | None = None  # the clock enqueues it that often
    rank: int = 0
    stays_inside: bool = False  # reaches nobody outside; may run on after a restore without a look

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> None:
        """Do the work here and now."""
        self.run(*args, **kwargs)


JOBS: dict[str, Job[Any]] = {}


def job(
    name: str | JobName,
    *,
    queue: str = "default",
    every: timedelta | None = None,
    stays_inside: bool = False,
) -> Callable[[Callable[P, None]], Job[P]]:
    """Declare a function of JSON arguments as the job `name`; `every` makes it periodic."""

    def declare(function: Callable[P, None]) -> Job[P]:
        named = name if isinstance(name, JobName) else JobName(name, queue)
        if named.name in JOBS:
            raise ValueError(f"two jobs are named {named.name}")
        declared = Job(
            name=named.name,
            queue=named.queue,
            run=function,
            every=every,
            rank=named.rank,
            stays_inside=stays_inside,
        )
        JOBS[named.name] = declared
        return declared

    return declare


def enqueue(
    session: Session,
    job: Job[Any] | JobName,
    arguments: dict[str, Any],
    *,
    at: datetime | None = None,
    lock: str | None = None,
    once_as: str | None = None,
) -> None:
    """Write the job through the session's own transaction: it exists when that commits.

    It goes on under the identity of what asks for it, see `core.trace`.

    `lock`: jobs of one lock run one after another. `once_as`: while a job of that name waits,
    no second one is added. The database function runs as the owner, so no role needs to see
    other people's jobs.
    """
    session.execute(
        text(
            "SELECT desk_enqueue(:queue, :name, :lock, :once_as, CAST(:args AS jsonb), :at, :rank)"
        ),
        {
            "queue": job.queue,
            "name": job.name,
            "lock": lock,
            "once_as": once_as,
            "args": json.dumps(with_trace(arguments)),
            "at": at,
            "rank": job.rank,
        },
    )


def enqueue_all(
    session: Session,
    job: Job[Any] | JobName,
    wanted: Sequence[tuple[datetime | None, dict[str, Any]]],
) -> None:
    """Write many jobs of one name, each with its time and arguments, in one statement."""
    told = [
        {"arguments": with_trace(arguments), "start_at": at.isoformat() if at else None}
        for at, arguments in wanted
    ]
    if told:
        session.execute(
            text("SELECT desk_enqueue_all(:queue, :name, CAST(:jobs AS jsonb))"),
            {"queue": job.queue, "name": job.name, "jobs": json.dumps(told)},
        )
