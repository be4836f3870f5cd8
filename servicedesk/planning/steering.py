"""What people do with runs: run now, run again, cancel."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import select

from servicedesk.core.errors import NotAllowedNow, NotFound
from servicedesk.core.permissions import Permission, require
from servicedesk.core.text import Text, msgid
from servicedesk.core.unit_of_work import unit_of_work
from servicedesk.orders.models import WorkOrder
from servicedesk.orders.steering import ENDED
from servicedesk.orders.withdrawal import withdraw
from servicedesk.planning.following import queue_run
from servicedesk.planning.models import (
    PlannedRun,
    PlannedTask,
    RunState,
    TaskState,
    WorkKind,
)
from servicedesk.planning.run_log import tell
from servicedesk.planning.runs import finish, locked_run
from servicedesk.planning.tasks import locked_task
from servicedesk.planning.visibility import tasks_visible_to

if TYPE_CHECKING:
    from servicedesk.core.actors import Actor
    from servicedesk.core.unit_of_work import Work


def run_now(actor: Actor, reference: str) -> PlannedRun:
    """Run a task once, now, beside its schedule; also one that is switched off.

    Raises NotFound, Forbidden, NotAllowedNow when its approval is missing.
    """
    with unit_of_work(actor, "planning.run_now") as work:
        task = locked_task(work, reference)
        _check_may_run(actor, task)
        return _queued(work, task, actor, None)


def run_again(actor: Actor, reference: str, run_id: int) -> PlannedRun:
    """Run a task once more after a run that is over. Raises NotFound, Forbidden, NotAllowedNow."""
    with unit_of_work(actor, "planning.run_again") as work:
        task = locked_task(work, reference)
        _check_may_run(actor, task)
        before = work.session.scalar(
            select(PlannedRun).where(PlannedRun.id == run_id, PlannedRun.task_id == task.id)
        )
        if before is None:
            raise NotFound
        if not before.state.is_over:
            raise NotAllowedNow
        return _queued(work, task, actor, before)


def _queued(work: Work, task: PlannedTask, actor: Actor, before: PlannedRun | None) -> PlannedRun:
    run = queue_run(work, task, asked_by=actor.name, again_of=before)
    tell(work, run, msgid("%(person)s asked for it."), person=actor.name)
    work.note(run=run.id, again_of=before.id if before else None)
    return run


def _check_may_run(actor: Actor, task: PlannedTask) -> None:
    _check_may_steer(actor, task)
    if task.needs_approval and task.approved_hash != task.content_hash:
        raise NotAllowedNow(msgid("A second person has to approve the task first."))
    if task.state is TaskState.AWAITING_APPROVAL:
        raise NotAllowedNow


def _check_may_steer(actor: Actor, task: PlannedTask) -> None:
    require(
        actor,
        Permission.PLANNING_SERVICE if task.client_id is None else Permission.PLANNING_EDIT,
    )


def cancel_run(actor: Actor, reference: str, run_id: int) -> PlannedRun:
    """End a run that is not over: nothing more of it leaves; a check stops at its next step.

    Raises NotFound, Forbidden, NotAllowedNow.
    """
    with unit_of_work(actor, "planning.cancel_run") as work:
        known = work.session.scalar(
            select(PlannedRun.id)
            .join(PlannedRun.task)
            .where(
                PlannedRun.id == run_id,
                PlannedTask.reference == reference,
                tasks_visible_to(actor),
            )
        )
        if known is None:
            raise NotFound
        require(actor, Permission.PLANNING_EDIT)  # who only reads cannot even lock
        run = locked_run(work, known)
        if run is None:
            raise NotFound
        work.concerns(run.client_id, reference)
        _check_may_steer(actor, run.task)
        if run.state.is_over:
            raise NotAllowedNow
        work.note(run=run.id, was=run.state.value)
        _cancel(work, run)
    return run


def _cancel(work: Work, run: PlannedRun) -> None:
    by = Text(msgid("%(person)s cancelled it."), {"person": work.actor.name})
    if run.state is RunState.RUNNING and run.task.work_kind is WorkKind.CHECK:
        run.cancel_asked_by = work.actor.name
        tell(work, run, by.msgid, person=work.actor.name)
        return
    order = work.session.get(WorkOrder, run.order_id) if run.order_id is not None else None
    finish(work, run, RunState.CANCELLED, by)
    if order is not None and order.state not in ENDED:
        withdraw(work, order)
