"""What runs do when their order or their ticket moves, inside the transaction that moves it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import select

from servicedesk.core.text import Text, msgid
from servicedesk.devices.commands import CommandState
from servicedesk.orders.models import WorkOrder
from servicedesk.orders.progress import counts_of
from servicedesk.planning.firing import RUN
from servicedesk.planning.models import (
    OVER,
    RUN_MOVES,
    PlannedRun,
    PlannedTask,
    RunState,
    TaskState,
    WorkKind,
)
from servicedesk.planning.run_log import tell
from servicedesk.planning.runs import finish, locked_run

if TYPE_CHECKING:
    from servicedesk.backups.events import DeskRestored
    from servicedesk.core.unit_of_work import Work
    from servicedesk.orders.events import (
        OrderApproved,
        OrderCancelled,
        OrderFinished,
        OrderPaused,
        OrderResumed,
    )
    from servicedesk.tickets.events import TicketCancelled, TicketResolved

RESTORED = msgid("The desk was restored from a backup: nobody knows whether it was done since.")
NOT_ALL = msgid("%(failed)s of %(devices)s devices did not do it.")


def _run_of(work: Work, order_id: int) -> PlannedRun | None:
    run_id = work.session.scalar(select(PlannedRun.id).where(PlannedRun.order_id == order_id))
    return locked_run(work, run_id) if run_id is not None else None


def on_order_approved(work: Work, event: OrderApproved) -> None:
    """Let the run begin that waited for it; one that was prepared waits for its time."""
    run = _run_of(work, event.order_id)
    if run is None:
        return
    tell(work, run, msgid("%(person)s approved its order."), person=work.actor.name)
    if run.state is RunState.AWAITING_APPROVAL:
        run.state = RUN_MOVES.check(run.state, RunState.RUNNING)
        work.enqueue(RUN, run_id=run.id)


def on_order_finished(work: Work, event: OrderFinished) -> None:
    """End the run with what the devices answered."""
    run = _run_of(work, event.order_id)
    # of one that somebody executed before its time, the run still comes, and finds it done
    if run is None or run.state is not RunState.RUNNING:
        return
    order = work.session.get_one(WorkOrder, event.order_id)
    counts = counts_of(work, order)
    run.total, run.done = sum(counts.values()), counts.get(CommandState.ACKNOWLEDGED, 0)
    if event.all_done:
        finish(work, run, RunState.DONE)
    else:
        failed = run.total - run.done
        run.problem_count = failed
        told = Text(NOT_ALL, {"failed": failed, "devices": run.total})
        finish(work, run, RunState.FAILED, told)


def on_order_cancelled(work: Work, event: OrderCancelled) -> None:
    """End the run: nothing more is sent."""
    run = _run_of(work, event.order_id)
    if run is None or run.state.is_over:
        return
    finish(work, run, RunState.CANCELLED, Text(msgid("Its order was cancelled.")))


def on_order_paused(work: Work, event: OrderPaused) -> None:
    """Tell that it stands still."""
    if run := _run_of(work, event.order_id):
        tell(work, run, msgid("Its order was paused."))


def on_order_resumed(work: Work, event: OrderResumed) -> None:
    """Tell that it goes on."""
    if run := _run_of(work, event.order_id):
        tell(work, run, msgid("Its order goes on."))


def on_ticket_resolved(work: Work, event: TicketResolved) -> None:
    """End the run whose steps people have done."""
    if run := _of_ticket(work, event.ticket_id):
        run.done = run.total
        finish(work, run, RunState.DONE)


def on_ticket_cancelled(work: Work, event: TicketCancelled) -> None:
    """End the run whose ticket was withdrawn."""
    if run := _of_ticket(work, event.ticket_id):
        finish(work, run, RunState.CANCELLED, Text(msgid("Its ticket was withdrawn.")))


def on_desk_restored(work: Work, _event: DeskRestored) -> None:
    """Let nothing reach devices by itself until somebody has looked: it may have been done since."""
    tasks = work.session.scalars(
        select(PlannedTask)
        .where(PlannedTask.work_kind == WorkKind.ACTION, PlannedTask.state == TaskState.ACTIVE)
        .order_by(PlannedTask.id)
        .with_for_update()
    ).all()
    for task in tasks:
        task.state, task.next_due_at = TaskState.PAUSED, None
    open_runs = work.session.scalars(
        select(PlannedRun.id)
        .join(PlannedRun.task)
        .where(PlannedTask.work_kind == WorkKind.ACTION, PlannedRun.state.not_in(OVER))
        .order_by(PlannedRun.id)
    ).all()
    for run_id in open_runs:
        if run := locked_run(work, run_id):
            finish(work, run, RunState.CANCELLED, Text(RESTORED))


def _of_ticket(work: Work, ticket_id: int) -> PlannedRun | None:
    run_id = work.session.scalar(
        select(PlannedRun.id).where(
            PlannedRun.ticket_id == ticket_id, PlannedRun.state == RunState.RUNNING
        )
    )
    return locked_run(work, run_id) if run_id is not None else None
