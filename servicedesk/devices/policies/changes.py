"""Steps that change what devices should have: versions take their turn, profiles reach groups and devices.

Orders call them, so every change is asked for, checked and staged; a draft alone changes nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import delete, func, select, text
from sqlalchemy.dialects.postgresql import insert

from servicedesk.core.errors import InvalidInput, NotAllowedNow
from servicedesk.core.references import next_reference
from servicedesk.core.text import msgid
from servicedesk.devices.models import Device, DeviceGroup
from servicedesk.devices.policies.content import with_entry, without_entry
from servicedesk.devices.policies.models import (
    OWN_PRECEDENCE,
    PolicyAssignment,
    PolicyProfile,
    PolicyVersion,
    VersionState,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from sqlalchemy.orm import Session

    from servicedesk.core.unit_of_work import Work
    from servicedesk.devices.policies.content import Content, Values

LOCKS = 7_302_029  # the class of these advisory locks; the number in it is the client's id
PREFIX = "POL"


class NothingToPublish(NotAllowedNow):
    """A version without a single setting."""

    code = "nothing-to-publish"
    sentence = msgid("The policy has no settings yet: write its draft first.")


def lock_policies(work: Work, client_id: int) -> None:
    """Be the only one to change what a client's devices should have until the commit."""
    work.session.execute(
        text("SELECT pg_advisory_xact_lock(:locks, :client)"), {"locks": LOCKS, "client": client_id}
    )


def profile_named(session: Session, client_id: int, reference: str) -> PolicyProfile:
    """Return a profile of that client. Raises InvalidInput at `profile`."""
    profile = session.scalars(
        select(PolicyProfile).where(
            PolicyProfile.client_id == client_id, PolicyProfile.reference == reference
        )
    ).one_or_none()
    if profile is None:
        raise InvalidInput(msgid("There is no such policy."), field="profile")
    return profile


def version_of(session: Session, profile: PolicyProfile, number: int) -> PolicyVersion:
    """Return a version of a profile. Raises InvalidInput at `version`."""
    version = session.get(PolicyVersion, (profile.id, number))
    if version is None:
        raise InvalidInput(msgid("There is no such version."), field="version")
    return version


def version_in(
    session: Session, profile: PolicyProfile, state: VersionState
) -> PolicyVersion | None:
    """Return the one draft, or the one published version, of a profile."""
    return session.scalars(
        select(PolicyVersion).where(
            PolicyVersion.profile_id == profile.id, PolicyVersion.state == state
        )
    ).one_or_none()


def next_number(session: Session, profile: PolicyProfile) -> int:
    """Return the number of the profile's next version."""
    newest = session.scalar(
        select(func.max(PolicyVersion.number)).where(PolicyVersion.profile_id == profile.id)
    )
    return (newest or 0) + 1


def publish(work: Work, profile: PolicyProfile, number: int, note: str = "") -> PolicyVersion:
    """Make a version what devices should have; return the published one.

    A draft is published as it is. A retired version comes back as a new one of the same content, so
    that history only grows. Raises InvalidInput at `version`, NothingToPublish.
    """
    lock_policies(work, profile.client_id)
    version = version_of(work.session, profile, number)
    if version.state is VersionState.PUBLISHED:
        return version
    if not version.content:
        raise NothingToPublish
    _retire_published(work, profile)
    if version.state is VersionState.RETIRED:
        return _write_published(work, profile, version.content, note)
    version.state = VersionState.PUBLISHED
    version.published_at, version.published_by_name = work.at, work.actor.name
    version.note = version.note or note
    work.session.flush()
    return version


def _retire_published(work: Work, profile: PolicyProfile) -> None:
    present = version_in(work.session, profile, VersionState.PUBLISHED)
    if present is not None:
        present.state, present.retired_at = VersionState.RETIRED, work.at
        work.session.flush()


def _write_published(
    work: Work, profile: PolicyProfile, content: Content, note: str
) -> PolicyVersion:
    version = PolicyVersion(
        profile_id=profile.id,
        number=next_number(work.session, profile),
        client_id=profile.client_id,
        state=VersionState.PUBLISHED,
        content=content,
        note=note,
        author_name=work.actor.name,
        created_at=work.at,
        updated_at=work.at,
        published_at=work.at,
        published_by_name=work.actor.name,
    )
    work.session.add(version)
    work.session.flush()
    return version


def assign(
    work: Work,
    profile: PolicyProfile,
    group_ids: Sequence[int],
    device_ids: Sequence[int],
    precedence: int,
) -> None:
    """Have a profile reach groups and devices; where it does already, with the new precedence."""
    lock_policies(work, profile.client_id)
    common = {
        "client_id": profile.client_id,
        "profile_id": profile.id,
        "precedence": precedence,
    }
    for column, ids in (("group_id", group_ids), ("device_id", device_ids)):
        if ids:
            work.session.execute(
                insert(PolicyAssignment)
                .values([{**common, column: one} for one in ids])
                .on_conflict_do_update(
                    index_elements=["profile_id", column], set_={"precedence": precedence}
                )
            )
    work.note(policy=profile.reference, assigned_to_groups=list(group_ids), precedence=precedence)
    work.note(assigned_to_devices=len(device_ids))


def unassign(
    work: Work, profile: PolicyProfile, group_ids: Sequence[int], device_ids: Sequence[int]
) -> None:
    """Have a profile reach these groups and devices no more."""
    lock_policies(work, profile.client_id)
    for column, ids in (
        (PolicyAssignment.group_id, group_ids),
        (PolicyAssignment.device_id, device_ids),
    ):
        work.session.execute(
            delete(PolicyAssignment).where(
                PolicyAssignment.profile_id == profile.id, column.in_(ids)
            )
        )
    work.note(policy=profile.reference, taken_from_groups=list(group_ids))
    work.note(taken_from_devices=len(device_ids))


def create_profile(work: Work, client_id: int, name: str, description: str = "") -> PolicyProfile:
    """Write a profile without a version."""
    profile = PolicyProfile(
        client_id=client_id,
        reference=next_reference(work, PREFIX, with_year=False),
        name=name,
        description=description,
        created_at=work.at,
        author_name=work.actor.name,
    )
    work.session.add(profile)
    work.session.flush()
    return profile


def own_profile_of(
    session: Session, *, group_id: int | None = None, device_id: int | None = None
) -> PolicyProfile | None:
    """Return the own settings of a group or device, where it was given any."""
    column, owner = (
        (PolicyProfile.group_id, group_id)
        if group_id is not None
        else (PolicyProfile.device_id, device_id)
    )
    return session.scalars(select(PolicyProfile).where(column == owner)).one_or_none()


def own_profile(
    work: Work, client_id: int, *, group_id: int | None = None, device_id: int | None = None
) -> PolicyProfile:
    """Return the own settings of a group or device, made and assigned to it where there were none."""
    lock_policies(work, client_id)
    found = own_profile_of(work.session, group_id=group_id, device_id=device_id)
    if found is not None:
        return found
    owner = (
        work.session.get_one(DeviceGroup, group_id)
        if group_id is not None
        else work.session.get_one(Device, device_id)
    )
    profile = create_profile(work, client_id, owner.name)
    profile.group_id, profile.device_id = group_id, device_id
    work.session.flush()
    assign(
        work,
        profile,
        [] if group_id is None else [group_id],
        [] if device_id is None else [device_id],
        OWN_PRECEDENCE,
    )
    return profile


def set_entry(
    work: Work, profile: PolicyProfile, section: str, key: str, values: Values, note: str
) -> int | None:
    """Publish the profile with one entry put in; return the number of the version before, if any."""
    return _publish_changed(
        work, profile, note, lambda content: with_entry(content, section, key, values)
    )


def drop_entry(work: Work, profile: PolicyProfile, section: str, key: str, note: str) -> int | None:
    """Publish the profile with one entry taken out; return the number of the version before."""
    return _publish_changed(
        work, profile, note, lambda content: without_entry(content, section, key)
    )


def _publish_changed(
    work: Work, profile: PolicyProfile, note: str, change: Callable[[Content], Content]
) -> int | None:
    lock_policies(work, profile.client_id)
    present = version_in(work.session, profile, VersionState.PUBLISHED)
    content = change(present.content if present else {})
    _retire_published(work, profile)
    _write_published(work, profile, content, note)
    return present.number if present else None


def write_draft(
    work: Work, profile: PolicyProfile, content: Content, note: str = ""
) -> PolicyVersion:
    """Write the profile's next version as a draft; it must have none."""
    draft = PolicyVersion(
        profile_id=profile.id,
        number=next_number(work.session, profile),
        client_id=profile.client_id,
        state=VersionState.DRAFT,
        content=content,
        note=note,
        author_name=work.actor.name,
        created_at=work.at,
        updated_at=work.at,
    )
    work.session.add(draft)
    work.session.flush()
    return draft
