"""Drafting the review of a contract's last month, and counting a draft anew; a worker does both."""

from __future__ import annotations

from datetime import datetime, time, timedelta
from functools import cache
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import contains_eager

from servicedesk.clients.models import Contract
from servicedesk.clients.visibility import of_customers
from servicedesk.core.actors import SYSTEM
from servicedesk.core.jobs import JobName
from servicedesk.core.references import next_reference
from servicedesk.core.unit_of_work import unit_of_work
from servicedesk.reviews.compilation import compile_content
from servicedesk.reviews.counting import keep_month
from servicedesk.reviews.models import ReviewContent, ReviewState, ServiceReview
from servicedesk.reviews.period import month_before, period_of
from servicedesk.reviews.telling import tell_managers
from servicedesk.sla import terms
from servicedesk.sla.ageing import is_working_day
from servicedesk.sla.models import ServiceLevel

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

    from sqlalchemy.orm import Session

RECOUNT = JobName("reviews.recount")


def contracts_to_review(session: Session, now: datetime) -> Sequence[tuple[int, date]]:
    """Return contracts whose last month has no review though its first working day has begun.

    The month is the one before that of the contract's own day. Oldest contract first.
    """
    contracts = session.scalars(
        select(Contract)
        .join(Contract.client)
        .where(of_customers(Contract.client_id))
        .order_by(Contract.id)
    ).all()
    reviewed = {
        (contract_id, month)
        for contract_id, month in session.execute(
            select(ServiceReview.contract_id, ServiceReview.month).where(
                ServiceReview.month >= month_before(month_before(now.date()))
            )
        )
    }
    begun = _Beginnings(session, now)
    found = []
    for contract in contracts:
        today = now.astimezone(ZoneInfo(contract.time_zone)).date()
        month = month_before(today)
        if (contract.id, month) in reviewed or period_of(contract, month) is None:
            continue
        if begun.of(contract, today):
            found.append((contract.id, month))
    return found


class _Beginnings:
    """Whether the month's first working day has begun: asked once a calendar and zone."""

    def __init__(self, session: Session, now: datetime) -> None:
        rows = session.execute(
            select(ServiceLevel.contract_id, ServiceLevel.effective_on, ServiceLevel.calendar_code)
            .where(ServiceLevel.effective_on <= now.date() + timedelta(days=1))
            .order_by(ServiceLevel.contract_id, ServiceLevel.effective_on)
        )
        self.levels: dict[int, list[tuple[date, str]]] = {}
        for contract_id, effective_on, code in rows:
            self.levels.setdefault(contract_id, []).append((effective_on, code))
        self.begun = cache(lambda code, zone: _has_begun(session, code, zone, now))

    def of(self, contract: Contract, today: date) -> bool:
        """Whether it has begun for a contract, on the calendar it is measured on today."""
        levels = self.levels.get(contract.id, [])
        code = next((code for since, code in reversed(levels) if since <= today), None)
        return bool(self.begun(code, contract.time_zone))


def _has_begun(session: Session, code: str | None, zone: str, now: datetime) -> bool:
    """Whether the first working day of the month has begun where the contract is at home."""
    today = now.astimezone(ZoneInfo(zone)).date()
    calendar = terms.calendar_coded(session, code) if code else None
    if calendar is None or is_working_day(calendar, today):
        return True
    begin = datetime.combine(today.replace(day=1), time(), ZoneInfo(zone))
    return calendar.next_opening(begin) <= now


def draft_review(contract_id: int, month: date) -> str | None:
    """Draft a contract's review of a month; return its reference, or None if there is one.

    Whoever drafts at the same time waits, and then has nothing to do.
    """
    with unit_of_work(SYSTEM, "reviews.draft") as work:
        contract = work.session.scalars(
            select(Contract)
            .join(Contract.client)
            .options(contains_eager(Contract.client))
            .where(Contract.id == contract_id)
        ).one()
        made = work.session.scalar(
            insert(ServiceReview)
            .values(
                client_id=contract.client_id,
                contract_id=contract.id,
                reference=next_reference(work, "REV"),
                month=month,
                state=ReviewState.DRAFT,
                drafted_at=work.at,
                counted_at=work.at,
                version=1,
            )
            .on_conflict_do_nothing(index_elements=["contract_id", "month"])
            .returning(ServiceReview.id)
        )
        if made is None:
            return None
        review = _locked(work.session, made)
        content, evidence = compile_content(work, review, work.at)
        work.session.add(
            ReviewContent(
                review_id=review.id, client_id=review.client_id, content=content, evidence=evidence
            )
        )
        work.concerns(review.client_id, review.reference)
        work.note(month=month, contract=contract.reference)
        tell_managers(work, review, "review_drafted")
        return review.reference


def recount_review(review_id: int) -> bool:
    """Count a draft anew, or the month of a published review beside it; return whether it was asked.

    What is published stays: the new figures are kept for the comparison of an addendum.
    """
    with unit_of_work(SYSTEM, RECOUNT.name) as work:
        review = _locked(work.session, review_id)
        if review.recount_asked_at is None:
            return False
        if review.is_draft:
            content = work.session.get_one(ReviewContent, review.id)
            content.content, content.evidence = compile_content(work, review, work.at)
            review.counted_at = work.at
        else:
            keep_month(work.session, review.contract, review.month, work.at)
        review.recount_asked_at = None
        work.concerns(review.client_id, review.reference)
    return True


def _locked(session: Session, review_id: int) -> ServiceReview:
    return session.scalars(
        select(ServiceReview)
        .join(ServiceReview.client)
        .join(ServiceReview.contract)
        .options(contains_eager(ServiceReview.client), contains_eager(ServiceReview.contract))
        .where(ServiceReview.id == review_id)
        .with_for_update(of=ServiceReview)
    ).one()
