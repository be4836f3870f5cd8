"""What somebody fills in for a planned task, checked and turned into what is kept."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from sqlalchemy import func, select

from servicedesk.accounts.models import User
from servicedesk.clients.contracts import contract_in_force
from servicedesk.clients.models import Client
from servicedesk.clients.visibility import visible_to
from servicedesk.core.actors import Role
from servicedesk.core.errors import Forbidden, InvalidInput
from servicedesk.core.permissions import Permission, may
from servicedesk.core.text import msgid
from servicedesk.devices.catalogue import action_named
from servicedesk.devices.catalogue.action import Risk
from servicedesk.devices.catalogue.desired_state import DesiredStateAction
from servicedesk.devices.models import Device, DeviceGroup
from servicedesk.devices.parameters import SEALED, Kind
from servicedesk.orders.checking import BadParameters
from servicedesk.planning.checks import check_named
from servicedesk.planning.models import (
    Category,
    MisfirePolicy,
    OverlapPolicy,
    PlannedTask,
    WorkKind,
)
from servicedesk.planning.schedule import After, Schedule, to_json
from servicedesk.planning.schedule_limits import check_number, check_schedule, check_window
from servicedesk.planning.visibility import tasks_visible_to
from servicedesk.planning.working import opened
from servicedesk.tickets.models import OPEN_STATES, Queue, Ticket, TicketKind

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sqlalchemy import ColumnElement

    from servicedesk.core.unit_of_work import Work
    from servicedesk.devices.catalogue.action import ManagedAction

TITLE_LENGTH = 120
DESCRIPTION_LENGTH = 4000
STEP_LENGTH = 200
MOST_STEPS = 50
MOST_NOTICE = 30  # working days


@dataclass(frozen=True, kw_only=True)
class TaskDraft:
    """What a person fills in."""

    title: str
    category: Category
    work_kind: WorkKind
    schedule: Schedule
    description: str = ""
    client: str = ""  # its reference; empty: the whole service
    code: str = ""
    parameters: Mapping[str, object] = field(default_factory=dict)
    groups: Sequence[str] = ()  # names
    devices: Sequence[str] = ()  # references
    steps: Sequence[str] = ()
    queue: Queue = Queue.OPERATIONS
    after: str = ""  # reference of the task it follows
    window_minutes: int | None = None
    misfire: MisfirePolicy = MisfirePolicy.RUN_ONCE
    overlap: OverlapPolicy = OverlapPolicy.SKIP
    owner_id: int | None = None  # None: its author
    notice_days: int = 0
    shown_to_client: bool = True
    incident: str = ""  # reference of the incident it resolves


def write(work: Work, task: PlannedTask, draft: TaskDraft) -> None:
    """Put a checked draft into a task. Raises Forbidden or InvalidInput with the field at fault."""
    task.title = _words(draft.title, "title", TITLE_LENGTH, needed=True)
    task.description = _words(draft.description, "description", DESCRIPTION_LENGTH)
    task.category, task.work_kind = draft.category, draft.work_kind
    task.client_id = _client_id(work, draft)
    _write_work(work, task, draft)
    _write_schedule(work, task, draft)
    _write_rules(task, draft)
    _write_people(work, task, draft)
    task.incident_id = _incident_id(work, task, draft)
    task.needs_approval = _needs_approval(task)
    task.content_hash = content_hash(task)


def _words(typed: str, name: str, length: int, *, needed: bool = False) -> str:
    cleaned = typed.strip()
    if needed and not cleaned:
        raise InvalidInput(msgid("This is needed."), field=name)
    if len(cleaned) > length:
        raise InvalidInput(msgid("This is too long."), field=name)
    if any(one == "\x00" or "\ud800" <= one <= "\udfff" for one in cleaned):
        raise InvalidInput(msgid("This contains characters that cannot be stored."), field=name)
    return cleaned


def _client_id(work: Work, draft: TaskDraft) -> int | None:
    if not draft.client:
        if not may(work.actor, Permission.PLANNING_SERVICE):
            raise InvalidInput(msgid("Say for which client."), field="client")
        return None
    found = work.session.scalar(
        select(Client.id).where(Client.reference == draft.client, visible_to(work.actor, Client.id))
    )
    if found is None or contract_in_force(work.session, found, work.at.date()) is None:
        raise InvalidInput(
            msgid("There is no client of that reference with a contract in force."), field="client"
        )
    return found


def _write_work(work: Work, task: PlannedTask, draft: TaskDraft) -> None:
    """Write what it does, and empty what belongs to another kind of work."""
    kept = task.parameters or {}
    was = task.code
    task.code, task.parameters, task.steps = "", {}, []
    task.group_ids, task.device_ids = [], []
    task.queue = draft.queue
    if draft.work_kind is WorkKind.ACTION:
        _write_action(work, task, draft, kept if was == draft.code else {})
    elif draft.work_kind is WorkKind.CHECK:
        _write_check(work, task, draft)
    else:
        task.steps = _steps(draft.steps)


def _write_action(work: Work, task: PlannedTask, draft: TaskDraft, kept: Mapping[str, Any]) -> None:
    if task.client_id is None:
        raise InvalidInput(msgid("Say for which client."), field="client")
    action = action_named(draft.code)
    given = _with_kept_secrets(action, draft.parameters, kept)
    if faults := action.faults(given):
        raise BadParameters(faults)
    cleaned = action.cleaned(given)
    if faults := action.faults_here(work.session, task.client_id, cleaned):
        raise BadParameters(faults)
    task.code, task.parameters = action.code, cleaned
    if isinstance(action, DesiredStateAction) and action.finds_its_targets:
        return
    task.group_ids = _group_ids(work, task.client_id, draft.groups)
    task.device_ids = _device_ids(work, task.client_id, draft.devices)
    if action.needs_groups and not task.group_ids:
        raise InvalidInput(msgid("Choose a group."), field="groups")
    if not task.group_ids and not task.device_ids:
        raise InvalidInput(msgid("Choose at least one device or group."), field="devices")
    if action.changes_policy and task.group_ids and task.device_ids:
        raise InvalidInput(
            msgid("Choose groups or single devices, not both at once."), field="groups"
        )


def _with_kept_secrets(
    action: ManagedAction, given: Mapping[str, object], kept: Mapping[str, Any]
) -> dict[str, object]:
    """Return the parameters with the secrets that a form does not show and nobody typed anew."""
    secret = {p.name for p in action.parameters if p.kind is Kind.SECRET}
    known = opened(action, {name: kept[name] for name in secret if kept.get(name)})
    return {
        name: known.get(name, "") if name in secret and value in (None, "", SEALED) else value
        for name, value in given.items()
    }


def _group_ids(work: Work, client_id: int, names: Sequence[str]) -> list[int]:
    wanted = list(dict.fromkeys(name.strip() for name in names if name.strip()))
    rows = work.session.execute(
        select(DeviceGroup.id, DeviceGroup.name).where(
            DeviceGroup.client_id == client_id, DeviceGroup.name == func.any(wanted)
        )
    ).all()
    if missing := set(wanted) - {row.name for row in rows}:
        raise InvalidInput(
            msgid("There is no group %(names)s."),
            field="groups",
            names=", ".join(sorted(missing)[:5]),
        )
    return sorted(row.id for row in rows)


def _device_ids(work: Work, client_id: int, references: Sequence[str]) -> list[int]:
    wanted = list(dict.fromkeys(each.strip() for each in references if each.strip()))
    rows = work.session.execute(
        select(Device.id, Device.reference).where(
            Device.client_id == client_id, Device.reference == func.any(wanted)
        )
    ).all()
    if missing := set(wanted) - {row.reference for row in rows}:
        raise InvalidInput(
            msgid("There is no device %(references)s."),
            field="devices",
            references=", ".join(sorted(missing)[:5]),
        )
    return sorted(row.id for row in rows)


def _write_check(work: Work, task: PlannedTask, draft: TaskDraft) -> None:
    check = check_named(draft.code)
    if task.client_id is None and not check.for_service:
        raise InvalidInput(msgid("This check is made for one client."), field="client")
    if task.client_id is not None and not check.for_client:
        raise InvalidInput(msgid("This check is made for the whole service."), field="client")
    if check.is_housekeeping and not may(work.actor, Permission.PLANNING_SERVICE):
        raise Forbidden
    if faults := check.faults(draft.parameters):
        raise BadParameters(faults)
    task.code, task.parameters = check.code, check.cleaned(draft.parameters)


def _steps(typed: Sequence[str]) -> list[str]:
    steps = [" ".join(step.split()) for step in typed if step.strip()]
    if not steps:
        raise InvalidInput(msgid("Write at least one step, each on a line."), field="steps")
    if len(steps) > MOST_STEPS or any(len(step) > STEP_LENGTH for step in steps):
        raise InvalidInput(
            msgid("Write at most %(most)s steps of %(length)s characters."),
            field="steps",
            most=MOST_STEPS,
            length=STEP_LENGTH,
        )
    return [_words(step, "steps", STEP_LENGTH) for step in steps]


def _write_schedule(work: Work, task: PlannedTask, draft: TaskDraft) -> None:
    check_schedule(work.at, draft.schedule)
    task.schedule = to_json(draft.schedule)
    task.after_id = None
    if isinstance(draft.schedule, After):
        task.after_id = _after_id(work, task, draft)


def _after_id(work: Work, task: PlannedTask, draft: TaskDraft) -> int:
    found = work.session.execute(
        select(PlannedTask.id, PlannedTask.client_id).where(
            PlannedTask.reference == draft.after.strip(), tasks_visible_to(work.actor)
        )
    ).first()
    if found is None or found.client_id not in {None, task.client_id}:
        raise InvalidInput(msgid("There is no such task of this client."), field="after")
    if task.id is not None and _follows(work, found.id, task.id):
        raise InvalidInput(msgid("They would wait for each other for ever."), field="after")
    return int(found.id)


def _follows(work: Work, task_id: int, other_id: int) -> bool:
    """Whether a task is the other one, or comes after it through any number of tasks."""
    current: int | None = task_id
    while current is not None:
        if current == other_id:
            return True
        current = work.session.scalar(select(PlannedTask.after_id).where(PlannedTask.id == current))
    return False


def _write_rules(task: PlannedTask, draft: TaskDraft) -> None:
    check_window(draft.window_minutes)
    check_number(draft.notice_days, "notice_days", 0, MOST_NOTICE)
    if draft.misfire is MisfirePolicy.RUN_EACH and draft.overlap is OverlapPolicy.SKIP:
        raise InvalidInput(
            msgid("Who runs each of the missed times lets them wait, or runs them together."),
            field="overlap",
        )
    if draft.notice_days and not draft.shown_to_client:
        raise InvalidInput(msgid("Who does not see a task is not told of it."), field="notice_days")
    task.window_minutes, task.notice_days = draft.window_minutes, draft.notice_days
    task.misfire, task.overlap = draft.misfire, draft.overlap
    task.shown_to_client = draft.shown_to_client


def _write_people(work: Work, task: PlannedTask, draft: TaskDraft) -> None:
    owner = draft.owner_id if draft.owner_id is not None else task.owner_id or work.actor.user_id
    if owner is None:
        task.owner_id, task.owner_name = None, work.actor.name
        return
    name = work.session.scalar(select(User.name).where(User.id == owner, User.is_active, may_own()))
    if name is None:
        raise InvalidInput(msgid("Choose one of the list."), field="owner_id")
    task.owner_id, task.owner_name = owner, name


def may_own() -> ColumnElement[bool]:
    """Return the condition on `User`: the operator's people answer for tasks."""
    return User.role.in_((Role.AGENT, Role.SUPERVISOR, Role.ACCOUNT_MANAGER))


def _incident_id(work: Work, task: PlannedTask, draft: TaskDraft) -> int | None:
    if not draft.incident.strip():
        if draft.category is Category.WORKAROUND and task.incident_id is None:
            raise InvalidInput(msgid("Say which incident it resolves."), field="incident")
        return None
    found = work.session.scalar(
        select(Ticket).where(
            Ticket.reference == draft.incident.strip(), visible_to(work.actor, Ticket.client_id)
        )
    )
    if found is None or found.kind is not TicketKind.INCIDENT:
        raise InvalidInput(msgid("There is no incident of that reference."), field="incident")
    if task.client_id is not None and found.client_id != task.client_id:
        raise InvalidInput(msgid("The incident is another client's."), field="incident")
    if found.state not in OPEN_STATES and found.id != task.incident_id:
        raise InvalidInput(msgid("That incident is not open."), field="incident")
    return found.id


def _needs_approval(task: PlannedTask) -> bool:
    """Whether a second person has to see it before it runs by itself."""
    if task.work_kind is not WorkKind.ACTION:
        return False
    return action_named(task.code).risk is not Risk.HARMLESS


def content_hash(task: PlannedTask) -> str:
    """Return the hash of what a task does, to whom, when and by which rules: what is approved."""
    content = [
        task.client_id,
        task.work_kind,
        task.code,
        task.parameters,
        task.group_ids,
        task.device_ids,
        task.steps,
        task.schedule,
        task.after_id,
        task.window_minutes,
        task.misfire,
        task.overlap,
    ]
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
