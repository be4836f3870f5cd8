"""What must be true of the database before the desk opens, asked without loading the application."""

from __future__ import annotations

import sys
import time
from datetime import UTC, datetime, timedelta

import psycopg
from sqlalchemy.engine import make_url

from config import ROOT

WAIT_FOR_DATABASE = 60  # seconds, after which whoever keeps the process running may start it again
MOST_WRONG = timedelta(minutes=5)  # tokens, signatures and leases count on the hosts' clocks
LOADED = "demonstration data loaded"


def conninfo(url: str) -> str:
    """Turn an SQLAlchemy address into one that libpq reads."""
    return make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)


class NotFit(Exception):
    """This process must not serve; the message says why and what helps."""


def tables_are_current(url: str) -> bool:
    """Tell whether the newest migration has run."""
    with psycopg.connect(conninfo(url), connect_timeout=10) as connection:
        return not _lacks_migration(connection)


def check_fitness(
    url: str, now: datetime | None = None, patience: float = WAIT_FOR_DATABASE
) -> None:
    """Wait for the database and look whether this process may work on it. Raises NotFit."""
    deadline = time.monotonic() + patience
    while True:
        try:
            with psycopg.connect(conninfo(url), connect_timeout=5) as connection:
                _check(connection, now or datetime.now(UTC))
        except psycopg.OperationalError as error:
            if time.monotonic() >= deadline:
                raise NotFit(f"The database cannot be reached: {str(error).strip()}") from None
            time.sleep(1)
        else:
            return


def _check(connection: psycopg.Connection[tuple[object, ...]], now: datetime) -> None:
    if _lacks_migration(connection):
        raise NotFit(
            "The tables are older than this release."
            " Run `python -m servicedesk.processes migrate` first."
        )
    row = connection.execute("SELECT clock_timestamp()").fetchone()
    wrong = now - row[0] if row and isinstance(row[0], datetime) else timedelta()
    if abs(wrong) > MOST_WRONG:
        raise NotFit(
            f"The clock of this host differs from the database's by {abs(wrong).total_seconds():.0f} s;"
            f" {MOST_WRONG.total_seconds():.0f} s are allowed. Set it right (chrony, systemd-timesyncd)."
        )


def _lacks_migration(connection: psycopg.Connection[tuple[object, ...]]) -> bool:
    """Tell whether a migration of this release has not run; a newer release's do no harm."""
    head = (ROOT / "migrations" / "HEAD").read_text(encoding="ascii").strip()
    if connection.execute("SELECT to_regclass('alembic_version')").fetchone() == (None,):
        return True
    row = connection.execute("SELECT version_num FROM alembic_version").fetchone()
    return row is None or str(row[0]) < head


def serve_or_refuse(url: str) -> None:
    """End the process with a sentence when it must not serve."""
    try:
        check_fitness(url)
    except NotFit as problem:
        sys.stderr.write(f"{problem}\n")
        raise SystemExit(1) from None


def demonstration_is_loaded(url: str) -> bool:
    """Tell whether loading it once came to its end; half a demonstration does not count."""
    with psycopg.connect(conninfo(url), connect_timeout=10) as connection:
        row = connection.execute(
            "SELECT shobj_description(oid, 'pg_database') FROM pg_database"
            " WHERE datname = current_database()"
        ).fetchone()
        return row == (LOADED,)


def note_demonstration(url: str) -> None:
    """Write on the database itself that it is loaded, so that the note goes where the data goes."""
    with psycopg.connect(conninfo(url), connect_timeout=10) as connection:
        connection.execute(
            "DO $$ BEGIN EXECUTE format('COMMENT ON DATABASE %I IS %L', current_database(),"
            f" '{LOADED}'); END $$".encode()
        )
