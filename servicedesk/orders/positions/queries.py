"""What may be known without a look: that there is a position, until when, and who looked."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import Select, select
from sqlalchemy.orm import joinedload

from servicedesk.clients.models import Client
from servicedesk.clients.visibility import visible_to
from servicedesk.core import database
from servicedesk.core.paging import PAGE_SIZE, Page, decode_cursor, page_of
from servicedesk.core.permissions import Permission, require
from servicedesk.devices.models import Device
from servicedesk.orders.positions.models import DevicePosition, PositionLook, is_kept

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy.orm.interfaces import ORMOption

    from servicedesk.core.actors import Actor
    from servicedesk.orders.models import WorkOrder


def newest_of(device_id: int) -> Select[DevicePosition]:
    """Return the query of the position a device was last found at."""
    return (
        select(DevicePosition)
        .where(DevicePosition.device_id == device_id, is_kept())
        .order_by(DevicePosition.taken_at.desc(), DevicePosition.id.desc())
        .limit(1)
    )


def known_position(actor: Actor, device_id: int) -> DevicePosition | None:
    """Return that a device's position is known, without saying where."""
    return database.session().scalar(
        newest_of(device_id)
        .where(visible_to(actor, DevicePosition.client_id))
        .options(joinedload(DevicePosition.order, innerjoin=True))
    )


def page_of_order(
    order_id: int, cursor: str | None = None, *, options: Sequence[ORMOption] = ()
) -> Page[DevicePosition]:
    """Return a page of the positions an order found, as they came in. Raises InvalidInput."""
    query = (
        select(DevicePosition)
        .where(DevicePosition.order_id == order_id, is_kept())
        .options(*options)
        .order_by(DevicePosition.id)
        .limit(PAGE_SIZE + 1)
    )
    if key := decode_cursor(cursor, int):
        query = query.where(DevicePosition.id > key[0])
    found = database.session().scalars(query).all()
    return page_of(found, PAGE_SIZE, lambda position: [position.id])


def known_positions(actor: Actor, order: WorkOrder, cursor: str | None) -> Page[DevicePosition]:
    """Return which devices an order has found, without saying where. Raises Forbidden."""
    require(actor, Permission.LOCATION_READ)
    holder = joinedload(DevicePosition.device, innerjoin=True).joinedload(Device.holder)
    return page_of_order(order.id, cursor, options=[holder])


def looks(
    actor: Actor, *, device_id: int | None = None, client: str = "", cursor: str | None = None
) -> Page[PositionLook]:
    """Return who looked at positions, the newest first: of a device, a client, or all in reach.

    Raises Forbidden, InvalidInput for the cursor.
    """
    require(actor, Permission.LOCATION_READ)
    query = (
        select(PositionLook)
        .options(
            joinedload(PositionLook.device, innerjoin=True),
            joinedload(PositionLook.order, innerjoin=True),
        )
        .where(visible_to(actor, PositionLook.client_id))
        .order_by(PositionLook.id.desc())
        .limit(PAGE_SIZE + 1)
    )
    if device_id is not None:
        query = query.where(PositionLook.device_id == device_id)
    if client:
        owner = select(Client.id).where(Client.reference == client).scalar_subquery()
        query = query.where(PositionLook.client_id == owner)
    if key := decode_cursor(cursor, int):
        query = query.where(PositionLook.id < key[0])
    found = database.session().scalars(query).all()
    return page_of(found, PAGE_SIZE, lambda look: [look.id])
