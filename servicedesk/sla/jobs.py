"""What the clock has a worker do for service levels."""

from __future__ import annotations

from datetime import timedelta

from servicedesk.core.actors import SYSTEM
from servicedesk.core.jobs import job
from servicedesk.core.unit_of_work import unit_of_work
from servicedesk.sla.clocks import mark_breaches


@job("sla.watch", every=timedelta(seconds=30))
def watch() -> None:
    """Mark what has run out since the last look."""
    while True:
        with unit_of_work(SYSTEM, "sla.watch") as work:
            if not mark_breaches(work):
                return
