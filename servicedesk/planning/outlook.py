"""The next times of a task: each with its window, and whether its client works on that day."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from itertools import islice
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from servicedesk.clients.contracts import contract_in_force
from servicedesk.core import clock, database
from servicedesk.core.errors import NotAllowedNow
from servicedesk.planning.preparing import ANY_TICKET
from servicedesk.planning.schedule import dues
from servicedesk.sla.ageing import is_working_day
from servicedesk.sla.terms import terms_for

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

    from servicedesk.planning.models import PlannedTask
    from servicedesk.sla.calendar import BusinessCalendar

NEXT = 5


@dataclass(frozen=True, kw_only=True)
class Coming:
    """A time that comes."""

    due_at: datetime
    closes_at: datetime | None
    is_working_day: bool | None  # None where no calendar says


def outlook(task: PlannedTask) -> Sequence[Coming]:
    """Return the next times of a task, as far as it is switched on."""
    if task.next_due_at is None:
        return []
    first = task.next_due_at - timedelta(seconds=1)
    return coming(islice(dues(task.when, first), NEXT), task.client_id, task.window_minutes)


def coming(
    times: Iterable[datetime], client_id: int | None, window_minutes: int | None
) -> Sequence[Coming]:
    """Return times with their windows, on a client's calendar."""
    found = list(times)
    calendar, zone = _calendar(client_id, found[0]) if found else (None, None)
    window = timedelta(minutes=window_minutes) if window_minutes else None
    return [
        Coming(
            due_at=due,
            closes_at=due + window if window else None,
            is_working_day=is_working_day(calendar, due.astimezone(zone).date())
            if calendar
            else None,
        )
        for due in found
    ]


def _calendar(
    client_id: int | None, at: datetime
) -> tuple[BusinessCalendar | None, ZoneInfo | None]:
    if client_id is None:
        return None, None
    session = database.session()
    contract = contract_in_force(session, client_id, clock.now().date())
    if contract is None:
        return None, None
    try:
        terms = terms_for(session, contract, at, *ANY_TICKET)
    except NotAllowedNow:
        return None, None
    return terms.calendar, ZoneInfo(contract.time_zone)
