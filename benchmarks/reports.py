"""`python -m benchmarks.reports`: a report of 1,000,000 rows in constant memory.

Rows a second are told as a share of what a bare server-side cursor of psycopg reads of the same query;
memory is what the peak of this process grew by.
"""

from __future__ import annotations

import gc
import resource
import tempfile
import threading
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psycopg
from sqlalchemy import create_engine, select, text
from sqlalchemy.dialects import postgresql
from sqlalchemy.orm import scoped_session, sessionmaker

from benchmarks.what_if import PEOPLE
from servicedesk import schema
from servicedesk.core import database, embedded_postgres
from servicedesk.core.actors import SYSTEM, Actor, Role
from servicedesk.reports import folder, jobs
from servicedesk.reports.asking import ask_report
from servicedesk.reports.models import ReportRun
from servicedesk.reports.wishes import Wish, checked

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

ROWS = 1_000_000
DEVICES = 5_000
AIM_MEGABYTES = 64
COLUMNS = ("device", "device_name", "action", "sent", "answered", "outcome", "seconds", "attempts")
STATEMENTS: Sequence[str] = (
    "INSERT INTO engine_account (key, name, is_simulated) VALUES ('sandbox', 'Sandbox', true)",
    """INSERT INTO device (client_id, reference, name, serial, imei, phone_number, platform,
           os_version, manufacturer, model, ownership, management, state, engine_id, external_id)
       SELECT 1, 'DEV-B' || n, 'Galaxy A54 ' || n, 'SER' || n, '', '', 'android', '14', 'Samsung',
           'Galaxy A54', 'corporate', 'fully_managed', 'enrolled', 1, 'ext' || n
       FROM generate_series(1, :devices) n""",
    """INSERT INTO command_batch (client_id, created_at, instruction, parameters, simulated,
           is_destructive, is_wide)
       SELECT 1, now(), 'lock', '{}', true, false, false FROM generate_series(1, :batches)""",
    """INSERT INTO device_command (client_id, batch_id, device_id, key, state, not_after, created_at,
           sent_at, finished_at, checked_at, attempts)
       SELECT 1, 1 + n / :devices, 1 + n % :devices, gen_random_uuid(),
           CASE WHEN n % 20 = 0 THEN 'failed' ELSE 'acknowledged' END, now(),
           now() - interval '20 days' + n * interval '1 second', now() - n * interval '1 second',
           now(), now(), 1
       FROM generate_series(0, :rows - 1) n""",
)


def main() -> None:
    """Make the rows, measure, print, and leave nothing behind."""
    with tempfile.TemporaryDirectory(prefix="bench-") as name:
        there = Path(name)
        embedded_postgres.ensure_running(there, throw_away=True)
        try:
            address = embedded_postgres.url(there)
            schema.upgrade(address)
            engine = create_engine(address)
            folder.use_folder(there / "reports")
            database.use_sessions(scoped_session(sessionmaker(engine, expire_on_commit=False)))
            database.become(SYSTEM)
            fill(address)
            measure(address)
            database.session().close()
            engine.dispose()
        finally:
            embedded_postgres.stop(there)


def fill(address: str) -> None:
    """Write a million commands to five thousand devices, set-based."""
    engine = create_engine(address.replace(f"{embedded_postgres.ROLE}@", "postgres@"))
    sizes = {"devices": DEVICES, "batches": ROWS // DEVICES, "rows": ROWS}
    with engine.begin() as connection:
        for statement in (*PEOPLE, *STATEMENTS):
            names = {name: value for name, value in sizes.items() if f":{name}" in statement}
            connection.execute(text(statement), names)
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("VACUUM ANALYZE"))
    engine.dispose()


def measure(address: str) -> None:
    """Print rows a second and the growth of memory, of a bare cursor and of each format."""
    supervisor = Actor(role=Role.SUPERVISOR, name="Supervisor", user_id=1)
    warm(supervisor)
    bare, grew = measured(lambda: read_bare(address, supervisor))
    print(f"{'report of ' + format(ROWS, ','):28}{'seconds':>9}{'rows/s':>10}{'share':>8}{'MB':>7}")
    tell("bare cursor", bare, bare, grew)
    for kind in ("csv", "xlsx"):
        run_ids: list[int] = []
        took, grew = measured(lambda kind=kind, ids=run_ids: ids.append(made(supervisor, kind)))
        session = database.session()
        session.expunge_all()
        run = session.scalars(select(ReportRun).where(ReportRun.id == run_ids[0])).one()
        if run.rows_done != ROWS:
            raise RuntimeError(f"{run.state}: {run.problem}")
        session.rollback()
        tell(f"{kind}, {(run.size or 0) / 1e6:.0f} MB file", took, bare, grew)
        folder.remove(run.key)
    print(f"{'aim: memory grows by less than':38}{AIM_MEGABYTES:>24}")


def tell(what: str, took: float, bare: float, grew: float) -> None:
    """Print a line."""
    print(f"{what:28}{took:9.1f}{ROWS / took:10,.0f}{bare / took:8.2f}{grew:7.1f}")


def wish(kind: str) -> Wish:
    """Return what is asked for."""
    return Wish(kind="commands", columns=COLUMNS, period="last_30_days", format=kind)


def warm(actor: Actor) -> None:
    """Make a small one of each first: what is loaded once is no growth."""
    day = datetime(2020, 1, 1, tzinfo=UTC).date()
    for kind in ("csv", "xlsx"):
        small = Wish(
            kind="commands",
            columns=COLUMNS,
            period="own",
            first_on=day,
            last_on=day,
            format=kind,
        )
        jobs.write(run_id=ask_report(actor, small, "es").id)


def made(actor: Actor, kind: str) -> int:
    """Ask for a report and make it; return its run."""
    run = ask_report(actor, wish(kind), "es")
    run_id = run.id
    jobs.write(run_id=run_id)
    return run_id


def read_bare(address: str, actor: Actor) -> None:
    """Read the same rows with psycopg alone, as wide pieces, and do nothing with them."""
    session = database.session()
    told = checked(session, actor, wish("csv"))
    session.rollback()
    query = told.kind.query(told.asked(actor, datetime.now(UTC)))
    statement = query.compile(dialect=postgresql.psycopg.dialect())
    with (
        psycopg.connect(address.replace("postgresql+psycopg", "postgresql")) as connection,
        connection.cursor(name="bare") as cursor,
    ):
        cursor.itersize = 2000
        cursor.execute(str(statement), statement.params)
        rows = sum(1 for _row in cursor)
    if rows != ROWS:
        raise RuntimeError(rows)


def measured(do: Callable[[], Any]) -> tuple[float, float]:
    """Return the seconds of a piece of work, and by how many MB the process grew meanwhile."""
    gc.collect()
    before, peak, over = resident(), [0.0], threading.Event()

    def watch() -> None:
        while not over.wait(0.05):
            peak[0] = max(peak[0], resident())

    watcher = threading.Thread(target=watch)
    watcher.start()
    began = time.perf_counter()
    try:
        do()
    finally:
        took = time.perf_counter() - began
        over.set()
        watcher.join()
    return took, max(peak[0] - before, 0.0)


def resident() -> float:
    """Return the MB this process holds now."""
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * resource.getpagesize() / 1e6


if __name__ == "__main__":
    main()
