"""What people look at: profiles with their versions, whom they reach, and how many have them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import ColumnElement, Select, case, func, select, text
from sqlalchemy.orm import defer, joinedload

from servicedesk.clients.contracts import contract_in_force
from servicedesk.clients.models import Client
from servicedesk.clients.visibility import visible_to
from servicedesk.core import clock, database
from servicedesk.core.errors import NotFound
from servicedesk.core.paging import PAGE_SIZE, Page, decode_cursor, page_of
from servicedesk.core.permissions import Permission, require
from servicedesk.devices.models import Device, DeviceGroup, DeviceGroupMember, DeviceState
from servicedesk.devices.policies.documents import ClientDocument
from servicedesk.devices.policies.models import (
    DevicePolicy,
    EffectivePolicy,
    PolicyAssignment,
    PolicyProfile,
    PolicyVersion,
    VersionState,
)

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from datetime import datetime

    from servicedesk.core.actors import Actor
    from servicedesk.devices.policies.content import Content

NAMED_DEVICES = 10  # on the page of a profile; the fleet shows them all
NEWEST_VERSIONS = 6
ANY_SOURCE = "$.*.*.* ? (@ == $reference)"  # of a setting, in `EffectivePolicy.sources`


@dataclass(frozen=True, kw_only=True)
class Reach:
    """On how many devices a profile decides at least one setting, and how many of them drift."""

    desired: int = 0
    drifting: int = 0


@dataclass(frozen=True, kw_only=True)
class Assigned:
    """How many groups, and single devices, a profile is assigned to."""

    groups: int = 0
    devices: int = 0


@dataclass(frozen=True, kw_only=True)
class ProfileLine:
    """A profile in a list, with the numbers of its published version and of its draft."""

    profile: PolicyProfile
    published: int | None
    draft: int | None
    published_at: datetime | None
    assigned: Assigned
    reach: Reach


@dataclass(frozen=True, kw_only=True)
class GroupReached:
    """A group a profile is assigned to, and how many enrolled devices are in it."""

    name: str
    precedence: int
    devices: int


@dataclass(frozen=True, kw_only=True)
class Assignments:
    """Whom a profile is assigned to; of single devices the first ones and how many there are."""

    groups: Sequence[GroupReached]
    devices: Sequence[Any]  # reference, name, precedence
    device_count: int


def profiles(
    actor: Actor, client: str = "", cursor: str | None = None, size: int = PAGE_SIZE
) -> Page[ProfileLine]:
    """Return a page of profiles, the newest first; four statements at most."""
    query = _profiles(actor).order_by(PolicyProfile.id.desc()).limit(size + 1)
    if client:
        owner = select(Client.id).where(Client.reference == client).scalar_subquery()
        query = query.where(PolicyProfile.client_id == owner)
    if key := decode_cursor(cursor, int):
        query = query.where(PolicyProfile.id < key[0])
    found = page_of(database.session().scalars(query).all(), size, lambda one: [one.id])
    return Page(_lines(found.items), found.next)


def profile_named(actor: Actor, reference: str) -> ProfileLine:
    """Return one profile. Raises NotFound, also for a profile of another client."""
    plain = reference.replace("\x00", "")
    profile = database.session().scalar(_profiles(actor).where(PolicyProfile.reference == plain))
    if profile is None:
        raise NotFound
    return _lines([profile])[0]


def profiles_by_reference(actor: Actor, references: Collection[str]) -> dict[str, PolicyProfile]:
    """Return those of these profiles that exist for the actor, by reference."""
    if not references:
        return {}
    query = _profiles(actor).where(PolicyProfile.reference.in_(references))
    return {one.reference: one for one in database.session().scalars(query)}


def _profiles(actor: Actor) -> Select[PolicyProfile]:
    require(actor, Permission.DEVICE_READ)
    return (
        select(PolicyProfile)
        .options(
            joinedload(PolicyProfile.client, innerjoin=True),
            joinedload(PolicyProfile.group),
            joinedload(PolicyProfile.device),
        )
        .where(visible_to(actor, PolicyProfile.client_id))
    )


def _lines(found: Sequence[PolicyProfile]) -> list[ProfileLine]:
    if not found:
        return []
    ids = [profile.id for profile in found]
    session = database.session()
    states: dict[tuple[int, VersionState], Any] = {
        (row.profile_id, row.state): row
        for row in session.execute(
            select(
                PolicyVersion.profile_id,
                PolicyVersion.state,
                PolicyVersion.number,
                PolicyVersion.published_at,
            ).where(PolicyVersion.profile_id.in_(ids), PolicyVersion.state != VersionState.RETIRED)
        )
    }
    assigned = {
        row.profile_id: Assigned(groups=row.groups, devices=row.devices)
        for row in session.execute(
            select(
                PolicyAssignment.profile_id,
                func.count(PolicyAssignment.group_id).label("groups"),
                func.count(PolicyAssignment.device_id).label("devices"),
            )
            .where(PolicyAssignment.profile_id.in_(ids))
            .group_by(PolicyAssignment.profile_id)
        )
    }
    reach = _reach(found)
    return [
        ProfileLine(
            profile=profile,
            published=published.number if published else None,
            published_at=published.published_at if published else None,
            draft=draft.number if draft else None,
            assigned=assigned.get(profile.id, Assigned()),
            reach=reach.get(profile.reference, Reach()),
        )
        for profile in found
        for published in [states.get((profile.id, VersionState.PUBLISHED))]
        for draft in [states.get((profile.id, VersionState.DRAFT))]
    ]


def _reach(found: Sequence[PolicyProfile]) -> dict[str, Reach]:
    rows = database.session().execute(
        REACH,
        {
            "clients": list({profile.client_id for profile in found}),
            "references": [profile.reference for profile in found],
        },
    )
    return {row.reference: Reach(desired=row.desired, drifting=row.drifting) for row in rows}


def assignments_of(actor: Actor, profile: PolicyProfile) -> Assignments:
    """Return whom a profile is assigned to, the strongest first; three statements."""
    session = database.session()
    mine = (
        PolicyAssignment.profile_id == profile.id,
        visible_to(actor, PolicyAssignment.client_id),
    )
    enrolled = case((Device.state == DeviceState.ENROLLED, 1))
    groups = session.execute(
        select(DeviceGroup.name, PolicyAssignment.precedence, func.count(enrolled).label("devices"))
        .join(DeviceGroup, DeviceGroup.id == PolicyAssignment.group_id)
        .outerjoin(DeviceGroupMember, DeviceGroupMember.group_id == DeviceGroup.id)
        .outerjoin(Device, Device.id == DeviceGroupMember.device_id)
        .where(*mine)
        .group_by(DeviceGroup.name, PolicyAssignment.precedence)
        .order_by(PolicyAssignment.precedence, DeviceGroup.name)
    )
    devices = session.execute(
        select(Device.reference, Device.name, PolicyAssignment.precedence)
        .join(Device, Device.id == PolicyAssignment.device_id)
        .where(*mine)
        .order_by(PolicyAssignment.precedence, Device.id)
        .limit(NAMED_DEVICES)
    ).all()
    count = session.scalar(select(func.count(PolicyAssignment.device_id)).where(*mine))
    return Assignments(
        groups=[GroupReached(**row) for row in groups.mappings()],
        devices=devices,
        device_count=count or 0,
    )


def versions(
    actor: Actor, profile: PolicyProfile, cursor: str | None = None, size: int = PAGE_SIZE
) -> Page[PolicyVersion]:
    """Return a page of a profile's versions without their content, the newest first."""
    query = (
        select(PolicyVersion)
        .options(defer(PolicyVersion.content, raiseload=True))
        .where(PolicyVersion.profile_id == profile.id, visible_to(actor, PolicyVersion.client_id))
        .order_by(PolicyVersion.number.desc())
        .limit(size + 1)
    )
    if key := decode_cursor(cursor, int):
        query = query.where(PolicyVersion.number < key[0])
    return page_of(database.session().scalars(query).all(), size, lambda one: [one.number])


def version_numbered(actor: Actor, profile: PolicyProfile, number: int) -> PolicyVersion:
    """Return a version of a profile. Raises NotFound."""
    found = database.session().scalar(
        select(PolicyVersion).where(
            PolicyVersion.profile_id == profile.id,
            PolicyVersion.number == number,
            visible_to(actor, PolicyVersion.client_id),
        )
    )
    if found is None:
        raise NotFound
    return found


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """Two versions of a profile; the number 0 stands for nothing at all."""

    before: int
    after: int
    contents: tuple[Content, Content]


def comparison(
    actor: Actor, line: ProfileLine, before: int | None = None, after: int | None = None
) -> Comparison:
    """Return two versions to compare: the draft with what is published, if not said otherwise.

    Raises NotFound for a version that is not there.
    """
    if after is None:
        after = line.draft or line.published or 0
    if before is None:
        before = line.published if line.published not in {None, after} else max(after - 1, 0)
    numbers = (before or 0, after)
    first, second = (
        version_numbered(actor, line.profile, number).content if number else {}
        for number in numbers
    )
    return Comparison(before=numbers[0], after=after, contents=(first, second))


def contracted_blocks(client_id: int) -> frozenset[str]:
    """Return the functional blocks of a client's contract in force."""
    contract = contract_in_force(database.session(), client_id, clock.now().date())
    return frozenset(contract.blocks if contract else ())


def document_names(actor: Actor, references: Collection[str]) -> dict[str, str]:
    """Return the names of these documents, by reference."""
    if not references:
        return {}
    rows = database.session().execute(
        select(ClientDocument.reference, ClientDocument.name).where(
            ClientDocument.reference.in_(references), visible_to(actor, ClientDocument.client_id)
        )
    )
    return {row.reference: row.name for row in rows}


def has_desired(actor: Actor, reference: str) -> ColumnElement[bool]:
    """Return the condition that a profile decides a setting of a query's device."""
    holding = (
        select(DevicePolicy.device_id)
        .join(EffectivePolicy, EffectivePolicy.id == DevicePolicy.effective_id)
        .where(
            visible_to(actor, DevicePolicy.client_id),
            func.jsonb_path_exists(
                EffectivePolicy.sources,
                text(f"'{ANY_SOURCE}'::jsonpath"),
                func.jsonb_build_object("reference", reference),
            ),
        )
    )
    return Device.id.in_(holding)


def has_drift(actor: Actor) -> ColumnElement[bool]:
    """Return the condition that a query's device has not reported just what it should have."""
    drifting = select(DevicePolicy.device_id).where(
        DevicePolicy.has_drift, visible_to(actor, DevicePolicy.client_id)
    )
    return Device.id.in_(drifting)


def drifts() -> ColumnElement[Any]:
    """Return whether a query's device has something else than it should, as a column."""
    return (
        select(DevicePolicy.has_drift)
        .where(DevicePolicy.device_id == Device.id)
        .correlate(Device)
        .scalar_subquery()
    )


REACH = text("""
    WITH held AS (
      SELECT effective_id, count(*) AS devices, count(*) FILTER (WHERE has_drift) AS drifting
        FROM device_policy WHERE client_id = ANY (CAST(:clients AS bigint[]))
       GROUP BY effective_id
    ), decided AS (
      SELECT DISTINCT h.effective_id, s.reference #>> '{}' AS reference
        FROM held h JOIN effective_policy e ON e.id = h.effective_id
        CROSS JOIN LATERAL jsonb_path_query(e.sources, '$.*.*.*') AS s (reference)
    )
    SELECT d.reference, CAST(sum(h.devices) AS bigint) AS desired,
           CAST(sum(h.drifting) AS bigint) AS drifting
      FROM decided d JOIN held h ON h.effective_id = d.effective_id
     WHERE d.reference = ANY (CAST(:references AS text[]))
     GROUP BY d.reference
""")
