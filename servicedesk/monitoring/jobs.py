"""What workers do to see that the service runs."""

from __future__ import annotations

from datetime import timedelta

from servicedesk.core.jobs import job
from servicedesk.monitoring.watching import WATCH, look_for_silences


@job(WATCH, every=timedelta(minutes=1))
def watch() -> None:
    """Look for what fell silent; the clock only begins it anew where the row of looks was broken."""
    look_for_silences()
