"""Which plan and calendar version measures a subject; versions never change, so they are cached."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from sqlalchemy import select

from servicedesk.core.errors import NotAllowedNow
from servicedesk.core.text import msgid
from servicedesk.sla.calendar import CalendarDefinition, compiled
from servicedesk.sla.evaluation import Metric, Terms
from servicedesk.sla.models import CalendarVersion, PlanVersion, ServiceLevel

if TYPE_CHECKING:
    from datetime import date

    from sqlalchemy.orm import Session

    from servicedesk.sla.calendar import BusinessCalendar

# (plan version, calendar version) → the compiled thing; rows in use are never edited
_calendars: dict[int, BusinessCalendar] = {}
_terms: dict[tuple[int, int, str, str], Terms] = {}


def forget_terms() -> None:
    """Empty the cache: another database has other versions under the same numbers."""
    _terms.clear()
    _calendars.clear()


def versions_for(session: Session, contract_id: int, day: date) -> tuple[int, int]:
    """Return the ids of the plan and calendar version that measure a contract on `day`.

    Raises NotAllowedNow when the contract has none.
    """
    plan = (
        select(PlanVersion.id)
        .where(PlanVersion.code == ServiceLevel.plan_code, PlanVersion.effective_on <= day)
        .order_by(PlanVersion.version.desc())
        .limit(1)
        .scalar_subquery()
    )
    calendar = (
        select(CalendarVersion.id)
        .where(
            CalendarVersion.code == ServiceLevel.calendar_code, CalendarVersion.effective_on <= day
        )
        .order_by(CalendarVersion.version.desc())
        .limit(1)
        .scalar_subquery()
    )
    row = session.execute(
        select(plan, calendar).where(ServiceLevel.contract_id == contract_id)
    ).first()
    if row is None or row[0] is None or row[1] is None:
        raise NotAllowedNow(msgid("The contract has no service level yet."))
    return row[0], row[1]


def calendar_version(session: Session, calendar_id: int) -> BusinessCalendar:
    """Return a calendar version, compiled once a process."""
    if calendar_id not in _calendars:
        definition = session.get_one(CalendarVersion, calendar_id).definition
        _calendars[calendar_id] = compiled(CalendarDefinition.from_json(definition))
    return _calendars[calendar_id]


def terms_of(session: Session, plan_id: int, calendar_id: int, kind: str, priority: str) -> Terms:
    """Return the targets of a plan version for a kind and priority, on a calendar version."""
    key = (plan_id, calendar_id, kind, priority)
    if key not in _terms:
        plan = session.get_one(PlanVersion, plan_id)
        calendar = session.get_one(CalendarVersion, calendar_id)
        seconds = plan.targets.get(kind, {}).get(priority, {})
        _terms[key] = Terms(
            targets={Metric(name): timedelta(seconds=value) for name, value in seconds.items()},
            calendar=calendar_version(session, calendar_id),
            name=f"{plan.name} v{plan.version} · {calendar.name} v{calendar.version}",
        )
    return _terms[key]
