"""PostgreSQL's own programs, run as children: found, checked against the server, watched."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from sqlalchemy.engine import make_url

from servicedesk.backups.container import BackupProblem
from servicedesk.core import embedded_postgres

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from config import Settings

LOOK = 1.0  # seconds between signs of life while a child works
KEPT = ("PATH", "HOME", "TZ", "LD_LIBRARY_PATH")  # of our environment; the rest holds secrets
LAST_WORDS = 1500  # characters
# indexes are built in memory; the commit that ends a restore waits for all before it to be on disk
HASTE = {"PGOPTIONS": "-c maintenance_work_mem=256MB -c synchronous_commit=off"}


def connect(url: str, **options: Any) -> psycopg.Connection[tuple[Any, ...]]:
    """Return a connection of the login role, which owns the tables, without time limits."""
    return psycopg.connect(conninfo(url), connect_timeout=10, **options)


def conninfo(url: str) -> str:
    """Turn an SQLAlchemy address into one that libpq reads."""
    return make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)


def other_database(url: str, name: str) -> str:
    """Return the address of another database of the same server."""
    return make_url(url).set(database=name).render_as_string(hide_password=False)


def program(settings: Settings, name: str, server_version: int) -> Path:
    """Return where pg_dump or pg_restore is, not older than the server. Raises BackupProblem."""
    embedded = embedded_postgres.BIN / name
    on_path = shutil.which(name)
    if settings.pg_bin:
        found = [settings.pg_bin / name]
    elif settings.database_url is None:
        found = [embedded]
    else:
        found = [*([Path(on_path)] if on_path else []), embedded]
    seen = []
    for path in found:
        version = _version(path)
        if version >= server_version // 10000:
            return path
        seen.append(f"{path} ({version or 'does not run'})")
    raise BackupProblem(
        f"{name} of PostgreSQL {server_version // 10000} or later is needed, as the server is;"
        f" there is {' and '.join(seen)}. Install it and name its folder in PG_BIN."
    )


def _version(path: Path) -> int:
    try:
        said = subprocess.run(  # noqa: S603
            [path, "--version"], capture_output=True, text=True, check=True, env=_environment({})
        ).stdout
    except (OSError, subprocess.CalledProcessError):
        return 0
    match = re.search(r"(\d+)", said.partition("PostgreSQL)")[2])
    return int(match[1]) if match else 0


def _environment(told: dict[str, Any]) -> dict[str, str]:
    """Return what a child may know; a password travels here, never among the arguments."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if name in KEPT or name.startswith(("PG", "KRB5"))
    }
    secrets = {"PGPASSWORD": told["password"]} if told.get("password") else {}
    return kept | secrets | HASTE | {"LC_ALL": "C"}


@contextmanager
def running(
    command: Sequence[str | Path], url: str, **options: Any
) -> Iterator[subprocess.Popen[bytes]]:
    """Run a program against the database at `url`; kill it when the block is left by an error.

    Raises BackupProblem with its last words when it fails.
    """
    told: dict[str, Any] = dict(conninfo_to_dict(conninfo(url)))
    where = make_conninfo(**{k: v for k, v in told.items() if k != "password"})
    with tempfile.TemporaryFile() as words:
        child = subprocess.Popen(  # noqa: S603
            [*command, "--no-password", "--dbname", where],
            env=_environment(told),
            stdin=subprocess.DEVNULL,
            stderr=words,
            **options,
        )
        try:
            yield child
            status = child.wait()
        except BaseException:
            child.kill()
            raise
        finally:
            if child.stdout:
                child.stdout.close()
            child.wait()
        if status != 0:
            words.seek(0)
            said = words.read()[-LAST_WORDS:].decode(errors="replace").strip()
            raise BackupProblem(f"{Path(command[0]).name} failed: {said}")


def finish(child: subprocess.Popen[bytes], alive: Callable[[], None]) -> None:
    """Wait for a child, giving a sign of life now and then; `alive` may raise to end it."""
    while True:
        try:
            child.wait(LOOK)
        except subprocess.TimeoutExpired:
            alive()
        else:
            return
