"""Planned work of the demonstration: a dozen tasks, thirteen months of their runs, and what is ahead.

Tasks are planned by the operations people use; their past is written as rows, because nobody needs
a year of orders and tickets behind them. What is missed, fails, waits or is announced today goes
through the desk's own steps again.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from sqlalchemy import insert, select, update

from servicedesk.core import clock
from servicedesk.core.actors import SYSTEM
from servicedesk.core.database import expect_rows
from servicedesk.core.unit_of_work import unit_of_work
from servicedesk.demonstration.planned_tasks import (
    Plan,
    plans_of_norte,
    plans_of_others,
    plans_of_service,
)
from servicedesk.devices.models import Device, DeviceState, Ownership
from servicedesk.planning.firing import NO_CLOCK
from servicedesk.planning.models import PlannedRun, PlannedTask, RunState, TaskState, WorkKind
from servicedesk.planning.preparing import prepare_runs
from servicedesk.planning.reactions import NOT_ALL
from servicedesk.planning.running import BROKE, STILL_RUNNING, report_run, run
from servicedesk.planning.schedule import dues_between, next_due
from servicedesk.planning.tasks import approve_task, plan_task
from servicedesk.tickets.handling import move_ticket
from servicedesk.tickets.models import OPEN_STATES, Ticket, TicketKind

if TYPE_CHECKING:
    from collections.abc import Sequence
    from random import Random
    from typing import Any

    from servicedesk.clients.models import Client
    from servicedesk.core.actors import Actor

MADRID = ZoneInfo("Europe/Madrid")
SOON = timedelta(days=2)
MOST_RUNS = 500  # of one task
# of a thousand runs fifteen are late, six are missed, six left out, and ten fail
LATE_BELOW, MISSED_BELOW, LEFT_OUT_BELOW, FAILED_BELOW = 0.015, 0.021, 0.027, 0.037
TINY = 1e-6
SEEN_TO = "Revisado: se ha corregido la causa y la siguiente ejecución ya ha ido bien."


@dataclass(frozen=True, kw_only=True)
class Planners:
    """Who plans: the supervisor for the whole service, an agent for clients, another one approves."""

    supervisor: Actor
    agent: Actor
    second: Actor


def plan_work(planners: Planners, clients: Sequence[Client], dice: Random, now: datetime) -> int:
    """Plan the work of the story; return how many tasks there are."""
    norte, levante, sur = clients
    tuesday = _weekday_after(now, 1)
    plans = [
        *((planners.supervisor, plan) for plan in plans_of_service(tuesday)),
        *((planners.agent, plan) for plan in plans_of_norte(norte, tuesday, _incident(norte))),
        *(
            (planners.agent, plan)
            for plan in plans_of_others(levante, sur, _lent(levante), now.date() + SOON)
        ),
    ]
    for number, (author, plan) in enumerate(plans):
        _begin(planners, author, plan, dice, now, number)
    with clock.told_as(now):
        prepare_runs()
    return len(plans)


def _weekday_after(now: datetime, weekday: int) -> datetime:
    """Return 22:00 of that day of next week on the wall clock: when nobody works."""
    today = now.astimezone(MADRID).date()
    monday = today - timedelta(days=today.weekday()) + timedelta(days=7)
    return datetime.combine(monday + timedelta(days=weekday), time(22), MADRID)


def _lent(client: Client) -> list[str]:
    """Return two devices that are lent out."""
    with unit_of_work(SYSTEM, "demonstration.look") as work:
        found = work.session.scalars(
            select(Device.reference)
            .where(
                Device.client_id == client.id,
                Device.state == DeviceState.ENROLLED,
                Device.ownership == Ownership.CORPORATE,
            )
            .order_by(Device.id.desc())
            .limit(2)
        )
        return list(found)


def _incident(client: Client) -> str:
    """Return the newest open incident of a client, for a workaround to resolve; empty for none."""
    with unit_of_work(SYSTEM, "demonstration.look") as work:
        found = work.session.scalar(
            select(Ticket.reference)
            .where(
                Ticket.client_id == client.id,
                Ticket.kind == TicketKind.INCIDENT,
                Ticket.state.in_(OPEN_STATES),
            )
            .order_by(Ticket.id.desc())
            .limit(1)
        )
    return found or ""


def _begin(
    planners: Planners, author: Actor, plan: Plan, dice: Random, now: datetime, number: int
) -> None:
    """Plan a task when it was planned, approve it, and write what it did since."""
    planned_at = now - timedelta(days=plan.days) + timedelta(minutes=number)
    with clock.told_as(planned_at):
        task = plan_task(author, plan.draft)
    if task.needs_approval and not plan.is_approved:
        return
    if task.needs_approval:
        with clock.told_as(planned_at + timedelta(hours=2)):
            approve_task(planners.second, task.reference, task.content_hash)
    last = _write_past(task, plan, dice, planned_at, now)
    if last is None:
        return
    if plan.last is RunState.QUEUED:
        with clock.told_as(last.due_at + timedelta(seconds=4)):
            run(last.id)
    _report_mishaps(planners.agent, task, None if plan.last is RunState.DONE else last.id)


def _report_mishaps(agent: Actor, task: PlannedTask, newest: int | None) -> None:
    """Have an incident tell of each run that went wrong; all but the newest one were seen to."""
    with unit_of_work(SYSTEM, "demonstration.look") as work:
        mishaps = work.session.execute(
            select(PlannedRun.id, PlannedRun.finished_at)
            .where(
                PlannedRun.task_id == task.id,
                PlannedRun.state.in_((RunState.MISSED, RunState.FAILED)),
            )
            .order_by(PlannedRun.due_at)
        ).all()
    for mishap in mishaps:
        with clock.told_as(mishap.finished_at):
            report_run(mishap.id, 1)
        if mishap.id == newest:
            continue
        with unit_of_work(SYSTEM, "demonstration.look") as work:
            reference = work.session.scalar(
                select(Ticket.reference)
                .join(PlannedRun, PlannedRun.incident_id == Ticket.id)
                .where(PlannedRun.id == mishap.id)
            )
        for minutes, move, words in ((20, "take", ""), (75, "resolve", SEEN_TO)):
            with clock.told_as(mishap.finished_at + timedelta(minutes=minutes)):
                move_ticket(agent, reference or "", move, words=words)


def _write_past(task: PlannedTask, plan: Plan, dice: Random, since: datetime, now: datetime) -> Any:
    """Write the runs until now, the last one as the plan says; return it."""
    dues = dues_between(task.when, since, now - timedelta(minutes=5), MOST_RUNS)
    rows = [_row(task, due, dice, len(dues) - at) for at, due in enumerate(dues)]
    if rows:
        rows[-1] |= _last(task.work_kind, plan.last, dues[-1])
    following = next_due(task.when, now - timedelta(minutes=5))
    with unit_of_work(SYSTEM, "demonstration.runs") as work:
        expect_rows(work.session, len(rows))
        if rows:
            work.session.execute(insert(PlannedRun), rows)
        work.session.execute(
            update(PlannedTask)
            .where(PlannedTask.id == task.id)
            .values(
                next_due_at=following,
                state=TaskState.ACTIVE if following else TaskState.ENDED,
            )
        )
        return work.session.execute(
            select(PlannedRun.id, PlannedRun.due_at, PlannedRun.finished_at)
            .where(PlannedRun.task_id == task.id)
            .order_by(PlannedRun.due_at.desc())
            .limit(1)
        ).first()


def _last(kind: WorkKind, state: RunState, due: datetime) -> dict[str, Any]:
    """Return what is told of the last run besides."""
    if state is RunState.QUEUED:
        begun = {"started_at": None, "seen_at": None, "finished_at": None, "done": 0, "total": 0}
        return begun | {"state": state}
    if state is RunState.MISSED:
        return _mishap(kind, MISSED_BELOW - TINY, due)
    return _mishap(kind, FAILED_BELOW - TINY, due) if state is RunState.FAILED else {}


def _row(task: PlannedTask, due: datetime, dice: Random, back: int) -> dict[str, Any]:
    """Return a run of the past: nearly always punctual and well."""
    fate = 1.0 if back < 3 else dice.random()
    delay = timedelta(seconds=dice.expovariate(1 / 9) + 1)
    if fate < LATE_BELOW:
        delay += timedelta(minutes=dice.randrange(6, 50))
    lasts = timedelta(minutes=dice.lognormvariate(2.2, 0.7))
    if task.work_kind is WorkKind.CHECK:
        lasts = timedelta(seconds=dice.lognormvariate(1.5, 0.6))
    window = task.window_minutes
    row: dict[str, Any] = {
        "task_id": task.id,
        "client_id": task.client_id,
        "due_at": due,
        "closes_at": due + timedelta(minutes=window) if window else None,
        "state": RunState.DONE,
        "reason": None,
        "reason_values": None,
        "created_at": due,
        "queued_at": due,
        "started_at": due + delay,
        "seen_at": due + delay + lasts,
        "finished_at": due + delay + lasts,
        "noticed_at": due - timedelta(days=task.notice_days) if task.notice_days else None,
        "done": 1,
        "total": 1,
        "problem_count": 0,
    }
    return row | _mishap(task.work_kind, fate, due)


def _mishap(kind: WorkKind, fate: float, due: datetime) -> dict[str, Any]:
    """Return what is different about a run that did not go well."""
    never: dict[str, Any] = {"started_at": None, "finished_at": due + timedelta(hours=3), "done": 0}
    if LATE_BELOW <= fate < MISSED_BELOW:
        return never | {"state": RunState.MISSED, "reason": NO_CLOCK, "reason_values": {}}
    if MISSED_BELOW <= fate < LEFT_OUT_BELOW:
        before = (due - timedelta(days=1)).isoformat()
        told = {"reason": STILL_RUNNING, "reason_values": {"due_at": before}}
        return never | told | {"state": RunState.SKIPPED}
    if LEFT_OUT_BELOW <= fate < FAILED_BELOW and kind is not WorkKind.CHECKLIST:
        told = {"reason": BROKE, "reason_values": {"fault": "TimeoutError"}}
        if kind is WorkKind.ACTION:
            told = {"reason": NOT_ALL, "reason_values": {"failed": 2, "devices": 17}}
        return told | {"state": RunState.FAILED, "problem_count": 2}
    return {}
