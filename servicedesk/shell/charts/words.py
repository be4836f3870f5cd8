"""What a chart says in words: its figures, the names of its marks, and one sentence of it all."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from babel.numbers import format_decimal, format_percent

from servicedesk.core.text import Text, Verbatim, msgid
from servicedesk.shell.charts.values import BarChart, Heatmap, StackedBars, TrendChart, Unit

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from servicedesk.shell.charts.values import Chart, Point, Target

LEAST = 0.001  # a share that is neither nothing nor all is never rounded to it
MANY = 2  # lines: of more a sentence tells less
FROM_TO = msgid("From %(first)s in %(begin)s to %(last)s in %(end)s.")
FROM_TO_OF = msgid("%(series)s: from %(first)s in %(begin)s to %(last)s in %(end)s.")
MISSED = msgid("%(missed)s of %(all)s miss the target of %(target)s.")


@dataclass(frozen=True, slots=True)
class Reader:
    """Who looks at a chart: the language of numbers, and how a sentence is said in it."""

    language: str
    say: Callable[[Text], str]

    def figure(self, value: float | None, unit: Unit) -> str:
        """Return a figure with its unit, as this reader writes it."""
        return _figure(value, unit, self.language)

    def sentence(self, words: str, **values: str) -> str:
        """Return a sentence of ours with values that stay as they are."""
        return self.say(Text(words, {name: Verbatim(value) for name, value in values.items()}))


@lru_cache(maxsize=4096)
def _figure(value: float | None, unit: Unit, language: str) -> str:
    if value is None:
        return "—"
    if unit is Unit.PERCENT:
        shown = min(max(value, LEAST), 1 - LEAST) if 0 < value < 1 else value
        return format_percent(shown, "#,##0.#\u00a0%", locale=language)
    if unit is Unit.HOURS:
        return format_decimal(value, "#,##0.#", locale=language) + "\u00a0h"
    return format_decimal(value, locale=language)


def name_of(point: Point, chart: Chart, reader: Reader) -> str:
    """Return what a mark is called: in a tooltip, and to those who do not see it."""
    figure = reader.figure(point.value, chart.unit)
    return point.description or f"{place_of(point, chart)}: {figure}"


def place_of(point: Point, chart: Chart) -> str:
    """Return where a figure belongs: a day before its hour, a label before its series."""
    parts = (point.label, point.series)
    return ", ".join(filter(None, reversed(parts) if isinstance(chart, Heatmap) else parts))


def summary_of(chart: Chart, reader: Reader) -> str:
    """Return what the picture says, in a sentence or two."""
    if not chart.known:
        return reader.sentence(msgid("There is no data yet."))
    if len(chart.known) == 1:
        return " ".join([f"{name_of(chart.known[0], chart, reader)}.", *_missed(chart, reader)])
    if isinstance(chart, TrendChart):
        return " ".join([*_ways(chart, reader), *_missed(chart, reader)])
    if isinstance(chart, Heatmap):
        return _peak(chart, reader)
    if chart.unit is Unit.COUNT and (isinstance(chart, StackedBars) or len(chart.series) > 1):
        return _by_series(chart, reader)
    return " ".join([_extremes(chart, reader), *_missed(chart, reader)])


def _extremes(chart: Chart, reader: Reader) -> str:
    highest = max(chart.known, key=_value)
    lowest = min(chart.known, key=_value)
    most, least = (reader.figure(point.value, chart.unit) for point in (highest, lowest))
    if highest.value == lowest.value:
        return reader.sentence(msgid("All of them: %(figure)s."), figure=most)
    words = msgid("Most: %(highest)s, %(most)s. Least: %(lowest)s, %(least)s.")
    said = reader.sentence(
        words,
        highest=place_of(highest, chart),
        most=most,
        lowest=place_of(lowest, chart),
        least=least,
    )
    return f"{_total(chart, reader)} {said}" if chart.unit is Unit.COUNT else said


def _total(chart: Chart, reader: Reader) -> str:
    total = reader.figure(sum(map(_value, chart.known)), chart.unit)
    return reader.sentence(msgid("%(total)s in all."), total=total)


def _by_series(chart: Chart, reader: Reader) -> str:
    """Return what each series comes to; received and settled together would be nothing."""
    totals = []
    for series in chart.series:
        own = sum(_value(point) for point in chart.known if point.series == series)
        totals.append(f"{series} {reader.figure(own, chart.unit)}")
    parts = "; ".join(totals)
    if not isinstance(chart, StackedBars):
        return f"{parts}."
    total = reader.figure(sum(map(_value, chart.known)), chart.unit)
    return reader.sentence(msgid("%(total)s in all: %(parts)s."), total=total, parts=parts)


def _peak(chart: Heatmap, reader: Reader) -> str:
    highest = max(chart.known, key=_value)
    total = _total(chart, reader)
    if not highest.value:
        return total
    said = reader.sentence(
        msgid("Most: %(highest)s, %(most)s."),
        highest=place_of(highest, chart),
        most=reader.figure(highest.value, chart.unit),
    )
    return f"{total} {said}"


def _ways(chart: TrendChart, reader: Reader) -> Iterable[str]:
    """Yield from where to where each line goes; of many lines only where they are now."""
    own = {s: [point for point in chart.known if point.series == s] for s in chart.series}
    if len(own) > MANY:
        yield (
            "; ".join(
                f"{series} {reader.figure(points[-1].value, chart.unit)} ({points[-1].label})"
                for series, points in own.items()
                if points
            )
            + "."
        )
        return
    for series, points in own.items():
        if points:
            yield reader.sentence(
                FROM_TO_OF if series else FROM_TO,
                series=series,
                first=reader.figure(points[0].value, chart.unit),
                begin=points[0].label,
                last=reader.figure(points[-1].value, chart.unit),
                end=points[-1].label,
            )


def target_of(chart: Chart) -> Target | None:
    """Return the target of a chart that can have one."""
    return chart.target if isinstance(chart, BarChart | TrendChart) else None


def _missed(chart: Chart, reader: Reader) -> Iterable[str]:
    target = target_of(chart)
    if target is not None:
        missed = sum(target.is_missed_by(_value(point)) for point in chart.known)
        yield reader.sentence(
            MISSED,
            missed=reader.figure(missed, Unit.COUNT),
            all=reader.figure(len(chart.known), Unit.COUNT),
            target=reader.figure(target.value, chart.unit),
        )


def _value(point: Point) -> float:
    return point.value or 0.0
