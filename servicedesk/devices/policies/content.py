"""The content of a policy as it is kept, and what can be said about it: pure.

A content maps section → key → setting → text. Secrets in it are sealed, empty settings are left out.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from servicedesk.devices.policies.sections import SECTIONS

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    Values = Mapping[str, str]
    Content = Mapping[str, Mapping[str, Values]]
    Fingerprints = Mapping[str, Mapping[str, str]]

FINGERPRINT_LENGTH = 16


class Change(StrEnum):
    """What happened to an entry from one content to another."""

    ADDED = "added"
    REMOVED = "removed"
    CHANGED = "changed"


@dataclass(frozen=True)
class Difference:
    """An entry that is not the same in two contents; `settings` names what differs within it."""

    section: str
    key: str
    change: Change
    before: Values
    after: Values

    @property
    def settings(self) -> list[str]:
        """Return the names of the settings that differ, sorted."""
        names = {*self.before, *self.after}
        return sorted(n for n in names if self.before.get(n) != self.after.get(n))


def entries(content: Content) -> Iterator[tuple[str, str, Values]]:
    """Yield section, key and values, in the order in which sections are read."""
    for section in SECTIONS:
        for key in sorted(content.get(section.code, {})):
            yield section.code, key, content[section.code][key]


def with_entry(content: Content, section: str, key: str, values: Values) -> dict[str, dict]:  # type: ignore[type-arg]
    """Return the content with one entry put in, replacing the one of its key."""
    copied = copy_of(content)
    copied.setdefault(section, {})[key] = dict(values)
    return copied


def without_entry(content: Content, section: str, key: str) -> dict[str, dict]:  # type: ignore[type-arg]
    """Return the content with one entry taken out."""
    copied = copy_of(content)
    copied.get(section, {}).pop(key, None)
    return {name: kept for name, kept in copied.items() if kept}


def copy_of(content: Content) -> dict[str, dict[str, dict[str, str]]]:
    """Return a copy that may be changed."""
    return {
        section: {key: dict(values) for key, values in keyed.items()}
        for section, keyed in content.items()
    }


def differences(before: Content, after: Content) -> list[Difference]:
    """Return what is not the same, in the order in which sections are read."""
    found = []
    for section in SECTIONS:
        old, new = before.get(section.code, {}), after.get(section.code, {})
        for key in sorted({*old, *new}):
            if old.get(key) == new.get(key):
                continue
            change = (
                Change.ADDED
                if key not in old
                else Change.REMOVED
                if key not in new
                else Change.CHANGED
            )
            found.append(Difference(section.code, key, change, old.get(key, {}), new.get(key, {})))
    return found


def fingerprint(values: Values) -> str:
    """Return a short digest of an entry: what a device reports to have applied."""
    canonical = json.dumps(dict(values), sort_keys=True, ensure_ascii=False)
    return hashlib.sha256(canonical.encode()).hexdigest()[:FINGERPRINT_LENGTH]


def fingerprints(content: Content) -> dict[str, dict[str, str]]:
    """Return the digest of every entry."""
    return {
        section: {key: fingerprint(values) for key, values in keyed.items()}
        for section, keyed in content.items()
        if keyed
    }


def digest(*parts: object) -> str:
    """Return a digest of JSON values, the same for what is equal."""
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()
