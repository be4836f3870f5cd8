"""Counting a contract's month: every figure with its items, and the thirteen months up to it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import insert

from servicedesk.reviews.history import History
from servicedesk.reviews.metrics import BY_CODE, FIGURES
from servicedesk.reviews.metrics.figure import Value
from servicedesk.reviews.models import MonthFigures, ReviewContent, ReviewState, ServiceReview
from servicedesk.reviews.period import SETTLED_AFTER, months_until, period_of, span_of
from servicedesk.reviews.reading import Reading
from servicedesk.sla.models import SlaLedger

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import date, datetime

    from sqlalchemy.orm import Session

    from servicedesk.clients.models import Contract
    from servicedesk.reviews.frozen import Evidence
    from servicedesk.reviews.period import Period

MOST_SHARED = 3000  # tickets of all months: more are not held in memory at once


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
    session: Session,
    contract: Contract,
    month: date,
    counted_at: datetime,
    reading: Reading | None = None,
) -> Counted | None:
    """Return every figure of a contract's month; None where the contract has no day in it."""
    period = period_of(contract, month)
    if period is None:
        return None
    history = History(session, contract, period, counted_at, reading)
    evidence = {figure.code: list(figure.evidence(history)) for figure in FIGURES}
    values = {figure.code: figure.value(history, evidence[figure.code]) for figure in FIGURES}
    return Counted(history=history, values=values, evidence=evidence)


def trend_of(
    session: Session, contract: Contract, month: date, values: Mapping[str, Value], at: datetime
) -> dict[str, list[TrendPoint]]:
    """Return the thirteen months of each figure: published ones as they were published.

    What was provisional when it was published is told as it became, once that is final. Months that
    nobody published are counted once, and kept; to be called by who may write them.
    """
    *before, _month = months_until(month)
    published = _published(session, contract.id, before)
    open_months = [
        one
        for one in before
        if one not in published or any(value.is_provisional for value in published[one].values())
    ]
    counted = _counted(session, contract, open_months, at)
    nothing: dict[str, Value] = {}
    found: dict[str, list[TrendPoint]] = {}
    for code in BY_CODE:
        found[code] = [
            _point(one, published.get(one, nothing).get(code), counted.get(one, nothing).get(code))
            for one in before
        ]
        found[code].append(_point(month, None, values.get(code)))
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


def _counted(
    session: Session, contract: Contract, months: Sequence[date], at: datetime
) -> dict[date, dict[str, Value]]:
    """Return the figures of months, those counted now that nobody has counted since they can change."""
    rows = session.execute(
        select(MonthFigures.month, MonthFigures.counted_at, MonthFigures.figures).where(
            MonthFigures.contract_id == contract.id, MonthFigures.month.in_(months)
        )
    )
    kept = {month: (counted_at, figures) for month, counted_at, figures in rows}
    periods = [period for one in months if (period := period_of(contract, one))]
    stale = [
        period
        for period in periods
        if period.month not in kept or kept[period.month][0] < min(at, period.end + SETTLED_AFTER)
    ]
    figures = {month: told for month, (_at, told) in kept.items()}
    figures |= _keep(session, contract, stale, at)
    return {
        month: {code: Value.from_json(value) for code, value in told.items()}
        for month, told in figures.items()
    }


def keep_month(session: Session, contract: Contract, month: date, at: datetime) -> None:
    """Count a month and keep its figures for trends and comparisons."""
    period = period_of(contract, month)
    _keep(session, contract, [period] if period else [], at)


def _keep(
    session: Session, contract: Contract, periods: Sequence[Period], at: datetime
) -> dict[date, dict[str, Any]]:
    """Count months and keep their figures; return them."""
    if not periods:
        return {}
    reading = _shared(session, periods, at)
    found: dict[date, dict[str, Any]] = {}
    for period in periods:
        counted = count_month(session, contract, period.month, at, reading)
        values = counted.values if counted else {}
        found[period.month] = {code: value.to_json() for code, value in values.items()}
    known = {"client_id": contract.client_id, "contract_id": contract.id, "counted_at": at}
    told = insert(MonthFigures).values(
        [{**known, "month": month, "figures": figures} for month, figures in found.items()]
    )
    session.execute(
        told.on_conflict_do_update(
            index_elements=["contract_id", "month"],
            set_={"figures": told.excluded.figures, "counted_at": told.excluded.counted_at},
        )
    )
    return found


def _shared(session: Session, periods: Sequence[Period], at: datetime) -> Reading | None:
    """Return one reading for all months of a contract with few tickets; None: each by itself."""
    span = span_of(periods)
    tickets = session.scalar(
        select(func.count()).where(
            SlaLedger.contract_id == span.contract_id,
            SlaLedger.started_at >= span.start,
            SlaLedger.started_at < span.end,
        )
    )
    few = len(periods) > 1 and (tickets or 0) <= MOST_SHARED
    return Reading(session, span, at) if few else None
