"""One throw-away PostgreSQL a run, migrated once; a fresh copy of it for whoever asks."""

from __future__ import annotations

import itertools
import shutil
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from playwright.sync_api import expect, sync_playwright
from sqlalchemy import create_engine, text
from sqlalchemy.orm import scoped_session, sessionmaker

from config import Settings
from servicedesk import registry, schema
from servicedesk.accounts import passwords
from servicedesk.core import database, embedded_postgres, files, sealing
from servicedesk.core.actors import GATE, SYSTEM, Role
from servicedesk.planning.checks import backup
from servicedesk.reports import folder
from servicedesk.reports.speech import forget_shell
from servicedesk.sla.terms import forget_terms
from tests.desk_on_loopback import PASSWORD, chromium, desk_on
from tests.make import Make

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from playwright.sync_api import Browser, Page
    from sqlalchemy import Engine

    from servicedesk.core.actors import Actor
    from tests.desk_on_loopback import Desk

_numbers = itertools.count(1)
HOMES = {Role.ACCOUNT_MANAGER: "**/desk/portfolio/"}
SOON = 20_000  # milliseconds in which a page has to show what happened


def pytest_configure() -> None:
    """Have passwords hashed and checked in no time: tests sign in hundreds of times."""
    passwords._hasher[:] = [passwords.CHEAP]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with what takes long and with browsers: two processes then end at the same time."""
    items.sort(key=lambda item: "journeys" not in item.path.parts and not needs(item, "browser"))


def needs(item: pytest.Item, fixture: str) -> bool:
    return fixture in getattr(item, "fixturenames", ())


@pytest.fixture(scope="session")
def pristine() -> Iterator[Path]:
    """A folder with a migrated server that does not run, to copy: migrating takes seconds."""
    with tempfile.TemporaryDirectory(prefix="desk-") as name:
        folder = Path(name)
        embedded_postgres.ensure_running(folder, throw_away=True)
        try:
            schema.upgrade(embedded_postgres.url(folder))
        finally:
            embedded_postgres.stop(folder)
        yield folder


@contextmanager
def running_copy(pristine: Path, folder: Path) -> Iterator[Path]:
    """Run a copy of the migrated server in `folder`; whoever asked may stop and start it."""
    shutil.copytree(pristine / "postgres", folder / "postgres")
    embedded_postgres.ensure_running(folder, throw_away=True)
    try:
        yield folder
    finally:
        embedded_postgres.stop(folder)


@pytest.fixture(scope="session")
def instance(pristine: Path) -> Iterator[Path]:
    """A folder with a running database server."""
    with (
        tempfile.TemporaryDirectory(prefix="desk-") as name,
        running_copy(pristine, Path(name)) as folder,
    ):
        yield folder


@pytest.fixture(scope="session")
def migrated(instance: Path) -> str:
    """The name of a database that every test copies."""
    return embedded_postgres.ROLE


@contextmanager
def copied_database(instance: Path, template: str) -> Iterator[str]:
    """Give the address of a fresh copy of `template`, dropped at the end."""
    name = f"copy_{next(_numbers)}"
    owner, address = embedded_postgres.ROLE, embedded_postgres.superuser_url(instance)
    house = create_engine(address, isolation_level="AUTOCOMMIT")
    with house.connect() as connection:
        connection.execute(text(f"CREATE DATABASE {name} TEMPLATE {template} OWNER {owner}"))
    try:
        yield embedded_postgres.url(instance, name)
    finally:
        with house.connect() as connection:
            connection.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))
        house.dispose()


@pytest.fixture(scope="session")
def shared_database(instance: Path, migrated: str) -> Iterator[str]:
    """One database for all operations and pages; `database_address` empties it."""
    with copied_database(instance, migrated) as address:
        yield address


# of the few tables that have rows the rows are deleted: truncating them all takes longer than most tests
EMPTY = """
DO $$
DECLARE name text; is_filled boolean;
BEGIN
  FOREACH name IN ARRAY string_to_array('{names}', ',') LOOP
    EXECUTE format('SELECT EXISTS (SELECT FROM %I)', name) INTO is_filled;
    IF is_filled THEN EXECUTE format('DELETE FROM %I', name); END IF;
  END LOOP;
  PERFORM setval(c.oid::regclass, 1, false) FROM pg_class c
   WHERE c.relkind = 'S' AND c.relnamespace = 'public'::regnamespace;
END $$
"""


@pytest.fixture(scope="session")
def superuser(shared_database: str) -> Iterator[Engine]:
    """Connections as the server's superuser: the audit trail lets nobody else empty it."""
    engine = create_engine(shared_database.replace(f"{embedded_postgres.ROLE}@", "postgres@"))
    yield engine
    engine.dispose()


@pytest.fixture
def database_address(shared_database: str, superuser: Engine) -> str:
    """A migrated, empty database."""
    names = [table.name for table in schema.METADATA.sorted_tables]
    with superuser.begin() as connection:
        connection.execute(text("SET LOCAL session_replication_role = replica"))
        connection.execute(text("SET LOCAL lock_timeout = '10s'"))
        names += ["procrastinate_events", "procrastinate_jobs", "procrastinate_workers"]
        connection.execute(text(EMPTY.format(names=",".join(names))))
    return shared_database


@pytest.fixture(scope="session")
def shared_engine(shared_database: str) -> Iterator[Engine]:
    """One engine for all tests: connecting and compiling each statement anew is most of a test."""
    # the last one used first: nearly all tests need a single connection, and that one is warm
    engine = create_engine(shared_database, pool_size=5, max_overflow=20, pool_use_lifo=True)
    yield engine
    engine.dispose()


@pytest.fixture
def sessions(
    database_address: str, shared_engine: Engine, tmp_path: Path
) -> Iterator[scoped_session]:
    """Sessions as the desk uses them, without Flask."""
    source = scoped_session(sessionmaker(shared_engine, expire_on_commit=False))
    database.use_sessions(source)
    registry.listen()
    forget_terms()
    sealing.use_key("a key of the tests")
    files.use_folder(tmp_path / "attachments")
    folder.use_folder(tmp_path / "reports")
    forget_shell()
    environment = {"SERVICEDESK_MODE": "test", "SERVICEDESK_INSTANCE": str(tmp_path)}
    backup.use_settings(Settings.from_environment(environment | {"DATABASE_URL": database_address}))
    database.become(SYSTEM)  # a test looks at everything; what an actor sees is asked as the actor
    yield source
    source.remove()
    database.become(GATE)
    source.remove()


@pytest.fixture
def make(sessions: scoped_session) -> Make:
    """Builders that read as sentences, on a desk with a plan, a calendar and an engine."""
    return Make(sessions)


@pytest.fixture
def as_owner(database_address: str) -> Iterator[Callable[..., Any]]:
    """Run a statement as the database's owner: nobody else looks into the queue of jobs."""
    engine = create_engine(database_address)

    def run(statement: str, **values: Any) -> Any:
        with engine.begin() as connection:
            result = connection.execute(text(statement), values)
            return result.all() if result.returns_rows else []

    yield run
    engine.dispose()


@pytest.fixture(scope="session")
def running_desk(instance, migrated, tmp_path_factory) -> Iterator[Desk]:
    """A desk for the whole run; each test brings its own clients and people."""
    with (
        copied_database(instance, migrated) as address,
        desk_on(address, tmp_path_factory.mktemp("desk")) as running,
    ):
        yield running


@pytest.fixture
def desk(running_desk: Desk) -> Iterator[Desk]:
    """The running desk; operations called in the test work on its database."""
    running_desk.take_over()
    yield running_desk
    running_desk.let_go()


@pytest.fixture
def own_server(pristine: Path, tmp_path: Path) -> Iterator[Path]:
    """A migrated database on a server that the test may stop."""
    with running_copy(pristine, tmp_path) as folder:
        yield folder


# for a module only: while it is open, no other test can run a loop in this thread
@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """A real browser without a screen."""
    expect.set_options(timeout=SOON)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=chromium(),
            args=["--no-sandbox", "--disable-gpu", "--disable-background-networking"],
        )
        yield browser
        browser.close()


@pytest.fixture
def sign_in(desk: Desk, browser: Browser):
    """Give a page on which somebody is signed in; any error in its console fails the test."""
    contexts, complaints = [], []

    def enter(person: Actor) -> Page:
        context = browser.new_context(locale="en-GB", viewport={"width": 1280, "height": 900})
        context.set_default_timeout(SOON * 3)
        contexts.append(context)
        page = context.new_page()
        page.on(
            "console",
            lambda message: complaints.append(message.text) if message.type == "error" else None,
        )
        desk.give_password(person)
        page.goto(f"{desk.address}/sign-in")
        page.fill("input[name=email]", person.email)
        page.fill("input[name=password]", PASSWORD)
        page.press("input[name=password]", "Enter")
        page.wait_for_url("**/portal/" if person.is_contact else HOMES.get(person.role, "**/desk/"))
        page.get_by_text(person.name).first.click()
        page.get_by_role("button", name="English").click()
        return page

    yield enter
    for context in contexts:
        context.close()
    assert not complaints
