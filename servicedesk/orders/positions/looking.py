"""A look: the only way to learn where a device was, and never without a trace."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy.orm import joinedload, undefer_group

from servicedesk.core.errors import NotFound
from servicedesk.core.paging import Page
from servicedesk.core.permissions import Permission, require
from servicedesk.core.unit_of_work import unit_of_work
from servicedesk.devices.models import Device
from servicedesk.devices.queries import device_named
from servicedesk.orders.positions.models import PLACE, DevicePosition, PositionLook
from servicedesk.orders.positions.queries import newest_of, page_of_order
from servicedesk.orders.queries import order_named

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from sqlalchemy.orm.interfaces import ORMOption

    from servicedesk.core.actors import Actor
    from servicedesk.core.unit_of_work import Work


@dataclass(frozen=True, kw_only=True)
class Sighting:
    """Where a device was, as one look told it. Degrees, and metres around them."""

    device: str  # reference
    device_name: str
    holder: str
    latitude: float
    longitude: float
    accuracy: float
    taken_at: datetime
    expires_at: datetime
    purpose: str
    asked_by: str
    order: str  # reference


class NoPosition(NotFound):
    """Nobody asked, the device did not say, or it has expired: the same to everybody."""


def look_at_device(actor: Actor, reference: str) -> Sighting:
    """Return where a device was last found, and record who looked.

    Raises NotFound for another client's device, Forbidden, NoPosition; then nothing is recorded.
    """
    with unit_of_work(actor, "positions.look") as work:
        device = device_named(actor, reference)
        require(actor, Permission.LOCATION_READ)
        position = work.session.scalar(newest_of(device.id).options(*_everything()))
        if position is None:
            raise NoPosition
        work.concerns(device.client_id, device.reference)
        return _recorded(work, [position])[0]


def look_at_order(actor: Actor, reference: str, cursor: str | None = None) -> Page[Sighting]:
    """Return a page of the positions an order found, and record a look at each device of it.

    Raises NotFound for another client's order, Forbidden, NoPosition, InvalidInput for the cursor.
    """
    with unit_of_work(actor, "positions.look") as work:
        order = order_named(actor, reference)
        require(actor, Permission.LOCATION_READ)
        page = page_of_order(order.id, cursor, options=_everything())
        if not page.items:
            raise NoPosition
        work.concerns(order.client_id, order.reference)
        return Page(_recorded(work, page.items), page.next)


def _everything() -> tuple[ORMOption, ...]:
    return (
        undefer_group(PLACE),
        joinedload(DevicePosition.device, innerjoin=True).joinedload(Device.holder),
        joinedload(DevicePosition.order, innerjoin=True),
    )


def _recorded(work: Work, positions: Sequence[DevicePosition]) -> list[Sighting]:
    """Write who looked at these, for the audit and for the client, and return what they say."""
    actor = work.actor
    for position in positions:
        work.session.add(
            PositionLook(
                client_id=position.client_id,
                device_id=position.device_id,
                order_id=position.order_id,
                purpose=position.purpose,
                at=work.at,
                looked_by_id=actor.user_id,
                looked_by_name=actor.name,
                looked_by_role=actor.role,
            )
        )
    work.note(
        devices=[position.device.reference for position in positions],
        orders=sorted({position.order.reference for position in positions}),
        purposes=sorted({position.purpose for position in positions}),
    )
    return [_sighting(position) for position in positions]


def _sighting(position: DevicePosition) -> Sighting:
    device = position.device
    return Sighting(
        device=device.reference,
        device_name=device.name,
        holder=device.holder.name if device.holder else "",
        latitude=position.latitude,
        longitude=position.longitude,
        accuracy=position.accuracy,
        taken_at=position.taken_at,
        expires_at=position.expires_at,
        purpose=position.purpose,
        asked_by=position.asked_by_name,
        order=position.order.reference,
    )
