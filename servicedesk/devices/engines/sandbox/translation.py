"""Our words and the sandbox's: instructions, states, and what it can do to which device."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID

from servicedesk.core.text import msgid
from servicedesk.devices.engines.contract import (
    CAPABLE,
    Capability,
    DeviceFacts,
    DeviceReport,
    Observation,
    ObservedState,
    Position,
    ReportedApp,
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
FLAGS = ("has_passcode", "is_encrypted", "is_compromised")
MOST_APPS = 2000  # of a device; what comes after is not believed
MOST_WORDS = 500  # characters of a name or a version
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


def report_of(data: object) -> DeviceReport | None:
    """Read the sandbox's account of a device; None when it is none. What is odd in it is left out."""
    if not isinstance(data, dict) or not isinstance(data.get("id"), str):
        return None
    inventory = data.get("inventory")
    facts: dict[str, Any] = inventory if isinstance(inventory, dict) else {}
    flags = {name: facts[name] for name in FLAGS if isinstance(facts.get(name), bool)}
    version, policy = facts.get("os_version"), data.get("policy")
    return DeviceReport(
        external_id=data["id"],
        last_contact_at=_instant(data.get("last_contact")),
        is_enrolled=data.get("enrolled") is True,
        os_version=version if isinstance(version, str) else "",
        apps=_apps(facts.get("apps")),
        policy=policy if isinstance(policy, dict) else None,
        **flags,
    )


def _apps(told: object) -> tuple[ReportedApp, ...] | None:
    if not isinstance(told, list):
        return None
    return tuple(
        ReportedApp(app["identifier"], _words(app.get("name")), _words(app.get("version")))
        for app in told[:MOST_APPS]
        if isinstance(app, dict) and isinstance(app.get("identifier"), str)
    )


def _words(told: object) -> str:
    return told[:MOST_WORDS] if isinstance(told, str) else ""


def _instant(told: object) -> datetime | None:
    """Return an instant in UTC; None for whatever does not say which one is meant."""
    try:
        moment = datetime.fromisoformat(told) if isinstance(told, str) else None
        return moment.astimezone(UTC) if moment and moment.tzinfo else None
    except (ValueError, OverflowError):
        return None


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
