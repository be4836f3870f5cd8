"""The service levels' dashboard at 100,000 and 1,000,000 tickets: reading, page, and what it opens.

`python -m benchmarks.sla_dashboard [tickets …]`. A recount without counters is the baseline. Besides
the time that passes it prints the processor's time, ours and the database's, which is what is left of
it on a machine that does nothing else.
"""

from __future__ import annotations

import os
import statistics
import sys
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import create_engine, text

from benchmarks import sla_data
from config import Settings
from servicedesk import schema
from servicedesk.app import create_app
from servicedesk.core import database, embedded_postgres
from servicedesk.core.actors import Actor, Role
from servicedesk.shell.charts import drawing
from servicedesk.sla.dashboard import dashboard, standing_now
from servicedesk.sla.evidence import Evidence, counted, month_of
from servicedesk.sla.tallies import fold_changes
from servicedesk.tickets import queries

if TYPE_CHECKING:
    from collections.abc import Callable

    from flask import Flask
    from flask.testing import FlaskClient
    from sqlalchemy import Engine

ROUNDS = 20
AIMS = {100_000: 15, 1_000_000: 50}
SHARE_OPEN = 50  # one in so many is open
CHANGED = 20_000  # changes that nobody folded yet

# the levels that `tallies.FOLD` keeps besides those of `sla_data`
LEVELS = """
INSERT INTO sla_tally (client_id, agent_id, figure, on_day, slot, kind, priority, queue, amount)
SELECT client_id, agent_id, figure, on_day, s.slot, g.kind, g.priority, g.queue, sum(amount)
FROM sla_tally t, LATERAL (VALUES (t.slot), (-1)) AS s(slot),
     LATERAL (VALUES (t.kind, t.priority, t.queue), ('', '', '')) AS g(kind, priority, queue)
WHERE (s.slot >= 0 OR figure = 'arrived') AND (s.slot < 0 OR g.kind = '')
GROUP BY client_id, agent_id, figure, on_day, s.slot, g.kind, g.priority, g.queue
"""
BASELINE = """
SELECT metric, verdict, count(*) FROM sla_cycle
WHERE month = date_trunc('month', now())::date AND kind = 'incident' GROUP BY metric, verdict
"""
# what a busy minute writes: somebody's tickets begin to be at risk
BUSY = """
INSERT INTO sla_tally_change (client_id, agent_id, figure, on_day, slot, kind, priority, queue, amount)
SELECT client_id, agent_id, figure, on_day, slot, kind, priority, queue, sign
FROM (SELECT * FROM sla_tally WHERE client_id > 0 AND agent_id >= 0 AND kind <> '' AND slot >= 0
      ORDER BY md5(client_id::text || on_day || figure || slot) LIMIT :half) AS chosen,
     (VALUES (1), (-1)) AS two(sign)
"""
SIZES = ("sla_tally", "sla_cycle", "sla_ledger", "sla_event", "ticket")
AGENT = Actor(role=Role.AGENT, name="Agent", user_id=sla_data.FIRST_AGENT_ID)
MANAGER = Actor(
    role=Role.ACCOUNT_MANAGER,
    name="Manager",
    user_id=sla_data.MANAGER_ID,
    client_ids=frozenset(range(1, 21)),
)
CONTACT = Actor(
    role=Role.CONTACT,
    name="Contact",
    user_id=sla_data.CONTACT_ID,
    client_ids=frozenset({1}),
)
MONTH = month_of(datetime.now(UTC).date())
LONG_AGO = month_of(datetime.now(UTC).date() - timedelta(days=340))
ASKED = {
    "everything": Evidence(),
    "a kind": Evidence(kind="incident"),
    "a priority, a queue": Evidence(priority="medium", queue="support", metric="first_response"),
    "an agent": Evidence(agent=str(sla_data.FIRST_AGENT_ID)),
    "a client": Evidence(client="CLI-B1"),
    "a client, an agent": Evidence(client="CLI-B1", agent="none", kind="request"),
}
OPENED = {
    "breached now": Evidence(sla="breached"),
    "resolution met, this month": Evidence(metric="resolution", outcome="met", month=MONTH),
    "all near misses, this month": Evidence(outcome="near", month=MONTH),
    "an agent's breaches": Evidence(
        metric="resolution", outcome="breached", month=MONTH, agent=str(sla_data.FIRST_AGENT_ID)
    ),
    "arrived this month": Evidence(arrived=MONTH),
    "resolution met, a year ago": Evidence(metric="resolution", outcome="met", month=LONG_AGO),
    "arrived a year ago": Evidence(arrived=LONG_AGO),
    "arrived Mondays at ten": Evidence(arrived=MONTH, weekday="1", hour="10"),
}


def measure(*sizes: int) -> None:
    """Measure each size in a database of its own, and leave nothing behind."""
    for tickets in sizes or tuple(AIMS):
        with tempfile.TemporaryDirectory(prefix="bench-") as name:
            folder = Path(name)
            embedded_postgres.ensure_running(folder, throw_away=True)
            try:
                _measure_at(embedded_postgres.url(folder), folder, tickets)
            finally:
                embedded_postgres.stop(folder)


def _measure_at(address: str, folder: Path, tickets: int) -> None:
    _server.append(int((folder / "postgres/data/postmaster.pid").read_text().split()[0]))
    schema.upgrade(address)
    engine = create_engine(address.replace(f"{embedded_postgres.ROLE}@", "postgres@"))
    began = time.perf_counter()
    _fill(engine, tickets)
    made = time.perf_counter() - began
    settings = Settings.from_environment(
        {"SERVICEDESK_MODE": "test", "SERVICEDESK_INSTANCE": str(folder)}
    )
    app = create_app(settings, url=address)
    print(
        f"{tickets:,} tickets of 13 months, {sla_data.CLIENTS} clients, {sla_data.AGENTS} agents;"
    )
    print(f"made in {made:.0f} s; medians of {ROUNDS}; aim of reading {AIMS.get(tickets, '-')} ms")
    _sizes(engine)
    print(f"{'':52}{'ms':>8}{'p95':>8}{'least':>8}{'CPU':>8}")
    with engine.connect() as connection:
        _line(
            "baseline: one count without counters", lambda: connection.execute(text(BASELINE)).all()
        )
    _reads(app)
    _opens(app)
    _pages(app)
    _folds(app, engine)
    engine.dispose()


def _fill(engine: Engine, tickets: int) -> None:
    with engine.connect() as connection:
        sla_data.fill(connection, tickets, tickets // SHARE_OPEN)
        connection.execute(text(LEVELS))
        connection.commit()
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("VACUUM ANALYZE sla_tally"))


def _sizes(engine: Engine) -> None:
    with engine.connect() as connection:
        told = []
        for table in SIZES:
            rows = connection.scalar(text(f"SELECT count(*) FROM {table}"))
            size = connection.scalar(text(f"SELECT pg_total_relation_size('{table}')"))
            told.append(f"{table} {rows:,} rows {size / 2**20:,.0f} MB")
    print("; ".join(told))


def _reads(app: Flask) -> None:
    for who, actor in (("agent", AGENT), ("manager of 20", MANAGER), ("contact", CONTACT)):
        for what, asked in ASKED.items():
            if actor.is_contact and asked.agent:
                continue
            _as(app, actor, f"{who}: {what}", lambda a=actor, e=asked: dashboard(a, e))
        _as(app, actor, f"{who}: the wall", lambda a=actor: standing_now(a, Evidence(), 8))


def _opens(app: Flask) -> None:
    for who, actor in (("agent", AGENT), ("manager of 20", MANAGER), ("contact", CONTACT)):
        for what, asked in OPENED.items():
            wanted = queries.TicketFilter.read(asked.as_query(), show="all")
            _as(app, actor, f"{who} opens: {what}", lambda a=actor, w=wanted: _open(a, w))


def _open(actor: Actor, wanted: queries.TicketFilter) -> None:
    counted(actor, wanted)
    queries.tickets(actor, wanted)


def _as(app: Flask, actor: Actor, name: str, read: Callable[[], object]) -> None:
    """Measure a read under the actor's role, each time in a transaction of its own."""

    def once() -> None:
        with app.app_context(), database.acting_as(actor):
            read()
            database.session().rollback()

    _line(name, once)


def _pages(app: Flask) -> None:
    for who, user_id, path in (
        ("agent", sla_data.FIRST_AGENT_ID, "/desk/sla/"),
        ("agent, wall", sla_data.FIRST_AGENT_ID, "/desk/sla/wall"),
        ("manager of 20", sla_data.MANAGER_ID, "/desk/sla/"),
        ("contact", sla_data.CONTACT_ID, "/portal/sla/"),
    ):
        visitor = app.test_client()
        with visitor.session_transaction() as session:
            session["_user_id"] = f"{user_id}:1"
        _line(f"whole page, {who}: charts drawn before", lambda v=visitor, p=path: _get(v, p))
        if "wall" not in who:
            _line(f"whole page, {who}: charts drawn anew", lambda v=visitor, p=path: _anew(v, p))


def _get(visitor: FlaskClient, path: str) -> None:
    answer = visitor.get(path)
    if answer.status_code != 200:
        raise RuntimeError(f"{path}: {answer.status_code}")


def _anew(visitor: FlaskClient, path: str) -> None:
    drawing.picture.cache_clear()
    _get(visitor, path)


def _folds(app: Flask, engine: Engine) -> None:
    """Measure with very many changes waiting, and how long they take to be folded."""
    with engine.begin() as connection:
        connection.execute(text(BUSY), {"half": CHANGED // 2})
    _as(
        app,
        AGENT,
        f"agent: everything, {CHANGED:,} changes not folded",
        lambda: dashboard(AGENT, Evidence()),
    )
    with app.app_context(), engine.begin() as connection:
        began = time.perf_counter()
        folded = fold_changes(connection)  # type: ignore[arg-type]  # it only executes
        spent = (time.perf_counter() - began) * 1000
    print(f"{f'folding {folded:,} changes':52}{spent:8.0f}")


def _line(name: str, act: Callable[[], object]) -> None:
    for _ in range(2):
        act()
    times, spent = [], _spent()
    for _ in range(ROUNDS):
        began = time.perf_counter()
        act()
        times.append((time.perf_counter() - began) * 1000)
    spent = (_spent() - spent) / ROUNDS
    worst = sorted(times)[int(len(times) * 0.95)]
    middle = statistics.median(times)
    print(f"{name:52}{middle:8.1f}{worst:8.1f}{min(times):8.1f}{spent:8.1f}", flush=True)


_server: list[int] = []  # the database's first process


def _spent() -> float:
    """Return the milliseconds of processor time that this process and the database have had."""
    total = time.process_time() * 1000
    tick = 1000 / os.sysconf("SC_CLK_TCK")
    for status in Path("/proc").glob("[0-9]*/stat"):
        try:
            told = status.read_text().rpartition(")")[2].split()
        except OSError:
            continue  # it has ended meanwhile
        if int(told[1]) == _server[-1]:
            total += (int(told[11]) + int(told[12])) * tick
    return total


if __name__ == "__main__":
    measure(*(int(size.replace("_", "")) for size in sys.argv[1:]))
