"""The rows behind a calendar: tasks that may come, runs that were, tickets with an agreed date, others."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, Date, and_, cast, func, or_, select

from servicedesk.clients.models import Client
from servicedesk.clients.visibility import of_customers, visible_to
from servicedesk.core import database
from servicedesk.core.text import Verbatim
from servicedesk.planning.due_days import FEW
from servicedesk.planning.models import Category, PlannedRun, PlannedTask, RunState, TaskState
from servicedesk.planning.occasions import Occasion, TaskSeen, What, local_day, reason_of
from servicedesk.planning.other_dates import sources
from servicedesk.planning.schedule import Schedule, from_json
from servicedesk.planning.visibility import tasks_visible_to
from servicedesk.tickets.models import Ticket, TicketState

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import date

    from servicedesk.core.actors import Actor

MOST_RUNS = 2000  # in one look
MOST_TICKETS = 500
# how far a run is, so that a calendar program takes the later word of two
STAGES = {
    RunState.PREPARED: 1,
    RunState.QUEUED: 2,
    RunState.AWAITING_APPROVAL: 3,
    RunState.RUNNING: 3,
}
OVER_STAGE = 5


@dataclass(frozen=True, kw_only=True)
class Narrowed:
    """What a calendar is narrowed to; a client's has what is for the whole service, too."""

    client_id: int | None = None
    is_service_only: bool = False
    category: str = ""
    with_own: bool = False  # with the desk's own housekeeping

    @property
    def is_for_work_only(self) -> bool:
        """Whether it asks for something that only planned work is."""
        return bool(self.category) or self.is_service_only


@dataclass(frozen=True, kw_only=True)
class TaskRow:
    """A task whose times come by a schedule; `next_due_at` is None while it waits for approval."""

    seen: TaskSeen
    schedule: Schedule
    next_due_at: datetime | None


TASK_COLUMNS = (
    PlannedTask.id.label("task_id"),
    PlannedTask.reference,
    PlannedTask.key,
    PlannedTask.title,
    PlannedTask.client_id,
    Client.name.label("client_name"),
    PlannedTask.category,
    PlannedTask.work_kind,
    PlannedTask.state.label("task_state"),
    PlannedTask.version,
    PlannedTask.updated_at,
    PlannedTask.window_minutes,
    PlannedTask.group_ids,
    PlannedTask.device_ids,
)


def _of(actor: Actor, narrowed: Narrowed) -> ColumnElement[bool]:
    conditions = [tasks_visible_to(actor)]
    if narrowed.client_id is not None:
        shared = and_(PlannedTask.client_id.is_(None), PlannedTask.shown_to_client)
        conditions.append(or_(PlannedTask.client_id == narrowed.client_id, shared))
    if narrowed.is_service_only:
        conditions.append(PlannedTask.client_id.is_(None))
    if narrowed.category:
        conditions.append(PlannedTask.category == Category(narrowed.category))
    if not narrowed.with_own:
        conditions.append(PlannedTask.key.is_(None))
    return and_(*conditions)


def planned_tasks(actor: Actor, narrowed: Narrowed) -> list[TaskRow]:
    """Return the tasks that are on, or wait to be approved; one statement."""
    rows = database.session().execute(
        select(*TASK_COLUMNS, PlannedTask.schedule, PlannedTask.next_due_at)
        .outerjoin(PlannedTask.client)
        .where(
            _of(actor, narrowed),
            or_(
                PlannedTask.next_due_at.is_not(None),
                PlannedTask.state == TaskState.AWAITING_APPROVAL,
            ),
        )
        .order_by(PlannedTask.id)
    )
    return [
        TaskRow(seen=_seen(row), schedule=from_json(row.schedule), next_due_at=row.next_due_at)
        for row in rows
    ]


def _seen(row: Any) -> TaskSeen:
    return TaskSeen(
        id=row.task_id,
        reference=row.reference,
        key=row.key,
        title=row.title if row.key else Verbatim(row.title),
        client_id=row.client_id,
        client_name=row.client_name,
        category=row.category,
        work_kind=row.work_kind,
        state=row.task_state,
        version=row.version,
        updated_at=row.updated_at,
        window_minutes=row.window_minutes,
        group_ids=tuple(row.group_ids),
        device_ids=tuple(row.device_ids),
    )


def bounds(first: date, last: date, zone: str) -> tuple[datetime, datetime]:
    """Return when the first day begins and the last one ends."""
    begin, end = (
        datetime.combine(day, time(), ZoneInfo(zone)) for day in (first, last + timedelta(days=1))
    )
    return begin, end


def past_runs(
    actor: Actor, narrowed: Narrowed, first: date, last: date, zone: str
) -> Iterator[Occasion]:
    """Yield the runs due on some days; of many in a day one a state stands for all of it.

    One statement. Runs that wait for their time are among them.
    """
    begin, end = bounds(first, last, zone)
    day = cast(func.timezone(zone, PlannedRun.due_at), Date)
    of_day, of_state = (PlannedRun.task_id, day), (PlannedRun.task_id, day, PlannedRun.state)
    incident = select(Ticket.reference).where(Ticket.id == PlannedRun.incident_id)
    inner = (
        select(
            PlannedRun.id.label("run_id"),
            PlannedRun.due_at,
            PlannedRun.closes_at,
            PlannedRun.state.label("run_state"),
            PlannedRun.reason,
            PlannedRun.reason_values,
            PlannedRun.created_at,
            PlannedRun.started_at,
            PlannedRun.finished_at,
            day.label("on"),
            func.count().over(partition_by=of_day).label("of_day"),
            func.count().over(partition_by=of_state).label("of_state"),
            func.max(PlannedRun.due_at).over(partition_by=of_state).label("last_at"),
            func.row_number().over(partition_by=of_state, order_by=PlannedRun.due_at).label("nth"),
            incident.scalar_subquery().label("incident"),
            *TASK_COLUMNS,
        )
        .join(PlannedRun.task)
        .outerjoin(PlannedTask.client)
        .where(PlannedRun.due_at >= begin, PlannedRun.due_at < end, _of(actor, narrowed))
        .subquery()
    )
    rows = database.session().execute(
        select(inner)
        .where(or_(inner.c.of_day <= FEW, inner.c.nth == 1))
        .order_by(inner.c.due_at, inner.c.run_id)
        .limit(MOST_RUNS)
    )
    tasks: dict[int, TaskSeen] = {}
    for row in rows:
        task = tasks.get(row.task_id) or tasks.setdefault(row.task_id, _seen(row))
        yield _run(row, task)


def _run(row: Any, task: TaskSeen) -> Occasion:
    count = row.of_state if row.of_day > FEW else 1
    is_over = row.run_state.is_over
    return Occasion(
        what=What.RUN,
        starts_at=row.due_at,
        ends_at=row.closes_at or row.due_at,
        on=row.on,
        title=task.title,
        reference=task.reference,
        changed_at=max(
            at
            for at in (row.created_at, row.started_at, row.finished_at, task.updated_at)
            if at is not None
        ),
        revision=task.version * 10 + (OVER_STAGE if is_over else STAGES[row.run_state]),
        client_name=task.client_name,
        task=task,
        state=row.run_state,
        run_id=row.run_id,
        reason=reason_of(row.reason, row.reason_values),
        incident=row.incident,
        times=count,
        last_at=row.last_at if count > 1 else None,
    )


def planned_tickets(
    actor: Actor, narrowed: Narrowed, first: date, last: date, zone: str
) -> Iterator[Occasion]:
    """Yield the tickets that wait for a date agreed with their client; one statement."""
    if narrowed.is_for_work_only:
        return iter(())
    begin, end = bounds(first, last, zone)
    query = (
        select(
            Ticket.reference,
            Ticket.subject,
            Ticket.planned_for,
            Ticket.updated_at,
            Ticket.version,
            Client.name,
        )
        .join(Ticket.client)
        .where(
            Ticket.state == TicketState.PLANNED,
            Ticket.planned_for >= begin,
            Ticket.planned_for < end,
            visible_to(actor, Ticket.client_id),
        )
        .order_by(Ticket.planned_for, Ticket.id)
        .limit(MOST_TICKETS)
    )
    if narrowed.client_id is not None:
        query = query.where(Ticket.client_id == narrowed.client_id)
    elif not narrowed.with_own:
        query = query.where(of_customers(Ticket.client_id))
    rows = database.session().execute(query)
    return (
        Occasion(
            what=What.TICKET,
            starts_at=row.planned_for,
            ends_at=row.planned_for,
            on=local_day(row.planned_for, zone),
            title=Verbatim(row.subject),
            reference=row.reference,
            changed_at=row.updated_at,
            revision=row.version,
            client_name=row.name,
        )
        for row in rows
    )


def other_dates(
    actor: Actor, narrowed: Narrowed, first: date, last: date, zone: str
) -> Iterator[Occasion]:
    """Yield what else has a date, on the day it begins; one statement a source."""
    if narrowed.is_for_work_only:
        return
    begin, end = bounds(first, last, zone)
    for source in sources():
        for one in source.between(actor, narrowed.client_id, begin, end):
            yield Occasion(
                what=What.OTHER,
                starts_at=one.starts_at,
                ends_at=one.ends_at,
                on=local_day(one.starts_at, zone),
                title=Verbatim(one.title),
                reference=one.reference,
                changed_at=one.starts_at,
                revision=0,
                client_name=one.client_name,
                source=source,
                kind_words=one.kind,
                state_words=one.state,
            )
