"""What a device having obeyed means for the fleet."""

from __future__ import annotations

from typing import TYPE_CHECKING

from servicedesk.devices.commands import CommandBatch, DeviceCommand
from servicedesk.devices.events import InventoryChanged
from servicedesk.devices.instructions import (
    EnrolDevice,
    EnterpriseWipe,
    EraseDevice,
    ReleaseDevice,
)
from servicedesk.devices.models import Device, DeviceState
from servicedesk.devices.policies.desired import refresh_desired
from servicedesk.devices.policies.models import RECONCILE_POLICIES

if TYPE_CHECKING:
    from servicedesk.core.unit_of_work import Work

_STATE_AFTER = {
    EraseDevice.kind: DeviceState.WIPED,
    EnterpriseWipe.kind: DeviceState.RETIRED,
    ReleaseDevice.kind: DeviceState.RETIRED,
    EnrolDevice.kind: DeviceState.ENROLLED,
}


def apply_effect(work: Work, command: DeviceCommand) -> None:
    """Note on the device that it was in touch, and what it is now."""
    device = work.session.get_one(Device, command.device_id)
    batch = work.session.get_one(CommandBatch, command.batch_id)
    seen = command.finished_at or work.at
    device.last_contact_at = max(device.last_contact_at or seen, seen)
    if batch.instruction in _STATE_AFTER:
        device.state = _STATE_AFTER[batch.instruction]
        if device.state is DeviceState.ENROLLED:
            device.enrolled_at = seen
        # who has left the service is held to no rule and should have nothing; who came is, and should
        work.publish(InventoryChanged(client_id=device.client_id, device_ids=(device.id,)))
        if refresh_desired(work, device.client_id, [device.id]):
            work.enqueue(
                RECONCILE_POLICIES,
                once_as=f"{RECONCILE_POLICIES.name}:{device.client_id}",
                client_id=device.client_id,
            )
