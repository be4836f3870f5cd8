"""How far an order reaches, said before anything is sent."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from sqlalchemy import func, select

from servicedesk.clients.contracts import contract_in_force
from servicedesk.core import clock
from servicedesk.devices.brakes import allowance, fleet_size, standing_stop
from servicedesk.devices.commands import DeviceCommand
from servicedesk.devices.models import Device, DeviceGroup, DeviceGroupMember, Ownership
from servicedesk.orders.models import OrderTarget
from servicedesk.orders.progress import OPEN

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy.orm import Session

    from servicedesk.devices.brakes import Allowance, DestructiveStop
    from servicedesk.orders.models import WorkOrder

NAMED_GROUPS = 5
WEEK = timedelta(days=7)


@dataclass(frozen=True, kw_only=True)
class BlastRadius:
    """What an order would touch, counted over the devices that can."""

    devices: int
    fleet: int
    holders: int
    personal: int
    pending: int  # with another command still on its way
    silent: int  # not in touch for a week: they will answer late or never
    groups: Sequence[tuple[str, int]]  # the largest ones
    allowance: Allowance | None  # of ordinary wipes; None when nothing is destroyed
    stop: DestructiveStop | None

    @property
    def share(self) -> float:
        """Return the part of the fleet, from 0 to 1."""
        return self.devices / self.fleet if self.fleet else 0.0


def blast_radius(session: Session, order: WorkOrder, *, is_destructive: bool) -> BlastRadius:
    """Return how far an order reaches as things are now."""
    now = clock.now()
    devices, holders, personal, silent = session.execute(
        select(
            func.count(),
            func.count(func.distinct(Device.device_user_id)),
            func.count().filter(Device.ownership == Ownership.PERSONAL),
            func.count().filter(
                Device.last_contact_at.is_(None) | (Device.last_contact_at < now - WEEK)
            ),
        )
        .select_from(OrderTarget)
        .join(Device, Device.id == OrderTarget.device_id)
        .where(OrderTarget.order_id == order.id, OrderTarget.possible)
    ).one()
    contract = contract_in_force(session, order.client_id, now.date()) if is_destructive else None
    return BlastRadius(
        devices=devices,
        fleet=fleet_size(session, order.client_id),
        holders=holders,
        personal=personal,
        pending=_pending(session, order),
        silent=silent,
        groups=_groups(session, order),
        allowance=allowance(session, contract, now, sent=False) if contract else None,
        stop=standing_stop(session, order.client_id) if is_destructive else None,
    )


def _pending(session: Session, order: WorkOrder) -> int:
    # from the few commands that are open, not from the many devices
    return (
        session.scalar(
            select(func.count(func.distinct(DeviceCommand.device_id)))
            .join(OrderTarget, OrderTarget.device_id == DeviceCommand.device_id)
            .where(
                DeviceCommand.client_id == order.client_id,
                DeviceCommand.state.in_(OPEN),
                OrderTarget.order_id == order.id,
                OrderTarget.possible,
            )
        )
        or 0
    )


def _groups(session: Session, order: WorkOrder) -> list[tuple[str, int]]:
    rows = session.execute(
        select(DeviceGroup.name, func.count())
        .join(DeviceGroupMember, DeviceGroupMember.group_id == DeviceGroup.id)
        .join(OrderTarget, OrderTarget.device_id == DeviceGroupMember.device_id)
        .where(OrderTarget.order_id == order.id, OrderTarget.possible)
        .group_by(DeviceGroup.name)
        .order_by(func.count().desc(), DeviceGroup.name)
        .limit(NAMED_GROUPS)
    )
    return [(row[0], row[1]) for row in rows]
