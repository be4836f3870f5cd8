"""The account manager's home: what waits for them, and their clients by health, the worst first."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from servicedesk.core.paging import PAGE_SIZE, Page, decode_cursor, page_of
from servicedesk.core.permissions import Permission, require
from servicedesk.engagement.queries import DaysLine, days_left
from servicedesk.reviews.health import WORST_FIRST, Health, Signs, Verdict, health_of
from servicedesk.reviews.signs import months_now, read_signs, signs_of

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import date

    from servicedesk.core.actors import Actor

MOST_CLIENTS = 5_000  # all there are: a client's place follows from its health


@dataclass(frozen=True, kw_only=True)
class Line:
    """A client with how it is and why."""

    days: DaysLine
    signs: Signs
    verdict: Verdict

    @property
    def rank(self) -> int:
        """Return its place among the healths, the worst first."""
        return WORST_FIRST.index(self.verdict.health)

    @property
    def key(self) -> tuple[int, int, str, int]:
        """Return what it is sorted by: health, how many reasons there are, name."""
        client = self.days.client
        return self.rank, -len(self.verdict.reasons), client.name.lower(), client.id


@dataclass(frozen=True, kw_only=True)
class Portfolio:
    """The clients of an actor, and how many of them are how."""

    page: Page[Line]
    healths: Mapping[Health, int]
    month: date  # the present one
    month_before: date


def portfolio(actor: Actor, cursor: str | None = None, size: int = PAGE_SIZE) -> Portfolio:
    """Return a page of the actor's clients, the worst first; six statements for any number.

    Raises Forbidden, InvalidInput.
    """
    require(actor, Permission.PORTFOLIO_READ)
    after = decode_cursor(cursor, int, int, str, int)
    found = read_signs(actor)
    lines = []
    for days in days_left(actor, size=MOST_CLIENTS).items:
        signs = signs_of(days, found)
        lines.append(Line(days=days, signs=signs, verdict=health_of(signs)))
    lines.sort(key=lambda line: line.key)
    healths = Counter(line.verdict.health for line in lines)
    if after:
        lines = [line for line in lines if line.key > tuple(after)]
    before, month = months_now()
    return Portfolio(
        page=page_of(lines[: size + 1], size, lambda line: list(line.key)),
        healths={health: healths[health] for health in WORST_FIRST},
        month=month,
        month_before=before,
    )
