"""100,000 devices with 30 apps each, judged by 20 rules: milliseconds, statements, and a ratio."""

from __future__ import annotations

import tempfile
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlalchemy import create_engine, event, text
from sqlalchemy.orm import scoped_session, sessionmaker

from servicedesk import registry, schema
from servicedesk.core import database, embedded_postgres
from servicedesk.core.actors import SYSTEM
from servicedesk.core.unit_of_work import unit_of_work
from servicedesk.devices.conformity.evaluation import evaluate
from servicedesk.devices.conformity.inventory import App, Inventory, take_inventories
from servicedesk.devices.conformity.versions import version_key

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from sqlalchemy import Engine

DEVICES = 100_000
APPS = 30
RULES = 20
ROUNDS = 3
CHANGED = 1_000  # devices that report something else, at once

STATEMENTS: Sequence[str] = (
    """INSERT INTO client (reference, name, tax_id, sector, city, created_at)
       VALUES ('CLI-B1', 'Client', 'B1', 'Logistics', 'Bilbao', now())""",
    """INSERT INTO engine_account (key, name, is_simulated) VALUES ('sandbox', 'Sandbox', true)""",
    """INSERT INTO device (client_id, reference, name, serial, imei, phone_number, platform,
           os_version, manufacturer, model, ownership, management, state, engine_id, external_id,
           enrolled_at, last_contact_at, inventory_at, os_version_key, has_passcode, is_encrypted,
           is_compromised)
       SELECT 1, 'DEV-B' || n, 'Galaxy A54 ' || n, 'SER' || n, '35' || n, '+346' || n,
           CASE n % 2 WHEN 0 THEN 'android' ELSE 'ios' END, '14', 'Samsung', 'Galaxy A54',
           'corporate', 'fully_managed', 'enrolled', 1, 'ext' || n, now(),
           now() - n % 1000 * interval '1 hour', CASE WHEN n % 50 > 0 THEN now() END,
           ARRAY[n % 5 + 14, 1], n % 40 > 0, n % 60 > 0, n % 500 = 0
       FROM generate_series(1, :devices) n""",
    """INSERT INTO device_group (client_id, name) VALUES (1, 'Sales')""",
    """INSERT INTO device_group_member (group_id, device_id, client_id)
       SELECT 1, id, 1 FROM device WHERE id % 3 = 0""",
    # each app is absent from one device in twenty, and old on one in twenty-five
    """INSERT INTO installed_app (device_id, client_id, identifier, name, version, version_key)
       SELECT d.id, 1, 'org.example.app' || a, 'App ' || a,
           CASE WHEN (d.id + a) % 25 = 0 THEN '1.9.3' ELSE '2.4.1' END,
           CASE WHEN (d.id + a) % 25 = 0 THEN CAST(:old AS bigint[]) ELSE CAST(:new AS bigint[]) END
       FROM device d CROSS JOIN generate_series(1, :apps) a WHERE (d.id + a) % 20 > 0""",
    """INSERT INTO conformity_rule (client_id, reference, name, kind, parameters, group_id, platform,
           is_active, consequences, grace_hours, effective_at, author_name, created_at, updated_at)
       SELECT 1, 'REG-B' || n, 'Rule ' || n,
           (ARRAY['app_missing', 'app_outdated', 'app_forbidden', 'os_outdated',
                  'passcode_missing', 'encryption_off', 'compromised', 'not_seen'])[1 + n % 8],
           CASE n % 8
             WHEN 0 THEN jsonb_build_object('app', 'org.example.app' || n, 'title', '')
             WHEN 1 THEN jsonb_build_object('app', 'org.example.app' || n, 'title', '',
                                            'version', '2.0')
             WHEN 2 THEN jsonb_build_object('app', 'org.example.game' || n, 'title', '')
             WHEN 3 THEN jsonb_build_object('version', '13')
             WHEN 7 THEN jsonb_build_object('days', '40') ELSE '{}' END,
           CASE WHEN n % 5 = 0 THEN 1 END, CASE WHEN n % 4 = 0 THEN 'android' END, true,
           ARRAY['withhold_wifi', 'tell', 'lock'], 24, now(), 'bench', now(), now()
       FROM generate_series(1, :rules) n""",
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
    fill(address.replace(f"{embedded_postgres.ROLE}@", "postgres@"))
    made = time.perf_counter() - began
    engine = create_engine(address)
    source = scoped_session(sessionmaker(engine, expire_on_commit=False))
    database.use_sessions(source)
    registry.listen()
    database.become(SYSTEM)
    print(f"{DEVICES:,} devices × {RULES} rules × {APPS} apps each; made in {made:.0f} s")
    print(f"{'':40}{'ms':>9}{'× count':>9}{'SQL':>5}")
    empty = line(engine, "count(*) of the apps", _count, 0.0)
    line(engine, "first evaluation, all devices", _evaluate, empty, rounds=1)
    with engine.begin() as connection:
        connection.execute(text("ANALYZE"))  # as autovacuum does within the minute
    line(engine, "evaluation again, all devices", _evaluate, empty)
    few = list(range(1, CHANGED + 1))
    line(engine, f"evaluation of {CHANGED:,} devices", lambda: _evaluate(few), empty)
    line(engine, "evaluation of one device", lambda: _evaluate([7]), empty)
    line(engine, f"inventories of {CHANGED:,} devices", lambda: _report(few), empty)
    source.remove()
    engine.dispose()


def fill(owner_address: str, statements: Sequence[str] = STATEMENTS, apps: int = APPS) -> None:
    """Write the data: of `STATEMENTS` the client, its devices with so many apps, and the rules."""
    engine = create_engine(owner_address)
    sizes = {
        "devices": DEVICES,
        "apps": apps,
        "rules": RULES,
        "old": version_key("1.9.3"),
        "new": version_key("2.4.1"),
    }
    with engine.begin() as connection:
        for statement in statements:
            names = {name: value for name, value in sizes.items() if f":{name}" in statement}
            connection.execute(text(statement), names)
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("VACUUM ANALYZE"))
    engine.dispose()


def _count() -> None:
    session = database.session()
    session.execute(text("SELECT count(*) FROM installed_app")).scalar_one()
    session.rollback()


def _evaluate(device_ids: list[int] | None = None) -> None:
    with unit_of_work(SYSTEM, "bench.evaluate") as work:
        evaluate(work, 1, device_ids)


def _report(device_ids: list[int]) -> None:
    """Report what differs from before in one app."""
    version = f"3.0.{time.perf_counter_ns()}"
    apps = [App(identifier=f"org.example.app{n}", version="2.4.1") for n in range(1, APPS)]
    apps.append(App(identifier="org.example.news", version=version))
    report = Inventory(os_version="15", has_passcode=True, is_encrypted=True, apps=apps)
    take_inventories(SYSTEM, dict.fromkeys(device_ids, report))


def line(
    engine: Engine, name: str, act: Callable[[], None], empty: float, rounds: int = ROUNDS
) -> float:
    """Print the best of some rounds with its ratio and statements; return its milliseconds."""
    times = []
    for _ in range(rounds):
        with counting(engine) as statements:
            began = time.perf_counter()
            act()
            times.append((time.perf_counter() - began) * 1000)
    best = min(times)
    print(f"{name:40}{best:9.1f}{best / (empty or best):9.1f}{len(statements):5}")
    return best


@contextmanager
def counting(engine: Engine) -> Iterator[list[str]]:
    found: list[str] = []

    def note(_conn: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        found.append(statement)

    event.listen(engine, "before_cursor_execute", note)
    yield found
    event.remove(engine, "before_cursor_execute", note)


if __name__ == "__main__":
    measure()
