"""Ask a device where it is."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from servicedesk.clients.models import FunctionalBlock
from servicedesk.core.text import msgid
from servicedesk.devices.catalogue.action import ManagedAction, Risk, Way
from servicedesk.devices.instructions import Instruction, LocateDevice
from servicedesk.devices.models import Management, Ownership, Platform
from servicedesk.devices.parameters import Parameter

if TYPE_CHECKING:
    from collections.abc import Mapping


class LocateDevices(ManagedAction):
    """The position of a company device, once, with a purpose."""

    code = "device.locate"
    label = msgid("GPS location")
    description = msgid("Asks the device for its position, once.")
    consequence = msgid(
        "The position of a person becomes known: state why. The request and each look are recorded."
    )
    icon = "map-pin"
    risk = Risk.DISRUPTIVE
    is_point_action = True
    block = FunctionalBlock.LOCATION
    sends = LocateDevice.kind
    parameters = (
        Parameter(
            name="purpose",
            label=msgid("Purpose"),
            help=msgid("Why it has to be known. For example: lost on the way to a customer."),
            required=True,
            min_length=10,
            max_length=200,
        ),
    )
    ownerships = frozenset({Ownership.CORPORATE})
    ownership_refusal = msgid("A personal device is never located.")
    ways = (
        Way(
            platforms=frozenset({Platform.IOS, Platform.IPADOS}),
            managements=frozenset({Management.SUPERVISED}),
        ),
        Way(
            platforms=frozenset({Platform.ANDROID}),
            managements=frozenset({Management.FULLY_MANAGED}),
            from_version=(11,),
        ),
        Way(
            platforms=frozenset({Platform.ANDROID}),
            managements=frozenset({Management.WORK_PROFILE_COMPANY}),
            from_version=(13,),
        ),
    )
    way_refusal = msgid("Only supervised Apple devices and company-owned Android can be located.")
    not_after = timedelta(minutes=30)

    def instruction(self, parameters: Mapping[str, str]) -> Instruction:
        """Ask for the position."""
        del parameters
        return LocateDevice()
