"""`make run`: the whole desk in the foreground under one process, until Ctrl-C."""

from __future__ import annotations

import contextlib
import fcntl
import os
import signal
import socket
import sys
import time
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import httpx
import psycopg

from config import Settings, SettingsError
from servicedesk.core import embedded_postgres
from servicedesk.core.embedded_postgres import DatabaseNotStarted
from servicedesk.demonstration.accounts import ACCOUNTS, PASSWORD
from servicedesk.processes import children, measuring, preparation
from servicedesk.processes.children import Child, KeepsDying

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Iterator, Sequence
    from typing import TextIO

TICK = 0.1  # seconds between looks at the children
READY_SECONDS = 60
LOOPBACK = {"127.0.0.1", "localhost", "::1"}
ANYWHERE = {"0.0.0.0", "::", ""}  # noqa: S104 - compared with, not bound


class CannotRun(Exception):
    """The desk cannot start or go on; the message says what to do about it."""


class Stopped(Exception):
    """Somebody asked for the end while something was under way."""


def say(line: str = "", end: str = "\n") -> None:
    """Write to the terminal; nobody reading it any more is no reason to fall over."""
    with contextlib.suppress(BrokenPipeError):
        sys.stdout.write(line + end)
        sys.stdout.flush()


class Supervisor:
    """Prepares, starts, watches and ends everything the desk consists of."""

    def __init__(self, settings: Settings) -> None:
        """Decide what has to run; nothing is started yet."""
        self.settings = settings
        self.stopping = False
        self.owns_database = False
        self.running: subprocess.Popen[bytes] | None = None  # a step's own process
        self.environment = os.environ | {
            "PYTHONUNBUFFERED": "1",
            measuring.FOLDER: str(settings.metrics_folder),
            "SANDBOX_KEY": settings.sandbox_key,
            "SANDBOX_DELAY_SCALE": str(settings.sandbox_delay_scale),
        }
        host = "127.0.0.1" if settings.host in ANYWHERE else settings.host
        self.address = f"http://{f'[{host}]' if ':' in host else host}:{settings.port}"
        self.sandbox_port = _own_sandbox_port(settings)
        self.children: list[Child] = []
        self.steps = 3 + (self.sandbox_port is not None) + (not settings.is_production)
        self.step = 0

    def run(self) -> int:
        """Do all of it; return the exit code: 0 after Ctrl-C, 1 with a message otherwise."""
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            # started with nohup, it is to outlive its terminal
            if number != signal.SIGHUP or signal.getsignal(number) != signal.SIG_IGN:
                signal.signal(number, self._ask_to_stop)
        try:
            with _only_one(self.settings, self.address) as orphaned:
                try:
                    self._prepare(orphaned=orphaned)
                    self._watch()
                finally:
                    self._stop()
        except Stopped:
            return 0
        except (CannotRun, KeepsDying, DatabaseNotStarted, psycopg.Error) as problem:
            sys.stderr.write(f"\n{str(problem).strip()}\n")
            return 1
        return 0

    def _ask_to_stop(self, *_: object) -> None:
        self.stopping = True

    def _prepare(self, *, orphaned: bool) -> None:
        measuring.start_anew(self.settings.metrics_folder)
        # the processes of a desk that was killed are ending; give them the time they have
        patience = children.GRACE if orphaned else 0.0
        _check_port(self.settings.host, self.settings.port, "PORT", patience)
        with self._step("database"):
            self._start_database(orphaned=orphaned)
        url = embedded_postgres.database_url(self.settings)
        with self._step("tables"):
            if not preparation.tables_are_current(url):
                self._finish("-m", "servicedesk.processes", "migrate")
        if self.sandbox_port is not None:
            _check_port("127.0.0.1", self.sandbox_port, "SANDBOX_URL", patience)
            with self._step("sandbox engine"):
                self._add("sandbox engine", *self._sandbox_command(self.sandbox_port))
        if not self.settings.is_production:
            with self._step("demonstration data"):
                if not preparation.demonstration_is_loaded(url):
                    self._finish("-m", "flask", "--app", "wsgi", "demonstration", "load")
                    preparation.note_demonstration(url)
        with self._step("web server, worker, clock"):
            self._open()
        self._announce()

    def _start_database(self, *, orphaned: bool) -> None:
        if self.settings.database_url is None:
            started = embedded_postgres.ensure_running(self.settings.instance)
            # a desk that was killed left it running: it is ours to stop then
            self.owns_database = started or orphaned

    def _open(self) -> None:
        web = ("gunicorn", "--config", "python:servicedesk.processes.web", "wsgi:app")
        self._add("web server", "-m", *web)
        self._add("worker", "-m", "servicedesk.processes.worker")
        self._add("clock", "-m", "servicedesk.processes.scheduler")
        deadline = time.monotonic() + READY_SECONDS
        with httpx.Client(timeout=5, trust_env=False) as http:
            while not _is_ready(http, self.address):
                self._look_after()
                if time.monotonic() > deadline:
                    raise CannotRun(
                        f"The desk was not ready within {READY_SECONDS} s; its messages are above,"
                        f" and {self.address}/readyz says what is missing."
                    )

    def _add(self, name: str, *arguments: str) -> None:
        command = (sys.executable, *arguments)
        child = Child(name=name, command=command, environment=self.environment)
        self.children.append(child)
        child.watch()

    def _sandbox_command(self, port: int) -> Sequence[str]:
        state = self.settings.instance / "sandbox.sqlite3"
        notifications = f"{self.address}/engines/sandbox/notifications"
        return (
            *("-m", "servicedesk.sandbox", "--port", str(port)),
            *("--state", str(state), "--callback-url", notifications),
        )

    def _finish(self, *arguments: str) -> None:
        """Run one of our own programs to its end, giving way to Ctrl-C."""
        self.running = children.start((sys.executable, *arguments), self.environment)
        while (status := self.running.poll()) is None:
            self._look_after()
        self.running = None
        if status != 0:
            program = " ".join(arguments[1:])
            raise CannotRun(f"`{program}` ended with {children.describe(status)}; see above.")

    @contextlib.contextmanager
    def _step(self, name: str) -> Iterator[None]:
        self.step += 1
        began = time.monotonic()
        say(f"[{self.step}/{self.steps}] {name} … ", end="")
        try:
            yield
        except BaseException:
            say()
            raise
        say(f"{time.monotonic() - began:.1f} s")

    def _watch(self) -> None:
        with contextlib.suppress(Stopped):
            while True:
                self._look_after()

    def _look_after(self) -> None:
        """Let a moment pass and keep the children running. Raises Stopped or KeepsDying."""
        time.sleep(TICK)
        if self.stopping:
            raise Stopped
        for child in self.children:
            news = child.watch()
            if news:
                sys.stderr.write(news + "\n")

    def _stop(self) -> None:
        running = [child.process for child in self.children if child.process is not None]
        if self.running is not None:
            running.append(self.running)
        if not running and not self.owns_database:
            return
        say("\nStopping … ", end="")
        began = time.monotonic()
        children.end(running)
        if self.owns_database:
            embedded_postgres.stop(self.settings.instance)
        say(f"stopped in {time.monotonic() - began:.1f} s")

    def _announce(self) -> None:
        say(f"\nThe desk is open: {self.settings.public_url}")
        if not self.settings.is_production:
            say(f"Demonstration accounts, all with the password {PASSWORD}")
            for account in ACCOUNTS:
                say(f"  {account.email:<26} {account.role.value.replace('_', ' ')}")
            say(f"Mails it sends: {self.settings.public_url}/dev/mail")
        say("Ctrl-C stops everything.\n")


def _own_sandbox_port(settings: Settings) -> int | None:
    """Return where the sandbox has to listen, or None if it runs elsewhere or not at all."""
    if settings.sandbox_url is None:
        return None
    parts = urlsplit(settings.sandbox_url)
    return parts.port if parts.hostname in LOOPBACK else None


def _check_port(host: str, port: int, variable: str, patience: float) -> None:
    """Raise CannotRun when the port stays in use for longer than `patience` seconds."""
    deadline = time.monotonic() + patience
    while problem := _port_problem(host, port):
        if time.monotonic() >= deadline:
            raise CannotRun(
                f"Port {port} of {host} cannot be used: {problem}. Choose another in {variable},"
                " such as `make run PORT=8100`."
            )
        time.sleep(TICK)


def _port_problem(host: str, port: int) -> str | None:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            return error.strerror or str(error)
    return None


def _is_ready(http: httpx.Client, address: str) -> bool:
    try:
        return http.get(f"{address}/readyz").status_code == httpx.codes.OK
    except httpx.HTTPError:
        return False


@contextlib.contextmanager
def _only_one(settings: Settings, address: str) -> Iterator[bool]:
    """Hold the instance folder; say whether the one before was killed without tidying up."""
    settings.instance.mkdir(parents=True, exist_ok=True)
    with (settings.instance / "run.lock").open("a+", encoding="utf-8") as file:
        file.seek(0)
        holder = file.read().strip()
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise CannotRun(
                f"The desk of this folder runs already ({holder}). Stop that one first."
            ) from None
        _rewrite(file, f"process {os.getpid()}, {address}")
        try:
            yield bool(holder)
        finally:
            _rewrite(file, "")


def _rewrite(file: TextIO, content: str) -> None:
    file.truncate(0)
    file.write(content)
    file.flush()


def main() -> int:
    """Run the desk as the environment says."""
    try:
        settings = Settings.from_environment()
    except SettingsError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return Supervisor(settings).run()
