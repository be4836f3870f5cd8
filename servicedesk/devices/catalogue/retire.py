"""Let devices leave the service."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from servicedesk.clients.models import FunctionalBlock
from servicedesk.core.text import msgid
from servicedesk.devices.catalogue.action import ManagedAction, Risk, Way
from servicedesk.devices.instructions import Instruction, ReleaseDevice
from servicedesk.devices.models import Management, Ownership, Platform

if TYPE_CHECKING:
    from collections.abc import Mapping


class RetireDevices(ManagedAction):
    """The planned end of a device's life with the service."""

    code = "device.retire"
    label = msgid("Retire devices")
    description = msgid(
        "Takes devices out of the service for good: sold, replaced or no longer managed."
    )
    consequence = msgid(
        "The device leaves management and loses the company's settings, accounts and data."
    )
    icon = "device-mobile-off"
    risk = Risk.DESTRUCTIVE
    block = FunctionalBlock.ENROLMENT
    sends = ReleaseDevice.kind
    inverse = "device.enrol"
    ownerships = frozenset(Ownership)
    ways = (
        Way(
            platforms=frozenset({Platform.IOS, Platform.IPADOS}), managements=frozenset(Management)
        ),
        Way(
            platforms=frozenset({Platform.ANDROID}),
            managements=frozenset(
                {Management.WORK_PROFILE_COMPANY, Management.WORK_PROFILE_PERSONAL}
            ),
        ),
    )
    way_refusal = msgid("A fully managed Android leaves the service only by a full wipe.")
    not_after = timedelta(days=14)

    def instruction(self, parameters: Mapping[str, str]) -> Instruction:
        """Release."""
        del parameters
        return ReleaseDevice()
