"""What the clock has a worker do for service levels."""

from __future__ import annotations

from datetime import timedelta

from servicedesk.core.actors import SYSTEM
from servicedesk.core.jobs import job
from servicedesk.core.unit_of_work import unit_of_work
from servicedesk.sla.checking import CHECK, run_check, run_repair
from servicedesk.sla.replanning import (
    REFRESH_CALENDAR,
    REPLAN_CONTRACTS,
    refresh_ledgers,
    replan_ledgers,
)
from servicedesk.sla.tallies import fold_changes
from servicedesk.sla.watch import sweep


@job("sla.watch", every=timedelta(seconds=30))
def watch() -> None:
    """Act on what has run out, or passed a threshold, since the last look."""
    while True:
        with unit_of_work(SYSTEM, "sla.watch") as work:
            if not sweep(work):
                return


@job("sla.fold", every=timedelta(seconds=30))
def fold() -> None:
    """Add what has changed to the counters of the dashboard."""
    while True:
        with unit_of_work(SYSTEM, "sla.fold") as work:
            if not fold_changes(work.session):
                return


@job(CHECK)
def check(check_id: int) -> None:
    """Hold everything cached against its events, as somebody asked; each night a planned task does."""
    run_check(check_id)


@job("sla.rebuild", stays_inside=True)
def rebuild() -> None:
    """Set right what is not as the events say, as after an upgrade; then check it."""
    run_repair()


@job(REFRESH_CALENDAR, stays_inside=True)
def refresh_calendar(code: str) -> None:
    """Bring the clocks up to date that a calendar's versions move."""
    last: int | None = 0
    while last is not None:
        with unit_of_work(SYSTEM, "sla.refresh_calendar") as work:
            last = refresh_ledgers(work, code, last)


@job(REPLAN_CONTRACTS, every=timedelta(minutes=5))
def replan_contracts() -> None:
    """Have open tickets measured by what their contracts say from today on."""
    last: int | None = 0
    while last is not None:
        with unit_of_work(SYSTEM, "sla.replan_contracts") as work:
            last = replan_ledgers(work, last)
