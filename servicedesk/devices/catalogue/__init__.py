"""Every action the desk can carry out, one file each; a law test says if one is missing here."""

from __future__ import annotations

from typing import TYPE_CHECKING

from servicedesk.core.errors import InvalidInput
from servicedesk.core.text import msgid
from servicedesk.devices.catalogue.enterprise_wipe import WipeCompanyData
from servicedesk.devices.catalogue.full_wipe import WipeWholeDevice
from servicedesk.devices.catalogue.locate import LocateDevices
from servicedesk.devices.catalogue.lock import LockDevices
from servicedesk.devices.catalogue.push_message import PushMessage

if TYPE_CHECKING:
    from servicedesk.devices.catalogue.action import ManagedAction

ACTIONS: tuple[ManagedAction, ...] = (
    LockDevices(),
    LocateDevices(),
    PushMessage(),
    WipeCompanyData(),
    WipeWholeDevice(),
)
_BY_CODE = {action.code: action for action in ACTIONS}


def action_named(code: str) -> ManagedAction:
    """Return the action of that code. Raises InvalidInput."""
    if code not in _BY_CODE:
        raise InvalidInput(msgid("There is no such action."), field="action.code")
    return _BY_CODE[code]
