"""Open clocks follow what was changed: a calendar's versions, and what a contract is measured by."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import Date, cast, func, or_, select
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.orm import aliased

from servicedesk.clients.models import Contract
from servicedesk.core.jobs import JobName
from servicedesk.sla.clocks import cycles_of, events_of, record, refresh_all
from servicedesk.sla.cycles import OPEN_STANDINGS
from servicedesk.sla.evaluation import EventKind
from servicedesk.sla.models import (
    CalendarVersion,
    PlanVersion,
    ServiceLevel,
    SlaCycle,
    SlaEvent,
    SlaLedger,
)
from servicedesk.sla.terms import terms_for

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy import ColumnElement, Select

    from servicedesk.core.unit_of_work import Work

REFRESH_CALENDAR = JobName("sla.refresh_calendar")
REPLAN_CONTRACTS = JobName("sla.replan_contracts")
BATCH = 200


def refresh_ledgers(work: Work, code: str, after: int, size: int = BATCH) -> int | None:
    """Bring up to date what a calendar's versions move, `size` ledgers beyond id `after`.

    Returns the last id, None when there are no more. That is what is open, and what ended early:
    its target would have run out at another time. Verdicts that were given do not change, because
    nothing before a version's date does. May run twice, and while tickets move.
    """
    named = (
        select(SlaEvent.id)
        .join(CalendarVersion, CalendarVersion.id == SlaEvent.calendar_id)
        .where(SlaEvent.ledger_id == SlaLedger.id, CalendarVersion.code == code)
    )
    ends_later = select(SlaCycle.id).where(
        SlaCycle.ledger_id == SlaLedger.id, SlaCycle.due_at > work.at
    )
    ledgers = work.session.scalars(
        select(SlaLedger)
        .where(
            SlaLedger.id > after,
            or_(SlaLedger.standing.in_(OPEN_STANDINGS), ends_later.exists()),
            named.exists(),
        )
        .order_by(SlaLedger.id)
        .limit(size)
        .with_for_update()
    ).all()
    ids = [ledger.id for ledger in ledgers]
    events, rows = events_of(work.session, ids), cycles_of(work.session, ids)
    refresh_all(work.session, ledgers, events, rows, work.at)
    return ids[-1] if ids else None


def local_day(at: datetime) -> ColumnElement[object]:
    """Return the expression for a contract's day at an instant."""
    return cast(func.timezone(Contract.time_zone, at), Date)


def levels_in_force(at: datetime) -> Select[int, str, str]:
    """Return the query for contract, plan and calendar that measure each contract at an instant."""
    return (
        select(ServiceLevel.contract_id, ServiceLevel.plan_code, ServiceLevel.calendar_code)
        .ext(distinct_on(ServiceLevel.contract_id))
        .join(Contract, Contract.id == ServiceLevel.contract_id)
        .where(ServiceLevel.effective_on <= local_day(at))
        .order_by(ServiceLevel.contract_id, ServiceLevel.effective_on.desc())
    )


def replan_ledgers(work: Work, after: int, size: int = BATCH) -> int | None:
    """Have open subjects measured by what their contract says now, `size` of them beyond `after`.

    Returns the last id, None when there are no more. They start where they really started and keep
    their pauses; what is closed stays as it was judged. Who is measured by it already is not found.
    """
    level = levels_in_force(work.at).subquery()
    plan, calendar = aliased(PlanVersion), aliased(CalendarVersion)
    found = work.session.execute(
        select(
            SlaLedger, Contract, plan.code, calendar.code, level.c.plan_code, level.c.calendar_code
        )
        .join(level, level.c.contract_id == SlaLedger.contract_id)
        .join(Contract, Contract.id == SlaLedger.contract_id)
        .join(plan, plan.id == SlaLedger.plan_id)
        .join(calendar, calendar.id == SlaLedger.calendar_id)
        .where(
            SlaLedger.id > after,
            SlaLedger.standing.in_(OPEN_STANDINGS),
            or_(plan.code != level.c.plan_code, calendar.code != level.c.calendar_code),
        )
        .order_by(SlaLedger.id)
        .limit(size)
        .with_for_update(of=SlaLedger)
    ).all()
    for ledger, contract, plan_before, calendar_before, plan_now, calendar_now in found:
        record(
            work,
            ledger,
            EventKind.REPLANNED,
            terms=terms_for(work.session, contract, work.at, ledger.kind, ledger.priority),
            reason="contract",
            before={"plan": plan_before, "calendar": calendar_before},
            after={"plan": plan_now, "calendar": calendar_now},
        )
    return found[-1][0].id if found else None
