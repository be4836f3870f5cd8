"""Settings of gunicorn for tests: those of the desk, with passwords that are checked in no time."""

from __future__ import annotations

from servicedesk.accounts import passwords
from servicedesk.processes.web import *  # noqa: F403  gunicorn reads them by name

passwords._hasher[:] = [passwords.CHEAP]  # the workers are forks of whoever reads this
