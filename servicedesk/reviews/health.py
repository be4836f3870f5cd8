"""How a client's service is, in a word and the reasons for it: written rules, no magic number.

Each rule looks at one sign. A client is as its worst reason says; without any, all is well.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from servicedesk.core.text import msgid

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from datetime import date

    from servicedesk.engagement.budget import Budget

FEW = 5  # of fewer decided targets, a share says nothing
KEPT = (0.9, 0.8)  # of targets: below the first watch, below the second bad
BREACHED = (1, 5)  # open tickets beyond their target: from the first on watch, from the second bad
AT_RISK = 3
BACKLOG = (1.25, 2.0)  # times as many open as at the end of the last reviewed month …
BACKLOG_FEW = 10  # … if it is so many
CONFORMITY_FALL = (0.05, 0.1)  # of the fleet, against a month ago
SCORES_FEW = 3
SATISFIED = (0.8, 0.6)
DAYS_AHEAD = 0.25  # share of the days taken beyond the share of the year gone by
DAYS_UNUSED = 0.5  # of the days left …
YEAR_ENDING = 90  # … with so many days of the year
YEAR_TO_GO = 30  # no day left, and still so long to go
CONTRACT_ENDS = (90, 30)  # days
PUBLISHED_WITHIN = (10, 30)  # days after the month has ended
ACKNOWLEDGED_WITHIN = 15  # days after it was published
MISSED = (1, 5)  # planned times


class Health(StrEnum):
    """How a client's service is; the worst sorts last."""

    GOOD = "good"
    WATCH = "watch"
    BAD = "bad"


HEALTH_LABELS = {
    Health.GOOD: msgid("All is well"),
    Health.WATCH: msgid("To be watched"),
    Health.BAD: msgid("Needs action"),
}
WORST_FIRST = (Health.BAD, Health.WATCH, Health.GOOD)


class Sign(StrEnum):
    """What a rule looks at, and so what its reason leads to; in the order reasons are told."""

    SLA_NOW = "sla_now"
    SLA_BEFORE = "sla_before"
    BREACHED = "breached"
    AT_RISK = "at_risk"
    BACKLOG = "backlog"
    SATISFACTION = "satisfaction"
    CONFORMITY = "conformity"
    PUNCTUALITY = "punctuality"
    DAYS_GONE = "days_gone"
    DAYS_AHEAD = "days_ahead"
    DAYS_UNUSED = "days_unused"
    CONTRACT_ENDS = "contract_ends"
    REVIEW_LATE = "review_late"
    REVIEW_UNREAD = "review_unread"


@dataclass(frozen=True, kw_only=True)
class Part:
    """How many of how many."""

    part: int = 0
    of: int = 0

    @property
    def share(self) -> float | None:
        """Return the share; None of nothing."""
        return self.part / self.of if self.of else None


@dataclass(frozen=True, kw_only=True)
class Told:
    """A review in short: which month it is of, and since when it waits."""

    reference: str
    month: date
    since: date  # a draft: the day after its month; published: the day of that

    def waits(self, today: date) -> int:
        """Return for how many days it waits."""
        return (today - self.since).days


@dataclass(frozen=True, kw_only=True)
class Signs:
    """What is known of a client on a day."""

    today: date  # where the contract is at home
    contract_ends_on: date | None
    year_first_on: date
    year_last_on: date
    budget: Budget
    sla_now: Part = Part()  # of the present month, so far
    sla_before: Part = Part()  # of the month before
    open: int = 0
    breached: int = 0
    at_risk: int = 0
    backlog_before: int | None = None  # open at the end of the last reviewed month
    satisfied: Part = Part()  # of the last three months
    conforming: Part = Part()  # newest, and about a month before
    conforming_before: Part = Part()
    missed: int = 0  # planned times of the last 30 days
    draft: Told | None = None  # the oldest that nobody has published
    unread: Told | None = None  # the newest published one, unless it was acknowledged


@dataclass(frozen=True, kw_only=True)
class Reason:
    """Why a client is not simply well: the sign, how bad it is, and the figures to say it with."""

    sign: Sign
    health: Health
    facts: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """A client's health with its reasons, the worst first."""

    health: Health
    reasons: Sequence[Reason] = ()


def health_of(signs: Signs) -> Verdict:
    """Return how a client is, and why."""
    found = [reason for rule in RULES for reason in rule(signs)]
    order = list(Sign)
    found.sort(key=lambda one: (WORST_FIRST.index(one.health), order.index(one.sign)))
    return Verdict(health=found[0].health if found else Health.GOOD, reasons=found)


def _service_levels(signs: Signs) -> Iterator[Reason]:
    for sign, kept in ((Sign.SLA_NOW, signs.sla_now), (Sign.SLA_BEFORE, signs.sla_before)):
        if kept.of >= FEW and kept.share is not None:
            yield from _below(sign, kept, KEPT)


def _open(signs: Signs) -> Iterator[Reason]:
    if signs.breached >= BREACHED[0]:
        is_bad = signs.breached >= BREACHED[1]
        yield _reason(Sign.BREACHED, is_bad=is_bad, count=signs.breached)
    if signs.at_risk >= AT_RISK:
        yield _reason(Sign.AT_RISK, count=signs.at_risk)
    before = signs.backlog_before
    if before is not None and signs.open >= max(BACKLOG_FEW, BACKLOG[0] * before):
        is_bad = signs.open >= BACKLOG[1] * before
        yield _reason(Sign.BACKLOG, is_bad=is_bad, count=signs.open, before=before)


def _satisfaction(signs: Signs) -> Iterator[Reason]:
    if signs.satisfied.of >= SCORES_FEW:
        yield from _below(Sign.SATISFACTION, signs.satisfied, SATISFIED)


def _conformity(signs: Signs) -> Iterator[Reason]:
    now, before = signs.conforming.share, signs.conforming_before.share
    if now is not None and before is not None and before - now >= CONFORMITY_FALL[0]:
        is_bad = before - now >= CONFORMITY_FALL[1]
        yield _reason(Sign.CONFORMITY, is_bad=is_bad, share=now, before=before)


def _punctuality(signs: Signs) -> Iterator[Reason]:
    if signs.missed >= MISSED[0]:
        yield _reason(Sign.PUNCTUALITY, is_bad=signs.missed >= MISSED[1], count=signs.missed)


def _days(signs: Signs) -> Iterator[Reason]:
    budget = signs.budget
    if not budget.total_quarters:
        return
    whole = (signs.year_last_on - signs.year_first_on).days + 1
    to_go = (signs.year_last_on - signs.today).days
    left = budget.left_quarters / budget.total_quarters
    facts: dict[str, Any] = {
        "left": budget.left_quarters,
        "total": budget.total_quarters,
        "last_on": signs.year_last_on,
    }
    if budget.left_quarters <= 0 and to_go >= YEAR_TO_GO:
        yield _reason(Sign.DAYS_GONE, is_bad=True, **facts)
    elif (1 - left) - (whole - to_go) / whole > DAYS_AHEAD:
        yield _reason(Sign.DAYS_AHEAD, **facts)
    elif left > DAYS_UNUSED and to_go <= YEAR_ENDING:
        yield _reason(Sign.DAYS_UNUSED, **facts)


def _contract(signs: Signs) -> Iterator[Reason]:
    if signs.contract_ends_on is None:
        return
    left = (signs.contract_ends_on - signs.today).days
    if left <= CONTRACT_ENDS[0]:
        is_bad = left <= CONTRACT_ENDS[1]
        yield _reason(Sign.CONTRACT_ENDS, is_bad=is_bad, last_on=signs.contract_ends_on)


def _reviews(signs: Signs) -> Iterator[Reason]:
    draft, unread = signs.draft, signs.unread
    if draft and draft.waits(signs.today) >= PUBLISHED_WITHIN[0]:
        is_bad = draft.waits(signs.today) >= PUBLISHED_WITHIN[1]
        yield _reason(Sign.REVIEW_LATE, is_bad=is_bad, **_of(draft))
    if unread and unread.waits(signs.today) >= ACKNOWLEDGED_WITHIN:
        yield _reason(Sign.REVIEW_UNREAD, **_of(unread))


def _of(review: Told) -> dict[str, Any]:
    return {"reference": review.reference, "month": review.month, "since": review.since}


def _below(sign: Sign, found: Part, limits: tuple[float, float]) -> Iterator[Reason]:
    share = found.share
    if share is not None and share < limits[0]:
        yield _reason(sign, is_bad=share < limits[1], share=share, part=found.part, of=found.of)


def _reason(sign: Sign, *, is_bad: bool = False, **facts: Any) -> Reason:
    return Reason(sign=sign, health=Health.BAD if is_bad else Health.WATCH, facts=facts)


RULES = (
    _service_levels,
    _open,
    _satisfaction,
    _conformity,
    _punctuality,
    _days,
    _contract,
    _reviews,
)
