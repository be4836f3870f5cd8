"""What happens when a run's window closes, and to runs whose next step got lost."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from sqlalchemy import and_, or_, select

from servicedesk.core.actors import SYSTEM
from servicedesk.core.text import Text, msgid
from servicedesk.core.unit_of_work import unit_of_work
from servicedesk.orders.models import OrderState, PauseReason, WorkOrder
from servicedesk.orders.progress import pause
from servicedesk.planning.firing import RUN, WINDOW_OVER
from servicedesk.planning.models import PlannedRun, PlannedTask, RunState, TaskState, WorkKind
from servicedesk.planning.run_log import tell
from servicedesk.planning.runs import finish, locked_run
from servicedesk.planning.working import CLOSE_WINDOW
from servicedesk.tickets.models import Ticket

if TYPE_CHECKING:
    from collections.abc import Sequence

    from servicedesk.core.unit_of_work import Work

PATIENCE = timedelta(minutes=2)  # with a queued run before its job is believed lost
SILENCE = timedelta(minutes=10)  # of a check before its worker is believed dead
MOST_AT_ONCE = 500
NOT_TOLD_ALL = msgid("Its window closed before every device had its turn: the order is paused.")
NOT_TICKED_OFF = msgid("Its window closed and ticket %(ticket)s is not resolved.")
NOT_WANTED = msgid("The task was switched off or changed.")


def close_window(run_id: int) -> None:
    """End what has not begun when the window closes, and let nothing more leave of what has."""
    with unit_of_work(SYSTEM, "planning.close_window") as work:
        run = locked_run(work, run_id)
        if run is None or run.state.is_over or run.closes_at is None or run.closes_at > work.at:
            return
        work.concerns(run.client_id, run.task.reference)
        if run.state is not RunState.RUNNING:
            finish(work, run, RunState.MISSED, Text(WINDOW_OVER))
        elif run.task.work_kind is WorkKind.ACTION:
            _close_order(work, run)
        elif run.task.work_kind is WorkKind.CHECKLIST and run.ticket_id is not None:
            ticket = work.session.get_one(Ticket, run.ticket_id)
            finish(work, run, RunState.FAILED, Text(NOT_TICKED_OFF, {"ticket": ticket.reference}))
        else:
            run.cancel_asked_by = work.actor.name
            tell(work, run, WINDOW_OVER)


def _close_order(work: Work, run: PlannedRun) -> None:
    order = work.session.get(WorkOrder, run.order_id) if run.order_id is not None else None
    if order is not None and order.state in {OrderState.EXECUTING, OrderState.SCHEDULED}:
        pause(work, order, PauseReason.WINDOW)
        finish(work, run, RunState.FAILED, Text(NOT_TOLD_ALL))
    elif order is None or not order.has_begun:
        finish(work, run, RunState.FAILED, Text(WINDOW_OVER))


def look_after_runs() -> None:
    """Give every run that is not over its next step again, where that got lost."""
    for run_id in _left_behind():
        with unit_of_work(SYSTEM, "planning.look_after") as work:
            run = locked_run(work, run_id)
            if run is not None and not run.state.is_over:
                _look_after(work, run)


def _left_behind() -> Sequence[int]:
    with unit_of_work(SYSTEM, "planning.left_behind") as work:
        query = (
            select(PlannedRun.id)
            .join(PlannedRun.task)
            .outerjoin(PlannedRun.order)
            .where(
                or_(
                    and_(
                        PlannedRun.state == RunState.QUEUED,
                        PlannedRun.due_at < work.at - PATIENCE,
                    ),
                    and_(
                        PlannedRun.state == RunState.PREPARED,
                        or_(
                            PlannedRun.due_at < work.at - PATIENCE,
                            PlannedTask.state != TaskState.ACTIVE,
                        ),
                    ),
                    and_(
                        PlannedRun.state == RunState.RUNNING,
                        or_(
                            PlannedRun.seen_at < work.at - SILENCE,
                            WorkOrder.state.in_((OrderState.DONE, OrderState.CANCELLED)),
                        ),
                    ),
                    and_(
                        PlannedRun.state.in_((RunState.RUNNING, RunState.AWAITING_APPROVAL)),
                        PlannedRun.closes_at < work.at - PATIENCE,
                    ),
                )
            )
            .order_by(PlannedRun.id)
            .limit(MOST_AT_ONCE)
        )
        return work.session.scalars(query).all()


def _look_after(work: Work, run: PlannedRun) -> None:
    order = work.session.get(WorkOrder, run.order_id) if run.order_id is not None else None
    if run.state is RunState.PREPARED:
        if (
            run.task.state is not TaskState.ACTIVE
            or run.task.next_due_at is None
            or run.task.next_due_at > run.due_at
        ):
            finish(work, run, RunState.CANCELLED, Text(NOT_WANTED))
    elif run.closes_at is not None and run.closes_at < work.at:
        work.enqueue(CLOSE_WINDOW, run_id=run.id, once_as=f"{CLOSE_WINDOW.name}:{run.id}")
    elif order is not None and order.state is OrderState.DONE:
        finish(work, run, RunState.DONE)
    elif order is not None and order.state is OrderState.CANCELLED:
        finish(work, run, RunState.CANCELLED, Text(msgid("Its order was cancelled.")))
    elif run.ticket_id is None and (order is None or not order.has_begun):
        work.enqueue(RUN, run_id=run.id, once_as=f"{RUN.name}:{run.id}")
