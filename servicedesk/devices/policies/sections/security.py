"""Passcode and restrictions: how far a device is trusted. One of each, merged setting by setting."""

from __future__ import annotations

from typing import TYPE_CHECKING

from servicedesk.clients.models import FunctionalBlock
from servicedesk.core.text import Text, msgid
from servicedesk.devices.parameters import Kind, Parameter
from servicedesk.devices.policies.sections.section import Section, is_on

if TYPE_CHECKING:
    from servicedesk.devices.policies.sections.section import Values


class Passcode(Section):
    """What the code that opens the device has to be."""

    code = "passcode"
    label = msgid("Passcode")
    icon = "lock"
    block = FunctionalBlock.DEVICE_SECURITY
    parameters = (
        Parameter(
            name="min_length",
            label=msgid("At least so many characters"),
            kind=Kind.NUMBER,
            least=4,
            most=16,
        ),
        Parameter(
            name="complexity",
            label=msgid("Complexity"),
            kind=Kind.CHOICE,
            choices={
                "numeric": msgid("Digits are enough, not in a row"),
                "alphanumeric": msgid("Letters and digits"),
                "complex": msgid("Letters, digits and signs"),
            },
        ),
        Parameter(
            name="max_age_days",
            label=msgid("Must be changed after so many days"),
            kind=Kind.NUMBER,
            least=1,
            most=730,
        ),
        Parameter(
            name="history",
            label=msgid("So many former ones are not accepted"),
            kind=Kind.NUMBER,
            least=1,
            most=50,
        ),
        Parameter(
            name="max_attempts",
            label=msgid("Wrong attempts before the device erases itself"),
            help=msgid("Empty: it never erases itself."),
            kind=Kind.NUMBER,
            least=6,
            most=16,
        ),
        Parameter(
            name="lock_minutes",
            label=msgid("Locks after so many minutes without use"),
            kind=Kind.NUMBER,
            least=1,
            most=60,
        ),
    )

    def across(self, values: Values) -> dict[str, str]:
        """Ask for something at all."""
        if any(values.values()):
            return {}
        return {"min_length": msgid("Set at least one of these.")}

    def summary(self, values: Values) -> Text:
        """Say how long and how complex."""
        if length := values.get("min_length"):
            return Text(
                msgid("Requires a passcode of at least %(length)s characters"), {"length": length}
            )
        return Text(msgid("Requires a passcode"))


RESTRICTIONS = {
    "no_camera": msgid("The camera is off"),
    "no_screenshots": msgid("Screenshots are off"),
    "no_cloud_backup": msgid("Backups to private clouds are off"),
    "no_unknown_apps": msgid("Apps from outside the store are off"),
    "no_usb": msgid("Data over USB is off"),
    "no_factory_reset": msgid("The holder cannot reset the device"),
    "no_account_changes": msgid("The holder cannot add accounts"),
    "no_roaming_data": msgid("Data while roaming is off"),
}


class Restrictions(Section):
    """What the device does not do."""

    code = "restrictions"
    label = msgid("Restrictions")
    icon = "hand-stop"
    block = FunctionalBlock.DEVICE_SECURITY
    parameters = tuple(
        Parameter(
            name=name,
            label=label,
            kind=Kind.CHOICE,
            choices={"yes": msgid("Yes"), "no": msgid("No, even if a weaker policy says so")},
        )
        for name, label in RESTRICTIONS.items()
    )

    def across(self, values: Values) -> dict[str, str]:
        """Ask for something at all."""
        if any(values.values()):
            return {}
        return {"no_camera": msgid("Set at least one of these.")}

    def summary(self, values: Values) -> Text:
        """Count them."""
        count = sum(is_on(values, name) for name in RESTRICTIONS)
        return Text(msgid("Restrictions in force: %(count)s"), {"count": count})
