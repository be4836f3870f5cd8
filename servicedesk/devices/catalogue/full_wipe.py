"""Reset a device to the state of a new one."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from servicedesk.clients.models import FunctionalBlock
from servicedesk.core.text import msgid
from servicedesk.devices.catalogue.action import ManagedAction, Risk, Way
from servicedesk.devices.instructions import EraseDevice, Instruction
from servicedesk.devices.models import Management, Ownership, Platform

if TYPE_CHECKING:
    from collections.abc import Mapping


class WipeWholeDevice(ManagedAction):
    """Erase everything on a company device."""

    code = "device.full_wipe"
    label = msgid("Full wipe")
    description = msgid("Erases everything and resets the device to the state of a new one.")
    consequence = msgid("Everything on the device is lost for ever, personal data too.")
    icon = "trash"
    risk = Risk.DESTRUCTIVE
    is_point_action = True
    block = FunctionalBlock.DEVICE_SECURITY
    sends = EraseDevice.kind
    ownerships = frozenset({Ownership.CORPORATE})
    ownership_refusal = msgid("A personal device is never wiped whole: use the enterprise wipe.")
    ways = (
        Way(
            platforms=frozenset({Platform.IOS, Platform.IPADOS}),
            managements=frozenset({Management.SUPERVISED, Management.MANAGED}),
        ),
        Way(
            platforms=frozenset({Platform.ANDROID}),
            managements=frozenset({Management.FULLY_MANAGED, Management.WORK_PROFILE_COMPANY}),
            from_version=(8,),
        ),
    )
    way_refusal = msgid("Its kind of management does not allow erasing the whole device.")
    not_after = timedelta(days=7)

    def instruction(self, parameters: Mapping[str, str]) -> Instruction:
        """Erase."""
        del parameters
        return EraseDevice()
