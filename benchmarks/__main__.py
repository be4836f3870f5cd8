"""`make bench`: pages at 100,000 tickets, as milliseconds and as multiples of an empty page."""

from __future__ import annotations

import random
import statistics
import tempfile
import time
from contextlib import contextmanager
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from flask import Blueprint
from sqlalchemy import event, text

from benchmarks import (
    backups,
    business_time,
    conformity,
    fires,
    fleet,
    planned_calendar,
    policies,
    queue,
    reports,
    review_paper,
    reviews,
    sla_dashboard,
    sla_rebuild,
    sla_sweep,
    what_if,
)
from benchmarks.data import CLIENTS, DEVICES, TICKETS, fill
from benchmarks.wide_orders import measure_wide_order
from config import Settings
from servicedesk import schema
from servicedesk.accounts.models import Credential, User
from servicedesk.accounts.tokens import create_token
from servicedesk.app import create_app
from servicedesk.clients.models import AuthorisedContact
from servicedesk.clients.web.api import person_of_token
from servicedesk.core import database, embedded_postgres
from servicedesk.core.actors import SYSTEM, Actor, Role
from servicedesk.shell.api import guard
from servicedesk.sla.models import CalendarVersion, PlanVersion
from servicedesk.sla.standard import BEGINNING, office_hours, standard_plan

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from flask import Flask

ROUNDS = 60
AIMS = {"list": 4.0, "ticket": 4.0, "search": 4.0, "create": 6.0}


def main() -> None:
    """Make the data, measure, print, and leave nothing behind."""
    with tempfile.TemporaryDirectory(prefix="bench-") as name:
        folder = Path(name)
        embedded_postgres.ensure_running(folder, throw_away=True)
        try:
            measure_pages(folder)
        finally:
            embedded_postgres.stop(folder)
    business_time.measure()
    conformity.measure()
    policies.measure()
    fleet.measure()
    sla_sweep.measure()
    sla_rebuild.measure()
    sla_dashboard.measure()
    what_if.main()
    queue.measure()
    fires.measure()
    planned_calendar.main()
    reports.main()
    review_paper.measure()
    reviews.measure()
    backups.measure()


def measure_pages(folder: Path) -> None:
    """Measure the desk's pages and API for an agent and a contact."""
    address = embedded_postgres.url(folder)
    schema.upgrade(address)
    settings = Settings.from_environment(
        {"SERVICEDESK_MODE": "test", "SERVICEDESK_INSTANCE": str(folder)}
    )
    app = create_app(settings, url=address)
    app.register_blueprint(probe())
    began = time.perf_counter()
    people = make_people(app)
    owner = address.replace(f"{embedded_postgres.ROLE}@", "postgres@")
    fill(owner)
    link_contact(app)
    version = server_version(app)
    print(f"{TICKETS:,} tickets, {DEVICES:,} devices, {CLIENTS} clients; PostgreSQL {version};")
    print(f"made in {time.perf_counter() - began:.0f} s; medians of {ROUNDS} requests, one process")
    print(f"{'':28}{'ms':>8}{'p95':>8}{'× empty':>9}{'aim':>6}{'SQL':>5}")
    tokens = {role: token_of(app, actor) for role, actor in people.items()}
    for role, token in tokens.items():
        report(app, role, token)
    measure_wide_order(app, tokens["agent"], owner)


def probe() -> Blueprint:
    """Return an empty page with one indexed query, behind the same guard as the API."""
    blueprint = Blueprint("api-probe", __name__)
    guard(blueprint, person_of_token)

    @blueprint.get("/api/v1/empty")
    def empty() -> dict[str, Any]:
        database.session().execute(text("SELECT id FROM client WHERE id = 1")).all()
        return {}

    return blueprint


def make_people(app: Flask) -> dict[str, Actor]:
    """Make a contact and an agent, the plan and the calendar."""
    with app.app_context(), database.acting_as(SYSTEM):
        session = database.session()
        now = datetime.now(UTC)
        for email, role in (("contact@bench.test", Role.CONTACT), ("agent@bench.test", Role.AGENT)):
            user = User(email=email, name=role.value, role=role, created_at=now)
            session.add(user)
            session.flush()
            session.add(Credential(user_id=user.id))
        session.add(
            PlanVersion(
                code="standard",
                version=1,
                name="Standard",
                effective_on=BEGINNING,
                definition=standard_plan().to_json(),
                created_at=now,
                author_name="bench",
            )
        )
        session.add(
            CalendarVersion(
                code="office",
                version=1,
                name="Office",
                effective_on=date(2020, 1, 1),
                definition=office_hours().to_json(),
                created_at=now,
                author_name="bench",
            )
        )
        session.commit()
    return {
        "agent": Actor(role=Role.AGENT, name="agent", user_id=2, email="agent@bench.test"),
        "contact": Actor(
            role=Role.CONTACT,
            name="contact",
            user_id=1,
            email="contact@bench.test",
            client_ids=frozenset({1}),
        ),
    }


def link_contact(app: Flask) -> None:
    """Have the contact speak for client 1."""
    with app.app_context(), database.acting_as(SYSTEM):
        database.session().add(AuthorisedContact(user_id=1, client_id=1))
        database.session().commit()


def server_version(app: Flask) -> str:
    """Return the version of the database server."""
    with app.app_context(), database.acting_as(SYSTEM):
        found = str(database.session().execute(text("SHOW server_version")).scalar_one())
        database.session().rollback()
    return found


def token_of(app: Flask, actor: Actor) -> str:
    """Return an API token of the actor."""
    with app.app_context():
        return create_token(actor, "bench")


def report(app: Flask, role: str, token: str) -> None:
    """Print a line for each kind of request of one role."""
    client = app.test_client()
    headers = {"Authorization": f"Bearer {token}"}
    dice = random.Random(1)
    mine = [n for n in range(TICKETS - 20_000, TICKETS, 10) if 1 + n % CLIENTS == 1]
    body = {"kind": "incident", "subject": "La VPN se corta", "description": "Desde esta mañana."}
    if role == "agent":
        body["client"] = "CLI-B1"

    def get(path: str) -> None:
        answer = client.get(f"/api/v1{path}", headers=headers)
        if answer.status_code != 200:
            raise RuntimeError(f"{path}: {answer.status_code} {answer.text[:300]}")

    def create() -> None:
        answer = client.post("/api/v1/tickets", json=body, headers=headers)
        if answer.status_code != 201:
            raise RuntimeError(answer.text[:300])

    requests: dict[str, Callable[[], None]] = {
        "empty": lambda: get("/empty"),
        "list": lambda: get("/tickets"),
        "list, open only": lambda: get("/tickets?state=open"),
        "ticket": lambda: get(f"/tickets/INC-2025-{dice.choice(mine):06d}"),
        "search": lambda: get(f"/tickets?q=correo+planta+{dice.randrange(97)}"),
        "search, rare word": lambda: get(f"/tickets?q={dice.choice(mine)}"),
        "devices": lambda: get("/devices"),
        "devices, search": lambda: get(f"/devices?q=SER{dice.randrange(1, DEVICES)}"),
        "create": create,
    }
    empty = 0.0
    for name, request in requests.items():
        times = timed(request)
        median = statistics.median(times)
        empty = empty or median
        aim = AIMS.get(name)
        print(
            f"{role + ': ' + name:28}{median:8.1f}{sorted(times)[int(len(times) * 0.95)]:8.1f}"
            f"{median / empty:9.1f}{f'{aim:.0f}' if aim else '':>6}{statements(app, request):5}"
        )


def timed(request: Callable[[], None]) -> list[float]:
    """Return the milliseconds of each round, after some to warm up."""
    for _ in range(5):
        request()
    times = []
    for _ in range(ROUNDS):
        began = time.perf_counter()
        request()
        times.append((time.perf_counter() - began) * 1000)
    return times


@contextmanager
def counting(app: Flask) -> Iterator[list[str]]:
    """Collect the statements of the block."""
    with app.app_context():
        engine = app.extensions["sqlalchemy"].engine
    found: list[str] = []

    def note(_conn: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        found.append(statement)

    event.listen(engine, "before_cursor_execute", note)
    yield found
    event.remove(engine, "before_cursor_execute", note)


def statements(app: Flask, request: Callable[[], None]) -> int:
    """Return the number of SQL statements of one request."""
    with counting(app) as found:
        request()
    return len(found)


if __name__ == "__main__":
    main()
