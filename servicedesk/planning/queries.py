"""What people read of planned tasks: the tasks, their runs, one run with its log."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import Select, and_, or_, select
from sqlalchemy.orm import contains_eager, joinedload

from servicedesk.accounts.models import User
from servicedesk.clients.models import Client
from servicedesk.core import database
from servicedesk.core.errors import NotFound
from servicedesk.core.paging import PAGE_SIZE, Page, decode_cursor, page_of
from servicedesk.core.permissions import Permission, require
from servicedesk.devices.models import Device, DeviceGroup
from servicedesk.planning.drafting import may_own
from servicedesk.planning.models import PlannedRun, PlannedTask, RunLine, RunState, TaskState
from servicedesk.planning.visibility import tasks_visible_to

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from sqlalchemy import ColumnElement

    from servicedesk.core.actors import Actor
    from servicedesk.planning.models import Category

MOST_PREPARED = 20  # five a task, and those that came in between
MOST_NAMED = 50  # devices and tasks shown by name
MOST_TO_FOLLOW = 200
_WITH = (
    joinedload(PlannedRun.order),
    joinedload(PlannedRun.ticket),
    joinedload(PlannedRun.incident),
)


@dataclass(frozen=True, kw_only=True)
class TaskFilter:
    """What a list of tasks is narrowed to."""

    state: TaskState | None = None
    category: Category | None = None
    client: str = ""  # a reference; "-" for the whole service
    shipped: bool | None = None  # whether it ships with the desk

    def as_query(self) -> dict[str, str]:
        """Return it as the part of an address."""
        told = {
            "state": self.state or "",
            "category": self.category or "",
            "client": self.client,
            "shipped": {True: "yes", False: "no", None: ""}[self.shipped],
        }
        return {name: str(value) for name, value in told.items() if value}


def task_of(actor: Actor, reference: str) -> PlannedTask:
    """Return a task with whom and what it names. Raises Forbidden, NotFound."""
    require(actor, Permission.PLANNING_READ)
    task = database.session().scalar(
        select(PlannedTask)
        .where(PlannedTask.reference == reference, tasks_visible_to(actor))
        .options(
            joinedload(PlannedTask.client),
            joinedload(PlannedTask.after),
            joinedload(PlannedTask.incident),
        )
    )
    if task is None:
        raise NotFound
    return task


def tasks(
    actor: Actor, wanted: TaskFilter, cursor: str | None = None, size: int = PAGE_SIZE
) -> Page[PlannedTask]:
    """Return a page of tasks, newest first. Raises Forbidden, InvalidInput."""
    require(actor, Permission.PLANNING_READ)
    query = (
        select(PlannedTask)
        .outerjoin(PlannedTask.client)
        .options(contains_eager(PlannedTask.client), joinedload(PlannedTask.after))
        .where(tasks_visible_to(actor))
        .order_by(PlannedTask.id.desc())
        .limit(size + 1)
    )
    query = _narrowed(query, wanted)
    if key := decode_cursor(cursor, int):
        query = query.where(PlannedTask.id < key[0])
    return page_of(database.session().scalars(query).all(), size, lambda task: [task.id])


def _narrowed(query: Select[Any], wanted: TaskFilter) -> Select[Any]:
    if wanted.state is not None:
        query = query.where(PlannedTask.state == wanted.state)
    if wanted.category is not None:
        query = query.where(PlannedTask.category == wanted.category)
    if wanted.client == "-":
        query = query.where(PlannedTask.client_id.is_(None))
    elif wanted.client:
        query = query.where(Client.reference == wanted.client)
    if wanted.shipped is not None:
        query = query.where(PlannedTask.key.is_not(None) == wanted.shipped)
    return query


def runs_of(
    actor: Actor, task: PlannedTask, cursor: str | None = None, size: int = PAGE_SIZE
) -> Page[PlannedRun]:
    """Return a page of a task's runs, latest first, without what is prepared."""
    require(actor, Permission.PLANNING_READ)
    query = (
        select(PlannedRun)
        .where(PlannedRun.task_id == task.id, PlannedRun.state != RunState.PREPARED)
        .options(*_WITH)
        .order_by(PlannedRun.due_at.desc(), PlannedRun.id.desc())
        .limit(size + 1)
    )
    if key := decode_cursor(cursor, int):
        before = database.session().get(PlannedRun, key[0])
        if before is not None:
            query = query.where(
                or_(
                    PlannedRun.due_at < before.due_at,
                    and_(PlannedRun.due_at == before.due_at, PlannedRun.id < before.id),
                )
            )
    return page_of(database.session().scalars(query).all(), size, lambda run: [run.id])


def prepared_runs(actor: Actor, task: PlannedTask) -> Sequence[PlannedRun]:
    """Return what is prepared for the task's next times, with the orders drafted ahead."""
    require(actor, Permission.PLANNING_READ)
    return (
        database.session()
        .scalars(
            select(PlannedRun)
            .where(PlannedRun.task_id == task.id, PlannedRun.state == RunState.PREPARED)
            .options(*_WITH)
            .order_by(PlannedRun.due_at)
            .limit(MOST_PREPARED)
        )
        .all()
    )


def last_runs(tasks: Sequence[PlannedTask]) -> dict[int, PlannedRun]:
    """Return the latest run of each task that has had one, by the task's id; in one statement."""
    latest = (
        select(PlannedRun.id)
        .where(PlannedRun.task_id == PlannedTask.id, PlannedRun.state != RunState.PREPARED)
        .order_by(PlannedRun.due_at.desc())
        .limit(1)
        .correlate(PlannedTask)
        .scalar_subquery()
    )
    wanted = select(latest).where(PlannedTask.id.in_([task.id for task in tasks]))
    found = database.session().scalars(select(PlannedRun).where(PlannedRun.id.in_(wanted)))
    return {run.task_id: run for run in found}


@dataclass(frozen=True, kw_only=True)
class Whom:
    """For whom a task is: names of its groups and references of some of its devices."""

    groups: Sequence[str]
    devices: Sequence[str]
    device_count: int


def whom_of(task: PlannedTask, most: int = MOST_NAMED) -> Whom:
    """Return the groups and devices that a task names, of which the first `most` devices."""
    session = database.session()
    groups = select(DeviceGroup.name).where(DeviceGroup.id.in_(task.group_ids))
    devices = select(Device.reference).where(Device.id.in_(task.device_ids)).order_by(Device.id)
    return Whom(
        groups=session.scalars(groups.order_by(DeviceGroup.name)).all() if task.group_ids else [],
        devices=session.scalars(devices.limit(most)).all() if task.device_ids else [],
        device_count=len(task.device_ids),
    )


def tasks_to_follow(actor: Actor, client_id: int | None, but: int | None) -> Sequence[Any]:
    """Return reference and title of what another task of a client may come after."""
    require(actor, Permission.PLANNING_READ)
    return (
        database.session()
        .execute(
            select(PlannedTask.reference, PlannedTask.title)
            .where(
                tasks_visible_to(actor),
                or_(PlannedTask.client_id.is_(None), PlannedTask.client_id == client_id),
                PlannedTask.state != TaskState.ENDED,
                PlannedTask.id != (but or 0),
            )
            .order_by(PlannedTask.title, PlannedTask.id)
            .limit(MOST_TO_FOLLOW)
        )
        .all()
    )


def people_to_own() -> Sequence[Any]:
    """Return id and name of whoever may answer for a task."""
    return (
        database.session()
        .execute(select(User.id, User.name).where(User.is_active, may_own()).order_by(User.name))
        .all()
    )


def run_of_order(actor: Actor, order_id: int) -> PlannedRun | None:
    """Return the run that gave an order, with its task; None when no task did."""
    return _caused(actor, PlannedRun.order_id == order_id)


def run_of_ticket(actor: Actor, ticket_id: int) -> PlannedRun | None:
    """Return the latest run that a ticket is about, as its checklist or as what went wrong."""
    about = or_(PlannedRun.ticket_id == ticket_id, PlannedRun.incident_id == ticket_id)
    return _caused(actor, about)


def _caused(actor: Actor, condition: ColumnElement[bool]) -> PlannedRun | None:
    return database.session().scalar(
        select(PlannedRun)
        .join(PlannedRun.task)
        .options(contains_eager(PlannedRun.task))
        .where(condition, tasks_visible_to(actor))
        .order_by(PlannedRun.due_at.desc())
        .limit(1)
    )


def workarounds_of(actor: Actor, incident_id: int) -> Sequence[Any]:
    """Return reference, title and state of the tasks that resolve an incident."""
    return (
        database.session()
        .execute(
            select(PlannedTask.reference, PlannedTask.title, PlannedTask.state)
            .where(PlannedTask.incident_id == incident_id, tasks_visible_to(actor))
            .order_by(PlannedTask.id)
            .limit(MOST_NAMED)
        )
        .all()
    )


def run_of(actor: Actor, reference: str, run_id: int) -> PlannedRun:
    """Return a run with its task, order and tickets. Raises Forbidden, NotFound."""
    require(actor, Permission.PLANNING_READ)
    run = database.session().scalar(
        select(PlannedRun)
        .join(PlannedRun.task)
        .where(
            PlannedRun.id == run_id,
            PlannedTask.reference == reference,
            tasks_visible_to(actor),
        )
        .options(
            contains_eager(PlannedRun.task).joinedload(PlannedTask.client),
            *_WITH,
        )
    )
    if run is None:
        raise NotFound
    return run


def lines_of(
    actor: Actor, run: PlannedRun, cursor: str | None = None, size: int = 200
) -> Page[RunLine]:
    """Return a page of a run's log, oldest first. Raises Forbidden."""
    require(actor, Permission.PLANNING_READ)
    query = select(RunLine).where(RunLine.run_id == run.id).order_by(RunLine.id).limit(size + 1)
    if key := decode_cursor(cursor, int):
        query = query.where(RunLine.id > key[0])
    return page_of(database.session().scalars(query).all(), size, lambda line: [line.id])
