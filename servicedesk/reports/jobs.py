"""What workers do for reports."""

from __future__ import annotations

from datetime import timedelta

from servicedesk.core.jobs import job
from servicedesk.reports.asking import WRITE
from servicedesk.reports.cleaning import clean as clean_up
from servicedesk.reports.firing import BATCH, fire_due, send
from servicedesk.reports.writing import write_run


@job(WRITE, stays_inside=True)
def write(run_id: int) -> None:
    """Make the file of a run."""
    write_run(run_id, send)


@job("reports.fire", queue="reports", every=timedelta(minutes=1))
def fire() -> None:
    """Have made what is due."""
    while fire_due() == BATCH:
        pass


@job("reports.clean", queue="reports", every=timedelta(minutes=5))
def clean() -> None:
    """Take away what is old, and end what nobody makes any more."""
    clean_up()
