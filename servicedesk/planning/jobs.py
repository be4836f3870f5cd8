"""What workers and the clock do for planned tasks."""

from __future__ import annotations

from datetime import timedelta

from servicedesk.core.jobs import job
from servicedesk.planning.firing import REPORT, RUN
from servicedesk.planning.preparing import prepare_runs
from servicedesk.planning.running import report_run, run
from servicedesk.planning.windows import close_window, look_after_runs
from servicedesk.planning.working import CLOSE_WINDOW


@job(RUN)
def do_run(run_id: int) -> None:
    """Do a run that is due."""
    run(run_id)


@job(REPORT)
def report(run_id: int, missed: int = 1) -> None:
    """Tell people of a run that the clock itself ended."""
    report_run(run_id, missed)


@job(CLOSE_WINDOW)
def close(run_id: int) -> None:
    """End what a run's window leaves no more time for."""
    close_window(run_id)


@job("planning.prepare", queue="planning", every=timedelta(minutes=1))
def prepare() -> None:
    """Tell clients of what comes, and draft what needs a second person."""
    prepare_runs()


@job("planning.look_after", queue="planning", every=timedelta(minutes=1))
def look_after() -> None:
    """Give runs their next step again whose job got lost."""
    look_after_runs()
