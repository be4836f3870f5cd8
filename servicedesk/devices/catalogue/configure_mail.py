"""Set up the company's mail on a group's devices."""

from __future__ import annotations

from servicedesk.core.text import msgid
from servicedesk.devices.catalogue.desired_state import SectionAction
from servicedesk.devices.policies.sections import BY_CODE


class ConfigureMail(SectionAction):
    """Mail of a group, or of single devices."""

    section = BY_CODE["mail"]
    code = "config.mail"
    label = msgid("Mail account")
    description = msgid("Sets up the company's mail on the devices of a group.")
    consequence = msgid(
        "The mail account appears on the devices; one of the same name is replaced."
    )
    icon = section.icon
    block = section.block
    parameters = section.parameters
