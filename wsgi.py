"""What a WSGI server and the `flask` command load."""

from __future__ import annotations

from config import Settings
from servicedesk.app import create_app

app = create_app(Settings.from_environment())
