"""What is done before a due time: the client is told, and an order is drafted that needs a second person.

A run is written ahead for that. It is fired at its time like any other; what has joined a group since
its order was drafted is not in it, because nobody has approved that.
"""

from __future__ import annotations

from datetime import datetime, time, timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from sqlalchemy import or_, select

from servicedesk.clients.contracts import contract_in_force
from servicedesk.clients.models import Contract
from servicedesk.core.actors import SYSTEM
from servicedesk.core.errors import DomainError, NotAllowedNow
from servicedesk.core.text import msgid
from servicedesk.core.unit_of_work import unit_of_work
from servicedesk.devices.catalogue import action_named
from servicedesk.orders.models import OrderState
from servicedesk.planning.models import (
    LineKind,
    PlannedRun,
    PlannedTask,
    RunState,
    TaskState,
    WorkKind,
)
from servicedesk.planning.noticing import tell_contacts
from servicedesk.planning.reporting import ask_for_approval
from servicedesk.planning.run_log import tell
from servicedesk.planning.schedule import dues_between
from servicedesk.planning.working import draft_for
from servicedesk.sla.ageing import is_working_day
from servicedesk.sla.terms import terms_for
from servicedesk.tickets.models import Priority, TicketKind

if TYPE_CHECKING:
    from collections.abc import Sequence

    from servicedesk.core.unit_of_work import Work
    from servicedesk.sla.calendar import BusinessCalendar

DRAFTED_AHEAD = timedelta(days=3)  # so long an approver has, at most
FARTHEST = timedelta(days=50)  # thirty working days
MOST_AHEAD = 5  # runs of one task
ANY_TICKET = (TicketKind.INCIDENT, Priority.MEDIUM)  # a contract has one calendar


def prepare_runs() -> None:
    """Prepare what comes near, each task in a transaction of its own."""
    for task_id in _tasks_to_prepare():
        with unit_of_work(SYSTEM, "planning.prepare") as work:
            task = work.session.get(PlannedTask, task_id, with_for_update=True)
            if task is not None and task.state is TaskState.ACTIVE and task.next_due_at:
                work.concerns(task.client_id, task.reference)
                _prepare(work, task, task.next_due_at)


def _tasks_to_prepare() -> Sequence[int]:
    with unit_of_work(SYSTEM, "planning.tasks_to_prepare") as work:
        return work.session.scalars(
            select(PlannedTask.id)
            .where(
                PlannedTask.state == TaskState.ACTIVE,
                PlannedTask.next_due_at < work.at + FARTHEST,
                or_(PlannedTask.notice_days > 0, PlannedTask.needs_approval),
            )
            .order_by(PlannedTask.id)
        ).all()


def _prepare(work: Work, task: PlannedTask, first: datetime) -> None:
    ahead = dues_between(task.when, first - timedelta(seconds=1), work.at + FARTHEST, MOST_AHEAD)
    for due in ahead:
        is_told = task.notice_days > 0 and notice_at(work, task, due) <= work.at < due
        is_drafted = due - work.at <= DRAFTED_AHEAD and needs_second_person(task)
        if is_told or is_drafted:
            run = _prepared_run(work, task, due)
            if is_told and run.noticed_at is None and run.state is RunState.PREPARED:
                run.noticed_at = work.at
                tell_contacts(work, run, "planned_notice")
            if is_drafted and run.order_id is None and run.state is RunState.PREPARED:
                _draft_ahead(work, run)


def needs_second_person(task: PlannedTask) -> bool:
    """Whether each order of the task waits for somebody's approval, over its devices of that day."""
    return task.work_kind is WorkKind.ACTION and action_named(task.code).is_destructive


def _prepared_run(work: Work, task: PlannedTask, due: datetime) -> PlannedRun:
    run = work.session.scalar(
        select(PlannedRun).where(PlannedRun.task_id == task.id, PlannedRun.due_at == due)
    )
    if run is None:
        run = PlannedRun(
            task_id=task.id,
            client_id=task.client_id,
            due_at=due,
            closes_at=task.closes_at(due),
            state=RunState.PREPARED,
            created_at=work.at,
        )
        run.task = task
        work.session.add(run)
        work.session.flush()
    return run


def _draft_ahead(work: Work, run: PlannedRun) -> None:
    try:
        with work.session.begin_nested():
            order = draft_for(work, run)
    except DomainError as refusal:
        # at its time it is tried again and, if it is still so, told as a failure
        tell(
            work,
            run,
            refusal.text.msgid,
            kind=LineKind.FINDING,
            **{name: str(value) for name, value in refusal.text.values.items()},
        )
        return
    tell(work, run, msgid("Order %(order)s was drafted ahead."), order=order.reference)
    if order.state is OrderState.AWAITING_APPROVAL:
        ask_for_approval(work, run, order)


def notice_at(work: Work, task: PlannedTask, due: datetime) -> datetime:
    """Return when the client is told of a run: the start of a working day, so many before its day."""
    contract = _contract_of(work, task)
    zone = ZoneInfo(contract.time_zone if contract else task.when.zone)
    day, left = due.astimezone(zone).date(), task.notice_days
    calendar = _calendar(work, contract, due) if contract else None
    while left > 0:
        day -= timedelta(days=1)
        left -= calendar is None or is_working_day(calendar, day)
    return datetime.combine(day, time(8), zone)


def _calendar(work: Work, contract: Contract, at: datetime) -> BusinessCalendar | None:
    try:
        return terms_for(work.session, contract, at, *ANY_TICKET).calendar
    except NotAllowedNow:
        return None  # no service level, no working days: every day counts


def _contract_of(work: Work, task: PlannedTask) -> Contract | None:
    """Return the contract whose working days count; of the whole service, the first in force."""
    if task.client_id is not None:
        return contract_in_force(work.session, task.client_id, work.at.date())
    day = work.at.date()
    return work.session.scalar(
        select(Contract)
        .where(Contract.starts_on <= day, Contract.ends_on >= day)
        .order_by(Contract.id)
        .limit(1)
    )
