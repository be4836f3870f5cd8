"""Commands to devices: what left the house, at most once, and what came of it."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from servicedesk.core.database import Model
from servicedesk.core.jobs import JobName
from servicedesk.core.states import StateMachine
from servicedesk.core.text import msgid
from servicedesk.devices.models import Device

SEND_COMMANDS = JobName("devices.send_commands", "devices")
RECONCILE_COMMANDS = JobName("devices.reconcile_commands", "devices")


class CommandState(StrEnum):
    """The life of a command. UNKNOWN is the honest word when it may or may not have happened."""

    QUEUED = "queued"
    SENT = "sent"
    NOT_NOW = "not_now"
    ACKNOWLEDGED = "acknowledged"
    FAILED = "failed"
    EXPIRED = "expired"
    UNKNOWN = "unknown"
    CANCELLED = "cancelled"


_ANSWERS = frozenset(
    {
        CommandState.NOT_NOW,
        CommandState.ACKNOWLEDGED,
        CommandState.FAILED,
        CommandState.EXPIRED,
        CommandState.CANCELLED,
        CommandState.UNKNOWN,
    }
)

# A late "acknowledged" corrects expired, unknown, failed and cancelled: what the device says it did
# outranks what we believed. Nothing corrects "acknowledged". SENT → QUEUED exists for one case only:
# the engine said that it never got the command. From an end back to QUEUED goes only what a person
# has sent again because doing it twice is harmless.
COMMAND_MOVES = StateMachine(
    {
        CommandState.QUEUED: frozenset(
            {CommandState.SENT, CommandState.CANCELLED, CommandState.EXPIRED}
        ),
        CommandState.SENT: _ANSWERS | {CommandState.QUEUED},
        CommandState.NOT_NOW: _ANSWERS - {CommandState.NOT_NOW},
        CommandState.UNKNOWN: (_ANSWERS - {CommandState.UNKNOWN})
        | {CommandState.SENT, CommandState.QUEUED},
        CommandState.EXPIRED: frozenset(
            {CommandState.ACKNOWLEDGED, CommandState.FAILED, CommandState.QUEUED}
        ),
        CommandState.CANCELLED: frozenset({CommandState.ACKNOWLEDGED}),
        CommandState.FAILED: frozenset({CommandState.ACKNOWLEDGED, CommandState.QUEUED}),
        CommandState.ACKNOWLEDGED: frozenset(),
    }
)

SETTLED = frozenset(
    {
        CommandState.ACKNOWLEDGED,
        CommandState.FAILED,
        CommandState.EXPIRED,
        CommandState.CANCELLED,
    }
)
WAITING = frozenset({CommandState.QUEUED, CommandState.SENT, CommandState.NOT_NOW})

COMMAND_STATE_LABELS = {
    CommandState.QUEUED: msgid("Queued"),
    CommandState.SENT: msgid("Sent, waiting for the device"),
    CommandState.NOT_NOW: msgid("Device said: not now"),
    CommandState.ACKNOWLEDGED: msgid("Done"),
    CommandState.FAILED: msgid("Failed"),
    CommandState.EXPIRED: msgid("Expired"),
    CommandState.UNKNOWN: msgid("Unknown: it may have happened"),
    CommandState.CANCELLED: msgid("Cancelled"),
}


class CommandBatch(Model):
    """The commands of one execution: one instruction to a set of devices."""

    __tablename__ = "command_batch"

    id: Mapped[int] = mapped_column(primary_key=True)
    client_id: Mapped[int] = mapped_column(ForeignKey("client.id"), index=True)
    created_at: Mapped[datetime]
    instruction: Mapped[str]
    parameters: Mapped[dict[str, Any]]
    simulated: Mapped[bool]
    is_destructive: Mapped[bool] = mapped_column(default=False)
    is_wide: Mapped[bool] = mapped_column(default=False)  # approved to go beyond the wipe limits
    held_at: Mapped[datetime | None]  # since then nothing of it leaves
    trace: Mapped[str | None]  # the identity of what gave it: answers come without one


class DeviceCommand(Model):
    """One instruction to one device: leaves the house at most once, followed to its outcome."""

    __tablename__ = "device_command"
    __table_args__ = (
        UniqueConstraint("batch_id", "device_id"),  # a batch commands each device once
        # sent_at says whether it left; a command withdrawn or expired in time never did
        CheckConstraint("state <> 'queued' or sent_at is null", "a_queued_command_has_not_left"),
        CheckConstraint(
            "state in ('queued', 'cancelled', 'expired') or sent_at is not null",
            "an_answered_command_was_sent",
        ),
        Index("ix_device_command_device_id_id", "device_id", "id"),
        # how an order is doing, without counting what is well
        Index("ix_device_command_batch_id_state", "batch_id", "state"),
        # what left in a month
        Index(
            "ix_device_command_client_id_sent_at",
            "client_id",
            "sent_at",
            postgresql_where=text("sent_at is not null"),
        ),
        # what the reconciling job looks at
        Index(
            "ix_device_command_open",
            "checked_at",
            postgresql_where=text("state in ('queued', 'sent', 'not_now', 'unknown')"),
        ),
    )
    __audited__ = False  # a record of what happened, kept for ever; its batch and order are audited

    id: Mapped[int] = mapped_column(primary_key=True)
    client_id: Mapped[int] = mapped_column(ForeignKey("client.id"), index=True)
    batch_id: Mapped[int] = mapped_column(ForeignKey("command_batch.id"))
    device_id: Mapped[int] = mapped_column(ForeignKey("device.id"))
    key: Mapped[UUID] = mapped_column(unique=True)  # idempotency key towards the engine
    state: Mapped[CommandState] = mapped_column(default=CommandState.QUEUED)
    not_after: Mapped[datetime]
    created_at: Mapped[datetime]
    sent_at: Mapped[datetime | None]
    accepted_at: Mapped[datetime | None]  # the engine confirmed that it has it
    finished_at: Mapped[datetime | None]
    checked_at: Mapped[datetime]  # when we last did or asked something about it
    attempts: Mapped[int] = mapped_column(default=0)  # calls that surely did not arrive are retried
    engine_ref: Mapped[str | None] = mapped_column(index=True)
    outcome: Mapped[str | None]  # stable code of the answer
    detail: Mapped[str | None]  # the answer in words, for people

    device: Mapped[Device] = relationship(lazy="raise_on_sql")
    batch: Mapped[CommandBatch] = relationship(lazy="raise_on_sql")


class CommandObservation(Model):
    """Something said about a command, as it came: evidence, kept even when it changes nothing."""

    __tablename__ = "command_observation"
    __table_args__ = (UniqueConstraint("command_id", "event_id"),)
    __audited__ = False

    id: Mapped[int] = mapped_column(primary_key=True)
    client_id: Mapped[int] = mapped_column(ForeignKey("client.id"), index=True)
    command_id: Mapped[int] = mapped_column(ForeignKey("device_command.id"))
    event_id: Mapped[str]
    source: Mapped[str]  # submit, notification, lookup, poll, person
    at: Mapped[datetime]  # the engine's time
    received_at: Mapped[datetime]
    state: Mapped[str]
    evidence: Mapped[str]  # the engine's own words, never parsed again; without where a device was
