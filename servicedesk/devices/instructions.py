"""The few things any engine may be told: what lies between n actions and m engines."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any, ClassVar

from servicedesk.core.text import msgid


@dataclass(frozen=True, kw_only=True)
class Instruction:
    """What one device shall do. `is_repeatable`: doing it twice harms nobody."""

    kind: ClassVar[str]
    is_repeatable: ClassVar[bool]
    is_destructive: ClassVar[bool] = False  # it cannot be undone

    def to_json(self) -> dict[str, Any]:
        """Return the parameters as JSON knows them."""
        return asdict(self)


@dataclass(frozen=True, kw_only=True)
class LockDevice(Instruction):
    """Lock the screen and show a message and a number to call."""

    kind = "lock_device"
    is_repeatable = True

    message: str = ""
    phone_number: str = ""


@dataclass(frozen=True, kw_only=True)
class EnterpriseWipe(Instruction):
    """Remove what is the company's and leave management."""

    kind = "enterprise_wipe"
    is_repeatable = False
    is_destructive = True


@dataclass(frozen=True, kw_only=True)
class EraseDevice(Instruction):
    """Reset to the state of a new device."""

    kind = "erase_device"
    is_repeatable = False
    is_destructive = True


@dataclass(frozen=True, kw_only=True)
class ShowMessage(Instruction):
    """Show a notification."""

    kind = "show_message"
    is_repeatable = True

    title: str = ""
    text: str = ""


@dataclass(frozen=True, kw_only=True)
class LocateDevice(Instruction):
    """Tell the position."""

    kind = "locate_device"
    is_repeatable = True


@dataclass(frozen=True, kw_only=True)
class ApplyPolicy(Instruction):
    """Have exactly these settings, and report what there is afterwards.

    Each entry: `section`, `key`, `fingerprint` (what the device reports when it has it), `settings`.
    A batch keeps it empty: it is filled for each device when its command leaves, secrets in the
    clear, and never stored.
    """

    kind = "apply_policy"
    is_repeatable = True

    entries: list[dict[str, Any]] = field(default_factory=list)


@dataclass(frozen=True, kw_only=True)
class ClearPasscode(Instruction):
    """Remove the code that opens the device, because its holder has forgotten it."""

    kind = "clear_passcode"
    is_repeatable = False  # a second time it could remove one that was set since


@dataclass(frozen=True, kw_only=True)
class EnrolDevice(Instruction):
    """Take the device under management; filled with its `facts` when the command leaves."""

    kind = "enrol_device"
    is_repeatable = True

    facts: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class ReleaseDevice(Instruction):
    """Let the device out of management, with all the company has put on it."""

    kind = "release_device"
    is_repeatable = False
    is_destructive = True


INSTRUCTIONS: tuple[type[Instruction], ...] = (
    LockDevice,
    EnterpriseWipe,
    EraseDevice,
    ShowMessage,
    LocateDevice,
    ApplyPolicy,
    ClearPasscode,
    EnrolDevice,
    ReleaseDevice,
)
INSTRUCTION_LABELS = {
    LockDevice.kind: msgid("Lock"),
    EnterpriseWipe.kind: msgid("Enterprise wipe"),
    EraseDevice.kind: msgid("Full wipe"),
    ShowMessage.kind: msgid("Push message"),
    LocateDevice.kind: msgid("GPS location"),
    ApplyPolicy.kind: msgid("Policy applied"),
    ClearPasscode.kind: msgid("Passcode cleared"),
    EnrolDevice.kind: msgid("Enrolment"),
    ReleaseDevice.kind: msgid("Retirement"),
}
_BY_KIND = {instruction.kind: instruction for instruction in INSTRUCTIONS}


def instruction_from_json(kind: str, data: dict[str, Any]) -> Instruction:
    """Return the instruction that `to_json` of that kind wrote. Raises KeyError, TypeError."""
    return _BY_KIND[kind](**data)


def is_repeatable(kind: str) -> bool:
    """Whether doing an instruction of that kind twice harms nobody."""
    return _BY_KIND[kind].is_repeatable
