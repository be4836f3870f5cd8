"""Where devices were found, for as long as the contract allows, and who looked."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import CheckConstraint, ColumnElement, Double, ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column, relationship

from servicedesk.core import clock
from servicedesk.core.actors import Role
from servicedesk.core.database import Model
from servicedesk.devices.models import Device
from servicedesk.orders.models import WorkOrder

PLACE = "place"  # the columns that say where: loaded by a look and by nothing else


class DevicePosition(Model):
    """The only row that knows where a device was: asked for once, for a purpose, until it expires."""

    __tablename__ = "device_position"
    __table_args__ = (
        CheckConstraint("btrim(purpose) <> ''", "somebody_said_why"),
        CheckConstraint(
            "expires_at > taken_at and expires_at <= taken_at + interval '30 days'",
            "it_is_kept_thirty_days_at_most",
        ),
        # the newest of a device, and who has any
        Index("ix_device_position_device_id_id", "device_id", "id"),
    )
    # where a person was stands in no other row: the audit tells of its order and of each look
    __audited__ = False

    id: Mapped[int] = mapped_column(primary_key=True)
    client_id: Mapped[int] = mapped_column(ForeignKey("client.id"), index=True)
    device_id: Mapped[int] = mapped_column(ForeignKey("device.id"))
    # a device answers a command with one position: whatever else it says later is not kept
    command_id: Mapped[int] = mapped_column(ForeignKey("device_command.id"), unique=True)
    order_id: Mapped[int] = mapped_column(ForeignKey("work_order.id"), index=True)
    # degrees, and metres around them
    latitude: Mapped[float] = mapped_column(
        Double, deferred=True, deferred_group=PLACE, deferred_raiseload=True
    )
    longitude: Mapped[float] = mapped_column(
        Double, deferred=True, deferred_group=PLACE, deferred_raiseload=True
    )
    accuracy: Mapped[float] = mapped_column(
        Double, deferred=True, deferred_group=PLACE, deferred_raiseload=True
    )
    taken_at: Mapped[datetime]
    purpose: Mapped[str]
    asked_by_name: Mapped[str]
    expires_at: Mapped[datetime] = mapped_column(index=True)

    device: Mapped[Device] = relationship(lazy="raise_on_sql")
    order: Mapped[WorkOrder] = relationship(lazy="raise_on_sql")


def is_kept() -> ColumnElement[bool]:
    """Return the condition that a position has not expired, whether or not it is deleted yet."""
    return DevicePosition.expires_at > clock.now()


class PositionLook(Model):
    """Somebody looked where a device was; outlives the position, and never says where."""

    __tablename__ = "position_look"
    __table_args__ = (
        Index("ix_position_look_client_id_id", "client_id", "id"),
        Index("ix_position_look_device_id_id", "device_id", "id"),
    )
    __audited__ = False  # the audit entry of the look says the same

    id: Mapped[int] = mapped_column(primary_key=True)
    client_id: Mapped[int] = mapped_column(ForeignKey("client.id"))
    device_id: Mapped[int] = mapped_column(ForeignKey("device.id"))
    order_id: Mapped[int] = mapped_column(ForeignKey("work_order.id"), index=True)
    purpose: Mapped[str]
    at: Mapped[datetime]
    looked_by_id: Mapped[int | None] = mapped_column(ForeignKey("user.id"))
    looked_by_name: Mapped[str]
    looked_by_role: Mapped[Role]

    device: Mapped[Device] = relationship(lazy="raise_on_sql")
    order: Mapped[WorkOrder] = relationship(lazy="raise_on_sql")
