"""Clocks in the words of a page."""

from __future__ import annotations

from typing import TYPE_CHECKING

from servicedesk.core import clock, database
from servicedesk.sla import clocks

if TYPE_CHECKING:
    from datetime import datetime, timedelta

    from servicedesk.sla.models import SlaLedger


def time_left(ledger: SlaLedger, due_at: datetime) -> timedelta:
    """Return the business time left until a due time of a ledger."""
    return clocks.time_left(database.session(), ledger, due_at, clock.now())
