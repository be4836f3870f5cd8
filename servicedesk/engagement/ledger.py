"""Steps on a year's ledger: each is under the lock of its year, so that two never spend the same day.

Whoever changes a visit locks the visit first, then its years in their order. What is decided here the
database holds as well: see decision 0032.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import select, text
from sqlalchemy.orm import joinedload

from servicedesk.engagement.budget import BudgetExhausted, Releasable
from servicedesk.engagement.contract_time import day_of
from servicedesk.engagement.models import (
    EngagementYear,
    EntryKind,
    LedgerEntry,
    Visit,
    VisitState,
)
from servicedesk.engagement.warnings import warn_if_due

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

    from sqlalchemy.orm import Session

    from servicedesk.clients.models import Contract
    from servicedesk.core.unit_of_work import Work
    from servicedesk.engagement.models import Amendment


def locked_year(work: Work, contract: Contract, day: date) -> EngagementYear:
    """Return the contract year of a day for writing in its ledger; the first one opens it."""
    year_id = work.session.execute(
        text("SELECT desk_engagement_year(:contract, :day)"),
        {"contract": contract.id, "day": day},
    ).scalar_one()
    return balance(work.session, year_id)


def locked_again(work: Work, year_id: int) -> EngagementYear:
    """Return a year that is open already for writing in its ledger."""
    work.session.execute(text("SELECT desk_lock_engagement_year(:year)"), {"year": year_id})
    return balance(work.session, year_id)


def balance(session: Session, year_id: int) -> EngagementYear:
    """Return a year with its balance as it is now; the ledger moves it behind the session's back."""
    return session.scalars(
        select(EngagementYear)
        .where(EngagementYear.id == year_id)
        .options(joinedload(EngagementYear.contract, innerjoin=True))
        .execution_options(populate_existing=True)
    ).one()


def reserve(
    work: Work, visit: Visit, year: EngagementYear, quarters: int, reason: str = ""
) -> None:
    """Hold time for a planned visit. Raises BudgetExhausted, which says what could be released."""
    left = year.budget.left_quarters
    if quarters > left:
        raise BudgetExhausted(
            quarters,
            left,
            year.budget.total_quarters,
            releasable(work.session, year, visit),
        )
    _write(work, EntryKind.RESERVE, visit, quarters, reason)
    warn_if_due(work, balance(work.session, year.id))


def spend(work: Work, visit: Visit, year: EngagementYear, quarters: int, reason: str = "") -> None:
    """Consume what a visit took: what it held and did not need goes back, what it lacks is asked for.

    Raises BudgetExhausted.
    """
    held = visit.reserved_quarters
    if quarters > held:
        _ask_for_more(work, visit, year, quarters, reason)
    if quarters:
        _write(work, EntryKind.CONSUME, visit, quarters, reason)
    if held > quarters:
        give_back(work, visit, held - quarters, reason)


def _ask_for_more(
    work: Work, visit: Visit, year: EngagementYear, quarters: int, reason: str
) -> None:
    held, left = visit.reserved_quarters, year.budget.left_quarters
    if quarters - held > left:
        raise BudgetExhausted(
            quarters,
            left + held,
            year.budget.total_quarters,
            releasable(work.session, year, visit),
        )
    reserve(work, visit, year, quarters - held, reason)


def give_back(work: Work, visit: Visit, quarters: int, reason: str = "") -> None:
    """Return what a visit holds and does not need."""
    _write(work, EntryKind.GIVE_BACK, visit, quarters, reason)


def reverse(work: Work, visit: Visit, reason: str) -> None:
    """Take back what was consumed for a visit: it is reserved again, until its right length is."""
    reversed_ones = select(LedgerEntry.reverses_id).where(LedgerEntry.reverses_id.is_not(None))
    standing = work.session.scalars(
        select(LedgerEntry)
        .where(
            LedgerEntry.visit_id == visit.id,
            LedgerEntry.kind == EntryKind.CONSUME,
            LedgerEntry.id.not_in(reversed_ones),
        )
        .order_by(LedgerEntry.id)
    ).all()
    for entry in standing:
        _write(work, EntryKind.CORRECT, visit, entry.quarters, reason, reverses_id=entry.id)


def add_days(work: Work, amendment: Amendment) -> None:
    """Have the days of an amendment count that both sides agreed to."""
    work.session.flush()  # the trigger looks whether they did
    work.session.add(
        LedgerEntry(
            client_id=amendment.client_id,
            year_id=amendment.year_id,
            kind=EntryKind.AMEND,
            quarters=amendment.quarters,
            amendment_id=amendment.id,
            reason=amendment.reason,
            at=work.at,
            author_id=work.actor.user_id,
            author_name=work.actor.name,
        )
    )
    work.session.flush()


def releasable(
    session: Session, year: EngagementYear, but: Visit | None = None
) -> Sequence[Releasable]:
    """Return the planned visits of a year that hold something, the next one first."""
    query = (
        select(Visit)
        .where(
            Visit.year_id == year.id,
            Visit.state == VisitState.PLANNED,
            Visit.reserved_quarters > 0,
        )
        .order_by(Visit.starts_at, Visit.id)
    )
    if but is not None and but.id is not None:
        query = query.where(Visit.id != but.id)
    contract = year.contract
    return [
        Releasable(
            reference=visit.reference,
            day=day_of(contract, visit.starts_at),
            quarters=visit.reserved_quarters,
        )
        for visit in session.scalars(query)
    ]


def _write(
    work: Work,
    kind: EntryKind,
    visit: Visit,
    quarters: int,
    reason: str,
    *,
    reverses_id: int | None = None,
) -> None:
    """Add a line and read again what its trigger did to the visit."""
    work.session.add(
        LedgerEntry(
            client_id=visit.client_id,
            year_id=visit.year_id,
            kind=kind,
            quarters=quarters,
            visit_id=visit.id,
            reverses_id=reverses_id,
            reason=reason,
            at=work.at,
            author_id=work.actor.user_id,
            author_name=work.actor.name,
        )
    )
    work.session.flush()
    work.session.refresh(visit, ["reserved_quarters", "consumed_quarters"])
