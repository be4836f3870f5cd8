"""Remove a forgotten passcode."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from servicedesk.clients.models import FunctionalBlock
from servicedesk.core.text import msgid
from servicedesk.devices.catalogue.action import ManagedAction, Risk, Way
from servicedesk.devices.instructions import ClearPasscode, Instruction
from servicedesk.devices.models import Management, Ownership, Platform

if TYPE_CHECKING:
    from collections.abc import Mapping


class ClearPasscodes(ManagedAction):
    """Open a device whose holder has forgotten the code."""

    code = "device.clear_passcode"
    label = msgid("Clear the passcode")
    description = msgid("Removes the code that opens the device, when its holder has forgotten it.")
    consequence = msgid(
        "Until a new code is set, whoever has the device in hand can open it: make sure who that is."
    )
    icon = "lock-open"
    risk = Risk.DISRUPTIVE
    block = FunctionalBlock.DEVICE_SECURITY
    sends = ClearPasscode.kind
    ownerships = frozenset({Ownership.CORPORATE})
    ownership_refusal = msgid("The code of a personal device is its owner's.")
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
    way_refusal = msgid("Its kind of management does not allow clearing the code.")
    not_after = timedelta(hours=4)

    def instruction(self, parameters: Mapping[str, str]) -> Instruction:
        """Clear it."""
        del parameters
        return ClearPasscode()
