"""A position comes in, is kept for as long as the contract says, and goes."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from math import isfinite
from typing import TYPE_CHECKING, Any, cast

from sqlalchemy import delete, select, update
from sqlalchemy.dialects.postgresql import insert

from servicedesk.clients.contracts import contract_in_force
from servicedesk.clients.models import Client, FunctionalBlock
from servicedesk.core import clock
from servicedesk.core.actors import SYSTEM
from servicedesk.core.unit_of_work import unit_of_work
from servicedesk.devices.commands import DeviceCommand
from servicedesk.devices.models import Device, Ownership
from servicedesk.orders.models import WorkOrder
from servicedesk.orders.positions.models import DevicePosition

if TYPE_CHECKING:
    from sqlalchemy import CursorResult

    from servicedesk.clients.events import ContractChanged
    from servicedesk.core.unit_of_work import Work
    from servicedesk.devices.engines.contract import Position
    from servicedesk.devices.events import DeviceLocated

HALF_AROUND = 20_037_508  # metres: nothing on earth is farther away


def on_device_located(work: Work, event: DeviceLocated) -> None:
    """Keep the first position a command brought, if it may be kept at all."""
    said = event.position
    order = work.session.scalar(select(WorkOrder).where(WorkOrder.batch_id == event.batch_id))
    purpose = str(order.parameters.get("purpose") or "").strip() if order else ""
    if order is None or not purpose or not is_a_place(said):
        return
    command = work.session.get_one(DeviceCommand, event.command_id)
    days = _days_allowed(work, command)
    taken_at = min(_instant(said.taken_at) or work.at, work.at)
    if days is None or taken_at + days <= work.at:
        return
    work.session.execute(
        insert(DevicePosition)
        .values(
            client_id=command.client_id,
            device_id=command.device_id,
            command_id=command.id,
            order_id=order.id,
            latitude=float(said.latitude),
            longitude=float(said.longitude),
            accuracy=float(said.accuracy),
            taken_at=taken_at,
            purpose=purpose,
            asked_by_name=order.author_name,
            expires_at=taken_at + days,
        )
        .on_conflict_do_nothing()
    )


def _days_allowed(work: Work, command: DeviceCommand) -> timedelta | None:
    """Return how long it may be kept; None where contract or ownership forbid it by now."""
    contract = contract_in_force(work.session, command.client_id, work.at.date())
    device = work.session.get_one(Device, command.device_id)
    if contract is None or not contract.includes(FunctionalBlock.LOCATION):
        return None
    if device.ownership is not Ownership.CORPORATE:
        return None
    return timedelta(days=contract.location_days)


def is_a_place(said: Position) -> bool:
    """Whether an engine's numbers are a place on earth. Nothing else reaches the database."""
    numbers = (said.latitude, said.longitude, said.accuracy)
    # whatever the contract of the connectors says, these came in from outside
    if any(isinstance(n, bool) or not isinstance(n, (int, float)) for n in numbers):
        return False
    return (
        all(isfinite(n) for n in numbers)
        and abs(said.latitude) <= 90  # noqa: PLR2004  degrees
        and abs(said.longitude) <= 180  # noqa: PLR2004
        and 0 <= said.accuracy <= HALF_AROUND
    )


def _instant(written: str) -> datetime | None:
    try:
        moment = datetime.fromisoformat(written)
    except (TypeError, ValueError):
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def on_contract_changed(work: Work, event: ContractChanged) -> None:
    """Have what is kept go sooner where the contract now says so; never later."""
    contract = contract_in_force(work.session, event.client_id, work.at.date())
    if contract is None:
        return
    sooner = DevicePosition.taken_at + timedelta(days=contract.location_days)
    work.session.execute(
        update(DevicePosition)
        .where(DevicePosition.client_id == event.client_id, DevicePosition.expires_at > sooner)
        .values(expires_at=sooner)
        .execution_options(synchronize_session=False)
    )


def forget_expired() -> int:
    """Delete what has expired, with an audit entry a client; return how many positions went."""
    with unit_of_work(SYSTEM, "positions.overdue") as work:
        due = work.session.execute(
            select(Client.id, Client.reference)
            .join(DevicePosition, DevicePosition.client_id == Client.id)
            .where(DevicePosition.expires_at <= clock.now())
            .distinct()
        ).all()
    return sum(_forget(client_id, reference) for client_id, reference in due)


def _forget(client_id: int, reference: str) -> int:
    with unit_of_work(SYSTEM, "positions.forget") as work:
        gone = work.session.execute(
            delete(DevicePosition)
            .where(DevicePosition.client_id == client_id, DevicePosition.expires_at <= work.at)
            .execution_options(synchronize_session=False)
        )
        count = cast("CursorResult[Any]", gone).rowcount
        if count:
            work.concerns(client_id, reference)
            work.note(positions=count)
    return count
