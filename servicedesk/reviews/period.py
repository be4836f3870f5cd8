"""The month a review is about: closed, in the contract's own time zone."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from functools import cached_property
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

if TYPE_CHECKING:
    from collections.abc import Sequence

    from servicedesk.clients.models import Contract

MONTHS = 13  # of a trend, the month itself among them
# from then on nothing that still comes changes what a month is counted as
SETTLED_AFTER = timedelta(days=45)


@dataclass(frozen=True, kw_only=True)
class Period:
    """A contract's days of a month; its first and last month may be cut by the contract's own days."""

    client_id: int
    contract_id: int
    month: date  # its first day
    first_on: date
    last_on: date
    zone: str

    @cached_property
    def start(self) -> datetime:
        """Return its first instant."""
        return self._midnight(self.first_on)

    @cached_property
    def end(self) -> datetime:
        """Return the first instant after it."""
        return self._midnight(self.last_on + timedelta(days=1))

    def holds(self, at: datetime | None) -> bool:
        """Whether an instant is in it."""
        return at is not None and self.start <= at < self.end

    def is_settled(self, at: datetime) -> bool:
        """Whether by an instant nothing more is waited for."""
        return at >= self.end + SETTLED_AFTER

    def _midnight(self, day: date) -> datetime:
        return datetime.combine(day, time(), ZoneInfo(self.zone)).astimezone(UTC)


def span_of(periods: Sequence[Period]) -> Period:
    """Return the days from the first of some months of a contract, in order, to the last."""
    return replace(periods[0], last_on=periods[-1].last_on)


def period_of(contract: Contract, month: date) -> Period | None:
    """Return a contract's part of the month that begins on `month`; None if it has none."""
    first_on = max(month, contract.starts_on)
    last_on = min(next_month(month) - timedelta(days=1), contract.ends_on)
    if first_on > last_on:
        return None
    return Period(
        client_id=contract.client_id,
        contract_id=contract.id,
        month=month,
        first_on=first_on,
        last_on=last_on,
        zone=contract.time_zone,
    )


def next_month(month: date) -> date:
    """Return the first day of the month after."""
    return (month.replace(day=1) + timedelta(days=32)).replace(day=1)


def month_before(month: date) -> date:
    """Return the first day of the month before."""
    return (month.replace(day=1) - timedelta(days=1)).replace(day=1)


def months_until(month: date) -> list[date]:
    """Return the first days of thirteen months, `month` the last of them."""
    found = [month.replace(day=1)]
    while len(found) < MONTHS:
        found.insert(0, month_before(found[0]))
    return found
