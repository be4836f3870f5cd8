"""What the API takes and tells of planned tasks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from marshmallow import Schema, fields, validate

from servicedesk.clients.web.api import PageQuery
from servicedesk.core.errors import InvalidInput
from servicedesk.planning import drafting
from servicedesk.planning.drafting import TaskDraft
from servicedesk.planning.models import (
    Category,
    LineKind,
    MisfirePolicy,
    OverlapPolicy,
    RunState,
    TaskState,
    WorkKind,
)
from servicedesk.planning.schedule import After, Cron, Interval, Once, Schedule, ScheduleKind, Unit
from servicedesk.planning.schedule_limits import LONGEST_CRON, LONGEST_DELAY, MOST_COUNT, WINDOW
from servicedesk.planning.web.schedule_form import NEEDED
from servicedesk.tickets.models import Queue

if TYPE_CHECKING:
    from collections.abc import Mapping

LARGEST_ID = 2**31 - 1
MOST_GROUPS, MOST_DEVICES = 50, 500
NAME = validate.Length(max=200)


class ScheduleSchema(Schema):
    """When a task runs.

    `once` takes `at`; `cron` its expression; `interval` every so many units from a time of the wall
    clock; `after` so many minutes after another task went well.
    """

    kind = fields.Enum(ScheduleKind, by_value=True, required=True)
    zone = fields.String(load_default="Europe/Madrid", validate=validate.Length(1, 60))
    at = fields.AwareDateTime(load_default=None, allow_none=True)
    expression = fields.String(
        load_default=None, allow_none=True, validate=validate.Length(max=LONGEST_CRON)
    )
    count = fields.Integer(
        load_default=None, allow_none=True, validate=validate.Range(1, MOST_COUNT)
    )
    unit = fields.Enum(Unit, by_value=True, load_default=None, allow_none=True)
    starts_at = fields.NaiveDateTime(
        load_default=None,
        allow_none=True,
        metadata={"description": "What the clock on the wall of the zone says."},
    )
    until = fields.Date(load_default=None, allow_none=True)
    minutes = fields.Integer(
        load_default=None, allow_none=True, validate=validate.Range(0, LONGEST_DELAY)
    )
    after = fields.String(load_default=None, allow_none=True, validate=validate.Length(max=40))


class NewTaskSchema(Schema):
    """What makes a planned task. Secrets that are left out or `•••` stay as they are."""

    title = fields.String(required=True, validate=validate.Length(1, drafting.TITLE_LENGTH))
    description = fields.String(
        load_default="", validate=validate.Length(max=drafting.DESCRIPTION_LENGTH)
    )
    client = fields.String(
        load_default="",
        validate=validate.Length(max=40),
        metadata={"description": "Its reference; empty: the whole service."},
    )
    category = fields.Enum(Category, by_value=True, required=True)
    work = fields.Enum(WorkKind, by_value=True, required=True)
    code = fields.String(load_default="", validate=validate.Length(max=60))
    parameters = fields.Dict(keys=fields.String(), load_default=dict)
    groups = fields.List(
        fields.String(validate=NAME), load_default=list, validate=validate.Length(max=MOST_GROUPS)
    )
    devices = fields.List(
        fields.String(validate=NAME), load_default=list, validate=validate.Length(max=MOST_DEVICES)
    )
    steps = fields.List(
        fields.String(validate=validate.Length(max=drafting.STEP_LENGTH)),
        load_default=list,
        validate=validate.Length(max=drafting.MOST_STEPS),
    )
    queue = fields.Enum(Queue, by_value=True, load_default=Queue.OPERATIONS)
    schedule = fields.Nested(ScheduleSchema, required=True)
    window_minutes = fields.Integer(
        load_default=None, allow_none=True, validate=validate.Range(*WINDOW)
    )
    misfire = fields.Enum(MisfirePolicy, by_value=True, load_default=MisfirePolicy.RUN_ONCE)
    overlap = fields.Enum(OverlapPolicy, by_value=True, load_default=OverlapPolicy.SKIP)
    owner_id = fields.Integer(
        load_default=None, allow_none=True, validate=validate.Range(1, LARGEST_ID)
    )
    notice_days = fields.Integer(load_default=0, validate=validate.Range(0, drafting.MOST_NOTICE))
    shown_to_client = fields.Boolean(load_default=True)
    incident = fields.String(load_default="", validate=validate.Length(max=40))


VERSION = fields.Integer(required=True, validate=validate.Range(0, LARGEST_ID))


class ChangedTaskSchema(NewTaskSchema):
    """All of a task as it shall be, and the `version` that was read before."""

    version = VERSION


class AdjustedSchema(Schema):
    """When a task shall run that ships with the desk."""

    schedule = fields.Nested(ScheduleSchema, required=True)
    window_minutes = fields.Integer(
        load_default=None, allow_none=True, validate=validate.Range(*WINDOW)
    )
    version = VERSION


class SeenSchema(Schema):
    """The `content_hash` of what is approved."""

    content_hash = fields.String(required=True, validate=validate.Length(1, 64))


class TaskQuery(PageQuery):
    """Filters of the tasks."""

    state = fields.Enum(TaskState, by_value=True, load_default=None)
    category = fields.Enum(Category, by_value=True, load_default=None)
    client = fields.String(
        load_default="",
        validate=validate.Length(max=40),
        metadata={"description": "Its reference; - for the whole service."},
    )
    shipped = fields.Boolean(load_default=None)


class TaskLine(Schema):
    """A planned task in a list."""

    reference = fields.String(required=True)
    title = fields.String(required=True)
    client = fields.String(required=True, allow_none=True)
    category = fields.Enum(Category, by_value=True, required=True)
    work = fields.Enum(WorkKind, by_value=True, required=True)
    code = fields.String(required=True)
    state = fields.Enum(TaskState, by_value=True, required=True)
    schedule = fields.Dict(required=True)
    schedule_words = fields.String(required=True)
    next_due_at = fields.AwareDateTime(required=True, allow_none=True)
    last_run = fields.Dict(required=True, allow_none=True)
    owner = fields.String(required=True)
    shipped = fields.Boolean(required=True)
    version = fields.Integer(required=True)


class TaskPage(Schema):
    """A piece of the list of tasks."""

    items = fields.List(fields.Nested(TaskLine), required=True)
    next = fields.String(required=True, allow_none=True)


class TaskSchema(TaskLine):
    """A planned task. Whoever changes it sends all of it back with its `version`."""

    description = fields.String(required=True)
    parameters = fields.Dict(required=True)
    groups = fields.List(fields.String(), required=True)
    devices = fields.List(fields.String(), required=True)
    steps = fields.List(fields.String(), required=True)
    queue = fields.Enum(Queue, by_value=True, required=True)
    after = fields.String(required=True, allow_none=True)
    window_minutes = fields.Integer(required=True, allow_none=True)
    misfire = fields.Enum(MisfirePolicy, by_value=True, required=True)
    overlap = fields.Enum(OverlapPolicy, by_value=True, required=True)
    notice_days = fields.Integer(required=True)
    shown_to_client = fields.Boolean(required=True)
    incident = fields.String(required=True, allow_none=True)
    needs_approval = fields.Boolean(required=True)
    content_hash = fields.String(required=True)
    author = fields.String(required=True)
    approved_by = fields.String(required=True, allow_none=True)
    approved_at = fields.AwareDateTime(required=True, allow_none=True)
    next_dues = fields.List(fields.AwareDateTime(), required=True)


class RefusalSchema(Schema):
    """Why some devices would be refused, and how many."""

    reason = fields.String(required=True)
    devices = fields.Integer(required=True)


class DryRunSchema(Schema):
    """What a run would do now; with a `hindrance` it would do nothing."""

    next_dues = fields.List(fields.AwareDateTime(), required=True)
    says = fields.List(fields.String(), required=True)
    groups = fields.List(fields.String(), required=True)
    devices = fields.Integer(required=True, allow_none=True)
    able = fields.Integer(required=True, allow_none=True)
    refusals = fields.List(fields.Nested(RefusalSchema), required=True)
    sample = fields.List(fields.String(), required=True)
    steps = fields.List(fields.String(), required=True)
    needs_second_person = fields.Boolean(required=True)
    hindrance = fields.String(required=True, allow_none=True)


class RunSchema(Schema):
    """A run of a task."""

    id = fields.Integer(required=True)
    task = fields.String(required=True)
    due_at = fields.AwareDateTime(required=True)
    closes_at = fields.AwareDateTime(required=True, allow_none=True)
    state = fields.Enum(RunState, by_value=True, required=True)
    reason = fields.String(required=True, allow_none=True)
    started_at = fields.AwareDateTime(required=True, allow_none=True)
    finished_at = fields.AwareDateTime(required=True, allow_none=True)
    punctual = fields.Boolean(required=True)
    done = fields.Integer(required=True)
    total = fields.Integer(required=True)
    problems = fields.Integer(required=True)
    asked_for_by = fields.String(required=True, allow_none=True)
    again_of = fields.Integer(required=True, allow_none=True)
    order = fields.String(required=True, allow_none=True)
    ticket = fields.String(required=True, allow_none=True)
    incident = fields.String(required=True, allow_none=True)


class RunPage(Schema):
    """A piece of the list of runs."""

    items = fields.List(fields.Nested(RunSchema), required=True)
    next = fields.String(required=True, allow_none=True)


class LineSchema(Schema):
    """A line of a run's log."""

    at = fields.AwareDateTime(required=True)
    kind = fields.Enum(LineKind, by_value=True, required=True)
    text = fields.String(required=True)
    subject = fields.String(required=True, allow_none=True)


class LinePage(Schema):
    """A piece of a run's log."""

    items = fields.List(fields.Nested(LineSchema), required=True)
    next = fields.String(required=True, allow_none=True)


def schedule_of(body: Mapping[str, Any]) -> Schedule:
    """Return the schedule that was sent. Raises InvalidInput with the field that is missing."""
    zone, until = body["zone"], body["until"]
    match body["kind"]:
        case ScheduleKind.ONCE:
            return Once(at=_given(body, "at"), zone=zone)
        case ScheduleKind.CRON:
            return Cron(expression=_given(body, "expression"), zone=zone, until=until)
        case ScheduleKind.INTERVAL:
            return Interval(
                count=_given(body, "count"),
                unit=_given(body, "unit"),
                starts_at=_given(body, "starts_at"),
                zone=zone,
                until=until,
            )
        case _:
            return After(minutes=body["minutes"] or 0, zone=zone)


def _given(body: Mapping[str, Any], name: str) -> Any:
    if body[name] is None:
        raise InvalidInput(NEEDED, field=f"schedule.{name}")
    return body[name]


def draft_of(body: Mapping[str, Any]) -> TaskDraft:
    """Return the draft that was sent. Raises InvalidInput."""
    same = ("title", "description", "category", "code", "parameters", "queue", "window_minutes")
    rules = ("misfire", "overlap", "owner_id", "notice_days", "shown_to_client")
    return TaskDraft(
        **{name: body[name] for name in same + rules},
        work_kind=body["work"],
        client=plain(body["client"]),
        groups=[plain(name) for name in body["groups"]],
        devices=[plain(name) for name in body["devices"]],
        steps=body["steps"],
        schedule=schedule_of(body["schedule"]),
        after=plain(body["schedule"]["after"] or ""),
        incident=plain(body["incident"]),
    )


def plain(text: str) -> str:
    """Return a reference as the database can be asked for it."""
    return text.replace("\x00", "")
