"""The erasure certificate: what proves that a device was wiped, on whose word, and what it answered."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from sqlalchemy import select

from servicedesk.clients.models import Client, Contract
from servicedesk.clients.visibility import visible_to
from servicedesk.core import database
from servicedesk.core.errors import NotFound
from servicedesk.devices.commands import (
    CommandBatch,
    CommandObservation,
    CommandState,
    DeviceCommand,
)
from servicedesk.devices.models import Device, EngineAccount
from servicedesk.orders.models import WorkOrder

if TYPE_CHECKING:
    from datetime import datetime

    from servicedesk.core.actors import Actor


@dataclass(frozen=True, kw_only=True)
class ErasureCertificate:
    """What the certificate of one wiped device says. Instants are UTC; nothing depends on today."""

    client: str
    client_reference: str
    time_zone: str  # of the contract: in which the paper tells the times
    device: str
    device_reference: str
    manufacturer: str
    model: str
    serial: str
    imei: str
    ownership: str
    action_code: str
    order: str
    content_hash: str
    asked_by: str
    asked_at: datetime
    approved_by: str
    approved_at: datetime | None
    approved_hash: str
    executed_by: str
    executed_at: datetime | None
    engine: str
    is_simulated: bool
    command_key: str
    engine_ref: str
    sent_at: datetime | None
    acknowledged_at: datetime | None
    evidence_source: str  # submit, notification, lookup, poll, person
    evidence_at: datetime
    evidence_hash: str  # SHA-256 of the engine's own words

    @property
    def fingerprint(self) -> str:
        """Return the SHA-256 of everything it says: the same whenever it is printed."""
        said = {
            name: value if isinstance(value, str | bool) or value is None else value.isoformat()
            for name, value in asdict(self).items()
        }
        return hashlib.sha256(
            json.dumps(said, sort_keys=True, ensure_ascii=False).encode()
        ).hexdigest()


def erasure_certificate(actor: Actor, reference: str, command_id: int) -> ErasureCertificate:
    """Return the certificate of a wipe that the device has confirmed. Raises NotFound otherwise."""
    session = database.session()
    row = session.execute(
        select(WorkOrder, DeviceCommand, CommandBatch, Device, Client, EngineAccount)
        .join(DeviceCommand, DeviceCommand.batch_id == WorkOrder.batch_id)
        .join(CommandBatch, CommandBatch.id == DeviceCommand.batch_id)
        .join(Device, Device.id == DeviceCommand.device_id)
        .join(Client, Client.id == WorkOrder.client_id)
        .join(EngineAccount, EngineAccount.id == Device.engine_id)
        .where(
            WorkOrder.reference == reference,
            DeviceCommand.id == command_id,
            DeviceCommand.state == CommandState.ACKNOWLEDGED,
            CommandBatch.is_destructive,
            visible_to(actor, WorkOrder.client_id),
        )
    ).one_or_none()
    if row is None:
        raise NotFound
    order, command, batch, device, client, engine = row
    zone = session.scalar(
        select(Contract.time_zone)
        .where(Contract.client_id == client.id, Contract.starts_on <= order.created_at.date())
        .order_by(Contract.starts_on.desc())
        .limit(1)
    )
    evidence = session.scalars(
        select(CommandObservation)
        .where(
            CommandObservation.command_id == command.id,
            CommandObservation.state == CommandState.ACKNOWLEDGED.value,
        )
        .order_by(CommandObservation.id)
        .limit(1)
    ).one_or_none()
    if evidence is None:
        raise NotFound
    return ErasureCertificate(
        client=client.name,
        client_reference=client.reference,
        time_zone=zone or "UTC",
        device=device.name,
        device_reference=device.reference,
        manufacturer=device.manufacturer,
        model=device.model,
        serial=device.serial,
        imei=device.imei,
        ownership=device.ownership.value,
        action_code=order.action_code,
        order=order.reference,
        content_hash=order.content_hash,
        asked_by=order.author_name,
        asked_at=order.created_at,
        approved_by=order.approved_by_name or "",
        approved_at=order.approved_at,
        approved_hash=order.approved_hash or "",
        executed_by=order.executed_by_name or "",
        executed_at=order.executed_at,
        engine=engine.name,
        is_simulated=batch.simulated,
        command_key=str(command.key),
        engine_ref=command.engine_ref or "",
        sent_at=command.sent_at,
        acknowledged_at=command.finished_at,
        evidence_source=evidence.source,
        evidence_at=evidence.at,
        evidence_hash=hashlib.sha256(evidence.evidence.encode()).hexdigest(),
    )
