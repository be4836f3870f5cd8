"""The holidays of a business calendar by name, for whoever plans around them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import func, select

from servicedesk.clients.models import Contract
from servicedesk.core import clock, database
from servicedesk.sla.calendar import DAY_MINUTES
from servicedesk.sla.models import CalendarVersion, ServiceLevel
from servicedesk.sla.month import holidays_between, rulings
from servicedesk.sla.standard import CALENDAR

if TYPE_CHECKING:
    from datetime import date


def holidays_of(client_id: int | None, first: date, last: date) -> dict[date, str]:
    """Return the holidays from `first` to `last`, by day, of a client's calendar or the office's.

    Those that close only a part of the day are left out: there is time to work around them. One
    statement.
    """
    code: Any = CALENDAR
    if client_id is not None:
        level = (
            select(ServiceLevel.calendar_code)
            .join(Contract, Contract.id == ServiceLevel.contract_id)
            .where(
                ServiceLevel.client_id == client_id,
                ServiceLevel.effective_on <= clock.now().date(),
            )
            .order_by(Contract.ends_on.desc(), ServiceLevel.effective_on.desc())
            .limit(1)
        )
        code = func.coalesce(level.scalar_subquery(), CALENDAR)
    versions = database.session().scalars(
        select(CalendarVersion).where(
            CalendarVersion.code == code, CalendarVersion.withdrawn_by_id.is_(None)
        )
    )
    known = rulings(versions)
    if not known:
        return {}
    named: dict[date, list[str]] = {}
    for holiday in holidays_between(known, first, last):
        if holiday.closed_from == 0 and holiday.closed_until >= DAY_MINUTES:
            named.setdefault(holiday.on, []).append(holiday.name)
    return {day: " · ".join(names) for day, names in named.items()}
