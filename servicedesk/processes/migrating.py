"""Migrations from the command line, with the embedded database running as long as they need it."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

from config import ROOT, Settings, SettingsError
from servicedesk.core import embedded_postgres
from servicedesk.core.embedded_postgres import DatabaseNotStarted


def migrate() -> int:
    """Bring the tables up to date; return the exit code."""
    try:
        settings = Settings.from_environment()
        if settings.database_url is not None:
            return _flask("db", "upgrade")
        started = embedded_postgres.ensure_running(settings.instance)
    except (SettingsError, DatabaseNotStarted) as problem:
        sys.stderr.write(f"{problem}\n")
        return 1
    try:
        return _flask("db", "upgrade")
    finally:
        if started:
            embedded_postgres.stop(settings.instance)


def check() -> int:
    """Run every migration on an empty database and say whether the models want anything else."""
    with tempfile.TemporaryDirectory(prefix="servicedesk-check-") as folder:
        instance = Path(folder)
        embedded_postgres.ensure_running(instance, throw_away=True)
        environment = {
            "SERVICEDESK_MODE": "test",
            "SERVICEDESK_INSTANCE": folder,
            "DATABASE_URL": embedded_postgres.url(instance),
        }
        try:
            return _flask("db", "upgrade", **environment) or _flask("db", "check", **environment)
        finally:
            embedded_postgres.stop(instance)


def _flask(*arguments: str, **environment: str) -> int:
    return subprocess.run(  # noqa: S603
        [sys.executable, "-m", "flask", "--app", "wsgi", *arguments],
        cwd=ROOT,
        env=os.environ | environment,
        check=False,
    ).returncode
