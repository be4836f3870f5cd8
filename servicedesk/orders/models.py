"""Work orders: an action, its targets, who approved it, and how far it is."""

from __future__ import annotations

import hashlib
import json
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import ARRAY, BigInteger, CheckConstraint, ForeignKey, Index, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from servicedesk.core.database import Model
from servicedesk.core.states import StateMachine
from servicedesk.core.text import msgid
from servicedesk.devices.commands import CommandBatch
from servicedesk.devices.models import Device

RECONCILE = "policy.reconcile"  # the catalogue's code of it


class OrderState(StrEnum):
    """How far a work order is."""

    DRAFT = "draft"  # checked, may be executed
    AWAITING_APPROVAL = "awaiting_approval"  # destructive: a second person decides
    APPROVED = "approved"
    SCHEDULED = "scheduled"  # will be executed by itself; nothing has left yet
    EXECUTING = "executing"
    PAUSED = "paused"  # by a person, by its failures, or by the client's stop
    NEEDS_DECISION = "needs_decision"  # every device answered or is unknown, not all did it
    DONE = "done"
    CANCELLED = "cancelled"


_ENDS = frozenset({OrderState.DONE, OrderState.NEEDS_DECISION, OrderState.CANCELLED})
ORDER_MOVES = StateMachine(
    {
        OrderState.DRAFT: frozenset(
            {
                OrderState.APPROVED,
                OrderState.SCHEDULED,
                OrderState.EXECUTING,
                OrderState.CANCELLED,
            }
        ),
        OrderState.AWAITING_APPROVAL: frozenset({OrderState.APPROVED, OrderState.CANCELLED}),
        OrderState.APPROVED: frozenset(
            {OrderState.SCHEDULED, OrderState.EXECUTING, OrderState.CANCELLED}
        ),
        OrderState.SCHEDULED: frozenset(
            {OrderState.EXECUTING, OrderState.PAUSED, OrderState.CANCELLED}
        ),
        OrderState.EXECUTING: _ENDS | {OrderState.PAUSED},
        # late answers can still finish it
        OrderState.PAUSED: _ENDS | {OrderState.EXECUTING, OrderState.SCHEDULED},
        # a late answer or a person's decision finishes it; sending the rest again resumes it
        OrderState.NEEDS_DECISION: frozenset(
            {OrderState.DONE, OrderState.EXECUTING, OrderState.CANCELLED}
        ),
        OrderState.DONE: frozenset(),
        OrderState.CANCELLED: frozenset(),
    }
)

ORDER_STATE_LABELS = {
    OrderState.DRAFT: msgid("Ready to execute"),
    OrderState.AWAITING_APPROVAL: msgid("Waiting for a second person"),
    OrderState.APPROVED: msgid("Approved"),
    OrderState.SCHEDULED: msgid("Begins by itself"),
    OrderState.EXECUTING: msgid("In execution"),
    OrderState.PAUSED: msgid("Paused"),
    OrderState.NEEDS_DECISION: msgid("Needs a decision"),
    OrderState.DONE: msgid("Done"),
    OrderState.CANCELLED: msgid("Cancelled"),
}


class PauseReason(StrEnum):
    """Why an order stands still."""

    PERSON = "person"
    FAILURES = "failures"
    STOP = "stop"
    WINDOW = "window"  # of the planned task it came from
    RESTORED = "restored"


PAUSE_LABELS = {
    PauseReason.PERSON: msgid("Somebody paused it."),
    PauseReason.FAILURES: msgid("It stopped by itself: too many devices failed."),
    PauseReason.STOP: msgid("The client's stop is on: nothing destructive leaves."),
    PauseReason.WINDOW: msgid("Its maintenance window is over."),
    PauseReason.RESTORED: msgid(
        "The desk was restored from a backup: find out what the devices have done since, then resume"
        " or cancel it."
    ),
}


class StageState(StrEnum):
    """How far a stage is."""

    WAITING = "waiting"
    RUNNING = "running"
    DONE = "done"  # the next one has begun, or every device has answered


class WorkOrder(Model):
    """One managed action on a set of devices."""

    __tablename__ = "work_order"
    __table_args__ = (
        # nobody approves what they asked for, whatever the code above says
        CheckConstraint("approved_by_id <> author_id", "its_author_never_approves"),
        CheckConstraint(
            "(approved_by_id is null) = (approved_at is null)", "an_approval_has_person_and_time"
        ),
        # a destructive order leaves the house only with an approval over its present content
        CheckConstraint(
            "not needs_approval or state in ('awaiting_approval', 'cancelled')"
            " or (approved_by_id is not null and approved_hash = content_hash)",
            "what_cannot_be_undone_is_approved_as_it_is",
        ),
        # a destructive order is approved with a proof of presence given for it just before
        CheckConstraint(
            "not needs_approval or approved_at is null or (proved_at is not null"
            " and proved_at <= approved_at and proved_at > approved_at - interval '5 minutes')",
            "an_approver_has_proved_to_be_there",
        ),
        CheckConstraint(
            "not (needs_approval and is_wide) or approved_at is null"
            " or approved_by_role = 'supervisor'",
            "a_supervisor_approves_what_is_wide",
        ),
        CheckConstraint(
            "not needs_approval or author_id is not null", "somebody_asked_for_what_needs_approval"
        ),
        CheckConstraint("(state = 'paused') = (pause_reason is not null)", "a_pause_has_a_reason"),
        # what the clock looks at
        Index(
            "ix_work_order_next_step_at",
            "next_step_at",
            postgresql_where=text("next_step_at is not null"),
        ),
        Index("ix_work_order_client_id_id", "client_id", "id"),
        Index("ix_work_order_rule_id", "rule_id", postgresql_where=text("rule_id is not null")),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    client_id: Mapped[int] = mapped_column(ForeignKey("client.id"))
    reference: Mapped[str] = mapped_column(unique=True)
    action_code: Mapped[str]
    parameters: Mapped[dict[str, Any]]
    # what a configuration is for: these groups, or with none the targets one by one
    group_ids: Mapped[list[int]] = mapped_column(ARRAY(BigInteger), default=list)
    # what takes it back once it was executed: {"code": …, "parameters": …}; None: nothing does
    undo: Mapped[dict[str, Any] | None]
    state: Mapped[OrderState]
    needs_approval: Mapped[bool]
    content_hash: Mapped[str]
    # who asked for it; None: the desk itself, after a rule of its own
    author_id: Mapped[int | None] = mapped_column(ForeignKey("user.id"))
    author_name: Mapped[str]
    created_at: Mapped[datetime]
    approved_by_id: Mapped[int | None] = mapped_column(ForeignKey("user.id"))
    approved_by_name: Mapped[str | None]
    approved_at: Mapped[datetime | None]
    approved_hash: Mapped[str | None]
    approved_by_role: Mapped[str | None]
    approved_policy: Mapped[
        str | None
    ]  # digest of the written settings that were asked for or approved
    proved_at: Mapped[datetime | None]  # when the approver last proved to be there, for this order
    # the rule of conformity whose grace is over; who conforms again is left out
    rule_id: Mapped[int | None] = mapped_column(ForeignKey("conformity_rule.id"))
    target_count: Mapped[int]
    is_wide: Mapped[bool] = mapped_column(default=False)  # beyond what one agent may wipe
    failure_percent: Mapped[int] = mapped_column(default=5)  # of a stage; one more and it stops
    forgiven: Mapped[int] = mapped_column(default=0)  # failures that a person accepted by resuming
    next_step_at: Mapped[datetime | None]  # when it begins, or its next stage may
    pause_reason: Mapped[PauseReason | None]
    paused_at: Mapped[datetime | None]
    paused_by_name: Mapped[str | None]
    executed_by_name: Mapped[str | None]
    executed_at: Mapped[datetime | None]
    finished_at: Mapped[datetime | None]
    batch_id: Mapped[int | None] = mapped_column(ForeignKey("command_batch.id"), unique=True)
    trace: Mapped[str | None]  # the identity of its execution: later stages go on under it

    targets: Mapped[list[OrderTarget]] = relationship(
        lazy="raise_on_sql", order_by="OrderTarget.device_id", back_populates="order"
    )
    batch: Mapped[CommandBatch | None] = relationship(lazy="raise_on_sql")
    stages: Mapped[list[OrderStage]] = relationship(
        lazy="raise_on_sql", order_by="OrderStage.number", viewonly=True
    )

    def end_pause(self) -> None:
        """Forget why it stood still."""
        self.pause_reason = self.paused_at = self.paused_by_name = None

    @property
    def is_reconciliation(self) -> bool:
        """Whether the desk itself gave it, to bring devices back to what they should have."""
        return self.author_id is None and self.action_code == RECONCILE

    @property
    def has_begun(self) -> bool:
        """Whether commands exist."""
        return self.batch_id is not None


class OrderStage(Model):
    """A part of an order's devices that is commanded together: positions from … up to before `until`."""

    __tablename__ = "order_stage"
    __table_args__ = (
        CheckConstraint("first >= 0 and until > first", "a_stage_has_devices"),
        CheckConstraint("wait_minutes between 0 and 10080", "a_wait_is_a_week_at_most"),
    )
    __audited__ = False  # its order's entries say what was planned and when it went on

    order_id: Mapped[int] = mapped_column(ForeignKey("work_order.id"), primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    client_id: Mapped[int] = mapped_column(ForeignKey("client.id"), index=True)
    first: Mapped[int]
    until: Mapped[int]
    wait_minutes: Mapped[int]  # after its start, before the next one
    commanded: Mapped[int] = mapped_column(default=0)  # how many of its devices could
    state: Mapped[StageState] = mapped_column(default=StageState.WAITING)
    started_at: Mapped[datetime | None]

    @property
    def size(self) -> int:
        """Return how many positions it has."""
        return self.until - self.first


class OrderTarget(Model):
    """A device an order names, with the verdict given when it was last checked."""

    __tablename__ = "order_target"
    __table_args__ = (Index("ix_order_target_order_id_position", "order_id", "position"),)
    __audited__ = False  # part of its order's content, which is hashed and audited

    order_id: Mapped[int] = mapped_column(ForeignKey("work_order.id"), primary_key=True)
    device_id: Mapped[int] = mapped_column(ForeignKey("device.id"), primary_key=True, index=True)
    client_id: Mapped[int] = mapped_column(ForeignKey("client.id"), index=True)
    position: Mapped[int]  # in which turn: the likeliest to answer first, then a shuffle
    possible: Mapped[bool]
    reason: Mapped[str | None]  # msgid of the refusal, null when possible
    reason_values: Mapped[dict[str, Any] | None]

    order: Mapped[WorkOrder] = relationship(back_populates="targets", lazy="raise_on_sql")
    device: Mapped[Device] = relationship(lazy="raise_on_sql")


def content_hash(
    client_id: int,
    action_code: str,
    parameters: dict[str, Any],
    device_ids: list[int],
    group_ids: list[int],
) -> str:
    """Return the hash of what an order would do: what an approval signs."""
    content = [client_id, action_code, parameters, sorted(device_ids)]
    if group_ids:
        content.append(sorted(group_ids))
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
