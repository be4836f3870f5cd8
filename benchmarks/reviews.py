"""Drafting reviews: one of 10,000 tickets in its month, and those of 500 contracts.

The baseline reads the rows behind the large month bare: its tickets, events, lines and cycles. Memory is
the process's peak, above what it was before.
"""

from __future__ import annotations

import resource
import tempfile
import time
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import create_engine, event, text
from sqlalchemy.orm import scoped_session, sessionmaker

from benchmarks import review_data
from servicedesk import registry, schema
from servicedesk.clients.models import Contract
from servicedesk.core import clock, database, embedded_postgres
from servicedesk.core.actors import SYSTEM
from servicedesk.reviews.counting import count_month
from servicedesk.reviews.drafting import contracts_to_review, draft_review

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy import Engine

CONTRACTS = 500
LARGE = 10_000
OCTOBER = date(2026, 10, 1)
NOW = datetime(2026, 11, 2, 5, 50, tzinfo=UTC)
NEXT = datetime(2026, 12, 1, 5, 50, tzinfo=UTC)
BARE = """
SELECT {columns} FROM sla_ledger l JOIN ticket t ON t.ledger_id = l.id {joined}
WHERE l.contract_id = 1 AND l.started_at >= '2026-09-15' AND l.started_at < '2026-11-01'
"""
BASELINE = {
    "t.id, t.reference, t.subject, l.kind, l.priority, t.resolved_at": "",
    "e.at, e.sequence, e.kind, e.party, e.queue, e.agent_id": "JOIN sla_event e ON e.ledger_id = l.id",
    "y.at, y.kind, y.author_side, y.author_id": "JOIN ticket_entry y ON y.ticket_id = t.id",
    "c.metric, c.verdict, c.due_at, c.stopped_at": "JOIN sla_cycle c ON c.ledger_id = l.id",
}


def measure() -> None:
    """Make the data in a database of its own, measure, print, and leave nothing behind."""
    with tempfile.TemporaryDirectory(prefix="bench-") as name:
        folder = Path(name)
        embedded_postgres.ensure_running(folder, throw_away=True)
        try:
            address = embedded_postgres.url(folder)
            schema.upgrade(address)
            _fill(address)
            engine = create_engine(address)
            database.use_sessions(scoped_session(sessionmaker(engine, expire_on_commit=False)))
            database.become(SYSTEM)
            registry.listen()
            _measure(engine)
            engine.dispose()
        finally:
            embedded_postgres.stop(folder)


def _fill(address: str) -> None:
    began = time.perf_counter()
    owner = create_engine(address.replace(f"{embedded_postgres.ROLE}@", "postgres@"))
    with owner.connect() as connection:
        review_data.fill(connection, CONTRACTS + 1, LARGE)
        sizes = [
            f"{connection.execute(text(f'SELECT count(*) FROM {table}')).scalar_one():,} {table}"
            for table in ("ticket", "sla_event", "ticket_entry", "sla_cycle")
        ]
    owner.dispose()
    print(f"{', '.join(sizes)}; made in {time.perf_counter() - began:.0f} s")


def _measure(engine: Engine) -> None:
    statements: list[str] = []
    event.listen(engine, "before_cursor_execute", lambda *told: statements.append(told[2]))
    print(f"{'':44}{'s':>9}{'CPU':>8}{'SQL':>7}{'peak MB':>9}")

    def line(name: str, act: Callable[[], object]) -> float:
        statements.clear()
        before, cpu, began = _peak(), time.process_time(), time.perf_counter()
        act()
        took = time.perf_counter() - began
        spent = time.process_time() - cpu
        print(f"{name:44}{took:9.2f}{spent:8.2f}{len(statements):7}{_peak() - before:9.0f}")
        return took

    with clock.told_as(NOW):
        bare = line(f"bare rows of {LARGE:,} tickets", _read_bare)
        line("one month of them counted", _count)
        first = line("their review, with 12 months before", lambda: draft_review(1, OCTOBER))
        print(f"{'':44}{first / bare:9.1f} × bare rows")
        line(f"first reviews of {CONTRACTS} contracts", lambda: _draft(NOW))
    with clock.told_as(NEXT):
        line("the next review of the large client", lambda: draft_review(1, date(2026, 11, 1)))
        line(f"next reviews of {CONTRACTS} contracts", lambda: _draft(NEXT))
    sizes = database.session().execute(
        text(
            "SELECT max(octet_length(content)), max(octet_length(evidence)),"
            " pg_total_relation_size('service_review_content'),"
            " pg_total_relation_size('service_review_month') FROM service_review_content"
        )
    )
    content, evidence, contents, months = sizes.one()
    print(f"largest content {content / 1e6:.2f} MB, evidence {evidence / 1e6:.2f} MB;", end=" ")
    print(f"all contents {contents / 1e6:.0f} MB, months {months / 1e6:.0f} MB")
    database.session().rollback()


def _peak() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def _read_bare() -> None:
    session = database.session()
    for columns, joined in BASELINE.items():
        session.execute(text(BARE.format(columns=columns, joined=joined))).all()
    session.rollback()


def _count() -> None:
    session = database.session()
    count_month(session, session.get_one(Contract, 1), OCTOBER, NOW)
    session.rollback()


def _draft(now: datetime) -> None:
    due = contracts_to_review(database.session(), now)
    database.session().rollback()
    for contract_id, month in due:
        draft_review(contract_id, month)


if __name__ == "__main__":
    measure()
