"""The storage around the pure core: events are appended, what is cached is derived from them."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from sqlalchemy import select

from servicedesk.sla.evaluation import (
    Cycle,
    EventKind,
    LedgerEvent,
    Metric,
    Party,
    Verdict,
    current,
    evaluate,
    next_due_at,
)
from servicedesk.sla.models import SlaCycle, SlaEvent, SlaLedger
from servicedesk.sla.terms import calendar_version, terms_of, versions_for

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from sqlalchemy.orm import Session

    from servicedesk.clients.models import Contract
    from servicedesk.core.unit_of_work import Work
    from servicedesk.sla.calendar import BusinessCalendar


def open_ledger(work: Work, contract: Contract, kind: str, priority: str) -> SlaLedger:
    """Start the clocks of a new subject under the contract's plan and calendar of today."""
    plan_id, calendar_id = versions_for(work.session, contract.id, work.at.date())
    started = SlaEvent(
        client_id=contract.client_id,
        sequence=1,
        at=work.at,
        kind=EventKind.STARTED,
        plan_id=plan_id,
        calendar_id=calendar_id,
        target_kind=kind,
        target_priority=priority,
        actor=work.actor.name,
    )
    ledger = SlaLedger(client_id=contract.client_id, calendar_id=calendar_id)
    cycles = _refresh(work.session, ledger, [started], [], work.at)
    work.session.add(ledger)
    work.session.flush()
    started.ledger_id = ledger.id
    for cycle in cycles:
        cycle.ledger_id = ledger.id
    work.session.add_all([started, *cycles])
    return ledger


def record(
    work: Work,
    ledger: SlaLedger,
    kind: EventKind,
    *,
    party: Party | None = None,
    priority: str | None = None,
) -> None:
    """Append an event and bring the cached clocks up to date. `priority` replans."""
    events = list(_events(work.session, ledger.id))
    newest = SlaEvent(
        client_id=ledger.client_id,
        ledger_id=ledger.id,
        sequence=events[-1].sequence + 1,
        at=max(work.at, events[-1].at),
        kind=kind,
        party=party,
        actor=work.actor.name,
    )
    if priority is not None:
        first = next(event for event in reversed(events) if event.plan_id)
        newest.plan_id, newest.calendar_id = first.plan_id, first.calendar_id
        ledger.calendar_id = first.calendar_id or ledger.calendar_id
        newest.target_kind, newest.target_priority = first.target_kind, priority
    work.session.add(newest)
    rows = work.session.scalars(select(SlaCycle).where(SlaCycle.ledger_id == ledger.id)).all()
    work.session.add_all(_refresh(work.session, ledger, [*events, newest], rows, newest.at))


def cycles_of(session: Session, ledger_id: int, now: datetime) -> tuple[Cycle, ...]:
    """Return the cycles of a ledger as they stand at `now`, from its events alone."""
    return evaluate(_told(session, list(_events(session, ledger_id))), now)


def time_left(session: Session, ledger: SlaLedger, due_at: datetime, now: datetime) -> timedelta:
    """Return the business time from `now` to a due time of the ledger; zero when it is past."""
    if due_at <= now:
        return timedelta(0)
    return calendar_version(session, ledger.calendar_id).between(now, due_at)


def calendar_of(session: Session, ledger_id: int) -> BusinessCalendar:
    """Return the calendar that a ledger is measured on now."""
    told = _told(session, list(_events(session, ledger_id)))
    return next(event.terms.calendar for event in reversed(told) if event.terms)


def _events(session: Session, ledger_id: int) -> Sequence[SlaEvent]:
    return session.scalars(
        select(SlaEvent).where(SlaEvent.ledger_id == ledger_id).order_by(SlaEvent.sequence)
    ).all()


def _told(session: Session, events: list[SlaEvent]) -> list[LedgerEvent]:
    return [
        LedgerEvent(
            at=event.at,
            sequence=event.sequence,
            kind=event.kind,
            party=event.party,
            terms=terms_of(
                session,
                event.plan_id,
                event.calendar_id,
                event.target_kind or "",
                event.target_priority or "",
            )
            if event.plan_id and event.calendar_id
            else None,
            actor=event.actor,
        )
        for event in events
    ]


def _refresh(
    session: Session,
    ledger: SlaLedger,
    events: list[SlaEvent],
    rows: Sequence[SlaCycle],
    now: datetime,
) -> list[SlaCycle]:
    """Write what follows from the events into the ledger and its cycles; return the new cycles."""
    told = _told(session, events)
    cycles = evaluate(told, now)
    response, resolution = (
        current(cycles, Metric.FIRST_RESPONSE),
        current(cycles, Metric.RESOLUTION),
    )
    ledger.next_due_at = _watch_at(next_due_at(cycles), told, now)
    ledger.is_paused = any(cycle.verdict is Verdict.PAUSED for cycle in cycles)
    ledger.response_due_at = response.due_at if response else None
    ledger.response_verdict = response.verdict if response else None
    ledger.resolution_due_at = resolution.due_at if resolution else None
    ledger.resolution_verdict = resolution.verdict if resolution else None
    known = {(row.metric, row.ordinal): row for row in rows}
    ordinals: dict[Metric, int] = {}
    new = []
    for cycle in cycles:
        ordinal = ordinals[cycle.metric] = ordinals.get(cycle.metric, 0) + 1
        row = known.get((cycle.metric, ordinal))
        if row is None:
            row = SlaCycle(
                client_id=ledger.client_id,
                ledger_id=ledger.id,
                metric=cycle.metric,
                ordinal=ordinal,
                started_at=cycle.started_at,
                target_seconds=int(cycle.target.total_seconds()),
            )
            new.append(row)
        row.due_at, row.stopped_at, row.verdict = cycle.due_at, cycle.stopped_at, cycle.verdict
        row.elapsed_seconds = int(cycle.elapsed.total_seconds()) if cycle.stopped_at else None
    return new


def _watch_at(due: datetime | None, told: list[LedgerEvent], now: datetime) -> datetime | None:
    """Return when to look again: a target that ran out exactly at closing time breaches on opening."""
    if due is None or due > now:
        return due
    calendar = next(event.terms.calendar for event in reversed(told) if event.terms)
    return calendar.next_opening(now) + timedelta(microseconds=1)


def mark_breaches(work: Work, limit: int = 500) -> int:
    """Turn clocks whose due time has passed into breached ones; return how many were looked at.

    One indexed question finds them, so the cost follows the due ones and not the open ones.
    """
    ledgers = work.session.scalars(
        select(SlaLedger)
        .where(SlaLedger.next_due_at < work.at)
        .order_by(SlaLedger.next_due_at)
        .limit(limit)
        .with_for_update(skip_locked=True)
    ).all()
    for ledger in ledgers:
        rows = work.session.scalars(select(SlaCycle).where(SlaCycle.ledger_id == ledger.id)).all()
        events = list(_events(work.session, ledger.id))
        work.session.add_all(_refresh(work.session, ledger, events, rows, work.at))
    return len(ledgers)
