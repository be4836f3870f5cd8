"""What people look at: the fleet, a device, its commands, and figures of the fleet."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from sqlalchemy import ColumnElement, Select, func, literal_column, select
from sqlalchemy.orm import joinedload, with_expression

from servicedesk.clients.models import Client
from servicedesk.clients.visibility import visible_to
from servicedesk.core import clock, database
from servicedesk.core.errors import NotFound
from servicedesk.core.paging import PAGE_SIZE, Page, decode_cursor, page_of
from servicedesk.devices.commands import DeviceCommand
from servicedesk.devices.conformity.models import Conformity
from servicedesk.devices.conformity.standing import standing, stands
from servicedesk.devices.models import (
    Device,
    DeviceGroup,
    DeviceGroupMember,
    DeviceState,
    DeviceUser,
    Ownership,
    Platform,
)
from servicedesk.devices.policies.queries import drifts, has_desired, has_drift

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence

    from servicedesk.core.actors import Actor

SIMPLE: ColumnElement[Any] = literal_column(
    "'simple'::regconfig"
)  # a constant: the planner sees the words
SEEN = {"day": timedelta(days=1), "week": timedelta(days=7), "month": timedelta(days=30)}
# from how long ago to how long ago: with `day` they share a fleet out
SEEN_BETWEEN = {"days": ("day", "week"), "weeks": ("week", "month")}
UNRULED = "none"  # a conformity to ask for: no rule concerns the device
UNTOLD = "?"  # a version to ask for: it was never told, or has no number
# what each part of a filter may say
CHOICES: Mapping[str, Collection[str]] = {
    "platform": frozenset(Platform),
    "state": frozenset(DeviceState),
    "ownership": frozenset(Ownership),
    "seen": frozenset({*SEEN, *SEEN_BETWEEN, "silent"}),
    "conformity": frozenset({*Conformity, UNRULED}),
    "drift": frozenset({"yes"}),
}
LENGTHS = {"policy": 40, "group": 100, "client": 40, "q": 200}  # of what is free text
VERSION = re.compile(r"<?[0-9]{1,9}|\?")


@dataclass(frozen=True, kw_only=True)
class FleetFilter:
    """What the fleet is narrowed to; empty text means everything."""

    platform: str = ""
    state: str = ""
    ownership: str = ""
    group: str = ""
    version: str = ""  # the first number of the system's version: 17; <17 is lower; UNTOLD
    seen: str = ""  # within day, week, month; between: days, weeks; silent: not for a month
    conformity: str = ""  # a value of Conformity, or UNRULED
    drift: str = ""  # yes: has something else than its policy says
    policy: str = ""  # reference of a profile that decides one of its settings
    client: str = ""  # reference
    q: str = ""

    @classmethod
    def read(cls, told: Mapping[str, str]) -> FleetFilter:
        """Return the filter that is told, without what is not understood."""
        read = {name: told.get(name, "") for name in CHOICES}
        read = {name: value for name, value in read.items() if value in CHOICES[name]}
        for name, length in LENGTHS.items():
            words = told.get(name, "")[:length]
            read[name] = "".join(c if c.isprintable() else " " for c in words)
        version = told.get("version", "").replace(" ", "")
        if VERSION.fullmatch(version):
            read["version"] = version
        return cls(**read)

    def as_query(self) -> dict[str, str]:
        """Return what is set, for an address."""
        return {name: str(value) for name, value in vars(self).items() if value}


def devices(
    actor: Actor, wanted: FleetFilter, cursor: str | None = None, size: int = PAGE_SIZE
) -> Page[Device]:
    """Return a page of the fleet with holders. Raises InvalidInput.

    The page is found first: how its devices stand is then asked for so many and not for the fleet.
    """
    found = narrowed(select(Device.id), actor, wanted).order_by(Device.id).limit(size + 1)
    if key := decode_cursor(cursor, int):
        found = found.where(Device.id > key[0])
    query = _told(select(Device).where(Device.id.in_(found.scalar_subquery())))
    return page_of(database.session().scalars(query).all(), size, lambda device: [device.id])


def fleet_query(actor: Actor, wanted: FleetFilter) -> Select[Device]:
    """Return the query of the whole fleet as filtered, in the order of its pages."""
    return narrowed(_told(select(Device)), actor, wanted)


def _told(query: Select[Device]) -> Select[Device]:
    """Have a query of devices tell what a list says of each, in the order of pages."""
    return query.options(
        joinedload(Device.holder),
        joinedload(Device.client, innerjoin=True),
        with_expression(Device.conformity, standing()),
        with_expression(Device.drifts, drifts()),
    ).order_by(Device.id)


def fleet_counts(actor: Actor, filters: Sequence[FleetFilter]) -> list[int]:
    """Return how many devices each filter leaves; one statement for all."""
    if not filters:
        return []
    counts = [
        narrowed(select(func.count(Device.id)), actor, wanted).scalar_subquery()
        for wanted in filters
    ]
    return list(database.session().execute(select(*counts)).one())


def fleet_count(actor: Actor, wanted: FleetFilter) -> int:
    """Return how many devices a filter leaves."""
    return fleet_counts(actor, [wanted])[0]


def narrowed(query: Select[Any], actor: Actor, wanted: FleetFilter) -> Select[Any]:
    """Narrow a query of devices to what the actor sees and the filter leaves."""
    query = query.where(visible_to(actor, Device.client_id))
    if wanted.conformity:
        is_ruled = wanted.conformity != UNRULED
        query = query.where(stands(Conformity(wanted.conformity) if is_ruled else None))
    if wanted.drift:
        query = query.where(has_drift(actor))
    if wanted.policy:
        query = query.where(has_desired(actor, wanted.policy))
    for column, value in (
        (Device.platform, wanted.platform),
        (Device.state, wanted.state),
        (Device.ownership, wanted.ownership),
    ):
        if value:
            query = query.where(column == value)
    if wanted.group:
        members = (
            select(DeviceGroupMember.device_id)
            .join(DeviceGroup, DeviceGroup.id == DeviceGroupMember.group_id)
            .where(DeviceGroup.name == wanted.group, visible_to(actor, DeviceGroup.client_id))
        )
        query = query.where(Device.id.in_(members))
    if wanted.client:
        client = select(Client.id).where(Client.reference == wanted.client).scalar_subquery()
        query = query.where(Device.client_id == client)
    return _matching(_of_version(_seen(query, wanted.seen), wanted.version), wanted.q)


def _seen(query: Select[Any], seen: str) -> Select[Any]:
    contact, now = Device.last_contact_at, clock.now()
    if seen in SEEN:
        return query.where(contact > now - SEEN[seen])
    if seen in SEEN_BETWEEN:
        latest, earliest = SEEN_BETWEEN[seen]
        return query.where(contact <= now - SEEN[latest], contact > now - SEEN[earliest])
    if seen == "silent":
        return query.where((contact <= now - SEEN["month"]) | contact.is_(None))
    return query


def _of_version(query: Select[Any], version: str) -> Select[Any]:
    if not version:
        return query
    if version == UNTOLD:
        return query.where(Device.os_major.is_(None))
    number = int(version.removeprefix("<"))
    is_lower = version.startswith("<")
    return query.where(Device.os_major < number if is_lower else Device.os_major == number)


def _matching(query: Select[Any], q: str) -> Select[Any]:
    """Find by the beginnings of words in name, holder, model, reference, serial, IMEI and number."""
    words = re.findall(r"[\w@.+-]+", q.replace("\x00", "")[:200])
    for word in words:
        lexeme = "'" + word.replace("'", "").replace("\\", "") + "':*"
        holders = select(DeviceUser.id).where(
            func.lower(DeviceUser.name).contains(word.lower(), autoescape=True)
        )
        query = query.where(
            Device.search.bool_op("@@")(func.to_tsquery(SIMPLE, lexeme))
            | Device.device_user_id.in_(holders)
        )
    return query


def stream_fleet(actor: Actor, wanted: FleetFilter) -> Iterator[Device]:
    """Yield the whole fleet as filtered, a thousand rows at a time.

    A streamed answer is read after its request has ended, so the role is taken here once more.
    """
    query = fleet_query(actor, wanted).execution_options(yield_per=1000)
    with database.acting_as(actor):
        try:
            yield from database.session().scalars(query)
        finally:
            database.session().rollback()


def device_named(actor: Actor, reference: str) -> Device:
    """Return a device with holder and engine. Raises NotFound."""
    found = (
        database.session()
        .scalars(
            select(Device)
            .where(Device.reference == reference, visible_to(actor, Device.client_id))
            .options(
                joinedload(Device.holder),
                joinedload(Device.client, innerjoin=True),
                joinedload(Device.engine, innerjoin=True),
                with_expression(Device.conformity, standing()),
                with_expression(Device.drifts, drifts()),
            )
        )
        .one_or_none()
    )
    if found is None:
        raise NotFound
    return found


def devices_by_reference(actor: Actor, references: Sequence[str]) -> Sequence[Device]:
    """Return those of these devices that exist for the actor."""
    return (
        database.session()
        .scalars(
            select(Device)
            .where(Device.reference.in_(references), visible_to(actor, Device.client_id))
            .options(joinedload(Device.holder))
            .order_by(Device.id)
        )
        .all()
    )


def commands_of_device(actor: Actor, device_id: int, size: int = 20) -> Sequence[DeviceCommand]:
    """Return the newest commands of a device."""
    return (
        database.session()
        .scalars(
            select(DeviceCommand)
            .where(DeviceCommand.device_id == device_id, visible_to(actor, DeviceCommand.client_id))
            .options(joinedload(DeviceCommand.batch, innerjoin=True))
            .order_by(DeviceCommand.id.desc())
            .limit(size)
        )
        .all()
    )


def groups_of(actor: Actor, device_id: int | None = None) -> Sequence[str]:
    """Return the names of the groups there are, or of those a device is in."""
    query = (
        select(DeviceGroup.name)
        .where(visible_to(actor, DeviceGroup.client_id))
        .distinct()
        .order_by(DeviceGroup.name)
    )
    if device_id is not None:
        query = query.join(DeviceGroupMember).where(DeviceGroupMember.device_id == device_id)
    return database.session().scalars(query).all()


def fleet_figures(actor: Actor) -> dict[str, Any]:
    """Return the fleet at a glance: how many, by platform and state, and how many are silent."""
    rows = database.session().execute(
        select(Device.platform, Device.state, func.count())
        .where(visible_to(actor, Device.client_id))
        .group_by(Device.platform, Device.state)
    )
    platforms: dict[str, int] = {}
    states: dict[str, int] = {}
    for platform, state, count in rows:
        platforms[platform] = platforms.get(platform, 0) + count
        states[state] = states.get(state, 0) + count
    return {
        "total": sum(platforms.values()),
        "platforms": platforms,
        "states": states,
        "silent": fleet_count(actor, FleetFilter(state="enrolled", seen="silent")),
    }
