"""What 100,000 devices in 20 groups should have, of 25 policies: milliseconds, statements, a ratio."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path

from sqlalchemy import create_engine, text
from sqlalchemy.orm import scoped_session, sessionmaker

from benchmarks.conformity import DEVICES, fill, line
from benchmarks.conformity import STATEMENTS as FLEET
from servicedesk import registry, schema
from servicedesk.core import database, embedded_postgres, sealing
from servicedesk.core.actors import SYSTEM
from servicedesk.core.unit_of_work import unit_of_work
from servicedesk.devices.policies import changes
from servicedesk.devices.policies.desired import refresh_desired
from servicedesk.devices.policies.models import DevicePolicy

GROUPS = 20
POLICIES = 25
MEMBERSHIPS = (
    """INSERT INTO device_group (client_id, name)
       SELECT 1, 'Group ' || n FROM generate_series(1, 20) n""",
    # each device is in two groups
    """INSERT INTO device_group_member (group_id, device_id, client_id)
       SELECT g.id, d.id, 1 FROM device d JOIN device_group g
       ON g.name IN ('Group ' || 1 + d.id % 20, 'Group ' || 1 + d.id / 20 % 20)""",
)


def measure() -> None:
    """Make the data in a database of its own, measure, print, and leave nothing behind."""
    with tempfile.TemporaryDirectory(prefix="bench-") as name:
        folder = Path(name)
        embedded_postgres.ensure_running(folder, throw_away=True)
        try:
            _measure_at(embedded_postgres.url(folder))
        finally:
            embedded_postgres.stop(folder)


def _measure_at(address: str) -> None:
    schema.upgrade(address)
    began = time.perf_counter()
    fill(address.replace(f"{embedded_postgres.ROLE}@", "postgres@"), [*FLEET[:4], *MEMBERSHIPS])
    made = time.perf_counter() - began
    engine = create_engine(address)
    source = scoped_session(sessionmaker(engine, expire_on_commit=False))
    database.use_sessions(source)
    registry.listen()
    sealing.use_key("bench")
    database.become(SYSTEM)
    _write_policies()
    print(f"{DEVICES:,} devices in {GROUPS} groups, {POLICIES} policies; made in {made:.0f} s")
    print(f"{'':40}{'ms':>9}{'× count':>9}{'SQL':>5}")
    empty = line(engine, "count(*) of the memberships", _count, 0.0)
    line(engine, "what every device should have, first", _refresh, empty, rounds=1)
    with engine.begin() as connection:
        connection.execute(text("ANALYZE"))  # as autovacuum does within the minute
    line(engine, "the same again: nothing changed", _refresh, empty)
    line(engine, "a setting of a group changed", _change_one, empty)
    line(engine, "one device", lambda: _refresh([7]), empty)
    line(engine, "the fleet's differing devices, a page", _differing, empty)
    source.remove()
    engine.dispose()


def _write_policies() -> None:
    with unit_of_work(SYSTEM, "bench.policies") as work:
        for number in range(POLICIES):
            profile = changes.create_profile(work, 1, f"Policy {number}")
            wifi = {"ssid": f"Net {number % 7}", "security": "open"}
            passcode = {"min_length": str(4 + number % 9)}
            content = {"wifi": {wifi["ssid"]: wifi}, "passcode": {"": passcode}}
            changes.write_draft(work, profile, content)
            changes.publish(work, profile, 1)
            changes.assign(work, profile, [2 + number % GROUPS], [], 100 + number)


def _count() -> None:
    session = database.session()
    session.execute(text("SELECT count(*) FROM device_group_member")).scalar_one()
    session.rollback()


def _refresh(device_ids: list[int] | None = None) -> None:
    with unit_of_work(SYSTEM, "bench.refresh") as work:
        refresh_desired(work, 1, device_ids)


def _change_one() -> None:
    with unit_of_work(SYSTEM, "bench.change") as work:
        own = changes.own_profile(work, 1, group_id=2)
        values = {"ssid": "Shop", "security": "open", "hidden": "yes"}
        changes.set_entry(work, own, "wifi", f"Shop {time.perf_counter_ns()}", values, "bench")
        refresh_desired(work, 1)


def _differing() -> None:
    session = database.session()
    session.query(DevicePolicy.device_id).filter(
        DevicePolicy.client_id == 1, DevicePolicy.has_drift
    ).order_by(DevicePolicy.device_id).limit(50).all()
    session.rollback()


if __name__ == "__main__":
    measure()
