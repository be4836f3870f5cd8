"""Lock a device at a distance."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from servicedesk.clients.models import FunctionalBlock
from servicedesk.core.text import msgid
from servicedesk.devices.catalogue.action import MESSAGE, PHONE_NUMBER, ManagedAction, Risk, Way
from servicedesk.devices.instructions import Instruction, LockDevice
from servicedesk.devices.models import Management, Ownership, Platform

if TYPE_CHECKING:
    from collections.abc import Mapping


class LockDevices(ManagedAction):
    """Lock the screen and show how to reach the owner."""

    code = "device.lock"
    label = msgid("Lock")
    description = msgid("Locks the screen at once and shows a message and a telephone number.")
    consequence = msgid("Whoever has the device must know its passcode to go on using it.")
    icon = "lock"
    risk = Risk.DISRUPTIVE
    is_point_action = True
    block = FunctionalBlock.DEVICE_SECURITY
    sends = LockDevice.kind
    parameters = (MESSAGE, PHONE_NUMBER)
    ownerships = frozenset(Ownership)
    ways = (
        Way(
            platforms=frozenset({Platform.IOS, Platform.IPADOS}),
            managements=frozenset(
                {Management.SUPERVISED, Management.MANAGED, Management.USER_ENROLMENT}
            ),
        ),
        Way(
            platforms=frozenset({Platform.ANDROID}),
            managements=frozenset(
                {
                    Management.FULLY_MANAGED,
                    Management.WORK_PROFILE_COMPANY,
                    Management.WORK_PROFILE_PERSONAL,
                }
            ),
            from_version=(8,),
        ),
    )
    way_refusal = msgid("Its kind of management does not allow a lock at a distance.")
    not_after = timedelta(hours=24)

    def instruction(self, parameters: Mapping[str, str]) -> Instruction:
        """Lock, with what was written."""
        return LockDevice(message=parameters["message"], phone_number=parameters["phone_number"])
