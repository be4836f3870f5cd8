"""Which devices are in which group."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import func, literal, select, text

from servicedesk.clients.visibility import visible_to
from servicedesk.core import database
from servicedesk.devices.events import InventoryChanged
from servicedesk.devices.models import Device, DeviceGroup, DeviceGroupMember, DeviceState

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from sqlalchemy.orm import Session

    from servicedesk.core.actors import Actor
    from servicedesk.core.unit_of_work import Work

# whom a group means when something is asked for it; who has left the service stays a member
IN_SERVICE = (DeviceState.ENROLLED, DeviceState.PENDING)
JOIN = text(
    "INSERT INTO device_group_member (group_id, device_id, client_id)"
    " SELECT :group, device_id, :client FROM unnest(CAST(:devices AS bigint[])) AS wanted(device_id)"
    " ON CONFLICT DO NOTHING"
)
LEAVE = text(
    "DELETE FROM device_group_member"
    " WHERE group_id = :group AND device_id = ANY (CAST(:devices AS bigint[]))"
)


def group_named(session: Session, client_id: int, name: str) -> DeviceGroup | None:
    """Return a group of that client, or None."""
    return session.scalars(
        select(DeviceGroup).where(DeviceGroup.client_id == client_id, DeviceGroup.name == name)
    ).one_or_none()


def groups_with_sizes(actor: Actor, client_id: int) -> Sequence[Any]:
    """Return a client's groups by name, each with how many devices in the service are in it."""
    size = (
        select(func.count())
        .select_from(DeviceGroupMember)
        .join(Device, Device.id == DeviceGroupMember.device_id)
        .where(DeviceGroupMember.group_id == DeviceGroup.id, Device.state.in_(IN_SERVICE))
        .scalar_subquery()
    )
    return (
        database.session()
        .execute(
            select(DeviceGroup.id, DeviceGroup.name, size.label("size"))
            .where(
                DeviceGroup.client_id == literal(client_id),
                visible_to(actor, DeviceGroup.client_id),
            )
            .order_by(DeviceGroup.name)
        )
        .all()
    )


def move_members(
    work: Work, client_id: int, device_ids: Sequence[int], to_group: str, from_group: str
) -> None:
    """Have devices join one group and leave another, by name; empty: none.

    The rules of conformity that concern a group concern others now: they are judged anew.
    """
    for statement, name in ((LEAVE, from_group), (JOIN, to_group)):
        group = group_named(work.session, client_id, name) if name else None
        if group is not None:
            work.session.execute(
                statement,
                {"group": group.id, "client": client_id, "devices": list(device_ids)},
            )
    work.note(moved=len(device_ids), to_group=to_group, from_group=from_group)
    work.publish(InventoryChanged(client_id=client_id, device_ids=tuple(device_ids)))
