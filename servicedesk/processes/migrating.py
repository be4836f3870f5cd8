"""Bring the tables up to date, and the tasks that ship with the desk, with the database running."""

from __future__ import annotations

import sys

from sqlalchemy import create_engine
from sqlalchemy.orm import scoped_session, sessionmaker

from config import Settings, SettingsError
from servicedesk import registry, schema
from servicedesk.core import database, embedded_postgres
from servicedesk.core.embedded_postgres import DatabaseNotStarted
from servicedesk.planning.shipping import ship_tasks


def main() -> int:
    """Run the migrations that are missing; return the exit code."""
    try:
        settings = Settings.from_environment()
        is_embedded = settings.database_url is None
        started = is_embedded and embedded_postgres.ensure_running(settings.instance)
    except (SettingsError, DatabaseNotStarted) as problem:
        sys.stderr.write(f"{problem}\n")
        return 1
    try:
        url = embedded_postgres.database_url(settings)
        schema.upgrade(url)
        ship(url)
    finally:
        if started:
            embedded_postgres.stop(settings.instance)
    return 0


def ship(url: str) -> None:
    """Bring in what ships with this version, without the application."""
    engine = create_engine(url)
    sessions = scoped_session(sessionmaker(engine, expire_on_commit=False))
    database.use_sessions(sessions)
    registry.plug_in()
    try:
        ship_tasks()
    finally:
        sessions.remove()
        engine.dispose()
