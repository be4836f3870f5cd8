"""The calendar of planned work: what was, what comes, what gets in each other's way.

However many tasks there are, it is the same few statements; times to come are reckoned from the
schedules, and lines are made only of what is shown.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, NamedTuple, Self

from sqlalchemy import select

from servicedesk.clients.models import Client
from servicedesk.clients.visibility import of_customers, visible_to
from servicedesk.core import clock, database
from servicedesk.core.errors import NotFound
from servicedesk.core.permissions import Permission, require
from servicedesk.planning.calendar_rows import (
    Narrowed,
    other_dates,
    past_runs,
    planned_tasks,
    planned_tickets,
)
from servicedesk.planning.conflicts import Conflict, Reach, Span, conflicts, meetings
from servicedesk.planning.due_days import due_days
from servicedesk.planning.looks import WHOLE_SERVICE, Look, Others, Shape
from servicedesk.planning.occasions import Occasion, TaskSeen, What, local_day
from servicedesk.planning.shared_devices import sharing
from servicedesk.sla.closed_days import holidays_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from datetime import date, datetime

    from servicedesk.core.actors import Actor
    from servicedesk.planning.calendar_rows import TaskRow
    from servicedesk.planning.due_days import DueDay

MOST_IN_CELL = {Shape.MONTH: 4, Shape.WEEK: 30, Shape.AGENDA: 60}
MOST_LINES = 400  # of an agenda; the rest has a page of its own
MOST_CONFLICTS = 20  # told


class _Coming(NamedTuple):
    """A time to come, before a line is made of it."""

    starts_at: datetime
    task: TaskSeen
    day: DueDay


@dataclass(frozen=True, kw_only=True)
class DayShown:
    """A day of the calendar; `more` lines are left out."""

    on: date
    occasions: Sequence[Occasion]
    more: int
    holiday: str


@dataclass(frozen=True, kw_only=True)
class Clash:
    """A conflict with the tasks it is between."""

    conflict: Conflict
    first: TaskSeen
    second: TaskSeen | None


@dataclass(frozen=True, kw_only=True)
class Shown:
    """A page of the calendar."""

    look: Look
    today: date
    clients: Sequence[tuple[str, str]]  # to choose from
    days: Sequence[DayShown]
    clashes: Sequence[Clash]
    more_clashes: int
    clashing: frozenset[
        tuple[int, date]
    ]  # which tasks do not go together with something, on which days
    cut: Sequence[TaskSeen]  # tasks due too often to show all of their times
    continues_on: date | None  # from where on the next page of an agenda goes

    @property
    def weeks(self) -> list[list[DayShown | None]]:
        """Return the days in weeks from Monday; None stands for days of the neighbours."""
        days: list[DayShown | None] = [*[None] * self.days[0].on.weekday(), *self.days]
        days += [None] * (-len(days) % 7)
        return [days[at : at + 7] for at in range(0, len(days), 7)]


def calendar_of(actor: Actor, look: Look, zone: str) -> Shown:
    """Return what an actor sees, in days of their zone. Raises Forbidden, NotFound."""
    require(actor, Permission.PLANNING_READ)
    clients = _clients(actor)
    narrowed = _narrowed(look, clients, actor)
    found = _found(actor, look, narrowed, zone)
    holidays = holidays_of(narrowed.client_id or _only(clients, actor), look.first, look.last)
    clashes = found.clashes(holidays)
    most = MOST_IN_CELL[look.shape]
    days, continues_on, lines = [], None, 0
    for day in look.days:
        occasions = found.on(day, most)
        if look.shape is Shape.AGENDA and lines + len(occasions) > MOST_LINES:
            continues_on = day
            break
        lines += len(occasions)
        more = found.count_on(day) - len(occasions)
        holiday = holidays.get(day, "")
        days.append(DayShown(on=day, occasions=occasions, more=more, holiday=holiday))
    return Shown(
        look=look,
        today=local_day(found.now, zone),
        clients=[(reference, name) for reference, name in clients.values()],
        days=days,
        clashes=clashes[:MOST_CONFLICTS],
        more_clashes=max(0, len(clashes) - MOST_CONFLICTS),
        clashing=frozenset(
            (task.id, day)
            for clash in clashes
            for task in (clash.first, clash.second)
            if task is not None
            for day in clash.conflict.days
        ),
        cut=found.cut,
        continues_on=continues_on,
    )


def _found(actor: Actor, look: Look, narrowed: Narrowed, zone: str) -> Found:
    """Return planned work and what else has a date, as far as the look wants them."""
    days = (look.first, look.last, zone)
    found = Found(now=clock.now(), zone=zone, told={}, coming={}, cut=())
    if look.others is not Others.ONLY:
        found = found_between(actor, narrowed, *days)
    if look.others is Others.WITHOUT:
        return found
    return found.also(other_dates(actor, narrowed, *days))


def _clients(actor: Actor) -> dict[int, tuple[str, str]]:
    rows = database.session().execute(
        select(Client.id, Client.reference, Client.name)
        .where(visible_to(actor, Client.id), of_customers(Client.id))
        .order_by(Client.name)
    )
    return {row.id: (row.reference, row.name) for row in rows}


def _only(clients: Mapping[int, tuple[str, str]], actor: Actor) -> int | None:
    """Return the client of whoever has one only: its calendar is the one to plan around."""
    return next(iter(clients)) if actor.client_ids is not None and len(clients) == 1 else None


def _narrowed(look: Look, clients: Mapping[int, tuple[str, str]], actor: Actor) -> Narrowed:
    chosen = next(
        (i for i, (reference, _name) in clients.items() if reference == look.client), None
    )
    if look.client and look.client != WHOLE_SERVICE and chosen is None:
        raise NotFound
    return Narrowed(
        client_id=chosen,
        is_service_only=look.client == WHOLE_SERVICE,
        category=look.category,
        with_own=look.own and not actor.is_contact,
    )


@dataclass(frozen=True, kw_only=True)
class Found:
    """Everything between two days; lines of times to come are made when they are asked for."""

    now: datetime
    zone: str
    told: Mapping[date, Sequence[Occasion]]  # what has a row: runs and tickets
    coming: Mapping[date, Sequence[_Coming]]
    cut: Sequence[TaskSeen]

    def also(self, more: Iterable[Occasion]) -> Self:
        """Return it with more lines that have a row."""
        told = {day: list(lines) for day, lines in self.told.items()}
        for one in more:
            told.setdefault(one.on, []).append(one)
        return replace(self, told=told)

    def count_on(self, day: date) -> int:
        """Return how many lines a day has."""
        return len(self.told.get(day, ())) + len(self.coming.get(day, ()))

    def on(self, day: date, most: int) -> list[Occasion]:
        """Return the lines of a day by time, at most so many."""
        both: list[Occasion | _Coming] = [*self.told.get(day, ()), *self.coming.get(day, ())]
        both.sort(key=lambda one: one.starts_at)
        return [one if isinstance(one, Occasion) else _line(one, day) for one in both[:most]]

    def every_coming(self) -> Iterator[Occasion]:
        """Yield the lines of times to come, by time."""
        for day in sorted(self.coming):
            for one in sorted(self.coming[day], key=lambda one: one.starts_at):
                yield _line(one, day)

    def clashes(self, holidays: Mapping[date, str]) -> list[Clash]:
        """Return what does not go together of what is still to come; one statement at most."""
        seen = {one.task.id: one.task for day in self.coming.values() for one in day}
        seen |= {one.task.id: one.task for one in self._open() if one.task}
        reaches = {task_id: _reach(task) for task_id, task in seen.items()}
        spans = list(self._spans(reaches))
        pairs = list(meetings(spans))
        found = conflicts(spans, pairs, sharing(pairs), holidays)
        return [
            Clash(conflict=one, first=seen[one.first_id], second=seen.get(one.second_id or 0))
            for one in found
        ]

    def _open(self) -> Iterator[Occasion]:
        for day in self.told.values():
            yield from (one for one in day if one.task and one.state and not one.state.is_over)

    def _spans(self, reaches: Mapping[int, Reach]) -> Iterator[Span]:
        """Yield what is to come; what comes many times a day gets in nobody's way."""
        for on, day in self.coming.items():
            for one in day:
                if not one.day.is_many:
                    ends_at = one.starts_at + one.task.window
                    yield Span(reaches[one.task.id], one.starts_at, ends_at, on)
        for told in self._open():
            if told.task and told.times == 1:
                yield Span(reaches[told.task.id], told.starts_at, told.ends_at, told.on)


def found_between(actor: Actor, narrowed: Narrowed, first: date, last: date, zone: str) -> Found:
    """Return what there is from `first` to `last`; three statements."""
    now = clock.now()
    told: dict[date, list[Occasion]] = defaultdict(list)
    tasks = planned_tasks(actor, narrowed)
    for occasion in past_runs(actor, narrowed, first, last, zone):
        told[occasion.on].append(occasion)
    known = {(one.task.id, one.starts_at) for day in told.values() for one in day if one.task}
    for occasion in planned_tickets(actor, narrowed, first, last, zone):
        told[occasion.on].append(occasion)
    coming: dict[date, list[_Coming]] = defaultdict(list)
    cut = []
    for row in tasks:
        found = due_days(row.schedule, first, last, zone)
        if found.is_cut:
            cut.append(row.seen)
        for one in _ahead(row, found.days, row.next_due_at or now, known, zone):
            coming[one.day.on].append(one)
    return Found(now=now, zone=zone, told=told, coming=coming, cut=cut)


def _ahead(
    row: TaskRow,
    days: Iterable[DueDay],
    since: datetime,
    known: set[tuple[int, datetime]],
    zone: str,
) -> Iterator[_Coming]:
    """Yield the times of a task from an instant on that have no run yet."""
    today = local_day(since, zone)
    for day in days:
        if day.is_many:
            if day.on >= today:
                begin = max(day.dues[0], since) if day.on == today else day.dues[0]
                yield _Coming(begin, row.seen, day)
            continue
        for due in day.dues:
            if due >= since and (row.seen.id, due) not in known:
                yield _Coming(due, row.seen, day)


def _line(one: _Coming, on: date) -> Occasion:
    task, day = one.task, one.day
    many = day.is_many
    return Occasion(
        what=What.DUE,
        starts_at=one.starts_at,
        ends_at=one.starts_at + task.window,
        on=on,
        title=task.title,
        reference=task.reference,
        changed_at=task.updated_at,
        revision=task.version * 10,
        client_name=task.client_name,
        task=task,
        times=day.count if many else 1,
        is_cut=many and day.is_cut,
        last_at=day.dues[-1] if many and not day.is_cut and day.count == len(day.dues) else None,
    )


def _reach(task: TaskSeen) -> Reach:
    return Reach(
        task_id=task.id,
        category=task.category,
        work_kind=task.work_kind,
        client_id=task.client_id,
        group_ids=frozenset(task.group_ids),
        device_ids=frozenset(task.device_ids),
    )
