"""Work orders: an action, its targets, who approved it, and how far it is."""

from __future__ import annotations

import hashlib
import json
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column, relationship

from servicedesk.core.database import Model
from servicedesk.core.states import StateMachine
from servicedesk.core.text import msgid
from servicedesk.devices.commands import CommandBatch
from servicedesk.devices.models import Device


class OrderState(StrEnum):
    """How far a work order is."""

    DRAFT = "draft"  # checked, may be executed
    AWAITING_APPROVAL = "awaiting_approval"  # destructive: a second person decides
    APPROVED = "approved"
    EXECUTING = "executing"
    NEEDS_DECISION = "needs_decision"  # every device answered or is unknown, not all did it
    DONE = "done"
    CANCELLED = "cancelled"


ORDER_MOVES = StateMachine(
    {
        OrderState.DRAFT: frozenset(
            {OrderState.APPROVED, OrderState.EXECUTING, OrderState.CANCELLED}
        ),
        OrderState.AWAITING_APPROVAL: frozenset({OrderState.APPROVED, OrderState.CANCELLED}),
        OrderState.APPROVED: frozenset({OrderState.EXECUTING, OrderState.CANCELLED}),
        OrderState.EXECUTING: frozenset(
            {OrderState.DONE, OrderState.NEEDS_DECISION, OrderState.CANCELLED}
        ),
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
    OrderState.EXECUTING: msgid("In execution"),
    OrderState.NEEDS_DECISION: msgid("Needs a decision"),
    OrderState.DONE: msgid("Done"),
    OrderState.CANCELLED: msgid("Cancelled"),
}


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
        Index("ix_work_order_client_id_id", "client_id", "id"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    client_id: Mapped[int] = mapped_column(ForeignKey("client.id"))
    reference: Mapped[str] = mapped_column(unique=True)
    action_code: Mapped[str]
    parameters: Mapped[dict[str, Any]]
    state: Mapped[OrderState]
    needs_approval: Mapped[bool]
    content_hash: Mapped[str]
    author_id: Mapped[int] = mapped_column(ForeignKey("user.id"))  # who asked for it
    author_name: Mapped[str]
    created_at: Mapped[datetime]
    approved_by_id: Mapped[int | None] = mapped_column(ForeignKey("user.id"))
    approved_by_name: Mapped[str | None]
    approved_at: Mapped[datetime | None]
    approved_hash: Mapped[str | None]
    executed_by_name: Mapped[str | None]
    executed_at: Mapped[datetime | None]
    finished_at: Mapped[datetime | None]
    batch_id: Mapped[int | None] = mapped_column(ForeignKey("command_batch.id"), unique=True)

    targets: Mapped[list[OrderTarget]] = relationship(
        lazy="raise_on_sql", order_by="OrderTarget.device_id", back_populates="order"
    )
    batch: Mapped[CommandBatch | None] = relationship(lazy="raise_on_sql")


class OrderTarget(Model):
    """A device an order names, with the verdict given when it was last checked."""

    __tablename__ = "order_target"
    __audited__ = False  # part of its order's content, which is hashed and audited

    order_id: Mapped[int] = mapped_column(ForeignKey("work_order.id"), primary_key=True)
    device_id: Mapped[int] = mapped_column(ForeignKey("device.id"), primary_key=True, index=True)
    client_id: Mapped[int] = mapped_column(ForeignKey("client.id"), index=True)
    possible: Mapped[bool]
    reason: Mapped[str | None]  # msgid of the refusal, null when possible
    reason_values: Mapped[dict[str, Any] | None]

    order: Mapped[WorkOrder] = relationship(back_populates="targets", lazy="raise_on_sql")
    device: Mapped[Device] = relationship(lazy="raise_on_sql")


def content_hash(
    client_id: int, action_code: str, parameters: dict[str, Any], device_ids: list[int]
) -> str:
    """Return the hash of what an order would do: what an approval signs."""
    content = [client_id, action_code, parameters, sorted(device_ids)]
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
