"""Clocks in the words of a page."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from flask import g

from servicedesk.core import clock, database
from servicedesk.sla import clocks

if TYPE_CHECKING:
    from datetime import datetime

    from servicedesk.sla.calendar import BusinessCalendar
    from servicedesk.sla.models import SlaLedger


def time_left(ledger: SlaLedger, due_at: datetime) -> timedelta:
    """Return the business time left until a due time of a ledger; zero when it is past."""
    now = clock.now()
    return _calendar(ledger).between(now, due_at) if due_at > now else timedelta(0)


def _calendar(ledger: SlaLedger) -> BusinessCalendar:
    """Return the ledger's calendar, asked for once a request however many rows a list has."""
    known: dict[int, BusinessCalendar] = g.setdefault("sla_calendars", {})
    if ledger.calendar_id not in known:
        known[ledger.calendar_id] = clocks.calendar_of(database.session(), ledger)
    return known[ledger.calendar_id]
