"""Give a group's devices a tunnel into the company."""

from __future__ import annotations

from servicedesk.core.text import msgid
from servicedesk.devices.catalogue.desired_state import SectionAction
from servicedesk.devices.policies.sections import BY_CODE


class ConfigureVpn(SectionAction):
    """VPN of a group, or of single devices."""

    section = BY_CODE["vpn"]
    code = "config.vpn"
    label = msgid("VPN connection")
    description = msgid("Sets up a VPN on the devices of a group.")
    consequence = msgid(
        "With an always-on VPN nothing leaves the devices while the tunnel is down."
    )
    icon = section.icon
    block = section.block
    parameters = section.parameters
