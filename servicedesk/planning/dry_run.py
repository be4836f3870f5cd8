"""What a run of a task would do now: to whom, who would be refused and why, and what would stop it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import select

from servicedesk.core import clock, database
from servicedesk.core.actors import SYSTEM
from servicedesk.core.errors import DomainError, Forbidden, NotFound
from servicedesk.core.permissions import Permission, require
from servicedesk.core.text import Text, msgid
from servicedesk.core.unit_of_work import unit_of_work
from servicedesk.devices.brakes import standing_stop
from servicedesk.devices.catalogue import action_named
from servicedesk.devices.catalogue.action import Risk
from servicedesk.devices.models import DeviceGroup
from servicedesk.orders.drafting import WIDE_DISRUPTION
from servicedesk.orders.preview import Reach, reach_of_rows
from servicedesk.planning.checks import check_named
from servicedesk.planning.drafting import write
from servicedesk.planning.models import PlannedTask, WorkKind
from servicedesk.planning.schedule import dues
from servicedesk.planning.visibility import tasks_visible_to
from servicedesk.planning.working import targets_meant

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from servicedesk.core.actors import Actor
    from servicedesk.core.unit_of_work import Work
    from servicedesk.devices.catalogue.action import ManagedAction
    from servicedesk.planning.drafting import TaskDraft

NEXT_SHOWN = 5
SAMPLE = 20  # devices named


@dataclass(frozen=True, kw_only=True)
class DryRun:
    """The answer; `hindrance` says why nothing at all would happen."""

    next_dues: Sequence[datetime]
    says: Sequence[Text]  # what would be done
    groups: Sequence[str] = ()
    reach: Reach | None = None  # of an action
    sample: Sequence[str] = ()  # references of some devices it would reach
    steps: Sequence[str] = ()  # of a checklist
    needs_second_person: bool = False  # the order of each run waits for approval
    hindrance: Text | None = None


def dry_run(actor: Actor, reference: str) -> DryRun:
    """Return what a run would do now; changes nothing. Raises NotFound, Forbidden."""
    require(actor, Permission.PLANNING_READ)
    session = database.session()
    task = session.scalar(
        select(PlannedTask).where(PlannedTask.reference == reference, tasks_visible_to(actor))
    )
    if task is None:
        raise NotFound
    if task.client_id is None and actor.is_contact:
        raise Forbidden  # it would tell of every client's devices
    return dry_run_of(task)


def dry_run_of_draft(actor: Actor, draft: TaskDraft, reference: str = "") -> DryRun:
    """Return what a run would do of a task as it would be saved; `reference` of the one it changes.

    No session knows that task, so nothing of it is written. Raises NotFound, Forbidden, InvalidInput, BadParameters.
    """
    with unit_of_work(actor, "planning.try") as work:
        task = _as_kept(work, reference)
        require(actor, Permission.PLANNING_EDIT)
        with work.session.no_autoflush:
            write(work, task, draft)
            return dry_run_of(task)


def _as_kept(work: Work, reference: str) -> PlannedTask:
    """Return a new task with what saving a draft keeps of the one that is there."""
    if not reference:
        return PlannedTask()
    task = work.session.scalar(
        select(PlannedTask).where(PlannedTask.reference == reference, tasks_visible_to(work.actor))
    )
    if task is None:
        raise NotFound
    return PlannedTask(
        id=task.id,
        code=task.code,
        parameters=task.parameters,
        owner_id=task.owner_id,
        incident_id=task.incident_id,
    )


def dry_run_of(task: PlannedTask) -> DryRun:
    """Return what a run of a task would do now; it need not be saved."""
    following = []
    for due in dues(task.when, clock.now()):
        following.append(due)
        if len(following) == NEXT_SHOWN:
            break
    if task.work_kind is WorkKind.ACTION:
        return _of_action(task, following)
    if task.work_kind is WorkKind.CHECK:
        return DryRun(next_dues=following, says=_of_check(task))
    says = [
        Text(msgid("Opens a ticket with %(steps)s steps."), {"steps": len(task.steps)}),
    ]
    return DryRun(next_dues=following, says=says, steps=task.steps)


def _of_check(task: PlannedTask) -> Sequence[Text]:
    """Have a check count, with the eyes it runs with where the reader may see as much."""
    check, reader = check_named(task.code), database.acting()
    if reader.client_ids is None:
        session = database.session()
        with database.acting_as(SYSTEM):
            return check.preview(session, task.client_id, task.parameters)
    if task.client_id is None:
        return [Text(check.description)]
    return check.preview(database.session(), task.client_id, task.parameters)


def _of_action(task: PlannedTask, following: Sequence[datetime]) -> DryRun:
    session = database.session()
    action = action_named(task.code)
    says = [Text(action.description)]
    names = session.scalars(
        select(DeviceGroup.name)
        .where(DeviceGroup.id.in_(task.group_ids))
        .order_by(DeviceGroup.name)
    ).all()
    try:
        targets = targets_meant(session, task, action)
    except DomainError as refusal:
        return DryRun(next_dues=following, says=says, groups=names, hindrance=refusal.text)
    reach = reach_of_rows(action, targets.client_id, targets.rows)
    return DryRun(
        next_dues=following,
        says=says,
        groups=names,
        reach=reach,
        sample=[row.reference for row in targets.rows[:SAMPLE]],
        needs_second_person=action.is_destructive
        or (action.risk is Risk.DISRUPTIVE and reach.able > WIDE_DISRUPTION),
        hindrance=_hindrance(task, action, reach),
    )


def _hindrance(task: PlannedTask, action: ManagedAction, reach: Reach) -> Text | None:
    if reach.able == 0:
        return Text(msgid("None of these devices can do it now."))
    is_stopped = standing_stop(database.session(), task.client_id or 0) is not None
    if action.is_destructive and is_stopped:
        return Text(
            msgid("Everything destructive of this client is stopped until two people release it.")
        )
    return None
