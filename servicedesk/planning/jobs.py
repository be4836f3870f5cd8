"""What workers and the clock do for planned tasks."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from servicedesk.core.beats import beat
from servicedesk.core.jobs import job
from servicedesk.planning.firing import BATCH, REPORT, RUN, fire_due
from servicedesk.planning.preparing import prepare_runs
from servicedesk.planning.running import report_run, run
from servicedesk.planning.windows import close_window, look_after_runs
from servicedesk.planning.working import CLOSE_WINDOW

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

MOST_BATCHES = 10  # in one beat: the clock has other things to do each second


@beat("planning.fire", every=timedelta(seconds=1))
def fire(session: Session) -> int:
    """Write what is due; whatever is left after many batches follows with the next beat."""
    written = 0
    for _ in range(MOST_BATCHES):
        fired = fire_due(session)
        written += fired
        if fired < BATCH:
            break
    return written


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
