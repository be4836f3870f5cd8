"""What workers do for the account manager's days."""

from __future__ import annotations

from datetime import timedelta

from servicedesk.core.jobs import job
from servicedesk.engagement.asking import ask_outcomes as ask_for_them
from servicedesk.engagement.warnings import TELL
from servicedesk.engagement.warnings import tell_warning as tell_it


@job(TELL)
def tell_warning(year_id: int, percent: int) -> None:
    """Tell people that a share of a year's days is taken."""
    tell_it(year_id, percent)


@job("engagement.ask_outcomes", queue="planning", every=timedelta(minutes=10))
def ask_outcomes() -> None:
    """Ask for the outcome of visits that nobody confirmed."""
    ask_for_them()
