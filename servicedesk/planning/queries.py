"""What people read of planned tasks: the tasks, their runs, one run with its log."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import Select, and_, or_, select
from sqlalchemy.orm import contains_eager, joinedload

from servicedesk.clients.models import Client
from servicedesk.core import database
from servicedesk.core.errors import NotFound
from servicedesk.core.paging import PAGE_SIZE, Page, decode_cursor, page_of
from servicedesk.core.permissions import Permission, require
from servicedesk.planning.models import PlannedRun, PlannedTask, RunLine, RunState, TaskState
from servicedesk.planning.visibility import tasks_visible_to

if TYPE_CHECKING:
    from datetime import datetime
    from typing import Any

    from servicedesk.core.actors import Actor
    from servicedesk.planning.models import Category

MOST_RUNS = 2000  # in one look at a calendar


@dataclass(frozen=True, kw_only=True)
class TaskFilter:
    """What a list of tasks is narrowed to."""

    state: TaskState | None = None
    category: Category | None = None
    client: str = ""  # a reference; "-" for the whole service
    shipped: bool | None = None  # whether it ships with the desk


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
        .options(contains_eager(PlannedTask.client))
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
    """Return a page of a task's runs, latest first; of what is prepared, only what has an order."""
    require(actor, Permission.PLANNING_READ)
    query = (
        select(PlannedRun)
        .where(PlannedRun.task_id == task.id)
        .options(
            joinedload(PlannedRun.order),
            joinedload(PlannedRun.ticket),
            joinedload(PlannedRun.incident),
        )
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
            joinedload(PlannedRun.order),
            joinedload(PlannedRun.ticket),
            joinedload(PlannedRun.incident),
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


def runs_between(actor: Actor, start: datetime, end: datetime) -> list[PlannedRun]:
    """Return the runs due from `start` up to before `end`, with their tasks, by time.

    At most `MOST_RUNS`: what ships with the desk and went well is left out, it is no news.
    """
    require(actor, Permission.PLANNING_READ)
    return list(
        database.session().scalars(
            select(PlannedRun)
            .join(PlannedRun.task)
            .outerjoin(PlannedTask.client)
            .options(contains_eager(PlannedRun.task).contains_eager(PlannedTask.client))
            .where(
                PlannedRun.due_at >= start,
                PlannedRun.due_at < end,
                tasks_visible_to(actor),
                or_(PlannedTask.key.is_(None), PlannedRun.state != RunState.DONE),
            )
            .order_by(PlannedRun.due_at, PlannedRun.id)
            .limit(MOST_RUNS)
        )
    )
