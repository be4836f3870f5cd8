"""Bring the tables up to date, with the embedded database running as long as that takes."""

from __future__ import annotations

import sys

from config import Settings, SettingsError
from servicedesk import schema
from servicedesk.core import embedded_postgres
from servicedesk.core.embedded_postgres import DatabaseNotStarted


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
        schema.upgrade(embedded_postgres.database_url(settings))
    finally:
        if started:
            embedded_postgres.stop(settings.instance)
    return 0
