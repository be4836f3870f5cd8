"""Taking in what devices report of themselves: many at once, set-based, the newest report wins."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import groupby
from typing import TYPE_CHECKING, Any

from sqlalchemy import select, text

from servicedesk.core.database import expect_rows
from servicedesk.core.unit_of_work import unit_of_work
from servicedesk.devices.conformity.locking import lock_reports
from servicedesk.devices.conformity.versions import LONGEST, version_key
from servicedesk.devices.events import InventoryChanged
from servicedesk.devices.models import Device

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from servicedesk.core.actors import Actor
    from servicedesk.core.unit_of_work import Work

MOST_APPS = 2000  # of a device; what comes after is not believed
FACTS = ("has_passcode", "is_encrypted", "is_compromised")
WRITTEN = ("os_version", "os_version_key", *FACTS, "inventory_at", "last_contact_at")


@dataclass(frozen=True, kw_only=True)
class App:
    """An app as a device reports it."""

    identifier: str
    name: str = ""
    version: str = ""


@dataclass(frozen=True, kw_only=True)
class Inventory:
    """What a device reports of itself; None where it does not say."""

    os_version: str = ""
    has_passcode: bool | None = None
    is_encrypted: bool | None = None
    is_compromised: bool | None = None
    apps: Sequence[App] | None = field(default_factory=tuple)  # None: those of before stay
    taken_at: datetime | None = None  # when it said so; None: just now


def take_inventories(actor: Actor, inventories: Mapping[int, Inventory]) -> list[int]:
    """Replace the inventories of these devices (by id); return the ids of those that changed."""
    with unit_of_work(actor, "devices.take_inventories") as work:
        return record_inventories(work, inventories)


def record_inventory(work: Work, device: Device, inventory: Inventory) -> bool:
    """Replace the inventory of one device; return whether anything is different now."""
    changed = record_inventories(work, {device.id: inventory})
    work.session.expire(device, WRITTEN)
    return bool(changed)


def record_inventories(work: Work, inventories: Mapping[int, Inventory]) -> list[int]:
    """Replace inventories in as many statements for one device as for thousands.

    A report older than the one we have changes nothing. Publishes `InventoryChanged` for devices
    that are different now, once a client.
    """
    if not inventories:
        return []
    work.session.flush()
    ids = sorted(inventories)
    clients = work.session.scalars(
        select(Device.client_id).where(Device.id.in_(ids)).distinct().order_by(Device.client_id)
    ).all()
    lock_reports(work, clients)
    before = {row.id: row for row in work.session.execute(_present_facts(ids))}
    reports = {
        device_id: inventories[device_id]
        for device_id, row in before.items()
        if row.inventory_at is None or row.inventory_at <= _instant(work, inventories[device_id])
    }
    if not reports:
        return []
    work.session.execute(UPDATE_FACTS, _facts(work, reports))
    apps = _apps(reports, before)
    telling = [device_id for device_id, report in reports.items() if report.apps is not None]
    gone = work.session.scalars(DELETE_APPS, {"reported": telling, **apps}).all()
    expect_rows(work.session, len(apps["devices"]))
    come = work.session.scalars(UPSERT_APPS, apps).all()
    changed = {*gone, *come}
    changed |= {i for i, report in reports.items() if _differs(before[i], report)}
    _publish(work, sorted(changed, key=lambda i: (before[i].client_id, i)), before)
    return sorted(changed)


def _present_facts(ids: Sequence[int]) -> Any:
    """Return the query of the present facts; it locks the rows in one order."""
    columns = [getattr(Device, name) for name in ("id", "client_id", "os_version", *FACTS)]
    return (
        select(*columns, Device.inventory_at)
        .where(Device.id.in_(ids))
        .order_by(Device.id)
        .with_for_update(key_share=True)
    )


def _publish(work: Work, changed: list[int], before: Mapping[int, Any]) -> None:
    for client_id, ids in groupby(changed, key=lambda device_id: before[device_id].client_id):
        work.publish(InventoryChanged(client_id=client_id, device_ids=tuple(ids)))


def _instant(work: Work, report: Inventory) -> datetime:
    """Return when it was taken; a device's clock that is ahead is not believed."""
    return min(report.taken_at, work.at) if report.taken_at else work.at


def _differs(row: Any, report: Inventory) -> bool:
    told = _plain(report.os_version)
    return (
        row.inventory_at is None
        or told not in {"", row.os_version}
        or any(getattr(row, name) != getattr(report, name) for name in FACTS)
    )


def _plain(words: str) -> str:
    """Return what a column can hold of what a device said."""
    return words.encode("utf-8", "ignore").decode().replace("\x00", "").strip()[:LONGEST]


def _facts(work: Work, reports: Mapping[int, Inventory]) -> dict[str, Any]:
    versions = [_plain(report.os_version) for report in reports.values()]
    return {
        "ids": list(reports),
        "taken": [_instant(work, report) for report in reports.values()],
        "versions": versions,
        "keys": [_array(version_key(version)) if version else None for version in versions],
        **{name: [getattr(report, name) for report in reports.values()] for name in FACTS},
    }


def _apps(reports: Mapping[int, Inventory], before: Mapping[int, Any]) -> dict[str, list[Any]]:
    """Return the reported apps as columns, each identifier of a device once."""
    rows = {
        (device_id, identifier): app
        for device_id, report in reports.items()
        for app in (report.apps or ())[:MOST_APPS]
        if (identifier := _plain(app.identifier))
    }
    versions = [_plain(app.version) for app in rows.values()]
    return {
        "devices": [device_id for device_id, _ in rows],
        "clients": [before[device_id].client_id for device_id, _ in rows],
        "identifiers": [identifier for _, identifier in rows],
        "names": [_plain(app.name) or identifier for (_, identifier), app in rows.items()],
        "versions": versions,
        "keys": [_array(version_key(version)) for version in versions],
    }


def _array(key: list[int]) -> str:
    """Return a key as PostgreSQL writes arrays: lists of different lengths travel as text."""
    return "{" + ",".join(map(str, key)) + "}"


UPDATE_FACTS = text("""
    UPDATE device d
       SET os_version = coalesce(nullif(r.os_version, ''), d.os_version),
           os_version_key = coalesce(r.key::bigint[], d.os_version_key),
           has_passcode = r.has_passcode, is_encrypted = r.is_encrypted,
           is_compromised = r.is_compromised, inventory_at = r.taken_at,
           last_contact_at = greatest(d.last_contact_at, r.taken_at)
      FROM unnest(CAST(:ids AS bigint[]), CAST(:taken AS timestamptz[]), CAST(:versions AS text[]),
                  CAST(:keys AS text[]), CAST(:has_passcode AS boolean[]),
                  CAST(:is_encrypted AS boolean[]), CAST(:is_compromised AS boolean[]))
        AS r (id, taken_at, os_version, key, has_passcode, is_encrypted, is_compromised)
     WHERE d.id = r.id
""")
DELETE_APPS = text("""
    DELETE FROM installed_app a
     WHERE a.device_id = ANY (CAST(:reported AS bigint[]))
       AND NOT EXISTS (
         SELECT FROM unnest(CAST(:devices AS bigint[]), CAST(:identifiers AS text[]))
           AS r (device_id, identifier)
          WHERE r.device_id = a.device_id AND r.identifier = a.identifier)
    RETURNING a.device_id
""")
UPSERT_APPS = text("""
    INSERT INTO installed_app AS a (device_id, client_id, identifier, name, version, version_key)
    SELECT device_id, client_id, identifier, name, version, key::bigint[]
      FROM unnest(CAST(:devices AS bigint[]), CAST(:clients AS bigint[]),
                  CAST(:identifiers AS text[]), CAST(:names AS text[]), CAST(:versions AS text[]),
                  CAST(:keys AS text[])) AS r (device_id, client_id, identifier, name, version, key)
    ON CONFLICT (device_id, identifier) DO UPDATE
       SET name = excluded.name, version = excluded.version, version_key = excluded.version_key
     WHERE (a.name, a.version) IS DISTINCT FROM (excluded.name, excluded.version)
    RETURNING a.device_id
""")
