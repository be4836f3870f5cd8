"""Which plan and calendar version measures a subject; versions never change, so they are cached."""

from __future__ import annotations

from datetime import datetime, time
from itertools import pairwise
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from sqlalchemy import func, select
from sqlalchemy.orm import aliased

from servicedesk.core.errors import NotAllowedNow
from servicedesk.core.text import msgid
from servicedesk.sla.calendar import CalendarDefinition, compiled_versions
from servicedesk.sla.cycles import Terms
from servicedesk.sla.models import CalendarVersion, PlanVersion, ServiceLevel
from servicedesk.sla.plan import PlanDefinition

if TYPE_CHECKING:
    from datetime import date

    from sqlalchemy import ColumnElement, ScalarSelect, Select
    from sqlalchemy.orm import InstrumentedAttribute, Session

    from servicedesk.clients.models import Contract
    from servicedesk.sla.calendar import BusinessCalendar

# a calendar is all its versions, each from its date on: kept by the newest, under which no more come
_calendars: dict[int, BusinessCalendar] = {}
_known_until: dict[int, tuple[tuple[datetime, BusinessCalendar], ...]] = {}
_plans: dict[int, tuple[str, PlanDefinition]] = {}  # name with version, plan
_terms: dict[tuple[int, int, int, str, str], Terms] = {}


def forget_terms() -> None:
    """Empty the cache: another database has other versions under the same numbers."""
    _terms.clear()
    _plans.clear()
    _calendars.clear()
    _known_until.clear()


def terms_for(
    session: Session, contract: Contract, at: datetime, kind: str, priority: str
) -> Terms:
    """Return what a contract measures this kind and priority by at an instant.

    Raises NotAllowedNow when the contract has no service level.
    """
    day = at.astimezone(ZoneInfo(contract.time_zone)).date()
    level = (
        select(ServiceLevel.plan_code, ServiceLevel.calendar_code)
        .where(ServiceLevel.contract_id == contract.id, ServiceLevel.effective_on <= day)
        .order_by(ServiceLevel.effective_on.desc())
        .limit(1)
        .subquery()
    )
    plan = _version_on(PlanVersion, day).where(PlanVersion.code == level.c.plan_code)
    calendar = _version_on(CalendarVersion, day).where(
        CalendarVersion.code == level.c.calendar_code
    )
    newest = select(func.max(CalendarVersion.id)).where(
        CalendarVersion.code == level.c.calendar_code
    )
    row = session.execute(
        select(
            plan.scalar_subquery(), calendar.scalar_subquery(), newest.scalar_subquery()
        ).select_from(level)
    ).first()
    if row is None or row[0] is None or row[1] is None:
        raise NotAllowedNow(msgid("The contract has no service level yet."))
    return terms_of(session, row[0], row[1], row[2], kind, priority)


def _version_on(model: type[PlanVersion | CalendarVersion], day: date) -> Select[int]:
    return (
        select(model.id)
        .where(model.effective_on <= day, model.withdrawn_by_id.is_(None))
        .order_by(model.version.desc())
        .limit(1)
    )


def newest_version(
    calendar_id: InstrumentedAttribute[Any] | ColumnElement[Any],
) -> ScalarSelect[int]:
    """Return the subquery for the newest version of the calendar that a column names one of."""
    one, all_of_it = aliased(CalendarVersion), aliased(CalendarVersion)
    return (
        select(func.max(all_of_it.id))
        .join(one, one.code == all_of_it.code)
        .where(one.id == calendar_id)
        .scalar_subquery()
    )


def calendar_up_to(session: Session, newest_id: int) -> BusinessCalendar:
    """Return the calendar that `newest_id` is the newest version of, compiled once a process."""
    if newest_id not in _calendars:
        newest = session.get_one(CalendarVersion, newest_id)
        rows = session.execute(
            select(CalendarVersion.effective_on, CalendarVersion.definition)
            .where(
                CalendarVersion.code == newest.code,
                CalendarVersion.id <= newest_id,
                # as it was known then: what was taken back later was there
                func.coalesce(CalendarVersion.withdrawn_by_id, newest_id + 1) > newest_id,
            )
            .order_by(CalendarVersion.effective_on, CalendarVersion.version)
        )
        # of two versions from the same day on, the later one was written before that day came
        by_day = {day: CalendarDefinition.from_json(told) for day, told in rows}
        _calendars[newest_id] = compiled_versions(sorted(by_day.items()))
    return _calendars[newest_id]


def known_until(session: Session, newest_id: int) -> tuple[tuple[datetime, BusinessCalendar], ...]:
    """Return the calendar as it was before each later version, and until when that was all of it.

    A version is known from its making on, or from its date if it was made after that.
    """
    if newest_id not in _known_until:
        newest = session.get_one(CalendarVersion, newest_id)
        rows = session.execute(
            select(CalendarVersion.id, CalendarVersion.created_at, CalendarVersion.effective_on)
            .where(CalendarVersion.code == newest.code, CalendarVersion.id <= newest_id)
            .order_by(CalendarVersion.id)
        ).all()
        zone = ZoneInfo(newest.definition["time_zone"])
        _known_until[newest_id] = tuple(
            (
                min(later.created_at, datetime.combine(later.effective_on, time(), zone)),
                calendar_up_to(session, before.id),
            )
            for before, later in pairwise(rows)
        )
    return _known_until[newest_id]


def calendar_coded(session: Session, code: str) -> BusinessCalendar | None:
    """Return the calendar of a code with all its versions; None if there is none."""
    newest = session.scalar(
        select(func.max(CalendarVersion.id)).where(CalendarVersion.code == code)
    )
    return calendar_up_to(session, newest) if newest else None


def plan_version(session: Session, plan_id: int) -> tuple[str, PlanDefinition]:
    """Return the name and definition of a plan version, read once a process."""
    if plan_id not in _plans:
        row = session.get_one(PlanVersion, plan_id)
        definition = PlanDefinition.from_json(row.definition)
        _plans[plan_id] = (f"{row.name} v{row.version}", definition)
    return _plans[plan_id]


def terms_of(
    session: Session, plan_id: int, calendar_id: int, newest_id: int, kind: str, priority: str
) -> Terms:
    """Return the targets of a plan version for a kind and priority, on a calendar.

    `calendar_id` is the version that ruled when the terms began, `newest_id` the newest one known.
    """
    key = (plan_id, calendar_id, newest_id, kind, priority)
    if key not in _terms:
        name, plan = plan_version(session, plan_id)
        _terms[key] = Terms(
            targets=plan.targets_of(kind, priority),
            calendar=calendar_up_to(session, newest_id),
            name=name,
            plan_id=plan_id,
            calendar_id=calendar_id,
            newest_calendar_id=newest_id,
            kind=kind,
            priority=priority,
            thresholds=plan.thresholds,
            known_until=known_until(session, newest_id),
        )
    return _terms[key]
