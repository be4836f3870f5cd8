"""The shapes a figure comes in: a share, a count, a time. Each says how items become a value."""

from __future__ import annotations

from fractions import Fraction
from math import ceil
from typing import TYPE_CHECKING

from servicedesk.reviews.metrics.figure import Figure, Row, Unit, Value

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import timedelta

    from servicedesk.reviews.history import History
    from servicedesk.reviews.metrics.figure import Item

DIGITS = 6  # of a share: as many as are kept
NINETY = 90


class Share(Figure):
    """How many of its items count, of all of them."""

    unit = Unit.SHARE

    def value(self, history: History, items: Sequence[Item]) -> Value:
        """Return the share, and the same by each tag."""
        part = sum(item.counts for item in items)
        return Value(
            amount=share(part, len(items)),
            n=len(items),
            part=part,
            is_provisional=self.is_provisional(history),
            rows=tuple(
                Row(
                    by=by,
                    of=of,
                    amount=share(sum(i.counts for i in found), len(found)),
                    n=len(found),
                    part=sum(i.counts for i in found),
                )
                for by, of, found in grouped(self.by, items)
            ),
        )


class Count(Figure):
    """How many items there are."""

    unit = Unit.COUNT

    def value(self, history: History, items: Sequence[Item]) -> Value:
        """Return the number, and the same by each tag."""
        return Value(
            amount=len(items),
            n=len(items),
            is_provisional=self.is_provisional(history),
            rows=tuple(
                Row(by=by, of=of, amount=len(found), n=len(found))
                for by, of, found in grouped(self.by, items)
            ),
        )


class Duration(Figure):
    """How long its items took: the median leads, mean and 90th percentile stand beside it."""

    unit = Unit.BUSINESS_SECONDS

    def value(self, history: History, items: Sequence[Item]) -> Value:
        """Return the median with its companions, and the same by each tag."""
        measures = measured(items)
        return Value(
            amount=median(measures),
            n=len(measures),
            total=sum(measures),
            is_provisional=self.is_provisional(history),
            mean=mean(measures),
            median=median(measures),
            percentile_90=percentile(measures, NINETY),
            rows=tuple(
                Row(
                    by=by,
                    of=of,
                    amount=median(of_it),
                    n=len(of_it),
                    mean=mean(of_it),
                    median=median(of_it),
                    percentile_90=percentile(of_it, NINETY),
                )
                for by, of, found in grouped(self.by, items)
                if (of_it := measured(found))
            ),
        )


def share(part: float, whole: float) -> float | None:
    """Return a share to so many digits; None of nothing."""
    return round(float(Fraction(part) / Fraction(whole)), DIGITS) if whole else None


def seconds(time: timedelta) -> int:
    """Return a time in whole seconds."""
    return round(time.total_seconds())


def measured(items: Sequence[Item]) -> list[float]:
    """Return the measures that there are, rising."""
    return sorted(item.measure for item in items if item.measure is not None)


def mean(measures: Sequence[float]) -> float | None:
    """Return the mean, to a tenth."""
    return round(sum(measures) / len(measures), 1) if measures else None


def median(measures: Sequence[float]) -> float | None:
    """Return the middle of rising measures, or the mean of the two in the middle."""
    if not measures:
        return None
    middle = len(measures) // 2
    if len(measures) % 2:
        return measures[middle]
    return (measures[middle - 1] + measures[middle]) / 2


def percentile(measures: Sequence[float], percent: int) -> float | None:
    """Return the smallest of rising measures that so many per cent of them do not exceed."""
    if not measures:
        return None
    return measures[max(0, ceil(len(measures) * percent / 100) - 1)]


def grouped(by: Sequence[str], items: Sequence[Item]) -> Iterator[tuple[str, str, Sequence[Item]]]:
    """Yield the items of each tag's values, in the order the values sort."""
    for tag in by:
        found: dict[str, list[Item]] = {}
        for item in items:
            if tag in item.tags:
                found.setdefault(item.tags[tag], []).append(item)
        for of in sorted(found):
            yield tag, of, found[of]
