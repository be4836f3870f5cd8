"""What must be true of the database before the desk opens, asked without loading the application."""

from __future__ import annotations

import psycopg
from sqlalchemy.engine import make_url

from config import ROOT

LOADED = "demonstration data loaded"


def conninfo(url: str) -> str:
    """Turn an SQLAlchemy address into one that libpq reads."""
    return make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)


def tables_are_current(url: str) -> bool:
    """Tell whether the newest migration has run."""
    head = (ROOT / "migrations" / "HEAD").read_text(encoding="ascii").strip()
    with psycopg.connect(conninfo(url), connect_timeout=10) as connection:
        if connection.execute("SELECT to_regclass('alembic_version')").fetchone() == (None,):
            return False
        row = connection.execute("SELECT version_num FROM alembic_version").fetchone()
        return row == (head,)


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
