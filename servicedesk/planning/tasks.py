"""What people do with planned tasks: plan, change, approve, switch on and off, end."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import select

from servicedesk.accounts.second_person import check_seasoned
from servicedesk.core.errors import Conflict, Forbidden, NotAllowedNow, NotFound
from servicedesk.core.permissions import Permission, require
from servicedesk.core.references import next_reference
from servicedesk.core.text import Text, msgid
from servicedesk.core.unit_of_work import unit_of_work
from servicedesk.orders.approval import ContentChanged, OwnApproval
from servicedesk.planning.drafting import content_hash, write
from servicedesk.planning.models import PlannedRun, PlannedTask, RunState, TaskState
from servicedesk.planning.runs import finish, locked_run
from servicedesk.planning.schedule import After, next_due, to_json
from servicedesk.planning.schedule_limits import check_schedule, check_window
from servicedesk.planning.visibility import tasks_visible_to
from servicedesk.planning.windows import NOT_WANTED

if TYPE_CHECKING:
    from servicedesk.core.actors import Actor
    from servicedesk.core.unit_of_work import Work
    from servicedesk.planning.drafting import TaskDraft
    from servicedesk.planning.schedule import Schedule


def locked_task(work: Work, reference: str) -> PlannedTask:
    """Return the task under lock. Raises NotFound, also for another client's, then Forbidden."""
    task_id = work.session.scalar(
        select(PlannedTask.id).where(
            PlannedTask.reference == reference, tasks_visible_to(work.actor)
        )
    )
    if task_id is None:
        raise NotFound
    require(work.actor, Permission.PLANNING_EDIT)  # who only reads cannot even lock
    task = work.session.get_one(PlannedTask, task_id, with_for_update=True)
    work.concerns(task.client_id, task.reference)
    return task


def plan_task(actor: Actor, draft: TaskDraft) -> PlannedTask:
    """Plan a task; what interrupts or destroys waits for a second person before it runs by itself.

    Raises Forbidden, InvalidInput with the field at fault, BadParameters.
    """
    require(actor, Permission.PLANNING_EDIT)
    with unit_of_work(actor, "planning.plan") as work:
        task = PlannedTask(
            author_id=actor.user_id, author_name=actor.name, created_at=work.at, updated_at=work.at
        )
        with work.session.no_autoflush:
            write(work, task, draft)
        task.reference = next_reference(work, "TP")
        _begin_again(work, task)
        work.session.add(task)
        work.session.flush()
        work.concerns(task.client_id, task.reference)
    return task


def change_task(actor: Actor, reference: str, draft: TaskDraft, version: int) -> PlannedTask:
    """Change a task; what it does, to whom or when needs its approval anew.

    `version` is what the form showed. Raises NotFound, Forbidden, Conflict, InvalidInput.
    """
    with unit_of_work(actor, "planning.change") as work:
        task = locked_task(work, reference)
        _check_may_change(actor, task)
        if task.version != version:
            raise Conflict
        if task.state is TaskState.ENDED:
            raise NotAllowedNow
        before, was = task.content_hash, task.state
        with work.session.no_autoflush:
            write(work, task, draft)
        task.updated_at = work.at
        if task.content_hash != before:
            task.author_id, task.author_name = actor.user_id, actor.name
            _forget_approval(task)
            _begin_again(work, task)
            if was is TaskState.PAUSED and task.state is TaskState.ACTIVE:
                _rest(task, TaskState.PAUSED)
            _call_off_prepared(work, task)
    return task


def adjust_schedule(
    actor: Actor,
    reference: str,
    schedule: Schedule,
    *,
    window_minutes: int | None,
    version: int | None = None,
) -> PlannedTask:
    """Change when a task runs that ships with the desk; what it does stays as it was shipped.

    `version` is what the form showed, if it showed one. Raises NotFound, Forbidden, Conflict,
    NotAllowedNow, InvalidInput.
    """
    with unit_of_work(actor, "planning.adjust") as work:
        task = locked_task(work, reference)
        require(actor, Permission.PLANNING_SERVICE)
        if version is not None and task.version != version:
            raise Conflict
        if task.key is None or isinstance(schedule, After):
            raise NotAllowedNow
        check_schedule(work.at, schedule)
        check_window(window_minutes)
        task.schedule, task.window_minutes = to_json(schedule), window_minutes
        task.updated_at, task.content_hash = work.at, content_hash(task)
        if task.state is TaskState.ACTIVE:
            task.next_due_at = next_due(schedule, work.at)
    return task


def approve_task(actor: Actor, reference: str, seen_hash: str) -> PlannedTask:
    """Let a task run by itself from now on, as it stands and as the approver saw it.

    Raises NotFound, Forbidden, OwnApproval, TooNew, ContentChanged, NotAllowedNow.
    """
    with unit_of_work(actor, "planning.approve") as work:
        task = locked_task(work, reference)
        require(actor, Permission.ORDER_APPROVE)
        if task.author_id == actor.user_id:
            raise OwnApproval
        check_seasoned(work)
        if task.state is not TaskState.AWAITING_APPROVAL:
            raise NotAllowedNow
        if seen_hash != task.content_hash or content_hash(task) != task.content_hash:
            raise ContentChanged
        task.approved_by_id, task.approved_by_name = actor.user_id, actor.name
        task.approved_at, task.approved_hash = work.at, task.content_hash
        _begin_again(work, task)
    return task


def switch_off(actor: Actor, reference: str) -> PlannedTask:
    """Let nothing more of a task fall due; what is under way goes on. Idempotent.

    Raises NotFound, Forbidden, NotAllowedNow.
    """
    with unit_of_work(actor, "planning.switch_off") as work:
        task = locked_task(work, reference)
        _check_may_change(actor, task)
        if task.state is TaskState.PAUSED:
            return task
        if task.state is not TaskState.ACTIVE:
            raise NotAllowedNow
        _rest(task, TaskState.PAUSED)
        _call_off_prepared(work, task)
    return task


def switch_on(actor: Actor, reference: str) -> PlannedTask:
    """Have a task fall due again, from its next time on. Raises NotFound, Forbidden, NotAllowedNow."""
    with unit_of_work(actor, "planning.switch_on") as work:
        task = locked_task(work, reference)
        _check_may_change(actor, task)
        if task.state is not TaskState.PAUSED:
            raise NotAllowedNow
        _begin_again(work, task)
    return task


def end_task(actor: Actor, reference: str) -> PlannedTask:
    """End a task for good; its runs stay to be read. Raises NotFound, Forbidden, NotAllowedNow."""
    with unit_of_work(actor, "planning.end_task") as work:
        task = locked_task(work, reference)
        _check_may_change(actor, task)
        if task.key is not None or task.state is TaskState.ENDED:
            raise NotAllowedNow
        _rest(task, TaskState.ENDED)
        _call_off_prepared(work, task)
    return task


def _check_may_change(actor: Actor, task: PlannedTask) -> None:
    """Raise Forbidden for what concerns the whole service, except to supervisors."""
    if task.client_id is None:
        require(actor, Permission.PLANNING_SERVICE)
    elif task.key is not None:
        raise Forbidden


def _forget_approval(task: PlannedTask) -> None:
    task.approved_by_id = task.approved_by_name = task.approved_at = task.approved_hash = None


def _rest(task: PlannedTask, state: TaskState) -> None:
    task.state, task.next_due_at = state, None


def _begin_again(work: Work, task: PlannedTask) -> None:
    """Switch a task on, or have it wait for its approval. Raises NotAllowedNow if it never comes."""
    if task.needs_approval and task.approved_hash != task.content_hash:
        _rest(task, TaskState.AWAITING_APPROVAL)
        return
    schedule = task.when
    task.state = TaskState.ACTIVE
    task.next_due_at = next_due(schedule, work.at)
    if task.next_due_at is None and not isinstance(schedule, After):
        raise NotAllowedNow(msgid("Its time has passed: change when it runs first."))


def _call_off_prepared(work: Work, task: PlannedTask) -> None:
    """Cancel what was prepared for times that do not come any more, and tell who was told."""
    prepared = work.session.scalars(
        select(PlannedRun.id).where(
            PlannedRun.task_id == task.id, PlannedRun.state == RunState.PREPARED
        )
    ).all()
    for run_id in prepared:
        run = locked_run(work, run_id)
        if run is not None and run.state is RunState.PREPARED:
            finish(work, run, RunState.CANCELLED, Text(NOT_WANTED))
