"""Switch functions of a group's devices off."""

from __future__ import annotations

from servicedesk.core.text import msgid
from servicedesk.devices.catalogue.desired_state import SectionAction
from servicedesk.devices.policies.sections import BY_CODE


class Restrict(SectionAction):
    """What devices of a group do not do."""

    section = BY_CODE["restrictions"]
    code = "config.restrictions"
    label = msgid("Restrictions")
    description = msgid("Switches off camera, screenshots, backups and other functions.")
    consequence = msgid("People cannot use on their device what is switched off.")
    icon = section.icon
    block = section.block
    parameters = section.parameters
