"""Take devices into the service."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from servicedesk.clients.models import FunctionalBlock
from servicedesk.core.text import msgid
from servicedesk.devices.catalogue.action import ManagedAction, Risk, Way
from servicedesk.devices.instructions import EnrolDevice, Instruction
from servicedesk.devices.models import DeviceState, Management, Ownership, Platform

if TYPE_CHECKING:
    from collections.abc import Mapping


class EnrolDevices(ManagedAction):
    """Enrol what is pending, or what had left, with the engine that shall manage it."""

    code = "device.enrol"
    label = msgid("Enrol devices")
    description = msgid("Takes devices into the service; then they get what their groups have.")
    consequence = msgid("The device comes under management and gets the company's settings.")
    icon = "device-mobile-plus"
    risk = Risk.HARMLESS
    block = FunctionalBlock.ENROLMENT
    sends = EnrolDevice.kind
    states = frozenset({DeviceState.PENDING, DeviceState.RETIRED, DeviceState.WIPED})
    inverse = "device.retire"
    ownerships = frozenset(Ownership)
    ways = (
        Way(
            platforms=frozenset({Platform.IOS, Platform.IPADOS}),
            managements=frozenset(Management),
            from_version=(13,),
        ),
        Way(
            platforms=frozenset({Platform.ANDROID}),
            managements=frozenset(Management),
            from_version=(8,),
        ),
    )
    way_refusal = msgid("The service does not manage this platform.")
    not_after = timedelta(days=14)

    def instruction(self, parameters: Mapping[str, str]) -> Instruction:
        """Enrol."""
        del parameters
        return EnrolDevice()
