"""Our words and the sandbox's: instructions, states, and what it can do to which device."""

from __future__ import annotations

import json
from datetime import datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID

from servicedesk.core.text import msgid
from servicedesk.devices.engines.contract import (
    CAPABLE,
    Capability,
    DeviceFacts,
    Observation,
    ObservedState,
    Position,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

COMMAND_TYPES: Mapping[str, str] = {
    "lock_device": "Lock",
    "enterprise_wipe": "EnterpriseWipe",
    "erase_device": "Erase",
    "show_message": "Message",
    "locate_device": "Locate",
    "apply_policy": "ApplyPolicy",
    "clear_passcode": "ClearPasscode",
    "enrol_device": "Enrol",
    "release_device": "Release",
}
STATES: Mapping[str, ObservedState] = {
    "pending": ObservedState.ACCEPTED,
    "not_now": ObservedState.NOT_NOW,
    "acknowledged": ObservedState.ACKNOWLEDGED,
    "failed": ObservedState.FAILED,
    "expired": ObservedState.EXPIRED,
    "cancelled": ObservedState.CANCELLED,
}

_PRIVATE = frozenset({"user_enrolment", "work_profile_personal"})
_CANNOT_ERASE = Capability(
    possible=False, reason=msgid("The engine cannot erase a device with a private profile.")
)
_CANNOT_RETIRE = Capability(
    possible=False, reason=msgid("The engine can only erase a fully managed Android.")
)
_CANNOT_LOCATE = Capability(
    possible=False, reason=msgid("The engine cannot locate devices under this management.")
)
_CANNOT_CLEAR = Capability(
    possible=False, reason=msgid("The engine cannot clear the code under this management.")
)
_UNKNOWN = Capability(possible=False, reason=msgid("The engine does not know this instruction."))


# what it cannot do under which management
_REFUSALS: Mapping[str, tuple[frozenset[str], Capability]] = {
    "erase_device": (_PRIVATE, _CANNOT_ERASE),
    "enterprise_wipe": (frozenset({"fully_managed"}), _CANNOT_RETIRE),
    "release_device": (frozenset({"fully_managed"}), _CANNOT_RETIRE),
    "locate_device": (_PRIVATE | {"managed"}, _CANNOT_LOCATE),
    "clear_passcode": (_PRIVATE, _CANNOT_CLEAR),
}


def capability(device: DeviceFacts, instruction_kind: str) -> Capability:
    """Return what the sandbox can do, after the capabilities of real platforms."""
    if instruction_kind not in COMMAND_TYPES:
        return _UNKNOWN
    managements, refusal = _REFUSALS.get(instruction_kind, (frozenset(), CAPABLE))
    return refusal if device.management in managements else CAPABLE


def observation_of(data: Mapping[str, Any]) -> Observation:
    """Read the sandbox's account of a command. Raises KeyError, ValueError or TypeError."""
    result = data.get("result") or {}
    return Observation(
        event_id=str(data["event_id"]),
        engine_ref=str(data["id"]),
        idempotency_key=UUID(data["idempotency_key"]),
        device_external_id=str(data["device"]),
        state=STATES[data["state"]],
        at=datetime.fromisoformat(data["at"]),
        code=str(data.get("code") or ""),
        detail=str(data.get("detail") or ""),
        evidence=json.dumps(data, sort_keys=True),
        result=Position(**result) if "latitude" in result else None,
        reported=result.get("policy"),
    )
