"""Counting a contract's month: every figure with its items, and the thirteen months up to it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert

from servicedesk.reviews.history import History
from servicedesk.reviews.metrics import FIGURES
from servicedesk.reviews.metrics.figure import Value
from servicedesk.reviews.models import MonthFigures, ReviewContent, ReviewState, ServiceReview
from servicedesk.reviews.period import SETTLED_AFTER, months_until, period_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import date, datetime

    from sqlalchemy.orm import Session

    from servicedesk.clients.models import Contract
    from servicedesk.reviews.frozen import Evidence


@dataclass(frozen=True, kw_only=True)
class Counted:
    """A month as counted: values by the figure's code, and the items that they follow from."""

    history: History
    values: Mapping[str, Value]
    evidence: Evidence


@dataclass(frozen=True, kw_only=True)
class TrendPoint:
    """A figure of one month of a trend. `source`: frozen, counted, or final (frozen provisionally)."""

    month: date
    amount: float | None
    n: int
    is_provisional: bool
    source: str

    def to_json(self) -> dict[str, Any]:
        """Return it as a review keeps it."""
        return {**vars(self), "month": self.month.isoformat()}


def count_month(
    session: Session, contract: Contract, month: date, counted_at: datetime
) -> Counted | None:
    """Return every figure of a contract's month; None where the contract has no day in it."""
    period = period_of(contract, month)
    if period is None:
        return None
    history = History(session, contract, period, counted_at)
    evidence = {figure.code: list(figure.evidence(history)) for figure in FIGURES}
    values = {figure.code: figure.value(history, evidence[figure.code]) for figure in FIGURES}
    return Counted(history=history, values=values, evidence=evidence)


def trend_of(
    session: Session, contract: Contract, month: date, values: Mapping[str, Value], at: datetime
) -> dict[str, list[TrendPoint]]:
    """Return the thirteen months of each figure: published ones as they were published.

    What was provisional when it was published is told as it became, once that is final. Months that nobody published are
    counted once, and kept; to be called by who may write them.
    """
    months = months_until(month)
    published = _published(session, contract.id, months[:-1])
    found: dict[str, list[TrendPoint]] = {figure.code: [] for figure in FIGURES}
    for one in months[:-1]:
        frozen = published.get(one, {})
        is_open = not frozen or any(value.is_provisional for value in frozen.values())
        counted = _kept(session, contract, one, at) if is_open else {}
        for code, points in found.items():
            points.append(_point(one, frozen.get(code), counted.get(code)))
    for code, points in found.items():
        points.append(_point(month, None, values.get(code)))
    return found


def _point(month: date, frozen: Value | None, counted: Value | None) -> TrendPoint:
    source, value = ("frozen", frozen) if frozen else ("counted", counted)
    if frozen and frozen.is_provisional and counted and not counted.is_provisional:
        source, value = "final", counted
    return TrendPoint(
        month=month,
        amount=value.amount if value else None,
        n=value.n if value else 0,
        is_provisional=bool(value and value.is_provisional),
        source=source,
    )


def _published(
    session: Session, contract_id: int, months: Sequence[date]
) -> dict[date, dict[str, Value]]:
    rows = session.execute(
        select(ServiceReview.month, ReviewContent.content)
        .join(ReviewContent, ReviewContent.review_id == ServiceReview.id)
        .where(
            ServiceReview.contract_id == contract_id,
            ServiceReview.month.in_(months),
            ServiceReview.state != ReviewState.DRAFT,
        )
    )
    return {
        month: {
            code: Value.from_json(kept) for code, kept in json.loads(content)["figures"].items()
        }
        for month, content in rows
    }


def _kept(session: Session, contract: Contract, month: date, at: datetime) -> dict[str, Value]:
    """Return the figures of a month that nobody published, counted now unless that was done."""
    kept = session.get(MonthFigures, (contract.id, month))
    period = period_of(contract, month)
    if period is None:
        return {}
    if kept is None or kept.counted_at < min(at, period.end + SETTLED_AFTER):
        figures = keep_month(session, contract, month, at)
        if kept is not None:
            session.expire(kept)
    else:
        figures = kept.figures
    return {code: Value.from_json(value) for code, value in figures.items()}


def keep_month(session: Session, contract: Contract, month: date, at: datetime) -> dict[str, Any]:
    """Count a month and keep its figures for trends and comparisons; return them."""
    counted = count_month(session, contract, month, at)
    figures = {code: v.to_json() for code, v in counted.values.items()} if counted else {}
    session.execute(
        insert(MonthFigures)
        .values(
            client_id=contract.client_id,
            contract_id=contract.id,
            month=month,
            figures=figures,
            counted_at=at,
        )
        .on_conflict_do_update(
            index_elements=["contract_id", "month"],
            set_={"figures": figures, "counted_at": at},
        )
    )
    return figures
