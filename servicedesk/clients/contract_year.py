"""The contract year: what a yearly budget is counted in."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta


@dataclass(frozen=True, kw_only=True)
class ContractYear:
    """A year of a contract, both days included; `number` is 1 for its first."""

    number: int
    first_on: date
    last_on: date

    def contains(self, day: date) -> bool:
        """Whether `day` belongs to this year."""
        return self.first_on <= day <= self.last_on


def contract_year_of(starts_on: date, day: date) -> ContractYear:
    """Return the contract year `day` falls into.

    A contract of 29 February has its anniversary on 1 March in years that lack the day, so each
    day belongs to exactly one year. Raises ValueError for a day before the contract.
    """
    if day < starts_on:
        raise ValueError("the day is before the contract starts")
    years = day.year - starts_on.year
    if day < _anniversary(starts_on, years):
        years -= 1
    return ContractYear(
        number=years + 1,
        first_on=_anniversary(starts_on, years),
        last_on=_anniversary(starts_on, years + 1) - timedelta(days=1),
    )


def _anniversary(starts_on: date, years: int) -> date:
    try:
        return starts_on.replace(year=starts_on.year + years)
    except ValueError:
        return date(starts_on.year + years, 3, 1)
