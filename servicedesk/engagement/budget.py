"""The account manager's days of a contract year: exact arithmetic in quarters of a day.

Planned visits reserve, completed ones consume, cancelled ones give back. Days are never floats.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, ClassVar

from servicedesk.core.errors import DomainError, InvalidInput
from servicedesk.core.text import msgid

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

QUARTERS_A_DAY = 4


@dataclass(frozen=True, kw_only=True)
class Releasable:
    """A reservation that could still be given back."""

    reference: str
    day: date
    quarters: int


class BudgetExhausted(DomainError):
    """More days were asked for than the contract year has left.

    `releasable` are the reservations of that year which could make room, the next one first.
    """

    code = "budget-exhausted"
    status: ClassVar[int] = 409
    sentence = msgid("%(asked)s days were asked for, but only %(left)s are left of %(total)s.")
    with_releasable = msgid(
        "%(asked)s days were asked for, but only %(left)s are left of %(total)s."
        " %(could)s could be released from planned visits."
    )

    def __init__(
        self, asked: int, left: int, total: int, releasable: Sequence[Releasable] = ()
    ) -> None:
        """Refuse `asked` of `left` of `total`, all in quarters."""
        self.left_quarters = left
        self.releasable = tuple(releasable)
        super().__init__(
            self.with_releasable if releasable else None,
            asked=days_of(asked),
            left=days_of(left),
            total=days_of(total),
            could=days_of(sum(line.quarters for line in releasable)),
            field="days",
        )

    @property
    def facts(self) -> dict[str, object]:
        """Return what a program wants to know of it beside the sentence."""
        return {
            "left": str(days_of(self.left_quarters)),
            "releasable": [
                {
                    "visit": line.reference,
                    "day": line.day.isoformat(),
                    "days": str(days_of(line.quarters)),
                }
                for line in self.releasable
            ],
        }


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
            raise BudgetExhausted(
                self.reserved_quarters + self.consumed_quarters,
                self.total_quarters,
                self.total_quarters,
            )

    @property
    def left_quarters(self) -> int:
        """Return what may still be reserved."""
        return self.total_quarters - self.reserved_quarters - self.consumed_quarters

    def reserve(self, quarters: int) -> Budget:
        """Return the budget with a planned visit in it. Raises BudgetExhausted."""
        self._check_positive(quarters)
        if quarters > self.left_quarters:
            raise BudgetExhausted(quarters, self.left_quarters, self.total_quarters)
        return self._with(reserved=quarters)

    def consume(self, reserved: int, spent: int) -> Budget:
        """Return the budget after a visit that had `reserved` and took `spent`.

        Raises BudgetExhausted when it took more than it had and the year has left.
        """
        self._check_reserved(reserved)
        self._check_positive(spent)
        if spent - reserved > self.left_quarters:
            raise BudgetExhausted(spent, self.left_quarters + reserved, self.total_quarters)
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
