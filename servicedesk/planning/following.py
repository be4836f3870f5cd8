"""Tasks that come after another: when its run went well, theirs falls due."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from sqlalchemy import func, select

from servicedesk.core.text import msgid
from servicedesk.planning.firing import RUN
from servicedesk.planning.models import PlannedRun, PlannedTask, RunState, TaskState
from servicedesk.planning.schedule import After

if TYPE_CHECKING:
    from datetime import datetime

    from servicedesk.core.unit_of_work import Work

FOLLOWS = msgid("It follows %(task)s.")


def start_followers(work: Work, run: PlannedRun) -> None:
    """Write a run for each task that comes after this one's; a run again starts them again."""
    followers = work.session.scalars(
        select(PlannedTask)
        .where(PlannedTask.after_id == run.task_id, PlannedTask.state == TaskState.ACTIVE)
        .order_by(PlannedTask.id)
        .with_for_update()
    ).all()
    for task in followers:
        if isinstance(task.when, After):
            queue_run(work, task, after_minutes=task.when.minutes)


def queue_run(
    work: Work,
    task: PlannedTask,
    *,
    after_minutes: int = 0,
    asked_by: str | None = None,
    again_of: PlannedRun | None = None,
) -> PlannedRun:
    """Write a run of a task, which is under lock, that is due in so many minutes, with its job."""
    due = _free(work, task, work.at + timedelta(minutes=after_minutes))
    run = PlannedRun(
        task_id=task.id,
        client_id=task.client_id,
        due_at=due,
        closes_at=task.closes_at(due),
        state=RunState.QUEUED,
        created_at=work.at,
        queued_at=work.at,
        asked_by_name=asked_by,
        again_of_id=again_of.id if again_of else None,
    )
    work.session.add(run)
    work.session.flush()
    work.enqueue(RUN, at=due if after_minutes else None, run_id=run.id)
    return run


def _free(work: Work, task: PlannedTask, wanted: datetime) -> datetime:
    """Return the time, or the first one after it that no run of the task has yet."""
    taken = work.session.scalar(
        select(func.max(PlannedRun.due_at)).where(
            PlannedRun.task_id == task.id,
            PlannedRun.due_at >= wanted,
            PlannedRun.due_at < wanted + timedelta(seconds=1),
        )
    )
    return wanted if taken is None else taken + timedelta(microseconds=1)
