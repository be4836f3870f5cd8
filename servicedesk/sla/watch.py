"""The clock's look at what is due: who has passed a threshold or a target, each once."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import insert, select

from servicedesk.core.jobs import JobName
from servicedesk.sla.clocks import cycles_of, events_of, refresh
from servicedesk.sla.models import SlaLedger, SlaWarning
from servicedesk.sla.terms import calendar_coded, plan_version

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime
    from typing import Any

    from servicedesk.core.unit_of_work import Work
    from servicedesk.sla.cycles import Cycle
    from servicedesk.sla.derivation import Derived

TELL_WARNING = JobName("tickets.tell_warning")
SWEEP_SIZE = 200


def sweep(work: Work, limit: int = SWEEP_SIZE) -> int:
    """Bring what is due up to date and write down the thresholds passed; return how many were due.

    One indexed question finds them, so the cost follows the due ones and not the open ones. Several
    clocks may sweep at once: each takes other rows.
    """
    ledgers = work.session.scalars(
        select(SlaLedger)
        .where(SlaLedger.next_due_at < work.at)
        .order_by(SlaLedger.next_due_at)
        .limit(limit)
        .with_for_update(skip_locked=True)
    ).all()
    if not ledgers:
        return 0
    ids = [ledger.id for ledger in ledgers]
    events, rows = events_of(work.session, ids), cycles_of(work.session, ids)
    warnings: list[dict[str, Any]] = []
    for ledger in ledgers:
        derived = refresh(
            work.session, ledger, events[ledger.id], rows[ledger.id], work.at, acts=True
        )
        warnings += _warnings(work, ledger, derived)
    if warnings:
        written = work.session.execute(
            insert(SlaWarning).returning(SlaWarning.id, SlaWarning.tell_at), warnings
        )
        for warning_id, tell_at in written.all():
            if tell_at is not None:
                work.enqueue(TELL_WARNING, at=tell_at, warning_id=warning_id)
    return len(ledgers)


def _warnings(work: Work, ledger: SlaLedger, derived: Derived) -> Iterator[dict[str, Any]]:
    """Yield a row for each threshold passed; only the highest of a cycle is told to people."""
    for (metric, ordinal), percents in derived.reached.items():
        cycle = derived.told[metric, ordinal]
        told = {
            threshold.percent
            for threshold in cycle.terms.thresholds
            if threshold.is_for(metric, cycle.terms.priority)
        }
        passed = [percent for percent in percents if percent in told]
        for percent in passed:
            is_told = percent == passed[-1]
            yield {
                "client_id": ledger.client_id,
                "ledger_id": ledger.id,
                "metric": metric,
                "ordinal": ordinal,
                "percent": percent,
                "reached_at": cycle.reached_at(percent) or work.at,
                "fired_at": work.at,
                "tell_at": _tell_at(work, cycle) if is_told else None,
                "outcome": None if is_told else "passed_over",
            }


def _tell_at(work: Work, cycle: Cycle) -> datetime:
    """Return when people may be told: at once, or when their own hours begin."""
    _, plan = plan_version(work.session, cycle.terms.plan_id)
    if not plan.notice_calendar or cycle.terms.priority in plan.round_the_clock:
        return work.at
    calendar = calendar_coded(work.session, plan.notice_calendar)
    return calendar.next_opening(work.at) if calendar else work.at
