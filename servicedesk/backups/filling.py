"""Putting the database of a backup into an empty one, and saying whether it is the same."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from psycopg import sql
from sqlalchemy import create_engine
from sqlalchemy.orm import Session

from servicedesk.backups.container import BackupProblem
from servicedesk.backups.programs import connect, finish, program, running
from servicedesk.backups.snapshot import (
    counts_of,
    file_hashes,
    is_empty,
    revision_of,
    walls_of,
)
from servicedesk.core import audit
from servicedesk.core.database import ROLES

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from psycopg import Connection

    from config import Settings
    from servicedesk.backups.archive import Seen, Unpacked
    from servicedesk.backups.snapshot import Manifest

MOST_TOLD = 20
HANDS = min(4, os.cpu_count() or 1)  # connections that build indexes side by side


def require_empty(url: str) -> None:
    """Raise BackupProblem unless the database has nothing in it."""
    with connect(url) as connection:
        if not is_empty(connection):
            raise BackupProblem(
                "the database is not empty, and a restore never overwrites: with a server of yours,"
                " make a new database (createdb) and name it in DATABASE_URL; with the embedded"
                " one, stop the desk and move the folder `postgres` of the instance away"
            )


def make_roles(connection: Connection[Any]) -> None:
    """Make the roles of the cluster that the walls are made of; a dump does not bring them."""
    for role in sorted(set(ROLES.values())):
        name = sql.Identifier(role)
        found = connection.execute("SELECT FROM pg_roles WHERE rolname = %s", (role,)).fetchone()
        if found is None:
            connection.execute(sql.SQL("CREATE ROLE {} NOLOGIN").format(name))
        member = connection.execute(
            "SELECT pg_has_role(current_user, %s, 'SET')"
            if connection.info.server_version >= 160000  # noqa: PLR2004
            else "SELECT pg_has_role(current_user, %s, 'MEMBER')",
            (role,),
        ).fetchone()
        if member != (True,):
            connection.execute(sql.SQL("GRANT {} TO CURRENT_USER").format(name))


def fill(
    settings: Settings,
    url: str,
    unpacked: Unpacked,
    seen: Seen,
    before_rows: Callable[[Connection[Any]], None] = lambda _: None,
) -> None:
    """Restore roles, tables, rows, indexes and walls. `before_rows` runs when tables are there."""
    with connect(url) as connection:
        make_roles(connection)
        version = connection.info.server_version
    command = (
        program(settings, "pg_restore", version),
        *("--exit-on-error", "--no-owner", f"--jobs={HANDS}"),
        unpacked.dump,
    )
    for done, section in enumerate(("pre-data", "data", "post-data"), start=1):
        if section == "data":
            with connect(url) as connection:
                before_rows(connection)
        with running((*command, f"--section={section}"), url) as child:
            finish(child, lambda done=done: seen(done, 3, "restore"))  # type: ignore[misc]
        seen(done, 3, "restore")


def differences(url: str, unpacked: Unpacked) -> list[str]:
    """Return what the database at `url` has other than the backup says; empty when all is there."""
    manifest = unpacked.manifest
    found = [f"the file {digest} is not what its name says" for digest in unpacked.spoilt]
    with connect(url) as connection:
        counts = counts_of(connection)
        # a restore says that it is one, in a row of its own
        if counts.get("restoration") == manifest.counts.get("restoration", 0) + 1:
            counts["restoration"] -= 1
        found += [
            f"table {name}: {counts.get(name, 0)} rows, the backup has {manifest.counts.get(name, 0)}"
            for name in sorted(counts.keys() | manifest.counts.keys())
            if counts.get(name) != manifest.counts.get(name)
        ]
        if revision_of(connection) != manifest.revision:
            found.append(f"the tables are not of revision {manifest.revision}")
        if walls_of(connection) != manifest.walls:
            found.append("the policies, grants or functions of the database are not the same")
        found += _missing_files(connection, unpacked)
    return found[:MOST_TOLD]


def _missing_files(connection: Connection[Any], unpacked: Unpacked) -> Iterator[str]:
    """Compare the files that rows name with those in the backup, both in order."""
    known = set(unpacked.manifest.missing)
    with unpacked.names.open() as lines:
        there = next(lines, "").strip()
        for digest in file_hashes(connection):
            if digest == there:
                there = next(lines, "").strip()
            elif digest not in known:
                yield f"the file {digest} is not in the backup"
        if there:
            yield f"no row names the file {there}"


def audit_faults(url: str, manifest: Manifest) -> list[str]:
    """Recompute the audit trail up to the heads that the backup was taken with."""
    engine = create_engine(url)
    anchors = {int(chain): head for chain, head in manifest.heads.items()}
    try:
        with Session(engine, info={"as_owner": True}) as session:
            return [
                f"audit trail, chain {fault.chain}, entry {fault.number}: {fault.what}"
                for fault in audit.verify(session, anchors)[:MOST_TOLD]
            ]
    finally:
        engine.dispose()
