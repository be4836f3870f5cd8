"""Every action the desk can carry out, one file each; a law test says if one is missing here."""

from __future__ import annotations

from typing import TYPE_CHECKING

from servicedesk.core.errors import InvalidInput
from servicedesk.core.text import msgid
from servicedesk.devices.catalogue.add_conformity_rule import AddConformityRule
from servicedesk.devices.catalogue.assign_policy import AssignPolicy
from servicedesk.devices.catalogue.clear_passcode import ClearPasscodes
from servicedesk.devices.catalogue.configure_mail import ConfigureMail
from servicedesk.devices.catalogue.configure_vpn import ConfigureVpn
from servicedesk.devices.catalogue.configure_wifi import ConfigureWifi
from servicedesk.devices.catalogue.distribute_document import DistributeDocument
from servicedesk.devices.catalogue.enrol import EnrolDevices
from servicedesk.devices.catalogue.enterprise_wipe import WipeCompanyData
from servicedesk.devices.catalogue.full_wipe import WipeWholeDevice
from servicedesk.devices.catalogue.install_certificate import InstallCertificate
from servicedesk.devices.catalogue.locate import LocateDevices
from servicedesk.devices.catalogue.lock import LockDevices
from servicedesk.devices.catalogue.move_devices import MoveDevices
from servicedesk.devices.catalogue.new_policy import NewPolicy
from servicedesk.devices.catalogue.publish_app import PublishApp
from servicedesk.devices.catalogue.publish_policy import PublishPolicy
from servicedesk.devices.catalogue.push_message import PushMessage
from servicedesk.devices.catalogue.reconcile_policy import ReconcilePolicy
from servicedesk.devices.catalogue.remove_setting import RemoveSetting
from servicedesk.devices.catalogue.require_passcode import RequirePasscode
from servicedesk.devices.catalogue.restrict import Restrict
from servicedesk.devices.catalogue.retire import RetireDevices
from servicedesk.devices.catalogue.switch_conformity_rule import SwitchConformityRule
from servicedesk.devices.catalogue.unassign_policy import UnassignPolicy

if TYPE_CHECKING:
    from servicedesk.devices.catalogue.action import ManagedAction

ACTIONS: tuple[ManagedAction, ...] = (
    LockDevices(),
    LocateDevices(),
    PushMessage(),
    ClearPasscodes(),
    WipeCompanyData(),
    WipeWholeDevice(),
    RequirePasscode(),
    Restrict(),
    ConfigureWifi(),
    ConfigureMail(),
    ConfigureVpn(),
    InstallCertificate(),
    PublishApp(),
    DistributeDocument(),
    AddConformityRule(),
    SwitchConformityRule(),
    NewPolicy(),
    AssignPolicy(),
    UnassignPolicy(),
    PublishPolicy(),
    RemoveSetting(),
    ReconcilePolicy(),
    EnrolDevices(),
    MoveDevices(),
    RetireDevices(),
)
# what the service promises to the contact's hand on one or several devices
POINT_ACTIONS: tuple[ManagedAction, ...] = tuple(
    action for action in ACTIONS if action.is_point_action
)
_BY_CODE = {action.code: action for action in ACTIONS}


def action_named(code: str) -> ManagedAction:
    """Return the action of that code. Raises InvalidInput."""
    if code not in _BY_CODE:
        raise InvalidInput(msgid("There is no such action."), field="action.code")
    return _BY_CODE[code]
