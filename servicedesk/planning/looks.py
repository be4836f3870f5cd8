"""How somebody looks at the calendar: what an address asks for, and where the next page begins."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Self

from servicedesk.planning.models import Category

if TYPE_CHECKING:
    from collections.abc import Mapping

ONE_DAY = timedelta(days=1)
WEEK = timedelta(days=7)
AGENDA = timedelta(days=30)
YEARS = range(2015, 2041)  # in which anybody plans
REFERENCE_LENGTH = 40
WHOLE_SERVICE = "-"


class Shape(StrEnum):
    """The three views."""

    MONTH = "month"
    WEEK = "week"
    AGENDA = "agenda"


class Others(StrEnum):
    """Whether what else has a date is shown, see other_dates.py."""

    WITH = ""
    WITHOUT = "without"
    ONLY = "only"


@dataclass(frozen=True, kw_only=True)
class Look:
    """A view at a date, narrowed; empty text means everything."""

    shape: Shape
    on: date
    client: str = ""  # a reference, with what is for the whole service; "-": that alone
    category: str = ""
    own: bool = False  # with the desk's own housekeeping
    others: Others = Others.WITH

    @classmethod
    def read(cls, told: Mapping[str, str], today: date) -> Self:
        """Return what an address asks, without what is not understood."""
        client, shape = told.get("client", ""), told.get("view", "")
        category, others = told.get("category", ""), told.get("others", "")
        return cls(
            shape=Shape(shape) if shape in set(Shape) else Shape.MONTH,
            on=_day(told.get("date", "")) or today,
            client=client if len(client) <= REFERENCE_LENGTH and client.isprintable() else "",
            category=category if category in set(Category) else "",
            own=told.get("own", "") == "yes",
            others=Others(others) if others in set(Others) else Others.WITH,
        )

    @property
    def first(self) -> date:
        """Return the first day that is shown."""
        if self.shape is Shape.MONTH:
            return self.on.replace(day=1)
        return self.on - ONE_DAY * self.on.weekday() if self.shape is Shape.WEEK else self.on

    @property
    def last(self) -> date:
        """Return the last day that is shown."""
        if self.shape is Shape.MONTH:
            return (self.first + 31 * ONE_DAY).replace(day=1) - ONE_DAY
        return self.first + (WEEK if self.shape is Shape.WEEK else AGENDA) - ONE_DAY

    @property
    def preceding(self) -> Self:
        """Return the page before."""
        if self.shape is Shape.AGENDA:
            return replace(self, on=self.on - AGENDA)
        return replace(self, on=self.first - ONE_DAY)

    @property
    def following(self) -> Self:
        """Return the page after."""
        return replace(self, on=self.last + ONE_DAY)

    @property
    def days(self) -> list[date]:
        """Return the days that are shown."""
        return [self.first + ONE_DAY * n for n in range((self.last - self.first).days + 1)]

    def but(self, **changes: object) -> Self:
        """Return it with something else asked for."""
        return replace(self, **changes)  # type: ignore[arg-type]  # the names are its own

    def as_words(self) -> dict[str, str]:
        """Return it as an address says it."""
        words = {
            "view": str(self.shape),
            "date": self.on.isoformat(),
            "client": self.client,
            "category": self.category,
            "own": "yes" if self.own else "",
            "others": str(self.others),
        }
        return {name: value for name, value in words.items() if value}


def _day(told: str) -> date | None:
    try:
        found = date.fromisoformat(told)
    except ValueError:
        return None
    return found if found.year in YEARS else None
