"""The clock's look at what is due: who has passed a threshold or a target, each once."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert

from servicedesk.core.database import expect_rows
from servicedesk.core.jobs import JobName
from servicedesk.sla.clocks import cycles_of, events_of, refresh_all
from servicedesk.sla.models import SlaLedger, SlaWarning
from servicedesk.sla.terms import calendar_coded, plan_version

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime
    from typing import Any

    from sqlalchemy.orm import Session

    from servicedesk.core.unit_of_work import Work
    from servicedesk.sla.cycles import Terms
    from servicedesk.sla.derivation import Derived

TELL_WARNING = JobName("tickets.tell_warning")
SWEEP_SIZE = 200
# what became of a warning
TOLD, CAUSE_GONE, PASSED_OVER = "told", "cause_gone", "passed_over"


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
    found = refresh_all(work.session, ledgers, events, rows, work.at, acts=True)
    hours = _Hours(work.session, work.at)
    _fire(work, [row for ledger in ledgers for row in _warnings(hours, ledger, found[ledger.id])])
    return len(ledgers)


def _fire(work: Work, warnings: Sequence[dict[str, Any]]) -> None:
    """Write warnings and have a worker tell them; what is written already is not told again."""
    if not warnings:
        return
    expect_rows(work.session, len(warnings))
    written = work.session.execute(
        insert(SlaWarning).on_conflict_do_nothing().returning(SlaWarning.id, SlaWarning.tell_at),
        warnings,
    )
    work.enqueue_all(
        TELL_WARNING,
        [(tell_at, {"warning_id": id_}) for id_, tell_at in written if tell_at is not None],
    )


class _Hours:
    """From when on people may be told of what is found now, asked for once a plan and priority."""

    def __init__(self, session: Session, at: datetime) -> None:
        self.session, self.at = session, at
        self._known: dict[tuple[int, str], datetime] = {}

    def begin_for(self, terms: Terms) -> datetime:
        key = (terms.plan_id, terms.priority)
        if key not in self._known:
            self._known[key] = told_from(self.session, terms, self.at)
        return self._known[key]


def _warnings(hours: _Hours, ledger: SlaLedger, derived: Derived) -> Iterator[dict[str, Any]]:
    """Yield a row for each threshold passed; only the highest of a cycle is told to people."""
    for (metric, ordinal), percents in derived.reached.items():
        cycle = derived.told[metric, ordinal]
        told = cycle.terms.percents[metric].told
        passed = [percent for percent in percents if percent in told]
        for percent in passed:
            is_told = percent == passed[-1]
            yield {
                "client_id": ledger.client_id,
                "ledger_id": ledger.id,
                "metric": metric,
                "ordinal": ordinal,
                "percent": percent,
                "reached_at": cycle.reached_at(percent) or hours.at,
                "fired_at": hours.at,
                "tell_at": hours.begin_for(cycle.terms) if is_told else None,
                "outcome": None if is_told else PASSED_OVER,
                "told_to": [],
            }


def told_from(session: Session, terms: Terms, at: datetime) -> datetime:
    """Return when people may be told from `at` on: at once, or when their own hours begin."""
    _, plan = plan_version(session, terms.plan_id)
    if not plan.notice_calendar or terms.priority in plan.round_the_clock:
        return at
    calendar = calendar_coded(session, plan.notice_calendar)
    return calendar.next_opening(at) if calendar else at
