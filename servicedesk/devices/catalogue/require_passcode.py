"""Demand a code that opens the device."""

from __future__ import annotations

from servicedesk.core.text import msgid
from servicedesk.devices.catalogue.desired_state import SectionAction
from servicedesk.devices.policies.sections import BY_CODE


class RequirePasscode(SectionAction):
    """A passcode of a certain strength."""

    section = BY_CODE["passcode"]
    code = "config.passcode"
    label = msgid("Require a passcode")
    description = msgid("Demands a passcode and says how strong it must be.")
    consequence = msgid(
        "Whoever has a weaker code is asked for a new one; with a limit of attempts the device can erase itself."
    )
    icon = section.icon
    block = section.block
    parameters = section.parameters
