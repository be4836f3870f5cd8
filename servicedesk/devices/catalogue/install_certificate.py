"""Give a group's devices a certificate."""

from __future__ import annotations

from servicedesk.core.text import msgid
from servicedesk.devices.catalogue.desired_state import SectionAction
from servicedesk.devices.policies.sections import BY_CODE


class InstallCertificate(SectionAction):
    """A certificate devices trust, or own."""

    section = BY_CODE["certificates"]
    code = "config.certificate"
    label = msgid("Certificate")
    description = msgid(
        "Installs an authority the devices trust, or has them ask for a certificate of their own."
    )
    consequence = msgid("Devices trust whatever that authority has signed.")
    icon = section.icon
    block = section.block
    parameters = section.parameters
