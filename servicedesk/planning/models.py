"""Planned tasks, each time one falls due, and what happened then."""

from __future__ import annotations

from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy import (
    ARRAY,
    BigInteger,
    CheckConstraint,
    ForeignKey,
    Index,
    UniqueConstraint,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column, relationship

from servicedesk.clients.models import Client
from servicedesk.core.database import Model
from servicedesk.core.states import StateMachine
from servicedesk.core.text import Verbatim, msgid
from servicedesk.orders.models import WorkOrder
from servicedesk.planning.schedule import Schedule, from_json
from servicedesk.tickets.models import Queue, Ticket

ON_TIME = timedelta(minutes=5)  # a start within it is punctual


class Category(StrEnum):
    """The four kinds of planned work of the service."""

    PREVENTIVE_MAINTENANCE = "preventive_maintenance"
    SECURITY_POLICIES = "security_policies"
    INFRASTRUCTURE_CHANGE = "infrastructure_change"
    WORKAROUND = "workaround"


class WorkKind(StrEnum):
    """What a task does when it is due."""

    ACTION = "action"  # a managed action on groups or devices, as a work order
    CHECK = "check"  # something the desk looks at, or does for itself
    CHECKLIST = "checklist"  # steps for people, as a ticket in a queue


class MisfirePolicy(StrEnum):
    """What happens to times that passed while no clock ran."""

    RUN_ONCE = "run_once"  # the last one, late
    SKIP = "skip"  # none
    RUN_EACH = "run_each"  # all of them, one after another


class OverlapPolicy(StrEnum):
    """What happens when a time comes and the run before is not over."""

    SKIP = "skip"
    WAIT = "wait"
    PARALLEL = "parallel"


class TaskState(StrEnum):
    """Whether a task runs."""

    AWAITING_APPROVAL = "awaiting_approval"
    ACTIVE = "active"
    PAUSED = "paused"
    ENDED = "ended"  # nothing more is due, or somebody ended it

    @property
    def is_on(self) -> bool:
        """Whether its times come by themselves."""
        return self is TaskState.ACTIVE


class RunState(StrEnum):
    """How far one run is."""

    PREPARED = "prepared"  # announced, or its order is drafted; its time has not come
    QUEUED = "queued"
    AWAITING_APPROVAL = "awaiting_approval"  # its order waits for a second person
    RUNNING = "running"
    DONE = "done"
    PROBLEMS = "problems"  # done, and it found what somebody has to see to
    FAILED = "failed"
    MISSED = "missed"
    SKIPPED = "skipped"  # by its rules: another run stands for it
    CANCELLED = "cancelled"

    @property
    def is_over(self) -> bool:
        """Whether nothing more happens."""
        return self in OVER


OVER = frozenset(
    {
        RunState.DONE,
        RunState.PROBLEMS,
        RunState.FAILED,
        RunState.MISSED,
        RunState.SKIPPED,
        RunState.CANCELLED,
    }
)
UNDER_WAY = frozenset({RunState.RUNNING, RunState.AWAITING_APPROVAL})
WENT_WELL = frozenset({RunState.DONE, RunState.PROBLEMS})
WENT_WRONG = frozenset({RunState.PROBLEMS, RunState.FAILED, RunState.MISSED})

_WAITING = frozenset(
    {RunState.RUNNING, RunState.MISSED, RunState.SKIPPED, RunState.CANCELLED, RunState.FAILED}
)
RUN_MOVES = StateMachine(
    {
        RunState.PREPARED: frozenset({RunState.QUEUED, RunState.MISSED, RunState.CANCELLED}),
        RunState.QUEUED: _WAITING | {RunState.AWAITING_APPROVAL},
        RunState.AWAITING_APPROVAL: _WAITING,
        RunState.RUNNING: frozenset(
            {
                RunState.AWAITING_APPROVAL,
                RunState.DONE,
                RunState.PROBLEMS,
                RunState.FAILED,
                RunState.CANCELLED,
            }
        ),
        **{state: frozenset() for state in OVER},
    }
)

CATEGORY_LABELS = {
    Category.PREVENTIVE_MAINTENANCE: msgid("Preventive maintenance of the infrastructure"),
    Category.SECURITY_POLICIES: msgid("Application of security policies"),
    Category.INFRASTRUCTURE_CHANGE: msgid("Infrastructure change (new version)"),
    Category.WORKAROUND: msgid("Workaround that resolves an incident"),
}
WORK_LABELS = {
    WorkKind.ACTION: msgid("An action on devices"),
    WorkKind.CHECK: msgid("A check of the desk"),
    WorkKind.CHECKLIST: msgid("A list of steps for people"),
}
MISFIRE_LABELS = {
    MisfirePolicy.RUN_ONCE: msgid("Run once, late"),
    MisfirePolicy.SKIP: msgid("Leave them out"),
    MisfirePolicy.RUN_EACH: msgid("Run each of them"),
}
OVERLAP_LABELS = {
    OverlapPolicy.SKIP: msgid("Leave the new one out"),
    OverlapPolicy.WAIT: msgid("Let the new one wait"),
    OverlapPolicy.PARALLEL: msgid("Run both"),
}
TASK_STATE_LABELS = {
    TaskState.AWAITING_APPROVAL: msgid("Waiting for a second person"),
    TaskState.ACTIVE: msgid("Switched on"),
    TaskState.PAUSED: msgid("Switched off"),
    TaskState.ENDED: msgid("Over"),
}
RUN_STATE_LABELS = {
    RunState.PREPARED: msgid("Prepared"),
    RunState.QUEUED: msgid("Begins at once"),
    RunState.AWAITING_APPROVAL: msgid("Waiting for a second person"),
    RunState.RUNNING: msgid("Running"),
    RunState.DONE: msgid("Done"),
    RunState.PROBLEMS: msgid("Done, with findings"),
    RunState.FAILED: msgid("Failed"),
    RunState.MISSED: msgid("Missed"),
    RunState.SKIPPED: msgid("Left out"),
    RunState.CANCELLED: msgid("Cancelled"),
}


class PlannedTask(Model):
    """Work that comes by itself: what, for whom, when, and by which rules."""

    __tablename__ = "planned_task"
    __table_args__ = (
        CheckConstraint("approved_by_id <> author_id", "its_author_never_approves"),
        # what interrupts or destroys runs only as somebody else has approved it
        CheckConstraint(
            "state <> 'active' or not needs_approval"
            " or (approved_by_id is not null and approved_hash = content_hash)",
            "it_runs_as_it_was_approved",
        ),
        CheckConstraint("next_due_at is null or state = 'active'", "only_what_is_on_falls_due"),
        CheckConstraint("notice_days between 0 and 30", "a_notice_is_a_month_at_most"),
        CheckConstraint("window_minutes between 5 and 10080", "a_window_is_a_week_at_most"),
        CheckConstraint(
            "misfire <> 'run_each' or overlap <> 'skip'", "what_runs_each_does_not_leave_out"
        ),
        CheckConstraint("after_id <> id", "it_does_not_follow_itself"),
        CheckConstraint(
            "work_kind <> 'action' or client_id is not null", "devices_belong_to_a_client"
        ),
        Index(
            "ix_planned_task_next_due_at",
            "next_due_at",
            postgresql_where=text("next_due_at is not null"),
        ),
        Index("ix_planned_task_client_id", "client_id", "id"),
        Index("ix_planned_task_after_id", "after_id"),
        Index("ix_planned_task_incident_id", "incident_id"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    reference: Mapped[str] = mapped_column(unique=True)
    key: Mapped[str | None] = mapped_column(unique=True)  # of a task that ships with the desk
    client_id: Mapped[int | None] = mapped_column(
        ForeignKey("client.id")
    )  # None: the whole service
    category: Mapped[Category]
    title: Mapped[str]
    description: Mapped[str]
    work_kind: Mapped[WorkKind]
    code: Mapped[str]  # of the catalogue's action or the check; empty for a checklist
    parameters: Mapped[dict[str, Any]]
    group_ids: Mapped[list[int]] = mapped_column(ARRAY(BigInteger), default=list)
    device_ids: Mapped[list[int]] = mapped_column(ARRAY(BigInteger), default=list)
    steps: Mapped[list[str]]
    queue: Mapped[Queue]  # whose ticket a checklist or an incident of it becomes
    schedule: Mapped[dict[str, Any]]  # `planning/schedule.py` reads it
    after_id: Mapped[int | None] = mapped_column(ForeignKey("planned_task.id"))
    window_minutes: Mapped[int | None]  # from the due time; later it must not begin
    misfire: Mapped[MisfirePolicy]
    overlap: Mapped[OverlapPolicy]
    owner_id: Mapped[int | None] = mapped_column(ForeignKey("user.id"))
    owner_name: Mapped[str]
    notice_days: Mapped[int]  # working days before, on the contract's calendar; 0: no notice
    shown_to_client: Mapped[bool]
    incident_id: Mapped[int | None] = mapped_column(ForeignKey("ticket.id"))  # it resolves this one
    state: Mapped[TaskState]
    needs_approval: Mapped[bool]
    content_hash: Mapped[str]
    author_id: Mapped[int | None] = mapped_column(
        ForeignKey("user.id")
    )  # None: ships with the desk
    author_name: Mapped[str]
    approved_by_id: Mapped[int | None] = mapped_column(ForeignKey("user.id"))
    approved_by_name: Mapped[str | None]
    approved_at: Mapped[datetime | None]
    approved_hash: Mapped[str | None]
    next_due_at: Mapped[datetime | None]
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]
    version: Mapped[int] = mapped_column(default=1)

    __mapper_args__ = {"version_id_col": version}  # noqa: RUF012

    client: Mapped[Client | None] = relationship(lazy="raise_on_sql")
    after: Mapped[PlannedTask | None] = relationship(
        lazy="raise_on_sql", remote_side="PlannedTask.id"
    )
    incident: Mapped[Ticket | None] = relationship(lazy="raise_on_sql")

    @property
    def named(self) -> str:
        """Return its title for the filter `t`: what ships with the desk is translated."""
        return self.title if self.key else Verbatim(self.title)

    @property
    def described(self) -> str:
        """Return its description for the filter `t`."""
        return self.description if self.key else Verbatim(self.description)

    @property
    def when(self) -> Schedule:
        """Return its schedule."""
        return from_json(self.schedule)

    def closes_at(self, due: datetime) -> datetime | None:
        """Return when the window of a due time ends; None without one."""
        return due + timedelta(minutes=self.window_minutes) if self.window_minutes else None


class PlannedRun(Model):
    """One time a task is due: unique with its time, so that nothing makes it run twice."""

    __tablename__ = "planned_run"
    __table_args__ = (
        UniqueConstraint("task_id", "due_at"),
        CheckConstraint(
            "(state in ('done', 'problems', 'failed', 'missed', 'skipped', 'cancelled'))"
            " = (finished_at is not null)",
            "what_is_over_has_its_time",
        ),
        Index("ix_planned_run_due_at", "due_at", "id"),
        Index("ix_planned_run_client_id_due_at", "client_id", "due_at"),
        Index(
            "ix_planned_run_open",
            "task_id",
            "due_at",
            postgresql_where=text(
                "state in ('prepared', 'queued', 'awaiting_approval', 'running')"
            ),
        ),
        Index("ix_planned_run_ticket_id", "ticket_id"),
        Index("ix_planned_run_incident_id", "incident_id"),
        # the few of a task that went wrong, among the many that did not
        Index(
            "ix_planned_run_told",
            "task_id",
            "incident_id",
            postgresql_where=text("incident_id is not null"),
        ),
        Index("ix_planned_run_again_of_id", "again_of_id"),
    )
    __audited__ = False  # it is its own record; people's acts on it are noted in the audit trail

    id: Mapped[int] = mapped_column(primary_key=True)
    task_id: Mapped[int] = mapped_column(ForeignKey("planned_task.id"))
    client_id: Mapped[int | None] = mapped_column(ForeignKey("client.id"))
    due_at: Mapped[datetime]
    closes_at: Mapped[datetime | None]  # the end of its window
    state: Mapped[RunState]
    reason: Mapped[str | None]  # msgid: why it ended as it did
    reason_values: Mapped[dict[str, Any] | None]
    created_at: Mapped[datetime]
    queued_at: Mapped[datetime | None]
    started_at: Mapped[datetime | None]
    seen_at: Mapped[datetime | None]  # the worker's last sign of life
    finished_at: Mapped[datetime | None]
    noticed_at: Mapped[datetime | None]  # when the client was told that it comes
    done: Mapped[int] = mapped_column(default=0)
    total: Mapped[int] = mapped_column(default=0)
    problem_count: Mapped[int] = mapped_column(default=0)
    asked_by_name: Mapped[str | None]  # None: the clock
    again_of_id: Mapped[int | None] = mapped_column(
        ForeignKey("planned_run.id", ondelete="SET NULL")
    )
    cancel_asked_by: Mapped[str | None]
    order_id: Mapped[int | None] = mapped_column(ForeignKey("work_order.id"), unique=True)
    ticket_id: Mapped[int | None] = mapped_column(ForeignKey("ticket.id"))  # of its checklist
    incident_id: Mapped[int | None] = mapped_column(ForeignKey("ticket.id"))  # what went wrong

    task: Mapped[PlannedTask] = relationship(lazy="raise_on_sql")
    order: Mapped[WorkOrder | None] = relationship(lazy="raise_on_sql")
    ticket: Mapped[Ticket | None] = relationship(lazy="raise_on_sql", foreign_keys=[ticket_id])
    incident: Mapped[Ticket | None] = relationship(lazy="raise_on_sql", foreign_keys=[incident_id])

    @property
    def is_punctual(self) -> bool:
        """Whether it began within five minutes of its time."""
        return self.started_at is not None and self.started_at - self.due_at <= ON_TIME


class LineKind(StrEnum):
    """What a line of a run's log is."""

    INFO = "info"
    FINDING = "finding"  # worth reading
    PROBLEM = "problem"  # somebody has to see to it


class RunLine(Model):
    """A line of a run's log, in words that are translated for each reader."""

    __tablename__ = "planned_run_line"
    __table_args__ = (Index("ix_planned_run_line_run_id_id", "run_id", "id"),)
    __audited__ = False

    id: Mapped[int] = mapped_column(primary_key=True)
    run_id: Mapped[int] = mapped_column(ForeignKey("planned_run.id", ondelete="CASCADE"))
    client_id: Mapped[int | None] = mapped_column(ForeignKey("client.id"))
    at: Mapped[datetime]
    kind: Mapped[LineKind]
    text: Mapped[str]  # msgid
    text_values: Mapped[dict[str, Any]]
    subject: Mapped[str | None]  # reference of the device, engine or ticket it is about


class CalendarFeed(Model):
    """An address at which a person's calendar program reads what is planned; its word is the secret."""

    __tablename__ = "calendar_feed"
    __table_args__ = (
        Index("ix_calendar_feed_user_id", "user_id", "id"),
        Index("ix_calendar_feed_client_id", "client_id"),
    )
    __tenant__ = None  # one person's own, whoever they work for

    id: Mapped[int] = mapped_column(primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("user.id"))
    client_id: Mapped[int | None] = mapped_column(ForeignKey("client.id"))  # None: all they see
    name: Mapped[str]
    token_hash: Mapped[str] = mapped_column(unique=True, info={"secret": True})
    created_at: Mapped[datetime]
    last_used_at: Mapped[datetime | None]
    revoked_at: Mapped[datetime | None]

    client: Mapped[Client | None] = relationship(lazy="raise_on_sql")
