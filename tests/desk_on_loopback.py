"""A whole desk on loopback: web server, worker and sandbox as their own processes."""

from __future__ import annotations

import os
import secrets
import shutil
import signal
import socket
import sqlite3
import ssl
import subprocess
import sys
import time
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import cache, cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
from sqlalchemy import create_engine
from sqlalchemy.orm import scoped_session, sessionmaker

from servicedesk import registry
from servicedesk.accounts.models import Credential
from servicedesk.accounts.passwords import hash_password
from servicedesk.accounts.tokens import create_token
from servicedesk.core import database, files, sealing
from servicedesk.core.actors import SYSTEM, Actor
from servicedesk.devices import fleet_engines
from servicedesk.devices.engines.sandbox.client import SandboxEngine
from servicedesk.devices.models import DeviceState
from servicedesk.sla.terms import forget_terms
from tests.make import Make

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parent.parent
PASSWORD = "a-long-Password-1"
SHORTEST_PAUSE, LONGEST_PAUSE = 0.005, 0.1  # seconds between two looks
PATIENCE = 60  # seconds; a busy machine is no fault of ours
START = 100  # seconds for four processes that all import the house
# loading those of the machine takes longer than most requests, and on loopback nobody shows any
WITHOUT_CERTIFICATES = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


def client_at(address: str, **options: object) -> httpx.Client:
    return httpx.Client(
        base_url=address, timeout=30, trust_env=False, verify=WITHOUT_CERTIFICATES, **options
    )


@cache
def hashed_password() -> str:
    """Hash once for everybody."""
    return hash_password(PASSWORD)


def free_port() -> int:
    """Return a port on which nobody listens, of those the system gives to no connection by itself.

    One of the others might be taken before the server that is started for it comes up.
    """
    while True:
        port = 12_000 + secrets.randbelow(20_000)
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port


@dataclass
class Desk:
    """The running processes and how to reach them."""

    address: str
    sandbox: str
    environment: dict[str, str]
    make: Make
    folder: Path
    sessions: scoped_session
    clients: dict[Actor, httpx.Client] = field(default_factory=dict)
    processes: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    def take_over(self) -> None:
        """Point the operations of this process at the desk's database."""
        point_at(self.sessions)
        sealing.use_key(self.environment["SECRET_KEY"])
        files.use_folder(self.folder / "attachments")
        fleet_engines.use_engines({"sandbox": self.make.engine})

    def let_go(self) -> None:
        self.sessions.remove()

    def start(self, name: str, *arguments: str) -> None:
        with (self.folder / f"{name}.log").open("ab") as log:
            self.processes[name] = subprocess.Popen(
                [sys.executable, *arguments],
                cwd=ROOT,
                env=self.environment,
                stdout=log,
                stderr=log,
            )

    def start_worker(self) -> None:
        self.start("worker", "-m", "servicedesk.processes", "worker")

    def kill(self, name: str) -> None:
        self.processes[name].kill()
        self.processes[name].wait()

    def stop(self) -> None:
        for client in self.clients.values():
            client.close()
        self.engine.close()
        for process in self.processes.values():
            process.send_signal(signal.SIGTERM)
        for process in self.processes.values():
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    @cached_property
    def engine(self) -> SandboxEngine:
        return SandboxEngine(self.sandbox, self.environment["SANDBOX_KEY"])

    def enrol(self, *devices, **behaviour) -> None:
        self.engine.enrol(
            [
                {
                    "id": device.external_id,
                    "ownership": device.ownership.value,
                    "management": device.management.value,
                    "last_contact": device.last_contact_at.isoformat(),
                    "behaviour": behaviour or {"kind": "prompt"},
                    "enrolled": device.state is DeviceState.ENROLLED,
                }
                for device in devices
            ]
        )

    def received(self) -> dict[str, tuple[int, int]]:
        """Return from the sandbox's own book: commands and submissions of each device that got any."""
        with sqlite3.connect(f"file:{self.folder / 'sandbox.sqlite3'}?mode=ro", uri=True) as book:
            rows = book.execute("SELECT device, count(*), sum(submissions) FROM command GROUP BY 1")
            found = {device: (commands, tries) for device, commands, tries in rows}
        book.close()
        return found

    def control_sandbox(self, **values: object) -> None:
        key = self.environment["SANDBOX_KEY"]
        answer = httpx.put(
            f"{self.sandbox}/v1/control",
            json=values,
            headers={"Authorization": f"Bearer {key}"},
            trust_env=False,
            timeout=10,
        )
        assert answer.is_success

    def give_password(self, *people: Actor) -> None:
        hashed = hashed_password()
        with database.acting_as(SYSTEM):
            session = database.session()
            for person in people:
                session.get_one(Credential, person.user_id).password_hash = hashed
            session.commit()

    def token(self, person: Actor) -> str:
        with database.acting_as(SYSTEM):
            return create_token(person, "test")

    def token_of_the_command_line(self, person: Actor) -> str:
        done = subprocess.run(
            [
                *(sys.executable, "-m", "flask", "--app", "wsgi"),
                *("tokens", "create", person.email, "--name", "test"),
            ],
            cwd=ROOT,
            env=self.environment,
            capture_output=True,
            text=True,
            check=True,
        )
        return done.stdout.strip()

    def api(self, person: Actor, token: str = "") -> httpx.Client:
        if person not in self.clients:
            self.clients[person] = client_at(
                f"{self.address}/api/v1",
                headers={"Authorization": f"Bearer {token or self.token(person)}"},
            )
        return self.clients[person]


def point_at(source: scoped_session) -> None:
    """Have the operations of this process work in these sessions, as the desk itself."""
    database.use_sessions(source)
    registry.listen()
    forget_terms()
    database.become(SYSTEM)


def until(true, seconds: float = PATIENCE, what: str = "") -> object:
    """Wait until `true()` is truthy, and return what it gave."""
    deadline, pause = time.monotonic() + seconds, SHORTEST_PAUSE
    while time.monotonic() < deadline:
        if found := true():
            return found
        time.sleep(pause)
        pause = min(pause * 2, LONGEST_PAUSE)  # most of what is waited for comes at once
    raise AssertionError(f"not within {seconds} s: {what or true}")


@contextmanager
def desk_on(address: str, folder: Path, *, with_worker: bool = True) -> Iterator[Desk]:
    """Run a desk on the database at `address` until the block ends."""
    port, sandbox_port = free_port(), free_port()
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(folder),
        "SERVICEDESK_MODE": "test",
        "SERVICEDESK_INSTANCE": str(folder),
        "DATABASE_URL": address,
        "PORT": str(port),
        "PUBLIC_URL": f"http://127.0.0.1:{port}",
        "SANDBOX_URL": f"http://127.0.0.1:{sandbox_port}",
        "SANDBOX_KEY": secrets.token_hex(16),
        "SANDBOX_DELAY_SCALE": "0",
        "SECRET_KEY": secrets.token_hex(32),
        "PYTHONUNBUFFERED": "1",
    }
    sql_engine = create_engine(address, pool_size=5, max_overflow=10)
    source = scoped_session(sessionmaker(sql_engine, expire_on_commit=False))
    point_at(source)
    desk = Desk(
        sessions=source,
        address=f"http://127.0.0.1:{port}",
        sandbox=environment["SANDBOX_URL"],
        environment=environment,
        make=Make(source),
        folder=folder,
    )
    try:
        desk.start(
            "sandbox",
            *("-m", "servicedesk.sandbox", "--port", str(sandbox_port)),
            *("--state", str(folder / "sandbox.sqlite3")),
            *("--callback-url", f"{desk.address}/engines/sandbox/notifications"),
        )
        desk.start("web", "-m", "gunicorn", "--config", "python:tests.cheap_web", "wsgi:app")
        if with_worker:
            desk.start_worker()
        until(lambda: answers(f"{desk.address}/healthz") and answers(desk.sandbox), START, "start")
        source.remove()
        yield desk
    finally:
        desk.stop()
        source.remove()
        sql_engine.dispose()


def answers(url: str) -> bool:
    try:
        return httpx.get(url, trust_env=False, timeout=2).is_success
    except httpx.HTTPError:
        return False


def chromium() -> str:
    found = shutil.which("chromium") or shutil.which("chromium-browser")
    assert found, "`make test` installs Chromium"
    return found
