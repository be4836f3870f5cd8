"""Taking a backup, proving it and putting it back: seconds and size at 100,000 tickets."""

from __future__ import annotations

import resource
import tempfile
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING

from sqlalchemy import create_engine, text

from benchmarks import data
from config import Settings
from servicedesk import schema
from servicedesk.app import create_app
from servicedesk.backups.programs import connect
from servicedesk.backups.restoring import restore_backup
from servicedesk.backups.taking import take_backup
from servicedesk.backups.verifying import verify_backup
from servicedesk.core import audit, database, embedded_postgres, files
from servicedesk.core.actors import SYSTEM

if TYPE_CHECKING:
    from collections.abc import Callable

FILES, FILE_SIZE = 500, 100_000
PEOPLE = """
    INSERT INTO "user" (email, name, role, language, time_zone, is_active, session_version, created_at,
                        role_since)
    SELECT 'p' || n || '@bench.example', 'Person ' || n, 'agent', 'es', 'Europe/Madrid', true, 1, now(), now()
      FROM generate_series(1, 2) n
"""
PLANS = """
    INSERT INTO {} (code, version, name, effective_on, definition, created_at, author_name)
    VALUES ('{}', 1, 'Bench', '2020-01-01', '{{}}', now(), 'bench')
"""
ENTRIES = 3  # what a ticket leaves in the trail: opened, taken, resolved


def measure() -> None:
    """Make the data, measure, print, and leave nothing behind."""
    with tempfile.TemporaryDirectory(prefix="bench-") as name:
        here, there = Path(name, "here"), Path(name, "there")
        for folder in (here, there):
            folder.mkdir()
            embedded_postgres.ensure_running(folder, throw_away=True)
        try:
            _measure(here, there)
        finally:
            for folder in (here, there):
                embedded_postgres.stop(folder)


def _measure(here: Path, there: Path) -> None:
    schema.upgrade(embedded_postgres.url(here))
    _fill(here)
    for key in (None, "x" * 40):
        settings = replace(_settings(here), backup_key=key)
        app = create_app(settings)
        with app.app_context(), database.acting_as(SYSTEM):
            facts = take_backup(settings)
            print(
                f"backup{' encrypted' if key else '':10} {facts.seconds:6.1f} s  "
                f"{facts.size / 1e6:,.0f} MB  {facts.rows:,} rows  {facts.attachments} files"
            )
    with app.app_context(), database.acting_as(SYSTEM):
        found = verify_backup(settings, facts.path)
        print(f"verify               {found.seconds:6.1f} s  {found.problems or 'good'}")
    target = replace(_settings(there), backup_key=settings.backup_key)
    app = create_app(target)
    with app.app_context(), database.acting_as(SYSTEM):
        seconds = _timed(lambda: restore_backup(target, facts.path))
    used = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000
    print(f"restore              {seconds:6.1f} s  {used:,.0f} MB of memory at most")


def _timed(act: Callable[[], object]) -> float:
    began = perf_counter()
    act()
    return perf_counter() - began


def _settings(instance: Path) -> Settings:
    return Settings.from_environment(
        {"SERVICEDESK_MODE": "test", "SERVICEDESK_INSTANCE": str(instance)}
    )


def _fill(instance: Path) -> None:
    url = embedded_postgres.url(instance)
    engine = create_engine(url)
    with engine.begin() as connection:
        connection.execute(text(PEOPLE))
        for table, code in (("plan_version", "standard"), ("calendar_version", "office")):
            connection.execute(text(PLANS.format(table, code)))
    data.fill(url)
    files.use_folder(instance / "attachments")
    hashes = [files.keep(f"{number:>{FILE_SIZE}}".encode()) for number in range(FILES)]
    with engine.begin() as connection:
        connection.execute(
            text(
                "INSERT INTO attachment (client_id, entry_id, reference, name, media_type, size,"
                " sha256, created_at) SELECT e.client_id, e.id, h, 'a.txt', 'text/plain', :size, h,"
                " now() FROM unnest(CAST(:hashes AS text[])) WITH ORDINALITY AS f(h, n)"
                " JOIN ticket_entry e ON e.id = n"
            ),
            {"size": FILE_SIZE, "hashes": hashes},
        )
    engine.dispose()
    _write_trail(url)
    with connect(url, autocommit=True) as connection:
        connection.execute("VACUUM ANALYZE")


def _write_trail(url: str) -> None:
    """Write chains as `desk_audit` would, but not one after the other."""
    at = datetime.now(UTC)
    with connect(url) as connection:
        copying = (
            "COPY audit_entry (chain, number, at, actor_id, actor, act, subject, payload,"
            " previous_hash, hash) FROM STDIN"
        )
        heads = []
        with connection.cursor() as cursor, cursor.copy(copying) as copy:
            for chain in range(1, data.CLIENTS + 1):
                head = ""
                for number in range(1, data.TICKETS * ENTRIES // data.CLIENTS + 1):
                    payload = audit.canonical(
                        {"act": "bench", "actor": "Agent", "actor_id": 2, "at": at.isoformat()}
                        | {"changes": [{"kind": "ticket", "fields": {"state": ["new", "done"]}}]}
                    )
                    before, head = head, audit.entry_hash(chain, number, head, payload)
                    row = (chain, number, at, 2, "Agent", "bench", "INC", payload, before, head)
                    copy.write_row(row)
                heads.append((chain, number, head))
            del cursor
        for head_row in heads:
            connection.execute("INSERT INTO audit_head VALUES (%s, %s, %s)", head_row)


if __name__ == "__main__":
    measure()
