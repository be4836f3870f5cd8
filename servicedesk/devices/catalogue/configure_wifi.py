"""Have a group's devices join a wireless network."""

from __future__ import annotations

from servicedesk.core.text import msgid
from servicedesk.devices.catalogue.desired_state import SectionAction
from servicedesk.devices.policies.sections import BY_CODE


class ConfigureWifi(SectionAction):
    """Wifi of a group, or of single devices."""

    section = BY_CODE["wifi"]
    code = "config.wifi"
    label = msgid("Wifi")
    description = msgid("Sets up a wireless network on the devices of a group.")
    consequence = msgid(
        "The devices join the network by themselves; a network of the same name is replaced."
    )
    icon = section.icon
    block = section.block
    parameters = section.parameters
