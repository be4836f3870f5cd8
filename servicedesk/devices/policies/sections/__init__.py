"""The kinds of setting a policy has, in the order people read them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from servicedesk.core.errors import InvalidInput
from servicedesk.core.text import msgid
from servicedesk.devices.policies.sections.contents import Apps, Certificates, Documents
from servicedesk.devices.policies.sections.mail import Mail
from servicedesk.devices.policies.sections.network import Vpn, Wifi
from servicedesk.devices.policies.sections.security import Passcode, Restrictions

if TYPE_CHECKING:
    from servicedesk.devices.policies.sections.section import Section

SECTIONS: tuple[Section, ...] = (
    Passcode(),
    Restrictions(),
    Wifi(),
    Mail(),
    Vpn(),
    Apps(),
    Documents(),
    Certificates(),
)
BY_CODE = {section.code: section for section in SECTIONS}


def section_named(code: str) -> Section:
    """Return the section of that code. Raises InvalidInput."""
    if code not in BY_CODE:
        raise InvalidInput(msgid("There is no such kind of setting."), field="section")
    return BY_CODE[code]
