"""The punctuality of planned tasks, by month, client and category; each figure has its list of runs."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime, time, timedelta
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, Date, and_, cast, func, or_, select
from sqlalchemy.orm import contains_eager, joinedload

from servicedesk.clients.models import Client
from servicedesk.clients.visibility import of_customers, visible_to
from servicedesk.core import clock, database
from servicedesk.core.errors import NotFound
from servicedesk.core.paging import PAGE_SIZE, Page, decode_cursor, page_of
from servicedesk.core.permissions import Permission, require
from servicedesk.planning.looks import WHOLE_SERVICE
from servicedesk.planning.models import Category, PlannedRun, PlannedTask, RunState
from servicedesk.planning.punctual import (
    CLASSES,
    Figure,
    Wanted,
    class_in_sql,
    is_figure,
    is_planned,
)
from servicedesk.planning.visibility import tasks_visible_to
from servicedesk.sla.evidence import first_day, month_of
from servicedesk.sla.standard import HOME
from servicedesk.sla.view import months_up_to

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import date

    from servicedesk.core.actors import Actor


@dataclass(frozen=True, kw_only=True)
class Counted:
    """The figures of a month, a client or a category; `behind` is what lists them."""

    of: str
    behind: Wanted
    label: str = ""
    amounts: Mapping[Figure, int] = field(default_factory=dict)

    def amount(self, figure: Figure) -> int:
        """Return how many there are of a figure."""
        if figure is Figure.PLANNED:
            return sum(self.amounts.get(one, 0) for one in CLASSES)
        if figure is Figure.NOT_PUNCTUAL:
            return sum(self.amounts.get(one, 0) for one in CLASSES[1:])
        return self.amounts.get(figure, 0)

    @property
    def planned(self) -> int:
        """Return how many times were planned."""
        return self.amount(Figure.PLANNED)

    @property
    def share(self) -> float | None:
        """Return the punctuality; None where nothing was planned."""
        return self.amount(Figure.PUNCTUAL) / self.planned if self.planned else None


@dataclass(frozen=True, kw_only=True)
class Punctuality:
    """The figures for an actor, as asked."""

    wanted: Wanted
    clients: Sequence[tuple[str, str]]
    months: Sequence[date]  # thirteen, the present one last
    whole: Counted  # of the month
    trend: Sequence[Counted]
    by_client: Sequence[Counted]
    by_category: Sequence[Counted]


def punctuality(actor: Actor, asked: Wanted) -> Punctuality:
    """Return the figures; two statements. Raises Forbidden, NotFound."""
    require(actor, Permission.PLANNING_READ)
    clients = _clients(actor, asked)
    months = months_up_to(_today())
    offered = [month_of(month) for month in months]
    wanted = _settled(actor, asked.but(figure=""), offered)
    rows = _count(actor, wanted, months)
    of_month = [row for row in rows if month_of(row.month) == wanted.month]
    return Punctuality(
        wanted=wanted,
        clients=list(clients.values()),
        months=months,
        whole=_sum(of_month, of=wanted.month, behind=wanted),
        trend=[
            _sum(
                [row for row in rows if month_of(row.month) == month],
                of=month,
                behind=wanted.but(month=month),
            )
            for month in offered
        ],
        by_client=_by_client(of_month, clients, wanted),
        by_category=[
            _sum(found, of=category, behind=wanted.but(category=category.value))
            for category in Category
            if (found := [row for row in of_month if row.category is category])
        ],
    )


def settled(actor: Actor, asked: Wanted) -> Wanted:
    """Return what is asked for with a month that can be looked at. Raises NotFound."""
    _clients(actor, asked)
    return _settled(actor, asked, [month_of(month) for month in months_up_to(_today())])


def _settled(actor: Actor, asked: Wanted, offered: Sequence[str]) -> Wanted:
    return asked.but(
        month=asked.month if asked.month in offered else offered[-1],
        own=asked.own and not actor.is_contact,
    )


def _today() -> date:
    return clock.now().astimezone(ZoneInfo(HOME)).date()


def _clients(actor: Actor, asked: Wanted) -> dict[int, tuple[str, str]]:
    rows = database.session().execute(
        select(Client.id, Client.reference, Client.name)
        .where(visible_to(actor, Client.id), of_customers(Client.id))
        .order_by(Client.name)
    )
    clients = {row.id: (row.reference, row.name) for row in rows}
    known = {reference for reference, _name in clients.values()}
    if asked.client and asked.client != WHOLE_SERVICE and asked.client not in known:
        raise NotFound
    return clients


def _sum(rows: Sequence[Any], *, of: str, behind: Wanted, label: str = "") -> Counted:
    amounts: Counter[Figure] = Counter()
    for row in rows:
        amounts[Figure(row.figure)] += row.amount
        amounts[Figure.FAILED] += row.failed
    return Counted(of=of, behind=behind, label=label, amounts=amounts)


def _by_client(
    rows: Sequence[Any], clients: Mapping[int, tuple[str, str]], wanted: Wanted
) -> list[Counted]:
    found = []
    for client_id in dict.fromkeys(row.client_id for row in rows):
        reference, name = (
            (WHOLE_SERVICE, "") if client_id is None else clients.get(client_id, ("", ""))
        )
        of_client = [row for row in rows if row.client_id == client_id]
        behind = wanted.but(client=reference)
        found.append(_sum(of_client, of=reference, behind=behind, label=name))
    return sorted(found, key=lambda one: (one.share or 0, one.label))


def _of(actor: Actor, wanted: Wanted) -> ColumnElement[bool]:
    conditions = [tasks_visible_to(actor), is_planned(clock.now())]
    if wanted.client == WHOLE_SERVICE:
        conditions.append(PlannedTask.client_id.is_(None))
    elif wanted.client:
        conditions.append(Client.reference == wanted.client)
    if wanted.category:
        conditions.append(PlannedTask.category == Category(wanted.category))
    if not wanted.own or actor.is_contact:
        conditions.append(PlannedTask.key.is_(None))
    return and_(*conditions)


def _begin(month: date) -> datetime:
    return datetime.combine(month, time(), ZoneInfo(HOME))


def _count(actor: Actor, wanted: Wanted, months: Sequence[date]) -> Sequence[Any]:
    local = func.timezone(HOME, PlannedRun.due_at)
    month = cast(func.date_trunc("month", local), Date)
    query = (
        select(
            month.label("month"),
            PlannedTask.client_id,
            PlannedTask.category,
            class_in_sql().label("figure"),
            func.count().label("amount"),
            func.count().filter(PlannedRun.state == RunState.FAILED).label("failed"),
        )
        .join(PlannedRun.task)
        .outerjoin(PlannedTask.client)
        .where(PlannedRun.due_at >= _begin(months[0]), _of(actor, wanted))
        .group_by("month", PlannedTask.client_id, PlannedTask.category, "figure")
        .order_by("month", PlannedTask.client_id, PlannedTask.category)
    )
    return database.session().execute(query).all()


def runs_behind(
    actor: Actor, wanted: Wanted, cursor: str | None = None, size: int = PAGE_SIZE
) -> Page[PlannedRun]:
    """Return a page of the runs behind a figure, latest first. Raises Forbidden, InvalidInput."""
    require(actor, Permission.PLANNING_READ)
    begin = first_day(wanted.month)
    query = (
        select(PlannedRun)
        .join(PlannedRun.task)
        .outerjoin(PlannedTask.client)
        .options(
            contains_eager(PlannedRun.task).contains_eager(PlannedTask.client),
            joinedload(PlannedRun.incident),
        )
        .where(
            PlannedRun.due_at >= _begin(begin),
            PlannedRun.due_at < _begin((begin + timedelta(days=31)).replace(day=1)),
            _of(actor, wanted),
            is_figure(wanted.figure),
        )
        .order_by(PlannedRun.due_at.desc(), PlannedRun.id.desc())
        .limit(size + 1)
    )
    if key := decode_cursor(cursor, int):
        before = select(PlannedRun.due_at).where(PlannedRun.id == key[0]).scalar_subquery()
        query = query.where(
            or_(
                PlannedRun.due_at < before,
                and_(PlannedRun.due_at == before, PlannedRun.id < key[0]),
            )
        )
    found = database.session().scalars(query).all()
    return page_of(found, size, lambda run: [run.id])
