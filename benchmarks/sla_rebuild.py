"""Deriving everything cached of the clocks again: ledgers a second, beside one ledger at a time."""

from __future__ import annotations

import json
import random
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlalchemy import create_engine, select, text
from sqlalchemy.orm import scoped_session, sessionmaker

from servicedesk import registry, schema
from servicedesk.core import clock, database, embedded_postgres
from servicedesk.core.actors import SYSTEM
from servicedesk.sla.checking import check_all, rebuild_all
from servicedesk.sla.clocks import cycles_of, events_of, told_of
from servicedesk.sla.derivation import derive, differences
from servicedesk.sla.models import SlaLedger
from servicedesk.sla.standard import office_hours, standard_plan

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy import Engine

LEDGERS = 20_000
CLIENTS = 20
ONE_BY_ONE = 1_000  # ledgers of the baseline
PRIORITIES = ("critical", "high", "medium", "low")
BASICS = (
    """INSERT INTO client (reference, name, tax_id, sector, city, created_at)
       SELECT 'CLI-B' || n, 'Client ' || n, 'B' || n, 'Logistics', 'Bilbao', now()
       FROM generate_series(1, :clients) n""",
    """INSERT INTO contract (client_id, reference, modality, starts_on, ends_on, time_zone, blocks,
                              engagement_days, wipes_per_order, wipes_per_hour,
                              wipe_share_per_day, cancel_window_minutes, location_days)
       SELECT id, 'CTR-B' || id, 'advanced_managed', current_date - 500, current_date + 500,
              'Europe/Madrid', ARRAY['messaging'], 16, 1, 5, 0.02, 30, 30 FROM client""",
    """INSERT INTO plan_version (code, version, name, effective_on, definition, created_at,
                                 author_name)
       VALUES ('standard', 1, 'Standard', '2020-01-01', CAST(:plan AS jsonb), now(), 'bench')""",
    """INSERT INTO calendar_version (code, version, name, effective_on, definition, created_at,
                                     author_name)
       VALUES ('office', 1, 'Office', '2020-01-01', CAST(:calendar AS jsonb), now(), 'bench')""",
    # nothing cached is right yet: that is what a rebuild is for
    """INSERT INTO sla_ledger (client_id, contract_id, subject, started_at, started_on, started_slot,
           kind, priority, queue, plan_id, calendar_id, standing)
       SELECT 1 + n % :clients, 1 + n % :clients, 'INC-2026-' || lpad(n::text, 6, '0'), now(),
              current_date, 0, '', '', '', 1, 1, 'on_track'
       FROM generate_series(1, :ledgers) n""",
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
    owner = create_engine(address.replace(f"{embedded_postgres.ROLE}@", "postgres@"))
    events = fill(owner)
    engine = create_engine(address)
    database.use_sessions(scoped_session(sessionmaker(engine, expire_on_commit=False)))
    registry.listen()
    with database.acting_as(SYSTEM):
        print(f"{LEDGERS:,} ledgers with {events:,} events over a year, office hours; one process")
        began = time.perf_counter()
        rebuild_all()
        _line("rebuild of all, nothing right before", LEDGERS, began)
        _tidy(owner)
        began = time.perf_counter()
        found = check_all()
        rate = _line("check of all, everything right", LEDGERS, began)
        if found:
            raise RuntimeError(str(found[0]))
        baseline = one_by_one()
    print(f"a check is {rate / baseline:.1f} times as fast as one ledger at a time")
    cycles, size = _sizes(owner)
    print(f"{cycles:,} cycles; tables of ledgers, events, cycles and counters: {size}")
    owner.dispose()
    engine.dispose()


def fill(owner: Engine) -> int:
    """Write ledgers with histories of a year; return how many events that is."""
    values = {
        "clients": CLIENTS,
        "ledgers": LEDGERS,
        "plan": json.dumps(standard_plan().to_json()),
        "calendar": json.dumps(office_hours("MD").to_json()),
    }
    count = 0
    with owner.begin() as connection:
        for statement in BASICS:
            names = {name: value for name, value in values.items() if f":{name}" in statement}
            connection.execute(text(statement), names)
        cursor: Any = connection.connection.cursor()
        with cursor.copy(
            "COPY sla_event (client_id, ledger_id, sequence, at, kind, party, plan_id, calendar_id,"
            " target_kind, target_priority, queue, actor, evidence) FROM STDIN"
        ) as copy:
            for row in histories():
                copy.write_row(row)
                count += 1
    _tidy(owner)
    return count


def histories() -> Iterator[tuple[Any, ...]]:
    """Yield the events of every ledger: answers, waits, corrections, a solution, a reopening."""
    dice = random.Random(3)
    for ledger in range(1, LEDGERS + 1):
        at = datetime.now(UTC) - timedelta(seconds=dice.randrange(365 * 86_400))
        kinds = ["started", "assigned", "responded"]
        for kind, share in (("paused", 0.4), ("resumed", 0.4), ("replanned", 0.2)):
            kinds += [kind] * (dice.random() < share)
        kinds += ["responded"] * dice.randrange(3) + ["resolved"]
        kinds += ["reopened", "responded", "resolved"] * (dice.random() < 0.1)
        for sequence, kind in enumerate(kinds, start=1):
            is_planned = kind in {"started", "replanned"}
            if at < datetime.now(UTC):
                yield (
                    1 + ledger % CLIENTS,
                    ledger,
                    sequence,
                    at,
                    kind,
                    "client" if kind in {"paused", "resumed"} else None,
                    1 if is_planned else None,
                    1 if is_planned else None,
                    "incident" if is_planned else None,
                    dice.choice(PRIORITIES) if is_planned else None,
                    "support" if kind in {"started", "assigned"} else None,
                    "bench",
                    "{}",
                )
            at += timedelta(seconds=dice.randrange(60, 30_000))


def one_by_one() -> float:
    """Return how many ledgers a second are checked one at a time, as one would at first."""
    session, now = database.session(), clock.now()
    ids = list(session.scalars(select(SlaLedger.id).limit(ONE_BY_ONE)))
    began = time.perf_counter()
    for ledger_id in ids:
        ledger = session.get_one(SlaLedger, ledger_id)
        rows = cycles_of(session, [ledger_id])[ledger_id]
        warned = {(row.metric, row.ordinal): row.warned_percent for row in rows}
        events = told_of(session, events_of(session, [ledger_id])[ledger_id])
        differences(derive(events, now, warned), ledger, rows)
    session.rollback()
    return _line("check, one ledger at a time", len(ids), began)


def _line(name: str, count: int, began: float) -> float:
    seconds = time.perf_counter() - began
    print(f"{name:40}{seconds:9.1f} s{count / seconds:11,.0f} ledgers/s")
    return count / seconds


def _tidy(owner: Engine) -> None:
    with owner.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("VACUUM ANALYZE"))


def _sizes(owner: Engine) -> tuple[int, str]:
    with owner.connect() as connection:
        row = connection.execute(
            text(
                "SELECT (SELECT count(*) FROM sla_cycle), pg_size_pretty(sum("
                "pg_total_relation_size(name::regclass))) FROM unnest(ARRAY['sla_ledger',"
                " 'sla_event', 'sla_cycle', 'sla_tally']) name"
            )
        ).one()
    return row[0], row[1]


if __name__ == "__main__":
    measure()
