"""How the days of a year burn down: what was left at each month's end, and what will be. Pure.

Two forecasts: at the rate so far (consumed days by elapsed days), and as visits are planned.
"""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from fractions import Fraction

Dated = Sequence[tuple[date, int]]  # day and quarters


@dataclass(frozen=True, kw_only=True)
class Burnt:
    """What is left at the end of a day; a past day has no forecast, a coming one no fact."""

    day: date
    left: Fraction | None
    at_this_rate: Fraction | None
    as_planned: Fraction | None


@dataclass(frozen=True, kw_only=True)
class BurnDown:
    """A year's way from all its days to what is left."""

    points: Sequence[Burnt]
    runs_out_on: date | None  # at this rate, if that is within the year


def burn_down(
    *,
    first_on: date,
    last_on: date,
    today: date,
    granted: int,
    added: Dated,
    consumed: Dated,
    planned: Dated,
) -> BurnDown:
    """Return what was left at the end of each month of a year, and what will be, in quarters."""
    total = granted + _sum_until(added, last_on)
    seen = min(max(today, first_on - timedelta(days=1)), last_on)
    spent = sum(quarters for _day, quarters in consumed)
    elapsed = (seen - first_on).days + 1
    rate = Fraction(spent, elapsed) if elapsed else Fraction(0)
    points = []
    for day in month_ends(first_on, last_on, seen):
        is_past, ahead = day <= seen, (day - seen).days
        given = granted + _sum_until(added, day)
        left = Fraction(given - _sum_until(consumed, day)) if is_past else None
        if day == seen:  # facts and forecasts meet in what is known today
            left = Fraction(total - spent)
        points.append(
            Burnt(
                day=day,
                left=left,
                at_this_rate=max(Fraction(0), total - spent - rate * ahead) if ahead >= 0 else None,
                as_planned=Fraction(total - spent - _sum_until(planned, day))
                if ahead > 0
                else left
                if ahead == 0
                else None,
            )
        )
    return BurnDown(points=points, runs_out_on=_end(seen, last_on, total - spent, rate))


def month_ends(first_on: date, last_on: date, today: date) -> list[date]:
    """Return the ends of the months of a year, its last day, and today in their order."""
    found, day = {today, last_on} if first_on <= today else {last_on}, first_on
    while day <= last_on:
        end = day.replace(day=monthrange(day.year, day.month)[1])
        found.add(min(end, last_on))
        day = end + timedelta(days=1)
    return sorted(found)


def _sum_until(dated: Dated, day: date) -> int:
    return sum(quarters for of, quarters in dated if of <= day)


def _end(today: date, last_on: date, left: int, rate: Fraction) -> date | None:
    if not rate or left <= 0:
        return None
    days = left / rate
    whole = -(-days.numerator // days.denominator)  # on the day on which the last of it goes
    return today + timedelta(days=whole) if whole <= (last_on - today).days else None
