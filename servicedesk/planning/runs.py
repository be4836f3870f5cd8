"""Steps on a run that several causes take: find it under lock, write its log, end it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import select
from sqlalchemy.orm import contains_eager

from servicedesk.core import audit
from servicedesk.core.text import Text, msgid
from servicedesk.orders.models import WorkOrder
from servicedesk.orders.steering import ENDED
from servicedesk.orders.withdrawal import withdraw
from servicedesk.planning import reporting
from servicedesk.planning.firing import RUN
from servicedesk.planning.following import start_followers
from servicedesk.planning.models import (
    RUN_MOVES,
    WENT_WELL,
    WENT_WRONG,
    OverlapPolicy,
    PlannedRun,
    PlannedTask,
    RunState,
    TaskState,
)
from servicedesk.planning.noticing import tell_contacts
from servicedesk.planning.run_log import tell
from servicedesk.planning.schedule import ScheduleKind, kind_of
from servicedesk.tickets.models import Ticket

if TYPE_CHECKING:
    from servicedesk.core.unit_of_work import Work


def locked_run(work: Work, run_id: int) -> PlannedRun | None:
    """Return a run with its task under lock: what two causes decide, they decide in turn.

    What stands below is locked first, in the order in which answers of devices and moves of tickets
    come up: order, ticket, task, run.
    """
    keys = work.session.execute(
        select(PlannedRun.task_id, PlannedRun.order_id, PlannedRun.ticket_id).where(
            PlannedRun.id == run_id
        )
    ).first()
    if keys is None:
        return None
    for model, key in ((WorkOrder, keys.order_id), (Ticket, keys.ticket_id)):
        if key is not None:
            work.session.get_one(model, key, with_for_update=True)
    work.session.get_one(PlannedTask, keys.task_id, with_for_update=True)
    return work.session.scalar(
        select(PlannedRun)
        .join(PlannedRun.task)
        .options(contains_eager(PlannedRun.task))
        .where(PlannedRun.id == run_id)
        .with_for_update(of=PlannedRun)
    )


def finish(work: Work, run: PlannedRun, state: RunState, reason: Text | None = None) -> None:
    """End a run: report what went wrong, start what follows, let the next one begin."""
    run.state = RUN_MOVES.check(run.state, state)
    run.finished_at = run.seen_at = work.at
    if reason is not None:
        run.reason, run.reason_values = reason.msgid, audit.plain(dict(reason.values))
    settle(work, run)


def settle(work: Work, run: PlannedRun, missed: int = 1) -> None:
    """Do what follows from the end of a run; `missed`: how many times before it were missed too."""
    task = run.task
    if run.state not in WENT_WELL:
        _withdraw_order(work, run)
    if run.state is RunState.CANCELLED and run.noticed_at is not None:
        tell_contacts(work, run, "planned_called_off")
    if run.state in WENT_WRONG:
        reporting.report(work, run, missed)
    if run.state in WENT_WELL:
        start_followers(work, run)
        reporting.resolve_incident(work, run)
    if run.state is RunState.DONE:
        reporting.report_all_right(work, run)
    if task.overlap is OverlapPolicy.WAIT:
        _release_next(work, run)
    if kind_of(task.when) is ScheduleKind.ONCE and run.again_of_id is None:
        _end_task(run)


def _withdraw_order(work: Work, run: PlannedRun) -> None:
    """Cancel the order that was drafted ahead and never began."""
    if run.order_id is None:
        return
    order = work.session.get_one(WorkOrder, run.order_id, with_for_update=True)
    if order.state not in ENDED and not order.has_begun:
        withdraw(work, order)
        tell(work, run, msgid("Its order %(order)s was withdrawn."), order=order.reference)


def _release_next(work: Work, run: PlannedRun) -> None:
    """Have the run begin that waited for this one."""
    waiting = work.session.scalar(
        select(PlannedRun.id)
        .where(
            PlannedRun.task_id == run.task_id,
            PlannedRun.state == RunState.QUEUED,
            PlannedRun.id != run.id,
            PlannedRun.due_at <= work.at,
        )
        .order_by(PlannedRun.due_at)
        .limit(1)
    )
    if waiting is not None:
        work.enqueue(RUN, run_id=waiting)


def _end_task(run: PlannedRun) -> None:
    """End a task whose only time is over, unless somebody has given it another."""
    task = run.task
    if task.state is TaskState.ACTIVE and task.next_due_at is None:
        task.state = TaskState.ENDED
