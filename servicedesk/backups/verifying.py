"""A backup is proven by restoring it: into a scratch database that is dropped afterwards."""

from __future__ import annotations

import re
import secrets
import shutil
import time
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import mkdtemp
from typing import TYPE_CHECKING, Any

import psycopg
from psycopg import sql

from servicedesk.backups.archive import unpack
from servicedesk.backups.container import BackupProblem
from servicedesk.backups.filling import audit_faults, differences, fill
from servicedesk.backups.programs import connect, other_database
from servicedesk.backups.taking import STALE, nobody_looks, record_of, sweep
from servicedesk.core import clock, embedded_postgres
from servicedesk.core.actors import SYSTEM
from servicedesk.core.unit_of_work import unit_of_work

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime

    from config import Settings
    from servicedesk.backups.archive import Seen

SCRATCH = re.compile(r"servicedesk_scratch_(\d+)_[0-9a-f]+")
PREFIX = ".servicedesk-work-"  # of folders; `taking.sweep` knows it


@dataclass(frozen=True, kw_only=True)
class Verified:
    """What restoring a backup into a scratch database has shown."""

    name: str
    taken_at: datetime | None  # None: it could not even be read
    rows: int
    attachments: int
    seconds: float
    problems: Sequence[str]

    @property
    def is_good(self) -> bool:
        """Whether everything was there and as it should be."""
        return not self.problems


def verify_backup(
    settings: Settings, path: Path, *, apart: bool = False, seen: Seen = nobody_looks
) -> Verified:
    """Restore a backup into a scratch database and compare; note the result on its record.

    The scratch database is made on the desk's own server, or, where the login role may not make
    any or with `apart`, on a server of its own. What `seen` raises ends it and leaves nothing behind.
    """
    began = time.monotonic()
    facts: dict[str, Any] = {"taken_at": None, "rows": 0, "attachments": 0}
    try:
        with work_folder(path.parent) as folder:
            unpacked = unpack(path, settings.backup_key, folder, seen, with_files=False)
            manifest = unpacked.manifest
            facts = {
                "taken_at": manifest.taken_at,
                "rows": manifest.rows,
                "attachments": manifest.attachments,
            }
            with _scratch(settings, folder, apart=apart) as url:
                fill(settings, url, unpacked, seen)
                problems = differences(url, unpacked) + audit_faults(url, manifest)
                if manifest.missing:
                    problems.append(f"{len(manifest.missing)} files were missing when it was taken")
    except (BackupProblem, OSError, psycopg.Error) as error:
        problems = [str(error).strip()]
    found = Verified(
        name=path.name, seconds=time.monotonic() - began, problems=tuple(problems), **facts
    )
    _remember(found)
    return found


@contextmanager
def work_folder(beside: Path) -> Iterator[Path]:
    """Give a folder nobody else can read, gone at the end; one that a killed run left goes first."""
    sweep(beside)
    folder = Path(mkdtemp(prefix=PREFIX, dir=beside))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def _scratch(settings: Settings, folder: Path, *, apart: bool) -> Iterator[str]:
    url = embedded_postgres.database_url(settings)
    if not apart:
        name = f"servicedesk_scratch_{int(time.time())}_{secrets.token_hex(4)}"
        with connect(url, autocommit=True) as connection:
            _drop_left_behind(connection)
            made = _made(connection, name)
            if made:
                try:
                    yield other_database(url, name)
                finally:
                    _drop(url, name)
                return
    embedded_postgres.ensure_running(folder, throw_away=True)
    try:
        yield embedded_postgres.url(folder)
    finally:
        embedded_postgres.stop(folder)


def _made(connection: psycopg.Connection[Any], name: str) -> bool:
    making = sql.SQL("CREATE DATABASE {} TEMPLATE template0").format(sql.Identifier(name))
    try:
        connection.execute(making)
    except psycopg.errors.InsufficientPrivilege:
        return False
    return True


def _drop(url: str, name: str) -> None:
    """Drop it over a connection of its own: the one that made it may have been lost."""
    dropping = sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name))
    with connect(url, autocommit=True) as connection:
        connection.execute(dropping)


def _drop_left_behind(connection: psycopg.Connection[Any], older_than: float = STALE) -> None:
    """Drop the scratch databases of runs that were killed; their names say when they were made."""
    owned = connection.execute(
        "SELECT datname FROM pg_database WHERE datdba = current_user::regrole"
    )
    for (name,) in owned.fetchall():
        match = SCRATCH.fullmatch(name)
        if match and int(match[1]) < time.time() - older_than:
            dropping = sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)")
            connection.execute(dropping.format(sql.Identifier(name)))


def _remember(found: Verified) -> None:
    with unit_of_work(SYSTEM, "backups.verify") as work:
        work.concerns(None, found.name)
        work.note(problems=list(found.problems), rows=found.rows)
        if record := record_of(work.session, found.name):
            record.problem = "\n".join(found.problems) or None
            record.verified_at = clock.now() if found.is_good else None
