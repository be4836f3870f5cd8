"""Putting a backup back: into an empty database only, checked, and with everything outward held."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any
from uuid import UUID, uuid4

from psycopg import sql

from config import ROOT
from servicedesk.backups.archive import read_manifest, unpack
from servicedesk.backups.container import BackupProblem
from servicedesk.backups.filling import audit_faults, differences, fill, require_empty
from servicedesk.backups.programs import connect
from servicedesk.backups.quarantine import hold_back, keep_jobs_aside
from servicedesk.backups.snapshot import fingerprint
from servicedesk.backups.taking import nobody_looks
from servicedesk.backups.verifying import work_folder
from servicedesk.core import clock, embedded_postgres, files
from servicedesk.core.actors import SYSTEM
from servicedesk.core.restored import Restoration
from servicedesk.core.unit_of_work import unit_of_work

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from psycopg import Connection

    from config import Settings
    from servicedesk.backups.archive import Seen, Unpacked
    from servicedesk.backups.snapshot import Manifest

BY_HAND = "recovered by other means"
BEGIN = """
    INSERT INTO restoration (id, backup, taken_at, restored_at, held)
    VALUES (%s, %s, %s, %s, '{}')
"""


_upgrade: list[Callable[[str], None]] = []


def use_upgrade(upgrade: Callable[[str], None]) -> None:
    """Tell how older tables are brought up to date; the composition root calls this."""
    _upgrade[:] = [upgrade]


@dataclass(frozen=True, kw_only=True)
class Restored:
    """What a restore has put back, and what it keeps back."""

    manifest: Manifest
    problems: Sequence[str]  # the desk stays shut while there are any
    warnings: Sequence[str]
    held: dict[str, int]


def restore_backup(settings: Settings, path: Path, *, seen: Seen = nobody_looks) -> Restored:
    """Restore into the desk's database, which must be empty; nothing leaves until somebody looks.

    Every byte of the file is checked before the first is used. Raises BackupProblem: then the
    database is still empty, or says itself that it is not whole.
    """
    url = embedded_postgres.database_url(settings)
    _check_revision(read_manifest(path, settings.backup_key))
    require_empty(url)
    restoration_id = uuid4()
    settings.instance.mkdir(parents=True, exist_ok=True)
    with work_folder(settings.instance) as folder:
        unpacked = unpack(path, settings.backup_key, folder, seen, with_files=True)
        manifest = unpacked.manifest
        facts = (restoration_id, path.name, manifest.taken_at, clock.now())
        # the first row of all: from then on the doors are shut
        fill(settings, url, unpacked, seen, partial(_shut_doors, facts))
        problems = differences(url, unpacked)
        with connect(url) as connection:
            jobs = keep_jobs_aside(connection)
            _put_note(connection, manifest.note)
        _put_files(unpacked, folder)
    if manifest.revision != newest_revision():
        _upgrade[0](url)
    with connect(url, autocommit=True) as connection:
        connection.execute("ANALYZE")
    problems += audit_faults(url, manifest)
    held = _hold(restoration_id, {"jobs": jobs}, is_whole=not problems)
    return Restored(
        manifest=manifest,
        problems=problems,
        warnings=tuple(_warnings(settings, manifest)),
        held=held,
    )


def _shut_doors(facts: tuple[Any, ...], connection: Connection[Any]) -> None:
    connection.execute(BEGIN, facts)


def hold_desk(settings: Settings) -> dict[str, int]:
    """Shut the doors of a database that was recovered by other means, as a restore does.

    As of when it is, its audit trail says.
    """
    url, restoration_id = embedded_postgres.database_url(settings), uuid4()
    with connect(url) as connection:
        row = connection.execute("SELECT max(at) FROM audit_entry").fetchone()
        as_of = (row and row[0]) or clock.now()
        _shut_doors((restoration_id, BY_HAND, as_of, clock.now()), connection)
        jobs = keep_jobs_aside(connection)
    return _hold(restoration_id, {"jobs": jobs}, is_whole=True)


def newest_revision() -> str:
    """Return the revision of the tables that this desk works with."""
    return (ROOT / "migrations" / "HEAD").read_text(encoding="ascii").strip()


def _check_revision(manifest: Manifest) -> None:
    """Raise BackupProblem where the backup was made by a newer desk than this."""
    ours = {
        match[0]
        for path in (ROOT / "migrations" / "versions").glob("*.py")
        if (match := re.match(r"\d+", path.name))
    }
    if manifest.revision not in ours:
        raise BackupProblem(
            f"the backup has tables of revision {manifest.revision or 'none'}, which this desk does"
            f" not know (it has {newest_revision()}): restore it with the version that made it"
        )


def _put_note(connection: Connection[Any], note: str | None) -> None:
    if note is not None:
        row = connection.execute("SELECT current_database()").fetchone()
        commenting = sql.SQL("COMMENT ON DATABASE {} IS {}")
        connection.execute(
            commenting.format(sql.Identifier(str(row and row[0])), sql.Literal(note))
        )


def _put_files(unpacked: Unpacked, folder: Path) -> None:
    """Move the attachments to their places; one that was not what its name says is left out."""
    spoilt = set(unpacked.spoilt)
    with unpacked.names.open() as lines:
        for digest in map(str.strip, lines):
            if digest not in spoilt:
                target = files.path_of(digest)
                target.parent.mkdir(parents=True, exist_ok=True)
                (folder / digest).replace(target)


def _hold(restoration_id: UUID, held: dict[str, int], *, is_whole: bool) -> dict[str, int]:
    with unit_of_work(SYSTEM, "restore.hold") as work:
        restoration = work.session.get_one(Restoration, restoration_id)
        held = held | hold_back(work, restoration)
        restoration.held = held
        restoration.finished_at = work.at if is_whole else None
        work.concerns(None, "RESTORE")
        work.note(backup=restoration.backup, held=json.dumps(held))
    return held


def _warnings(settings: Settings, manifest: Manifest) -> list[str]:
    found = []
    if manifest.secret != fingerprint(settings.secret_key):
        found.append(
            "SECRET_KEY is another than when the backup was taken: passwords and keys inside"
            " policies cannot be opened, and everybody has to sign in again. Set the old one."
        )
    if manifest.missing:
        found.append(f"{len(manifest.missing)} attachments were missing when the backup was taken")
    return found
