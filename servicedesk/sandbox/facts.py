"""What simulated devices report of themselves, and how their users change it.

A device's present facts follow from those it was enrolled with, the seed and the days since: the
same run tells the same story, and nothing has to tick.
"""

from __future__ import annotations

import copy
import random
import re
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from servicedesk.sandbox.store import Store

DAY = timedelta(days=1)
SILENT_AFTER = timedelta(days=3)  # who was silent for longer when it was enrolled stays silent
MOST_DAYS = 90  # of a life that are lived
FACTS = ("os_version", "has_passcode", "is_encrypted", "is_compromised", "apps")

SKIPS_UPDATES = 0.3  # of the users
IS_CARELESS = 0.1
# a day's chances
TEMPTED, TIDIES_UP = 0.01, 0.15
UPDATES_SYSTEM, UPDATES_APP = 0.05, 0.2
DROPS_CODE, SETS_CODE = 0.02, 0.3

SYSTEMS = {
    "ios": ("17.7.2", "18.6", "18.7", "26.0", "26.0.1", "26.1"),
    "ipados": ("17.7", "18.7", "26.1"),
    "android": ("13", "14", "15", "16"),
}
TEMPTATIONS = {
    "ios": (
        ("com.philandro.anydesk", "AnyDesk", "7.3.0"),
        ("com.zhiliaoapp.musically", "TikTok", "42.5.3"),
    ),
    "android": (
        ("com.anydesk.anydeskandroid", "AnyDesk", "7.3.0"),
        ("com.zhiliaoapp.musically", "TikTok", "42.5.3"),
        ("org.mozilla.fenix.nightly", "Firefox Nightly", "144.0"),
    ),
}
TEMPTATIONS["ipados"] = TEMPTATIONS["ios"]


def stamped(device: dict[str, Any], now: datetime) -> dict[str, Any]:
    """Return a device to enrol with the instant from which its facts move on."""
    return {**device, "facts_at": now.isoformat()}


def present(device: dict[str, Any], seed: int, now: datetime, pace: float = 1.0) -> dict[str, Any]:
    """Return a device as the engine tells of it: in touch lately, with what it is and has now.

    `pace`: days lived in a day.
    """
    told = {key: value for key, value in device.items() if key != "facts_at"}
    since = datetime.fromisoformat(device.get("facts_at") or now.isoformat())
    seen = device.get("last_contact")
    if not seen or since - datetime.fromisoformat(seen) > SILENT_AFTER:
        return told
    told["last_contact"] = _last_contact(device, seed, since, now).isoformat()
    if device.get("inventory"):
        days = min(MOST_DAYS, int((now - since) / DAY * pace))
        told["inventory"] = lived(device, seed, days)
    return told


def _last_contact(device: dict[str, Any], seed: int, since: datetime, now: datetime) -> datetime:
    """Return when it was last in touch: within the hour, and never before it was known to be."""
    dice = random.Random(f"{seed}|{device['id']}|{now:%Y-%m-%dT%H}")  # noqa: S311
    lately = now - timedelta(minutes=dice.uniform(0, 59))
    known = datetime.fromisoformat(device["last_contact"])
    return max(known, min(lately, now) if now - since > timedelta(hours=1) else known)


def lived(device: dict[str, Any], seed: int, days: int) -> dict[str, Any]:
    """Return the facts of a device after so many days in the hands of its user."""
    facts: dict[str, Any] = copy.deepcopy(device["inventory"])
    habits = random.Random(f"{seed}|{device['id']}|habits")  # noqa: S311
    skips, careless = habits.random() < SKIPS_UPDATES, habits.random() < IS_CARELESS
    platform = str(device.get("platform"))
    for day in range(days):
        dice = random.Random(f"{seed}|{device['id']}|day {day}")  # noqa: S311
        _play(facts, platform, dice)
        _keep_code(facts, dice, careless=careless)
        if not skips:
            _update(facts, platform, dice)
    return facts


def _play(facts: dict[str, Any], platform: str, dice: random.Random) -> None:
    """Install something that work does not need, or tidy up."""
    apps, offered = facts.setdefault("apps", []), TEMPTATIONS.get(platform, ())
    present = {app["identifier"] for app in apps}
    if offered and dice.random() < TEMPTED:
        identifier, name, version = dice.choice(offered)
        if identifier not in present:
            apps.append({"identifier": identifier, "name": name, "version": version})
    elif dice.random() < TIDIES_UP:
        gone = {identifier for identifier, _name, _version in offered} & present
        facts["apps"] = [app for app in apps if app["identifier"] not in gone]


def _keep_code(facts: dict[str, Any], dice: random.Random, *, careless: bool) -> None:
    if facts.get("has_passcode") and careless and dice.random() < DROPS_CODE:
        facts["has_passcode"] = False
    elif facts.get("has_passcode") is False and dice.random() < SETS_CODE:
        facts["has_passcode"] = True


def _update(facts: dict[str, Any], platform: str, dice: random.Random) -> None:
    systems = SYSTEMS.get(platform, ())
    if facts.get("os_version") in systems[:-1] and dice.random() < UPDATES_SYSTEM:
        facts["os_version"] = systems[systems.index(facts["os_version"]) + 1]
    if facts.get("apps") and dice.random() < UPDATES_APP:
        app = dice.choice(facts["apps"])
        app["version"] = re.sub(
            r"([0-9]+)([^0-9]*)$", lambda found: f"{int(found[1]) + 1}{found[2]}", app["version"]
        )


def change(store: Store, device_id: str, changes: dict[str, Any]) -> bool:
    """Have a device be or have something else from now on; return whether there is such a device."""
    device = store.device(device_id)
    if device is None:
        return False
    now = datetime.now(UTC)
    facts = {**(device.get("inventory") or {}), **changes}
    changed = {**device, "inventory": facts, "last_contact": now.isoformat()}
    store.change(device_id, stamped(changed, now))
    return True
