"""The account manager's days of a contract year: exact arithmetic in quarters of a day.

Planned visits reserve, completed ones consume, cancelled ones give back. Days are never floats.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import ClassVar

from servicedesk.core.errors import DomainError, InvalidInput
from servicedesk.core.text import msgid

QUARTERS_A_DAY = 4


class BudgetExceeded(DomainError):
    """More days were asked for than the contract year has left."""

    code = "budget-exceeded"
    status: ClassVar[int] = 409
    sentence = msgid("%(asked)s days were asked for, but only %(left)s are left of %(total)s.")

    def __init__(self, asked: int, left: int, total: int) -> None:
        """Refuse `asked` of `left` of `total`, all in quarters."""
        self.left_quarters = left
        super().__init__(
            asked=days_of(asked), left=days_of(left), total=days_of(total), field="days"
        )


def quarters_of(days: Decimal) -> int:
    """Return days as quarters. Raises InvalidInput for finer or negative parts of a day."""
    quarters = days * QUARTERS_A_DAY
    if not quarters.is_finite() or quarters < 0 or quarters != quarters.to_integral_value():
        raise InvalidInput(msgid("Days are counted in quarters: 0.25, 0.5, 0.75, 1."), field="days")
    return int(quarters)


def days_of(quarters: int) -> Decimal:
    """Return quarters as days, without needless zeros."""
    days = Decimal(quarters) / QUARTERS_A_DAY
    return days.quantize(Decimal(1)) if days == days.to_integral_value() else days.normalize()


@dataclass(frozen=True, kw_only=True)
class Budget:
    """The quarters of a day that one contract year has, and what became of them."""

    total_quarters: int
    reserved_quarters: int = 0
    consumed_quarters: int = 0

    def __post_init__(self) -> None:
        """Refuse a statement that cannot be."""
        if min(self.total_quarters, self.reserved_quarters, self.consumed_quarters) < 0:
            raise ValueError("quarters are never negative")
        if self.left_quarters < 0:
            raise BudgetExceeded(
                self.reserved_quarters + self.consumed_quarters,
                self.total_quarters,
                self.total_quarters,
            )

    @property
    def left_quarters(self) -> int:
        """Return what may still be reserved."""
        return self.total_quarters - self.reserved_quarters - self.consumed_quarters

    def reserve(self, quarters: int) -> Budget:
        """Return the budget with a planned visit in it. Raises BudgetExceeded."""
        self._check_positive(quarters)
        if quarters > self.left_quarters:
            raise BudgetExceeded(quarters, self.left_quarters, self.total_quarters)
        return self._with(reserved=quarters)

    def consume(self, reserved: int, spent: int) -> Budget:
        """Return the budget after a visit that had `reserved` and took `spent`.

        Raises BudgetExceeded when it took more than it had and the year has left.
        """
        self._check_reserved(reserved)
        self._check_positive(spent)
        if spent - reserved > self.left_quarters:
            raise BudgetExceeded(spent, self.left_quarters + reserved, self.total_quarters)
        return self._with(reserved=-reserved, consumed=spent)

    def give_back(self, reserved: int) -> Budget:
        """Return the budget after a planned visit was cancelled."""
        self._check_reserved(reserved)
        return self._with(reserved=-reserved)

    def _with(self, *, reserved: int, consumed: int = 0) -> Budget:
        return Budget(
            total_quarters=self.total_quarters,
            reserved_quarters=self.reserved_quarters + reserved,
            consumed_quarters=self.consumed_quarters + consumed,
        )

    def _check_positive(self, quarters: int) -> None:
        if quarters < 1:
            raise ValueError("a visit takes at least a quarter of a day")

    def _check_reserved(self, quarters: int) -> None:
        self._check_positive(quarters)
        if quarters > self.reserved_quarters:
            raise ValueError("more is given back than was reserved")
