"""Actions that change what devices should have; the devices are then told all of it at once."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any, ClassVar

from sqlalchemy import select

from servicedesk.core.errors import InvalidInput
from servicedesk.core.text import msgid
from servicedesk.devices.catalogue.action import ManagedAction, Risk, Way
from servicedesk.devices.instructions import ApplyPolicy, Instruction
from servicedesk.devices.models import Management, Ownership, Platform
from servicedesk.devices.parameters import Kind, Parameter
from servicedesk.devices.policies.changes import (
    drop_entry,
    own_profile,
    own_profile_of,
    set_entry,
    version_in,
)
from servicedesk.devices.policies.models import MOST_PRECEDENCE, PolicyAssignment, VersionState

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from sqlalchemy.orm import Session

    from servicedesk.core.unit_of_work import Work
    from servicedesk.devices.policies.content import Content
    from servicedesk.devices.policies.models import PolicyProfile
    from servicedesk.devices.policies.sections.section import Section

MOST_SINGLE_DEVICES = 50  # with own settings at once; more of them are a group

PROFILE = Parameter(
    name="profile",
    label=msgid("Policy"),
    required=True,
    max_length=40,
    offers="profiles",
)
PRECEDENCE = Parameter(
    name="precedence",
    label=msgid("Precedence"),
    help=msgid("From 1 to 999: of two policies that disagree the lower one decides. Usual: 100."),
    kind=Kind.NUMBER,
    least=1,
    most=MOST_PRECEDENCE,
)

Undo = dict[str, Any]  # {"code": …, "parameters": …}


class TooManySingleDevices(InvalidInput):
    """Own settings for hundreds of devices, one by one."""

    code = "too-many-single-devices"
    sentence = msgid("More than %(most)s devices get their settings as a group: choose a group.")


@dataclass(frozen=True, kw_only=True)
class Scope:
    """For whom something changes: these groups, or where there are none these devices."""

    client_id: int
    group_ids: Sequence[int]
    device_ids: Sequence[int]
    note: str  # what asked for it: the order's reference

    @property
    def single_ids(self) -> Sequence[int]:
        """Return the devices that are meant one by one."""
        return [] if self.group_ids else self.device_ids


class DesiredStateAction(ManagedAction):
    """An action that changes what devices should have, before its devices are told."""

    sends = ApplyPolicy.kind
    risk = Risk.DISRUPTIVE
    changes_policy: ClassVar[bool] = True
    ownerships = frozenset(Ownership)
    ways = (
        Way(
            platforms=frozenset({Platform.IOS, Platform.IPADOS}), managements=frozenset(Management)
        ),
        Way(
            platforms=frozenset({Platform.ANDROID}),
            managements=frozenset(Management),
            from_version=(8,),
        ),
    )
    way_refusal = msgid("Its kind of management takes no settings.")
    not_after = timedelta(days=30)

    def instruction(self, parameters: Mapping[str, str]) -> Instruction:
        """Apply what the device should have when its turn comes."""
        del parameters
        return ApplyPolicy()

    @abstractmethod
    def change(self, work: Work, scope: Scope, parameters: Mapping[str, str]) -> Undo | None:
        """Change what devices should have; return what takes it back. Raises DomainError."""

    def settles_on(
        self, session: Session, client_id: int, parameters: Mapping[str, str]
    ) -> Content | None:
        """Return the written settings that it brings to devices, where they are not its parameters.

        What an approval signs covers them: a draft that is changed afterwards is not what was signed.
        """
        del session, client_id, parameters
        return None

    def reach(
        self, session: Session, client_id: int, parameters: Mapping[str, str]
    ) -> tuple[Sequence[int], Sequence[int]]:
        """Return groups and devices, by id, of an action that finds its targets itself."""
        raise NotImplementedError


class SectionAction(DesiredStateAction):
    """Give groups or devices one entry of a section, as settings of their own."""

    section: ClassVar[Section]
    inverse = "config.remove"

    def faults(self, parameters: Mapping[str, object]) -> dict[str, str]:
        """Check as the section does."""
        return self.section.faults(parameters)

    def cleaned(self, parameters: Mapping[str, object]) -> dict[str, str]:
        """Return what is kept of the entry, secrets sealed."""
        return self.section.taken(parameters)

    def change(self, work: Work, scope: Scope, parameters: Mapping[str, str]) -> Undo | None:
        """Put the entry into the own settings of each group or device."""
        code, key = self.section.code, self.section.key(parameters)
        owners = list(own_profiles(work, scope))
        had = [profile for profile in owners if _has_entry(work, profile, code, key)]
        numbers = [set_entry(work, one, code, key, parameters, scope.note) for one in owners]
        if not had:
            return {"code": self.inverse, "parameters": {"section": code, "key": key}}
        return back_to(owners[0], numbers[0]) if len(owners) == 1 else None


def own_profiles(work: Work, scope: Scope) -> Iterator[PolicyProfile]:
    """Yield the own settings of everybody in the scope. Raises TooManySingleDevices."""
    if len(scope.single_ids) > MOST_SINGLE_DEVICES:
        raise TooManySingleDevices(field="action.targets.devices", most=MOST_SINGLE_DEVICES)
    for group_id in scope.group_ids:
        yield own_profile(work, scope.client_id, group_id=group_id)
    for device_id in scope.single_ids:
        yield own_profile(work, scope.client_id, device_id=device_id)


def own_profiles_there(session: Session, scope: Scope) -> list[PolicyProfile]:
    """Return the own settings that there are in the scope."""
    found = [own_profile_of(session, group_id=group_id) for group_id in scope.group_ids]
    found += [own_profile_of(session, device_id=device_id) for device_id in scope.single_ids]
    return [profile for profile in found if profile is not None]


def removed(work: Work, scope: Scope, section: str, key: str) -> list[tuple[PolicyProfile, int]]:
    """Take an entry out of own settings; return the profiles with the number of what was before."""
    gone = []
    for profile in own_profiles_there(work.session, scope):
        if _has_entry(work, profile, section, key):
            before = drop_entry(work, profile, section, key, scope.note)
            gone.append((profile, before or 0))
    return gone


def precedences_of(work: Work, profile: PolicyProfile, scope: Scope) -> list[int]:
    """Return the precedences with which a profile reaches some of the scope already."""
    return list(
        work.session.scalars(
            select(PolicyAssignment.precedence).where(
                PolicyAssignment.profile_id == profile.id,
                PolicyAssignment.group_id.in_(scope.group_ids)
                | PolicyAssignment.device_id.in_(scope.single_ids),
            )
        )
    )


def back_to(profile: PolicyProfile, number: int | None) -> Undo | None:
    """Return what brings a profile back to a version."""
    if number is None:
        return None
    parameters = {"profile": profile.reference, "version": str(number)}
    return {"code": "policy.publish", "parameters": parameters}


def _has_entry(work: Work, profile: PolicyProfile, section: str, key: str) -> bool:
    present = version_in(work.session, profile, VersionState.PUBLISHED)
    return bool(present and key in present.content.get(section, {}))
