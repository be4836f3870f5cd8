"""The clock's look at a million tickets, 100,000 of them open: milliseconds, statements, a ratio."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import create_engine, text
from sqlalchemy.orm import scoped_session, sessionmaker

from benchmarks.conformity import counting
from benchmarks.sla_data import fill
from servicedesk import registry, schema
from servicedesk.core import clock, database, embedded_postgres
from servicedesk.core.actors import SYSTEM
from servicedesk.sla.jobs import watch

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from sqlalchemy import Engine

TICKETS = 1_000_000
OPEN = 100_000
ROUNDS = 7
AIM = 50  # milliseconds for a look that finds few
TABLES = ("sla_ledger", "sla_cycle", "sla_event", "sla_warning", "ticket", "sla_tally")
QUESTION = "SELECT id FROM sla_ledger WHERE next_due_at < :at ORDER BY next_due_at LIMIT 200"


def measure() -> None:
    """Make the data in a database of its own, measure, print, and leave nothing behind."""
    with tempfile.TemporaryDirectory(prefix="bench-") as name:
        folder = Path(name)
        embedded_postgres.ensure_running(folder, throw_away=True)
        try:
            address = embedded_postgres.url(folder)
            schema.upgrade(address)
            began = time.perf_counter()
            owner = create_engine(address.replace(f"{embedded_postgres.ROLE}@", "postgres@"))
            with owner.connect() as connection:
                fill(connection, TICKETS, OPEN)
            owner.dispose()
            print(f"clocks of {TICKETS:,} tickets, made in {time.perf_counter() - began:.0f} s")
            measure_at(address)
        finally:
            embedded_postgres.stop(folder)


def measure_at(address: str) -> None:
    """Measure looks at the data of a filled database."""
    engine = create_engine(address)
    source = scoped_session(sessionmaker(engine, expire_on_commit=False))
    database.use_sessions(source)
    registry.listen()
    database.become(SYSTEM)
    _print_size(engine)
    print(f"{'':40}{'ms':>9}{'worst':>9}{'× scan':>9}{'SQL':>5}{'aim':>5}")
    watch()  # what has become due while the data was made
    scan = _line(engine, "the same question without its index", 0, 0.0, act=_ask_unindexed)
    for due, aim in ((0, AIM), (20, AIM), (500, 0)):
        _line(engine, f"a look that finds {due} due", due, scan, aim)
    source.remove()
    engine.dispose()


def _line(
    engine: Engine,
    name: str,
    due: int,
    scan: float,
    aim: int = 0,
    act: Callable[[], None] = watch,
) -> float:
    """Print the median of some rounds, each at the instant when so many have run out."""
    times = []
    for _ in range(ROUNDS):
        with clock.told_as(_instant(engine, due)), counting(engine) as statements:
            began = time.perf_counter()
            act()
            times.append((time.perf_counter() - began) * 1000)
    median = sorted(times)[ROUNDS // 2]
    print(
        f"{name:40}{median:9.1f}{max(times):9.1f}{median / (scan or median):9.3f}"
        f"{len(statements):5}{aim or '':>5}"
    )
    return median


def _instant(engine: Engine, due: int) -> datetime:
    """Return the instant before which exactly so many looks are due."""
    with engine.connect() as connection:
        found: datetime = connection.execute(
            text(
                "SELECT next_due_at FROM sla_ledger WHERE next_due_at IS NOT NULL"
                " ORDER BY next_due_at OFFSET :due LIMIT 1"
            ),
            {"due": due},
        ).scalar_one()
    return found


def _ask_unindexed() -> None:
    session = database.session()
    for setting in ("indexscan", "indexonlyscan", "bitmapscan"):
        session.execute(text(f"SET LOCAL enable_{setting} = off"))
    session.execute(text(QUESTION), {"at": clock.now()}).all()
    session.rollback()


def _print_size(engine: Engine) -> None:
    with engine.connect() as connection:
        rows = connection.execute(
            text(
                "SELECT c.relname, c.reltuples::bigint, pg_size_pretty(pg_total_relation_size(c.oid))"
                " FROM pg_class c WHERE c.relname = ANY(:tables) AND c.relkind = 'r' ORDER BY 1"
            ),
            {"tables": list(TABLES)},
        ).all()
    print(", ".join(f"{name} {count:,} ({size})" for name, count, size in rows))


if __name__ == "__main__":
    measure()
