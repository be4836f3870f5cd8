"""Run every migration there and back on an empty database, and compare it with the models."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from servicedesk import schema
from servicedesk.core import embedded_postgres


def main() -> int:
    """Say how they differ; 1 if they do."""
    with tempfile.TemporaryDirectory(prefix="servicedesk-check-") as folder:
        instance = Path(folder)
        embedded_postgres.ensure_running(instance, throw_away=True)
        url = embedded_postgres.url(instance)
        try:
            schema.upgrade(url)
            schema.downgrade(url, "base")
            schema.upgrade(url)
            found = schema.differences(url)
            is_current = schema.is_current(url)
        finally:
            embedded_postgres.stop(instance)
    for difference in found:
        sys.stderr.write(f"models and migrations differ: {difference}\n")
    if not is_current:
        sys.stderr.write("migrations/HEAD does not name the newest migration\n")
    return 1 if found or not is_current else 0
