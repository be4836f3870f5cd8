"""Contract years in the contract's own zone: which day and year a moment belongs to."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from servicedesk.clients.contract_year import ContractYear, contract_year_of
from servicedesk.engagement.budget import QUARTERS_A_DAY

if TYPE_CHECKING:
    from datetime import date

    from servicedesk.clients.models import Contract

FRIDAY, SATURDAY = 4, 5
QUARTER = timedelta(hours=2)  # a day is eight working hours
ASKED_FROM = time(8)  # of the day after: nobody is asked at midnight


def day_of(contract: Contract, instant: datetime) -> date:
    """Return the day a moment belongs to, where the contract is at home."""
    return instant.astimezone(ZoneInfo(contract.time_zone)).date()


def year_at(contract: Contract, instant: datetime) -> ContractYear:
    """Return the contract year of a moment. Raises ValueError before the contract."""
    return contract_year_of(contract.starts_on, day_of(contract, instant))


def instant_of(contract: Contract, day: date, at: time) -> datetime:
    """Return the instant of a local time of the contract; one that a spring skips comes after it."""
    local = datetime.combine(day, at.replace(tzinfo=None), tzinfo=ZoneInfo(contract.time_zone))
    return local.astimezone(UTC)


def end_of(contract: Contract, starts_at: datetime, quarters: int) -> datetime:
    """Return when a visit ends: two hours a quarter, four quarters a day; weekends are left out."""
    days, rest = divmod(quarters - 1, QUARTERS_A_DAY)
    # on the wall clock: the day after begins at the same hour, whatever the clocks do in between
    local = starts_at.astimezone(ZoneInfo(contract.time_zone))
    for _ in range(days):
        local += timedelta(days={FRIDAY: 3, SATURDAY: 2}.get(local.weekday(), 1))
    return local.astimezone(UTC) + (rest + 1) * QUARTER


def ask_time(contract: Contract, ends_at: datetime) -> datetime:
    """Return from when on the outcome of a visit is missed: the morning after its last day."""
    last = day_of(contract, ends_at - timedelta(seconds=1))  # midnight ends a day
    return instant_of(contract, last + timedelta(days=1), ASKED_FROM)
