"""What a database holds at one instant, and how two of them are compared."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from psycopg import sql

from servicedesk.core import files

if TYPE_CHECKING:
    from collections.abc import Iterator

    from psycopg import Connection

FORMAT = 1
TABLES = """
    SELECT c.relname FROM pg_class c
     WHERE c.relkind IN ('r', 'p') AND c.relnamespace = current_schema()::regnamespace ORDER BY 1
"""
# whatever keeps the hash of a file names the column so
WITH_FILES = """
    SELECT table_name FROM information_schema.columns
     WHERE table_schema = current_schema() AND column_name = 'sha256' ORDER BY 1
"""
# who may do what to which rows, whatever the owner is called
WALLS = """
    SELECT 'policy', tablename, policyname, permissive, roles::text, cmd, qual, with_check
      FROM pg_policies WHERE schemaname = current_schema()
    UNION ALL
    SELECT 'rows', relname, relrowsecurity::text, relforcerowsecurity::text, '', '', '', ''
      FROM pg_class WHERE relnamespace = current_schema()::regnamespace AND relkind = 'r'
    UNION ALL
    SELECT 'grant', c.relname, coalesce(r.rolname, ''), a.privilege_type, '', '', '', ''
      FROM pg_class c, aclexplode(c.relacl) a LEFT JOIN pg_roles r ON r.oid = a.grantee
     WHERE c.relnamespace = current_schema()::regnamespace AND a.grantee <> c.relowner
    UNION ALL
    SELECT 'column', c.relname, t.attname, coalesce(r.rolname, ''), a.privilege_type, '', '', ''
      FROM pg_class c JOIN pg_attribute t ON t.attrelid = c.oid,
           aclexplode(t.attacl) a LEFT JOIN pg_roles r ON r.oid = a.grantee
     WHERE c.relnamespace = current_schema()::regnamespace AND a.grantee <> c.relowner
    UNION ALL
    SELECT 'function', p.oid::regprocedure::text, p.prosecdef::text, p.proconfig::text,
           coalesce(r.rolname, ''), a.privilege_type, md5(p.prosrc), ''
      FROM pg_proc p LEFT JOIN LATERAL aclexplode(p.proacl) a ON a.grantee <> p.proowner
           LEFT JOIN pg_roles r ON r.oid = a.grantee
     WHERE p.pronamespace = current_schema()::regnamespace
    UNION ALL
    SELECT 'trigger', tgrelid::regclass::text, tgname, tgenabled::text, '', '', '', ''
      FROM pg_trigger WHERE NOT tgisinternal
     ORDER BY 1, 2, 3, 4, 5, 6, 7, 8
"""


@dataclass(frozen=True, kw_only=True)
class Manifest:
    """What a backup says of itself; the first thing in it."""

    taken_at: datetime
    revision: str  # of the tables
    server_version: int
    counts: dict[str, int]  # rows of each table
    heads: dict[str, tuple[int, str]]  # of the audit trail: chain → number and hash
    walls: str  # digest of policies, grants, functions and triggers
    attachments: int
    attachment_bytes: int
    missing: list[str]  # files that rows name and that were not there
    secret: str  # tells whether another SECRET_KEY is the one that sealed what is sealed
    note: str | None  # on the database itself
    format: int = FORMAT

    def to_json(self) -> bytes:
        """Return it as it is written."""
        facts = asdict(self) | {"taken_at": self.taken_at.isoformat()}
        return json.dumps(facts, indent=1, ensure_ascii=False).encode()

    @classmethod
    def from_json(cls, content: bytes) -> Manifest:
        """Read it. Raises ValueError, KeyError or TypeError where it is none."""
        facts = json.loads(content)
        facts["taken_at"] = datetime.fromisoformat(facts["taken_at"])
        facts["heads"] = {chain: (head[0], head[1]) for chain, head in facts["heads"].items()}
        return cls(**facts)

    @property
    def rows(self) -> int:
        """Return how many rows all tables have together."""
        return sum(self.counts.values())


def fingerprint(secret_key: str) -> str:
    """Return what tells a SECRET_KEY from another without saying anything about it."""
    return hashlib.sha256(b"servicedesk backup fingerprint|" + secret_key.encode()).hexdigest()[:16]


def describe(connection: Connection[Any], taken_at: datetime, secret_key: str) -> Manifest:
    """Return what the database holds, as the connection's snapshot sees it."""
    count, size, missing = 0, 0, []
    for digest in file_hashes(connection):
        try:
            size += files.path_of(digest).stat().st_size
            count += 1
        except FileNotFoundError:
            missing.append(digest)
    return Manifest(
        taken_at=taken_at,
        revision=revision_of(connection),
        server_version=connection.info.server_version,
        counts=counts_of(connection),
        heads=heads_of(connection),
        walls=walls_of(connection),
        attachments=count,
        attachment_bytes=size,
        missing=missing,
        secret=fingerprint(secret_key),
        note=_value(
            connection,
            "SELECT shobj_description(oid, 'pg_database') FROM pg_database"
            " WHERE datname = current_database()",
        ),
    )


def counts_of(connection: Connection[Any]) -> dict[str, int]:
    """Return how many rows each table has."""
    counting = sql.SQL("SELECT count(*) FROM {}")
    return {
        name: _value(connection, counting.format(sql.Identifier(name)))
        for (name,) in connection.execute(TABLES).fetchall()
    }


def revision_of(connection: Connection[Any]) -> str:
    """Return the newest migration that has run; empty where there is none."""
    if _value(connection, "SELECT to_regclass('alembic_version')") is None:
        return ""
    return str(_value(connection, "SELECT version_num FROM alembic_version"))


def heads_of(connection: Connection[Any]) -> dict[str, tuple[int, str]]:
    """Return the newest number and hash of each chain of the audit trail."""
    rows = connection.execute("SELECT chain, number, hash FROM audit_head ORDER BY chain")
    return {str(chain): (number, digest) for chain, number, digest in rows.fetchall()}


def walls_of(connection: Connection[Any]) -> str:
    """Return a digest of who may do what."""
    rows = connection.execute(WALLS).fetchall()
    return hashlib.sha256(json.dumps(rows).encode()).hexdigest()


def file_hashes(connection: Connection[Any]) -> Iterator[str]:
    """Yield the hash of each file that a row names, once and in order."""
    tables = connection.execute(WITH_FILES).fetchall()
    each = sql.SQL(" UNION ").join(
        sql.SQL('SELECT sha256 COLLATE "C" AS digest FROM {}').format(sql.Identifier(name))
        for (name,) in tables
    )
    with connection.cursor(name="files") as cursor:
        cursor.itersize = 2000
        cursor.execute(sql.SQL("{} ORDER BY 1").format(each))
        for (digest,) in cursor:
            yield digest


def is_empty(connection: Connection[Any]) -> bool:
    """Whether the database has no table of anybody's."""
    return bool(
        _value(
            connection,
            "SELECT NOT EXISTS (SELECT FROM pg_class c JOIN pg_namespace n"
            " ON n.oid = c.relnamespace WHERE n.nspname <> 'information_schema'"
            r" AND n.nspname NOT LIKE 'pg\_%' AND c.relkind IN ('r', 'p', 'v', 'm', 'S', 'f'))",
        )
    )


def _value(connection: Connection[Any], query: str | sql.Composed) -> Any:
    row = connection.execute(query.encode() if isinstance(query, str) else query).fetchone()
    return row[0] if row else None
