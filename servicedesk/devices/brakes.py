"""The last door before a wipe leaves: the stop of a client, and how many may leave in an hour and a day.

It stands in the transaction that marks a command as sent, behind one lock a client, so it holds
across processes and restarts whatever the floors above believe.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from math import ceil
from typing import TYPE_CHECKING

from sqlalchemy import CheckConstraint, ForeignKey, Index, func, select, text
from sqlalchemy.orm import Mapped, mapped_column

from servicedesk.core.database import Model
from servicedesk.devices.commands import CommandBatch, CommandState, DeviceCommand
from servicedesk.devices.models import Device, DeviceState

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from servicedesk.clients.models import Contract
    from servicedesk.core.unit_of_work import Work

HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
LOCK_SPACE = 7341  # of advisory locks: (this, client id)


class DestructiveStop(Model):
    """While it stands, no destructive command of the client leaves. One person stops, two release."""

    __tablename__ = "destructive_stop"
    __table_args__ = (
        CheckConstraint("released_by_id <> release_asked_by_id", "two_people_release"),
        CheckConstraint(
            "released_at is null or (released_by_id is not null and release_asked_by_id is not null)",
            "a_release_has_two_people",
        ),
        Index(
            "uq_destructive_stop_standing",
            "client_id",
            unique=True,
            postgresql_where=text("released_at is null"),
        ),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    client_id: Mapped[int] = mapped_column(ForeignKey("client.id"), index=True)
    reason: Mapped[str]
    stopped_at: Mapped[datetime]
    stopped_by_name: Mapped[str]
    release_asked_by_id: Mapped[int | None] = mapped_column(ForeignKey("user.id"))
    release_asked_by_name: Mapped[str | None]
    release_asked_at: Mapped[datetime | None]
    released_by_id: Mapped[int | None] = mapped_column(ForeignKey("user.id"))
    released_by_name: Mapped[str | None]
    released_at: Mapped[datetime | None]


def lock_brakes(work: Work, client_id: int) -> None:
    """Be the only one to decide about destructive commands of a client until the commit."""
    work.session.execute(select(func.pg_advisory_xact_lock(LOCK_SPACE, func.hashint8(client_id))))


def standing_stop(session: Session, client_id: int) -> DestructiveStop | None:
    """Return the stop of a client that nobody has released."""
    return session.scalars(
        select(DestructiveStop).where(
            DestructiveStop.client_id == client_id, DestructiveStop.released_at.is_(None)
        )
    ).one_or_none()


@dataclass(frozen=True)
class Allowance:
    """How many devices may still be wiped without a wide order, and from when there is more."""

    left: int
    more_at: datetime | None  # when `left` is zero

    @property
    def is_spent(self) -> bool:
        """Whether nothing may leave now."""
        return self.left <= 0


def fleet_size(session: Session, client_id: int) -> int:
    """Return how many enrolled devices a client has."""
    return (
        session.scalar(
            select(func.count())
            .select_from(Device)
            .where(Device.client_id == client_id, Device.state == DeviceState.ENROLLED)
        )
        or 0
    )


def allowance(session: Session, contract: Contract, now: datetime, *, sent: bool) -> Allowance:
    """Return what the limits of the hour and the day leave of ordinary wipes.

    `sent`: counts what has left (the last door); otherwise also what waits to leave (the decision).
    """
    moment = DeviceCommand.sent_at if sent else DeviceCommand.created_at
    times = session.scalars(
        select(moment)
        .join(CommandBatch, CommandBatch.id == DeviceCommand.batch_id)
        .where(
            DeviceCommand.client_id == contract.client_id,
            CommandBatch.is_destructive,
            CommandBatch.is_wide.is_(False),
            DeviceCommand.state != CommandState.CANCELLED,
            moment > now - DAY,
        )
        .order_by(moment)
    ).all()
    spent = [time for time in times if time is not None]
    fleet = fleet_size(session, contract.client_id)
    a_day = max(1, ceil(fleet * contract.wipe_share_per_day))
    return min(
        _left(spent, contract.wipes_per_hour, HOUR, now),
        _left(spent, a_day, DAY, now),
        key=lambda allowed: (allowed.left, -(allowed.more_at or now).timestamp()),
    )


def _left(spent: list[datetime], limit: int, window: timedelta, now: datetime) -> Allowance:
    recent = [time for time in spent if time > now - window]
    if len(recent) < limit:
        return Allowance(limit - len(recent), None)
    return Allowance(0, recent[-limit] + window)


def wait_at_last_door(
    work: Work, batch: CommandBatch, contract: Contract | None
) -> datetime | None:
    """Return until when a destructive command has to wait; None: it may leave now.

    To be called behind `lock_brakes`. Raises Stopped while the client's stop stands.
    """
    if standing_stop(work.session, batch.client_id) is not None:
        raise Stopped
    if batch.is_wide or contract is None:
        return None
    allowed = allowance(work.session, contract, work.at, sent=True)
    return allowed.more_at if allowed.is_spent else None


class Stopped(Exception):
    """The client's destructive commands are stopped: nothing leaves until two people release it."""
