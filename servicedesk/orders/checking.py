"""The pre-flight of an order: a verdict for every device, before anything is sent."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import Select, select

from servicedesk.clients.models import Contract
from servicedesk.clients.visibility import visible_to
from servicedesk.core.errors import InvalidInput
from servicedesk.core.text import msgid
from servicedesk.devices import fleet_engines
from servicedesk.devices.compatibility import Verdict, compatibility
from servicedesk.devices.models import Device, EngineAccount

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

    from sqlalchemy.orm import Session

    from servicedesk.core.actors import Actor
    from servicedesk.devices.catalogue.action import ManagedAction


def contract_in_force(session: Session, client_id: int, day: date) -> Contract | None:
    """Return the contract that covers `day`, the newest if several do."""
    return session.scalars(
        in_force(select(Contract).where(Contract.client_id == client_id), day)
    ).first()


def in_force(query: Select[Any], day: date) -> Select[Any]:
    """Narrow a query of contracts to the newest that covers `day`."""
    return (
        query.where(Contract.starts_on <= day, Contract.ends_on >= day)
        .order_by(Contract.starts_on.desc())
        .limit(1)
    )


def devices_named(session: Session, actor: Actor, references: Sequence[str]) -> list[Device]:
    """Return the devices of these references, all of one client.

    Raises InvalidInput naming what is not there for this actor, or when there is nothing.
    """
    wanted = list(dict.fromkeys(reference.strip() for reference in references if reference.strip()))
    if not wanted:
        raise InvalidInput(msgid("Choose at least one device."), field="action.targets.devices")
    found = session.scalars(
        select(Device)
        .where(Device.reference.in_(wanted), visible_to(actor, Device.client_id))
        .order_by(Device.id)
    ).all()
    if missing := set(wanted) - {device.reference for device in found}:
        raise InvalidInput(
            msgid("There is no device %(references)s."),
            field="action.targets.devices",
            references=", ".join(sorted(missing)[:5]),
        )
    if len({device.client_id for device in found}) > 1:
        raise InvalidInput(
            msgid("The devices belong to different clients."), field="action.targets.devices"
        )
    return list(found)


def verdicts(
    session: Session,
    action: ManagedAction,
    devices: Sequence[Device],
    contract: Contract | None,
    day: date,
) -> list[Verdict]:
    """Judge each device; the same answer in the form, the API, the approval and the execution."""
    keys = {
        row.id: row.key
        for row in session.execute(select(EngineAccount.id, EngineAccount.key)).all()
    }
    return [
        compatibility(
            action,
            device,
            contract,
            day,
            fleet_engines.engine_named(keys[device.engine_id]).capability,
        )
        for device in devices
    ]
