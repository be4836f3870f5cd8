"""Web server, worker and clock end with one sentence where they must not serve."""

from __future__ import annotations

import subprocess
import sys

import pytest
from sqlalchemy import create_engine, text

from config import ROOT
from tests.conftest import copied_database
from tests.desk_on_loopback import free_port

PROCESSES = {
    "web": ("gunicorn", "--config", "python:servicedesk.processes.web", "wsgi:app"),
    "worker": ("servicedesk.processes", "worker"),
    "clock": ("servicedesk.processes", "scheduler"),
}


@pytest.fixture(scope="module")
def address(instance, migrated):
    """A database whose tables are of an earlier release."""
    with copied_database(instance, migrated) as address:
        engine = create_engine(address)
        with engine.begin() as connection:
            connection.execute(text("UPDATE alembic_version SET version_num = '0001'"))
        engine.dispose()
        yield address


@pytest.mark.parametrize("process", PROCESSES)
@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({}, "The tables are older than this release."),
        ({"FLASK_DEBUG": "1"}, "FLASK_DEBUG is on"),
        ({"SECRET_KEY": "change-me-change-me-change-me-change-me"}, "placeholder"),
    ],
)
def test_it_says_why_and_ends(address, tmp_path, process, changed, says):
    environment = {
        "PATH": "/usr/bin:/bin",
        "SERVICEDESK_MODE": "production",
        "SERVICEDESK_INSTANCE": str(tmp_path),
        "DATABASE_URL": address,
        "SECRET_KEY": "8f1c2e7ab0459d36fe6f0a1b2c3d4e5f60718293",
        "PUBLIC_URL": "https://desk.example",
        "PORT": str(free_port()),
        **changed,
    }
    done = subprocess.run(
        [sys.executable, "-m", *PROCESSES[process]],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode != 0
    assert says in done.stderr
    assert "Traceback" not in done.stderr
    assert environment["SECRET_KEY"] not in done.stderr
