"""How a simulated device behaves: a seeded personality, so that every run tells the same story."""

from __future__ import annotations

import math
import random
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

SILENT_AFTER = timedelta(days=3)  # a device unseen for longer is taken to be switched off
MEDIAN_SECONDS = 3.0
TAIL_SECONDS = 120.0
NOT_NOW_SHARE = 0.06
LOST_ANSWER_SHARE = 0.02
FAILURE_SHARE = 0.02
TOWNS = (
    (40.4168, -3.7038),
    (41.3874, 2.1686),
    (39.4699, -0.3763),
    (37.3891, -5.9845),
    (43.2630, -2.9350),
    (41.6488, -0.8891),
    (36.7213, -4.4214),
    (43.3623, -8.4115),
)


@dataclass(frozen=True)
class Step:
    """What a device will do: after `delay` seconds it reaches `state`. `told`: it says so."""

    delay: float
    state: str
    code: str = ""
    detail: str = ""
    told: bool = True


def plan(
    device: dict[str, Any], command: dict[str, Any], seed: int, scale: float, now: datetime
) -> list[Step]:
    """Return the steps a command will take on a device; none for one that is switched off."""
    dice = random.Random(f"{seed}|{device['id']}|{command['idempotency_key']}")  # noqa: S311
    kind = (device.get("behaviour") or {}).get("kind") or _kind(device, dice, now)
    delay = _pick_up(dice) * scale
    if kind == "offline":
        return []
    if kind == "refuses":
        return [Step(delay, "failed", "refused_by_device", "The device refused: low storage.")]
    if kind == "not_now":
        later = delay + (20 + dice.random() * 100) * scale
        return [
            Step(delay, "not_now", "locked", "The device is locked before its first unlock."),
            Step(later, "acknowledged"),
        ]
    if kind == "slow":
        delay += 30 * scale
    return [Step(delay, "acknowledged", told=kind != "silent")]


def _kind(device: dict[str, Any], dice: random.Random, now: datetime) -> str:
    seen = device.get("last_contact")
    if not seen or now - datetime.fromisoformat(seen) > SILENT_AFTER:
        return "offline"
    fate = dice.random()
    for share, kind in (
        (FAILURE_SHARE, "refuses"),
        (LOST_ANSWER_SHARE, "silent"),
        (NOT_NOW_SHARE, "not_now"),
    ):
        if fate < share:
            return kind
        fate -= share
    return "prompt"


def _pick_up(dice: random.Random) -> float:
    """Return seconds until the device takes a command: log-normal, median 3, at most 120."""
    return min(TAIL_SECONDS, math.exp(dice.gauss(math.log(MEDIAN_SECONDS), 1.0)))


def refusal(device: dict[str, Any], command_type: str) -> tuple[str, str] | None:
    """Return the engine's own refusal of a command for this device, or None."""
    management = device.get("management", "")
    private = management in {"user_enrolment", "work_profile_personal"}
    if command_type == "Erase" and (private or device.get("ownership") == "personal"):
        return "MANAGEMENT_MODE", "A private device cannot be erased."
    if command_type in {"EnterpriseWipe", "Release"} and management == "fully_managed":
        return "MANAGEMENT_MODE", "There is no work profile to remove."
    if command_type == "Locate" and (private or management == "managed"):
        return "UNSUPPORTED", "Location needs a supervised or company-owned device."
    if command_type == "ClearPasscode" and private:
        return "UNSUPPORTED", "The code of a private device is its owner's."
    return None


def applied(device: dict[str, Any], parameters: dict[str, Any]) -> dict[str, dict[str, str]]:
    """Return what a device has after it was told its policy: section → key → fingerprint.

    A picky device's holder declines required apps, so that the device differs from its policy.
    """
    declines = (device.get("behaviour") or {}).get("kind") == "picky"
    has: dict[str, dict[str, str]] = {}
    for entry in parameters.get("entries") or []:
        required = (
            entry["section"] == "apps" and entry["settings"].get("availability") == "required"
        )
        if not (declines and required):
            has.setdefault(entry["section"], {})[entry["key"]] = entry["fingerprint"]
    return has


def position(device_id: str, seed: int, now: datetime) -> dict[str, Any]:
    """Return where the device is: near its seeded home town."""
    dice = random.Random(f"{seed}|{device_id}|home")  # noqa: S311
    latitude, longitude = dice.choice(TOWNS)
    walk = random.Random(f"{seed}|{device_id}|{now:%Y-%m-%dT%H}")  # noqa: S311
    return {
        "latitude": round(latitude + walk.uniform(-0.04, 0.04), 5),
        "longitude": round(longitude + walk.uniform(-0.05, 0.05), 5),
        "accuracy": round(walk.uniform(5, 60), 1),
        "taken_at": now.astimezone(UTC).isoformat(timespec="seconds"),
    }
