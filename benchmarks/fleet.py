"""The fleet's pages at 100,000 devices of one client, under 20 rules: milliseconds and statements."""

from __future__ import annotations

import statistics
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import create_engine, event, text

from benchmarks import conformity
from config import Settings
from servicedesk import schema
from servicedesk.accounts.models import Credential, User
from servicedesk.accounts.passwords import hash_password
from servicedesk.app import create_app
from servicedesk.clients.models import AuthorisedContact
from servicedesk.core import database, embedded_postgres
from servicedesk.core.actors import SYSTEM, Role
from servicedesk.core.unit_of_work import unit_of_work
from servicedesk.devices.conformity.evaluation import evaluate

if TYPE_CHECKING:
    from collections.abc import Sequence

    from flask import Flask
    from flask.testing import FlaskClient

ROUNDS = 15
PASSWORD = "a-long-Password-of-the-bench"  # noqa: S105  of a database that is thrown away
STATEMENTS: Sequence[str] = (
    """UPDATE device SET os_version = id % 7 + 10 || '.1',
           state = CASE WHEN id % 25 = 0 THEN 'pending' WHEN id % 40 = 0 THEN 'retired'
                   ELSE 'enrolled' END""",
    """INSERT INTO contract (client_id, reference, modality, starts_on, ends_on, time_zone, blocks,
                              engagement_days, wipes_per_order, wipes_per_hour,
                              wipe_share_per_day, cancel_window_minutes, location_days)
       SELECT id, 'CTR-B' || id, 'advanced_managed', current_date - 500, current_date + 500,
              'Europe/Madrid', ARRAY['device_security', 'messaging'], 16, 1, 5, 0.02, 30, 30
         FROM client""",
    """INSERT INTO saved_question (client_id, reference, name, filter, author_name, created_at)
       SELECT 1, 'PRG-B' || n, 'Question ' || n,
              '{"conformity": "failing", "platform": "android"}', 'bench', now()
         FROM generate_series(1, 100) n""",
)
PAGES = {
    "list": "devices/",
    "list, next page": "devices/?cursor=Wzk5MDAwXQ",
    "list, version": "devices/?version=12&state=enrolled",
    "list, lower version": "devices/?version=%3C12",
    "list, last contact": "devices/?seen=weeks",
    "list, failing": "devices/?conformity=failing",
    "list, conforming": "devices/?conformity=conforming",
    "list, search": "devices/?q=SER4711",
    "saved question": "devices/questions/PRG-B7",
    "saved questions": "devices/questions/",
    "state": "devices/state",
    "state, one platform": "devices/state?platform=android",
    "state, a group": "devices/state?group=Sales",
    "what is possible": "devices/compatibility",
}


def measure() -> None:
    """Make the data in a database of its own, measure, print, and leave nothing behind."""
    with tempfile.TemporaryDirectory(prefix="bench-") as name:
        folder = Path(name)
        embedded_postgres.ensure_running(folder, throw_away=True)
        try:
            _measure_at(embedded_postgres.url(folder), folder)
        finally:
            embedded_postgres.stop(folder)


def _measure_at(address: str, folder: Path) -> None:
    schema.upgrade(address)
    owner = address.replace(f"{embedded_postgres.ROLE}@", "postgres@")
    conformity.fill(owner, apps=3)
    settings = Settings.from_environment(
        {"SERVICEDESK_MODE": "test", "SERVICEDESK_INSTANCE": str(folder)}
    )
    app = create_app(settings, url=address)
    app.config["WTF_CSRF_ENABLED"] = False
    _finish(app, owner)
    print(f"{conformity.DEVICES:,} devices of one client, {conformity.RULES} rules;", end=" ")
    print(f"medians of {ROUNDS} pages, one process")
    print(f"{'':40}{'ms':>9}{'p95':>9}{'SQL':>5}")
    for room, email in (("portal", "contact@bench.test"), ("desk", "agent@bench.test")):
        visitor = app.test_client()
        entered = visitor.post("/sign-in", data={"email": email, "password": PASSWORD})
        if entered.status_code != 302:
            raise RuntimeError(entered.text[:300])
        for name, path in PAGES.items():
            _line(app, visitor, f"{room}: {name}", f"/{room}/{path}")


def _finish(app: Flask, owner: str) -> None:
    """Make the people, judge the fleet, and write what the pages need besides."""
    hashed, now = hash_password(PASSWORD), datetime.now(UTC)
    engine = create_engine(owner)
    with engine.begin() as connection:
        for statement in STATEMENTS:
            connection.execute(text(statement))
    with app.app_context(), database.acting_as(SYSTEM):
        session = database.session()
        for role in (Role.CONTACT, Role.AGENT):
            user = User(
                email=f"{role.value}@bench.test", name=role.value, role=role, created_at=now
            )
            session.add(user)
            session.flush()
            session.add(Credential(user_id=user.id, password_hash=hashed))
            if role is Role.CONTACT:
                session.add(AuthorisedContact(user_id=user.id, client_id=1))
        session.commit()
        with unit_of_work(SYSTEM, "bench.evaluate") as work:
            evaluate(work, 1)
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("VACUUM ANALYZE"))
    engine.dispose()


def _line(app: Flask, visitor: FlaskClient, name: str, path: str) -> None:
    """Print what one page costs, after two looks to warm up."""
    with app.app_context():
        engine = app.extensions["sqlalchemy"].engine
    statements: list[str] = []
    event.listen(engine, "before_cursor_execute", lambda *told: statements.append(told[2]))
    times = []
    for _ in range(ROUNDS + 2):
        statements.clear()
        began = time.perf_counter()
        answer = visitor.get(path)
        times.append((time.perf_counter() - began) * 1000)
        if answer.status_code != 200:
            raise RuntimeError(f"{path}: {answer.status_code}")
    times = sorted(times[2:])
    worst = times[int(len(times) * 0.95)]
    print(f"{name:40}{statistics.median(times):9.1f}{worst:9.1f}{len(statements):5}")


if __name__ == "__main__":
    measure()
