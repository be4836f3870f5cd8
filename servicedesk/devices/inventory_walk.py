"""Asking engines for their devices: what they tell is taken in, a thousand devices at a time.

An engine may be slow, silent or wrong. It says nothing about devices of another engine, ends no
device's enrolment, and what it tells too much of is cut.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import structlog
from sqlalchemy import func, select, text

from servicedesk.core.actors import SYSTEM
from servicedesk.core.jobs import JobName
from servicedesk.core.unit_of_work import unit_of_work
from servicedesk.devices import fleet_engines
from servicedesk.devices.conformity.inventory import (
    FACTS,
    App,
    Inventory,
    record_inventories,
)
from servicedesk.devices.engines.contract import Unreachable
from servicedesk.devices.models import Device, DeviceState, EngineAccount
from servicedesk.devices.policies.reported import record_reports

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from datetime import datetime

    from sqlalchemy import Select

    from servicedesk.core.unit_of_work import Work
    from servicedesk.devices.engines.contract import DeviceReport

WALK_INVENTORY = JobName("devices.walk_inventory", "devices")
TOGETHER = 1000  # devices of a batch
MOST_APPS = 50_000  # of a batch: with more it has fewer devices

log = structlog.get_logger("servicedesk.inventory")


def engines_with_devices() -> Select[str]:
    """Return the keys of the engines that have enrolled devices."""
    has_devices = (
        select(Device.id)
        .where(Device.engine_id == EngineAccount.id, Device.state == DeviceState.ENROLLED)
        .exists()
    )
    return select(EngineAccount.key).where(has_devices).order_by(EngineAccount.key)


def ask_engines() -> Sequence[str]:
    """Have every engine with enrolled devices asked soon; return their keys."""
    with unit_of_work(SYSTEM, "devices.ask_engines") as work:
        keys = work.session.scalars(engines_with_devices()).all()
        for key in keys:
            name = f"{WALK_INVENTORY.name}:{key}"
            work.enqueue(WALK_INVENTORY, lock=name, once_as=name, engine_key=key)
    return keys


def walk_inventory(engine_key: str) -> int:
    """Take in what an engine tells of its devices; return how many were taken in."""
    reports = fleet_engines.engine_named(engine_key).inventory()
    if reports is Unreachable.UNREACHABLE:
        log.warning("the engine does not tell its inventory", engine=engine_key)
        return 0
    taken = sum(_take(engine_key, batch) for batch in batches(reports))
    log.info("inventory taken in", engine=engine_key, devices=taken)
    return taken


def batches(reports: Iterable[DeviceReport]) -> Iterator[list[DeviceReport]]:
    """Yield reports in batches that a transaction bears."""
    batch: list[DeviceReport] = []
    apps = 0
    for report in reports:
        more = len(report.apps or ())
        if batch and (len(batch) == TOGETHER or apps + more > MOST_APPS):
            yield batch
            batch, apps = [], 0
        batch.append(report)
        apps += more
    if batch:
        yield batch


def _take(engine_key: str, reports: Sequence[DeviceReport]) -> int:
    """Take in a batch; return of how many devices. Whom the desk does not know is passed over."""
    # without the time of a contact nobody knows when the rest was so
    told = {
        report.external_id: (report, report.last_contact_at)
        for report in reports
        if report.is_enrolled and report.last_contact_at and _can_be_kept(report.external_id)
    }
    with unit_of_work(SYSTEM, "devices.walk_inventory") as work:
        rows = work.session.execute(
            select(Device.id, Device.external_id)
            .join(EngineAccount, EngineAccount.id == Device.engine_id)
            .where(
                EngineAccount.key == engine_key,
                Device.external_id == func.any(list(told)),
                Device.state == DeviceState.ENROLLED,
            )
            .order_by(Device.id)
        )
        known = {row.id: told[row.external_id] for row in rows}
        record_inventories(
            work,
            {
                device_id: _inventory(report, at)
                for device_id, (report, at) in known.items()
                if _has_facts(report)
            },
        )
        record_reports(
            work,
            {
                device_id: (report.policy, at)
                for device_id, (report, at) in known.items()
                if report.policy is not None
            },
        )
        _touch(work, {device_id: at for device_id, (_report, at) in known.items()})
    return len(known)


def _can_be_kept(words: str) -> bool:
    return "\x00" not in words and words.isprintable()


def _has_facts(report: DeviceReport) -> bool:
    """Whether it says anything of what the device is or has."""
    return (
        bool(report.os_version)
        or report.apps is not None
        or any(getattr(report, name) is not None for name in FACTS)
    )


def _inventory(report: DeviceReport, at: datetime) -> Inventory:
    apps = report.apps
    return Inventory(
        os_version=report.os_version,
        has_passcode=report.has_passcode,
        is_encrypted=report.is_encrypted,
        is_compromised=report.is_compromised,
        apps=None
        if apps is None
        else [App(identifier=a.identifier, name=a.name, version=a.version) for a in apps],
        taken_at=at,
    )


def _touch(work: Work, contacts: Mapping[int, datetime]) -> None:
    """Note when devices were in touch; what is ahead of our clock is not believed."""
    if contacts:
        work.session.execute(
            TOUCH, {"ids": list(contacts), "times": [min(at, work.at) for at in contacts.values()]}
        )


TOUCH = text("""
    UPDATE device d SET last_contact_at = c.at
      FROM unnest(CAST(:ids AS bigint[]), CAST(:times AS timestamptz[])) AS c (id, at)
     WHERE d.id = c.id AND (d.last_contact_at IS NULL OR d.last_contact_at < c.at)
""")
