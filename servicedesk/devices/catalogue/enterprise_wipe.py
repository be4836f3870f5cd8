"""Remove the company's data from a device and leave the rest."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from servicedesk.clients.models import FunctionalBlock
from servicedesk.core.text import msgid
from servicedesk.devices.catalogue.action import ManagedAction, Risk, Way
from servicedesk.devices.instructions import EnterpriseWipe, Instruction
from servicedesk.devices.models import Management, Ownership, Platform

if TYPE_CHECKING:
    from collections.abc import Mapping


class WipeCompanyData(ManagedAction):
    """Take the company's accounts, applications and profiles away; photographs stay."""

    code = "device.enterprise_wipe"
    label = msgid("Enterprise wipe")
    description = msgid(
        "Removes the company's accounts, applications and settings. Personal data stays."
    )
    consequence = msgid(
        "The company's data on the device is lost and the device leaves the service."
    )
    icon = "briefcase-off"
    risk = Risk.DESTRUCTIVE
    is_point_action = True
    block = FunctionalBlock.DEVICE_SECURITY
    sends = EnterpriseWipe.kind
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
                {Management.WORK_PROFILE_COMPANY, Management.WORK_PROFILE_PERSONAL}
            ),
            from_version=(8,),
        ),
    )
    way_refusal = msgid(
        "A fully managed Android has no separate company data: only a full wipe is possible."
    )
    not_after = timedelta(days=7)

    def instruction(self, parameters: Mapping[str, str]) -> Instruction:
        """Remove what is the company's."""
        del parameters
        return EnterpriseWipe()
