"""The effective policy of a device: what several profiles come to, where each setting is from. Pure.

It depends on what is assigned and how strongly, never on the order in which it was assigned: a
device's own assignment beats its groups', then the lower precedence, then the older profile. Single
sections (passcode, restrictions) merge setting by setting; of the others the stronger entry of a key
is taken whole, for half a wifi network of one profile and half of another would be nobody's wish.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

from servicedesk.devices.policies.content import digest, fingerprints
from servicedesk.devices.policies.sections import BY_CODE, SECTIONS

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import date

    from servicedesk.devices.policies.content import Content, Fingerprints, Values
    from servicedesk.devices.policies.sections.section import Section

TO_DEVICE, TO_GROUP = 0, 1


@dataclass(frozen=True, order=True)
class Rank:
    """How strong an assignment is: the lowest wins."""

    scope: int  # TO_DEVICE before TO_GROUP
    precedence: int
    profile_id: int


@dataclass(frozen=True)
class Assigned:
    """A published version that reaches a device."""

    rank: Rank
    profile: str  # reference
    content: Content


@dataclass(frozen=True)
class Conflict:
    """Two profiles that want different things; `setting` is empty where it is a whole entry."""

    section: str
    key: str
    setting: str
    kept: str  # reference of the profile that decides
    lost: str

    def to_json(self) -> dict[str, str]:
        """Return it as JSON knows it."""
        return dict(vars(self))


@dataclass(frozen=True)
class Effective:
    """What a device should have. `sources`: section → key → setting → reference of the profile."""

    content: dict[str, dict[str, dict[str, str]]] = field(default_factory=dict)
    sources: dict[str, dict[str, dict[str, str]]] = field(default_factory=dict)
    conflicts: tuple[Conflict, ...] = ()
    withheld: tuple[str, ...] = ()  # sections that conformity keeps back

    @property
    def fingerprints(self) -> dict[str, dict[str, str]]:
        """Return the digest of every entry."""
        return fingerprints(self.content)

    @property
    def digest(self) -> str:
        """Return what tells it from every other."""
        conflicts = [conflict.to_json() for conflict in self.conflicts]
        return digest(self.content, self.sources, conflicts, list(self.withheld))


def effective_policy(
    assigned: Iterable[Assigned], platform: str, day: date, withheld: Iterable[str] = ()
) -> Effective:
    """Return what these profiles come to on a device of that platform, on that day.

    A profile that reaches the device twice counts once, with its strongest rank.
    """
    kept_back = frozenset(withheld)
    strongest: dict[str, Assigned] = {}
    for one in sorted(assigned, key=lambda a: a.rank):
        strongest.setdefault(one.profile, one)
    content: dict[str, dict[str, dict[str, str]]] = {}
    sources: dict[str, dict[str, dict[str, str]]] = {}
    conflicts: list[Conflict] = []
    held: set[str] = set()
    for section in SECTIONS:
        merged = _Merged(section)
        for one in strongest.values():
            for key, values in sorted(one.content.get(section.code, {}).items()):
                if section.applies_to(values, platform) and not section.is_over(values, day):
                    merged.add(key, values, one.profile)
        if section.code in kept_back:
            held |= {section.code} if merged.values else set()
        elif merged.values:
            content[section.code], sources[section.code] = merged.values, merged.sources
            conflicts += merged.conflicts
    return Effective(content, sources, tuple(conflicts), tuple(sorted(held)))


class _Merged:
    """The entries of one section while profiles are added, the strongest first."""

    def __init__(self, section: Section) -> None:
        self.section = section
        self.values: dict[str, dict[str, str]] = {}
        self.sources: dict[str, dict[str, str]] = {}
        self.conflicts: list[Conflict] = []

    def add(self, key: str, values: Values, profile: str) -> None:
        present = self.values.get(key)
        if present is None:
            self.values[key] = dict(values)
            self.sources[key] = dict.fromkeys(values, profile)
        elif self.section.is_single:
            self._merge(key, values, profile)
        elif present != dict(values):
            self._note(key, "", next(iter(self.sources[key].values())), profile)

    def _merge(self, key: str, values: Values, profile: str) -> None:
        for setting, value in sorted(values.items()):
            if setting not in self.values[key]:
                self.values[key][setting] = value
                self.sources[key][setting] = profile
            elif self.values[key][setting] != value:
                self._note(key, setting, self.sources[key][setting], profile)

    def _note(self, key: str, setting: str, kept: str, lost: str) -> None:
        self.conflicts.append(Conflict(self.section.code, key, setting, kept, lost))


def opened(content: Content) -> dict[str, dict[str, dict[str, str]]]:
    """Return a content as a device is told it, its secrets in the clear. Raises NotOurs."""
    return {
        code: {key: BY_CODE[code].opened(values) for key, values in keyed.items()}
        for code, keyed in content.items()
    }


class DriftKind(StrEnum):
    """How a device differs from what it should have."""

    MISSING = "missing"
    DIFFERENT = "different"
    UNEXPECTED = "unexpected"


@dataclass(frozen=True)
class Drift:
    """An entry in which a device differs."""

    section: str
    key: str
    kind: DriftKind


def drift(desired: Fingerprints, reported: Fingerprints) -> list[Drift]:
    """Return in what a device differs from what it should have, by the digests of its entries."""
    found = []
    for code in sorted({*desired, *reported}):
        wanted, present = desired.get(code, {}), reported.get(code, {})
        for key in sorted({*wanted, *present}):
            if key not in present:
                found.append(Drift(code, key, DriftKind.MISSING))
            elif key not in wanted:
                found.append(Drift(code, key, DriftKind.UNEXPECTED))
            elif wanted[key] != present[key]:
                found.append(Drift(code, key, DriftKind.DIFFERENT))
    return found
