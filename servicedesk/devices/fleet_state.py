"""The state of a fleet as figures, each with the filter that lists the devices behind it."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from sqlalchemy import case, func, literal, select

from servicedesk.core import clock, database
from servicedesk.core.permissions import Permission, require
from servicedesk.core.text import Text, msgid
from servicedesk.devices.conformity.models import CONFORMITY_LABELS, Conformity
from servicedesk.devices.conformity.standing import standing
from servicedesk.devices.models import (
    DEVICE_STATE_LABELS,
    PLATFORM_LABELS,
    Device,
    DeviceState,
    Platform,
)
from servicedesk.devices.queries import SEEN, UNRULED, UNTOLD, FleetFilter, narrowed

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from sqlalchemy import ColumnElement

    from servicedesk.core.actors import Actor

CONTACT_LABELS = {
    "day": msgid("In the last day"),
    "days": msgid("1 to 7 days ago"),
    "weeks": msgid("7 to 30 days ago"),
    "silent": msgid("Silent for over a month"),
}
STANDINGS = [conformity.value for conformity in Conformity]
UNRULED_LABEL = msgid("No rule concerns it")
ENROLLED = DeviceState.ENROLLED.value


@dataclass(frozen=True, kw_only=True)
class Figure:
    """A number of devices, of how many, and the filter that lists them."""

    code: str
    label: Text | str
    count: int
    of: int
    wanted: FleetFilter

    @property
    def share(self) -> float:
        """Return the part of the whole, from 0 to 1."""
        return self.count / self.of if self.of else 0.0


@dataclass(frozen=True, kw_only=True)
class FleetState:
    """The figures of a fleet: the first share out all devices, the others the enrolled ones."""

    wanted: FleetFilter
    total: int
    activation: Sequence[Figure]
    platforms: Sequence[Figure]
    versions: Sequence[Figure]
    conformity: Sequence[Figure]
    contact: Sequence[Figure]

    @property
    def enrolled(self) -> Figure:
        """Return who is enrolled, of those that are or should be."""
        counts = {figure.code: figure.count for figure in self.activation}
        figure = next(f for f in self.activation if f.code == ENROLLED)
        return replace(figure, of=figure.count + counts[DeviceState.PENDING.value])

    @property
    def sections(self) -> dict[str, Sequence[Figure]]:
        """Return all figures by what they tell."""
        names = ("activation", "platforms", "versions", "conformity", "contact")
        return {name: getattr(self, name) for name in names}


def fleet_state(actor: Actor, wanted: FleetFilter) -> FleetState:
    """Return the state of the fleet within client, group, platform and ownership; one statement.

    What else a filter says is left out: that is what the figures are about.
    """
    require(actor, Permission.DEVICE_READ)
    base = replace(wanted, state="", version="", seen="", conformity="", q="")
    states = Counter[Any]()
    platforms, versions = Counter[Any](), Counter[Any]()
    conformity, contact = Counter[Any](), Counter[Any]()
    for row in _rows(actor, base):
        states[row["state"]] += row["devices"]
        if row["state"] is DeviceState.ENROLLED:
            platforms[row["platform"]] += row["devices"]
            versions[row["platform"], row["os_major"]] += row["devices"]
            contact.update({code: row[code] for code in CONTACT_LABELS})
            conformity.update({code: row[code] for code in STANDINGS})
    conformity[UNRULED] = states[DeviceState.ENROLLED] - conformity.total()
    total, own = sum(states.values()), replace(base, state=ENROLLED)
    return FleetState(
        wanted=base,
        total=total,
        activation=[
            _figure(state.value, label, states[state], total, replace(base, state=state.value))
            for state, label in DEVICE_STATE_LABELS.items()
        ],
        platforms=list(_platforms(platforms, own)),
        versions=list(_versions(versions, own)),
        conformity=[
            _figure(
                code, label, conformity[code], conformity.total(), replace(own, conformity=code)
            )
            for code, label in _conformity_labels()
        ],
        contact=[
            _figure(code, label, contact[code], contact.total(), replace(own, seen=code))
            for code, label in CONTACT_LABELS.items()
        ],
    )


def _rows(actor: Actor, base: FleetFilter) -> Sequence[Any]:
    """Return how many devices there are by state, platform and version, and how many of each sort.

    How a device stands is worked out once, below, and not for every sort that is counted.
    """
    told = (
        narrowed(
            select(
                Device.state,
                Device.platform,
                Device.os_major,
                _last_seen().label("seen"),
                standing().label("stands"),
            ),
            actor,
            base,
        )
        .cte("told")
        .prefix_with("MATERIALIZED")
    )
    groups = (told.c.state, told.c.platform, told.c.os_major)
    query = select(
        *groups,
        func.count().label("devices"),
        *(func.count().filter(told.c.seen == code).label(code) for code in CONTACT_LABELS),
        *(func.count().filter(told.c.stands == code).label(code) for code in STANDINGS),
    ).group_by(*groups)
    return database.session().execute(query).mappings().all()


def _last_seen() -> ColumnElement[str]:
    now, contact = clock.now(), Device.last_contact_at
    return case(
        (contact > now - SEEN["day"], literal("day")),
        (contact > now - SEEN["week"], literal("days")),
        (contact > now - SEEN["month"], literal("weeks")),
        else_=literal("silent"),
    )


def _platforms(counts: Counter[Any], own: FleetFilter) -> Iterator[Figure]:
    for platform, label in PLATFORM_LABELS.items():
        if counts[platform]:
            wanted = replace(own, platform=platform.value)
            yield _figure(platform.value, label, counts[platform], counts.total(), wanted)


def _versions(counts: Counter[Any], own: FleetFilter) -> Iterator[Figure]:
    """Yield the versions of each platform, the newest first; what was not told comes last."""
    order = list(Platform)
    for platform, major in sorted(counts, key=lambda key: (order.index(key[0]), -(key[1] or -1))):
        told = UNTOLD if major is None else str(major)
        label = Text(
            msgid("%(platform)s, version not told")
            if major is None
            else "%(platform)s %(version)s",
            {"platform": PLATFORM_LABELS[platform], "version": told},
        )
        wanted = replace(own, platform=platform.value, version=told)
        yield _figure(
            f"{platform.value} {told}", label, counts[platform, major], counts.total(), wanted
        )


def _conformity_labels() -> Iterator[tuple[str, str]]:
    for conformity in (Conformity.FAILING, Conformity.UNKNOWN, Conformity.CONFORMING):
        yield conformity.value, CONFORMITY_LABELS[conformity]
    yield UNRULED, UNRULED_LABEL


def _figure(code: str, label: Text | str, count: int, of: int, wanted: FleetFilter) -> Figure:
    return Figure(code=code, label=label, count=count, of=of, wanted=wanted)
