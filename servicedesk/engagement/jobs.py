"""What workers do for the account manager's days."""

from __future__ import annotations

from servicedesk.core.jobs import job
from servicedesk.engagement.warnings import TELL
from servicedesk.engagement.warnings import tell_warning as tell_it


@job(TELL)
def tell_warning(year_id: int, percent: int) -> None:
    """Tell people that a share of a year's days is taken."""
    tell_it(year_id, percent)
