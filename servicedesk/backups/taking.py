"""Taking a backup: one instant of the database, its files, in one file that is whole or not there."""

from __future__ import annotations

import os
import re
import shutil
import time
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from math import ceil
from typing import TYPE_CHECKING, Any

import psycopg

from servicedesk.backups.archive import Packer
from servicedesk.backups.container import BackupProblem
from servicedesk.backups.models import BackupRecord
from servicedesk.backups.programs import connect, program, running
from servicedesk.backups.retention import KEEP_DAILY, KEEP_MONTHLY, KEEP_WEEKLY, kept
from servicedesk.backups.snapshot import describe, file_hashes
from servicedesk.core import clock, embedded_postgres
from servicedesk.core.actors import SYSTEM
from servicedesk.core.unit_of_work import unit_of_work

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from typing import BinaryIO

    from sqlalchemy.orm import Session

    from config import Settings
    from servicedesk.backups.archive import Seen
    from servicedesk.backups.snapshot import Manifest

NAME = "servicedesk-%Y%m%d-%H%M%S-%f"
PATTERN = re.compile(r"(servicedesk-\d{8}-\d{6}-\d{6})\.tar(\.aes)?")
STALE = 12 * 3600  # seconds after which what a killed run left is swept away
LOCK_PATIENCE = "60s"  # for a migration that is just running


@dataclass(frozen=True, kw_only=True)
class BackupFacts:
    """A backup, as its file and what is known of it."""

    path: Path
    taken_at: datetime
    seconds: float
    size: int
    rows: int
    attachments: int
    missing: int  # files that rows name and that were not there
    is_encrypted: bool

    @property
    def name(self) -> str:
        """Return the name of the file."""
        return self.path.name


def nobody_looks(_done: int, _total: int, _what: str) -> None:
    """Tell nobody how far it is."""


def take_backup(
    settings: Settings, *, to: Path | None = None, seen: Seen = nobody_looks
) -> BackupFacts:
    """Write a backup into a folder, and a row that tells of it. Raises BackupProblem.

    `seen` is called with how far it is, again and again; it may raise to end it. Nothing that ends
    it, not even the power, leaves a file that looks whole.
    """
    began, folder = time.monotonic(), to or settings.backup_folder
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    sweep(folder)
    url = embedded_postgres.database_url(settings)
    try:
        with connect(url) as connection, connection.transaction():
            manifest = _frozen(connection, settings)
            suffix = ".tar.aes" if settings.backup_key else ".tar"
            path = folder / f"{manifest.taken_at:{NAME}}{suffix}"
            with _whole_or_not_there(path) as file, Packer(file, settings.backup_key) as packer:
                _pack(packer, connection, manifest, settings, seen)
    except (OSError, psycopg.Error) as error:
        raise BackupProblem(f"the backup was not made: {error}".strip()) from error
    facts = BackupFacts(
        path=path,
        taken_at=manifest.taken_at,
        seconds=time.monotonic() - began,
        size=path.stat().st_size,
        rows=manifest.rows,
        attachments=manifest.attachments,
        missing=len(manifest.missing),
        is_encrypted=bool(settings.backup_key),
    )
    _remember(facts)
    return facts


def _frozen(connection: psycopg.Connection[Any], settings: Settings) -> Manifest:
    """Stop time for this connection, and say what there is."""
    connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
    connection.execute("SET LOCAL statement_timeout = 0")
    connection.execute("SET LOCAL idle_in_transaction_session_timeout = 0")
    return describe(connection, clock.now(), settings.secret_key)


def _pack(
    packer: Packer,
    connection: psycopg.Connection[Any],
    manifest: Manifest,
    settings: Settings,
    seen: Seen,
) -> None:
    packer.add_manifest(manifest)
    row = connection.execute("SELECT pg_export_snapshot()").fetchone()
    command = (
        program(settings, "pg_dump", manifest.server_version),
        *("--format=custom", "--compress=1", f"--lock-wait-timeout={LOCK_PATIENCE}"),
        f"--snapshot={row[0] if row else ''}",
    )
    url = embedded_postgres.database_url(settings)
    with running(command, url, stdout=-1) as child:  # -1: a pipe
        if child.stdout is not None:
            packer.add_dump(child.stdout, seen)
    missing = set(manifest.missing)
    there = (digest for digest in file_hashes(connection) if digest not in missing)
    packer.add_attachments(there, manifest.attachments, seen)
    packer.close()


@contextmanager
def _whole_or_not_there(path: Path) -> Iterator[BinaryIO]:
    """Give a file nobody else can read, that gets its name when all of it is on the disk."""
    half = path.with_name(f".{path.name}.half")
    try:
        handle = os.open(half, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        half.rename(path)
    except BaseException:
        half.unlink(missing_ok=True)
        raise
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def sweep(folder: Path, older_than: float = STALE) -> None:
    """Remove what runs that were killed have left in a folder of backups."""
    limit = time.time() - older_than
    for path in folder.glob(".servicedesk-*"):
        if path.stat().st_mtime < limit:
            if path.is_dir():
                embedded_postgres.stop(path)  # a scratch server may still run there
                shutil.rmtree(path, ignore_errors=True)
            else:
                path.unlink(missing_ok=True)


def _remember(facts: BackupFacts) -> None:
    with unit_of_work(SYSTEM, "backups.take") as work:
        work.session.add(
            BackupRecord(
                name=facts.name,
                taken_at=facts.taken_at,
                seconds=ceil(facts.seconds),
                size=facts.size,
                row_count=facts.rows,
                attachment_count=facts.attachments,
                is_encrypted=facts.is_encrypted,
            )
        )
        work.concerns(None, facts.name)
        work.note(size=facts.size, rows=facts.rows, missing_files=facts.missing)


def backups_in(folder: Path) -> list[Path]:
    """Return the backups of a folder, oldest first."""
    return sorted(path for path in folder.glob("*") if PATTERN.fullmatch(path.name))


def taken_at(path: Path) -> datetime:
    """Return when a backup was taken, by its name."""
    match = PATTERN.fullmatch(path.name)
    if match is None:
        raise BackupProblem(f"{path.name} is not named as backups are")
    return datetime.strptime(match[1], NAME).replace(tzinfo=UTC)


def record_of(session: Session, name: str) -> BackupRecord | None:
    """Return the row that tells of a backup, if this database has it."""
    return session.query(BackupRecord).filter_by(name=name).one_or_none()


def prune_backups(
    settings: Settings,
    *,
    daily: int = KEEP_DAILY,
    weekly: int = KEEP_WEEKLY,
    monthly: int = KEEP_MONTHLY,
) -> list[str]:
    """Delete the backups whose time is over, as their names say it; return their names."""
    taken = {taken_at(path): path for path in backups_in(settings.backup_folder)}
    staying = kept(taken, daily=daily, weekly=weekly, monthly=monthly)
    gone = [path for at, path in sorted(taken.items()) if at not in staying]
    with unit_of_work(SYSTEM, "backups.prune") as work:
        for path in gone:
            path.unlink(missing_ok=True)
            if record := record_of(work.session, path.name):
                record.removed_at = work.at
        if gone:
            work.concerns(None, "BACKUPS")
            work.note(removed=[path.name for path in gone])
    return [path.name for path in gone]
