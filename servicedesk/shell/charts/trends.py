"""Lines over time, each with a dash and a sign of its own, named where it ends."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from servicedesk.shell.charts.measure import shortened, width_of
from servicedesk.shell.charts.palette import LIGHT, of_series
from servicedesk.shell.charts.sketching import (
    BOLD,
    LINE,
    TEXT,
    Hit,
    Layout,
    Margins,
    Sketch,
    as_told,
    layer,
    lines,
    on_scale,
    paper,
    raw,
    words,
)
from servicedesk.shell.charts.values import Unit
from servicedesk.shell.charts.words import name_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from servicedesk.shell.charts.sketching import Rows, Spec
    from servicedesk.shell.charts.values import Point, TrendChart
    from servicedesk.shell.charts.words import Reader

    Placed = tuple[Point, float]  # a point, and how far from the left it is

WIDTHS = {Layout.WIDE: 520.0, Layout.NARROW: 320.0}
HEIGHTS = {Layout.WIDE: 190.0, Layout.NARROW: 170.0}
STYLES: tuple[tuple[str, tuple[float, ...]], ...] = (
    ("circle", ()),
    ("square", (7, 3)),
    ("triangle-up", (2, 2.5)),
    ("diamond", (9, 3, 2, 3)),
    ("triangle-down", (4, 2)),
)
TARGET_DASH = (4, 3)
SAMPLE = 20.0  # a piece of line with its sign, before a name
BESIDE = 6.0  # between it and the name
WIDEST_NAME = 130.0
SIDES = 6.0  # left and right of the first and the last point
PRESSED = 22.0  # across, of what a finger meets at a point
LEAST_SPAN = 0.2  # a share's axis never shows less: a small wobble is no cliff
SMALLEST = 1e-5  # a step below it is nothing anybody counts
HALF = 0.5
STEPS = (1, 2, 2.5, 5, 10)


@dataclass(frozen=True, kw_only=True, slots=True)
class Field:
    """The paper of a trend: from labels and figures to where they are."""

    width: float
    height: float
    count: int
    low: float
    high: float

    def x(self, number: int) -> float:
        """Return where a label is; a lone one is in the middle."""
        if self.count == 1:
            return self.width / 2
        return round(SIDES + number * (self.width - 2 * SIDES) / (self.count - 1), 2)

    def y(self, value: float) -> float:
        """Return where a figure is."""
        return round(self.height * (self.high - value) / (self.high - self.low), 2)


@dataclass(frozen=True, kw_only=True, slots=True)
class Named:
    """A name of the legend: with a series' number, or None for the target."""

    name: str
    figure: str
    style: int | None
    colour: str
    value: float  # where its line ends


@dataclass(frozen=True, kw_only=True, slots=True)
class Spot:
    """Where a name stands: the piece of line before it, its words and its figure."""

    named: Named
    x: float
    y: float
    text_x: float
    figure: tuple[float, float]


def trend(chart: TrendChart, layout: Layout, reader: Reader) -> Sketch:
    """Return the specification of lines over time."""
    ticks = _ticks(chart)
    named = _names(chart, reader)
    figures = [reader.figure(tick, chart.unit) for tick in ticks]
    is_wide = layout is Layout.WIDE
    margins = Margins(
        left=max(width_of(figure, TEXT) for figure in figures) + 8,
        right=_right(named) if is_wide else 4.0,
        top=8.0 if is_wide else 12.0 + LINE * len(named),
        bottom=26.0,
    )
    width = margins.inner(WIDTHS[layout])
    low, high = ticks[0], ticks[-1]
    height = max(HEIGHTS[layout], 2 * LINE * len(named) if is_wide else 0.0)
    field = Field(width=width, height=height, count=len(chart.rows), low=low, high=high)
    placed = _points(chart, field)
    spots = _beside(named, field) if is_wide else _above(named, margins)
    layers = [
        *_grid(ticks, figures, field),
        words(_labels(chart, field, margins.right), align="center"),
        *_target(chart, field),
        *_lines(chart, placed, field),
        *_legend(spots),
    ]
    hits = tuple(
        Hit(
            name=name_of(point, chart, reader),
            href=point.href,
            x=x - PRESSED / 2,
            y=field.y(point.value) - PRESSED / 2,
            width=PRESSED,
            height=PRESSED,
        )
        for point, x in placed
        if point.value is not None
    )
    return Sketch(spec=paper(WIDTHS[layout], height, margins, layers), hits=hits)


def _points(chart: TrendChart, field: Field) -> list[Placed]:
    """Return the points, series by series, with where their labels are."""
    return [
        (point, field.x(number))
        for series in chart.series
        for number, row in enumerate(chart.rows)
        if (point := row.figures.get(series))
    ]


def _ticks(chart: TrendChart) -> list[float]:
    """Return round figures around all values, four or five of them."""
    values = [point.value or 0.0 for point in chart.known]
    values += [chart.target.value] if chart.target else []
    low, high = 0.0, max(values, default=0.0)
    if chart.unit is Unit.PERCENT:
        least = min(values, default=0.0)
        high = max(high, 1.0)
        low = 0.0 if least < HALF else min(1 - LEAST_SPAN, math.floor(least * 10) / 10)
    step = _step((high - low) / 4, is_whole=chart.unit is Unit.COUNT)
    count = max(math.ceil(round((high - low) / step, 6)), 1)
    return [round(low + step * number, 6) for number in range(count + 1)]


def _step(least: float, *, is_whole: bool) -> float:
    if least < SMALLEST:
        return 1.0
    size = 10.0 ** math.floor(math.log10(least))
    step = next(size * part for part in STEPS if size * part >= least * 0.999)
    return max(math.ceil(step), 1) if is_whole else step


def _grid(ticks: Sequence[float], figures: Sequence[str], field: Field) -> Iterator[Spec]:
    rows: Rows = [{"x": 0, "x2": field.width, "y": field.y(t), "y2": field.y(t)} for t in ticks]
    yield lines(rows[1:], "grid")
    yield lines(rows[:1], "line")
    yield words(
        [
            {"x": -8, "y": field.y(tick), "words": figure, "fill": "quiet"}
            for tick, figure in zip(ticks, figures, strict=True)
        ],
        align="right",
    )


def _labels(chart: TrendChart, field: Field, right: float) -> Rows:
    """Return as many labels as have room, the last one always."""
    labels = [row.label for row in chart.rows]
    apart = field.x(1) - field.x(0) if field.count > 1 else field.width
    widest = max(width_of(label, TEXT) for label in labels) + 10
    every = min(max(math.ceil(widest / apart), 1), field.count)
    room = max(every * apart, 40.0)
    shown = range(field.count - 1, -1, -every)
    rows: Rows = []
    for number in shown:
        text = shortened(labels[number], room, TEXT)
        half = width_of(text, TEXT) / 2
        rows.append(
            {
                "x": min(field.x(number), field.width + right - half),
                "y": field.height + 16,
                "words": text,
                "fill": "quiet",
            }
        )
    return rows


def _target(chart: TrendChart, field: Field) -> Iterator[Spec]:
    if chart.target:
        y = field.y(chart.target.value)
        yield lines([{"x": 0, "x2": field.width, "y": y, "y2": y}], "quiet", 1.5, TARGET_DASH)


def _lines(chart: TrendChart, placed: Sequence[Placed], field: Field) -> Iterator[Spec]:
    """Yield the lines; a month without a figure is a gap, not a zero."""
    colours = of_series(chart)
    for number, series in enumerate(chart.series):
        yield layer(
            {
                "type": "line",
                "stroke": LIGHT[colours[series]],
                "strokeWidth": 2,
                "strokeDash": list(STYLES[number][1]),
                "strokeJoin": "round",
                "invalid": "break-paths-filter-domains",
            },
            [{"x": x, "y": point.value} for point, x in placed if point.series == series],
            x=raw("x"),
            y=on_scale("y", field.low, field.high),
        )
    rows: Rows = [
        {
            "x": x,
            "y": point.value,
            "shape": STYLES[chart.series.index(point.series)][0],
            "fill": LIGHT[colours[point.series]],
        }
        for point, x in placed
        if point.value is not None
    ]
    yield _signs(rows, on_scale("y", field.low, field.high))


def _signs(rows: Rows, y: Spec) -> Spec:
    look: Spec = {"type": "point", "filled": True, "size": 56, "opacity": 1}
    look |= {"stroke": LIGHT["surface"], "strokeWidth": 1.5}
    return layer(look, rows, x=raw("x"), y=y, shape=as_told("shape"), fill=as_told("fill"))


def _names(chart: TrendChart, reader: Reader) -> list[Named]:
    """Return what has to be named, with its last figure, and the target with its own."""
    colours = of_series(chart)
    named = []
    for number, series in enumerate(chart.series):
        own = [point for point in chart.known if point.series == series]
        if own:
            named.append(
                Named(
                    name=shortened(series or chart.what, WIDEST_NAME, TEXT),
                    figure=reader.figure(own[-1].value, chart.unit),
                    style=number,
                    colour=colours[series],
                    value=own[-1].value or 0.0,
                )
            )
    if chart.target:
        named.append(
            Named(
                name=shortened(chart.target.label, WIDEST_NAME, TEXT),
                figure=reader.figure(chart.target.value, chart.unit),
                style=None,
                colour="quiet",
                value=chart.target.value,
            )
        )
    return named


def _right(named: Sequence[Named]) -> float:
    widest = max(max(width_of(one.name, TEXT), width_of(one.figure, TEXT * BOLD)) for one in named)
    return 10 + SAMPLE + BESIDE + widest


def _beside(named: Sequence[Named], field: Field) -> list[Spot]:
    """Return the names at the ends of their lines, moved apart where two would meet."""
    order = sorted(named, key=lambda one: -one.value)
    at: list[float] = []
    for one in order:
        least = at[-1] + 2 * LINE if at else LINE
        at.append(max(field.y(one.value), least))
    most = field.height - LINE
    for number in reversed(range(len(at))):
        at[number] = min(at[number], most)
        most = at[number] - 2 * LINE
    left = field.width + 10
    text = left + SAMPLE + BESIDE
    return [
        Spot(named=one, x=left, y=y - LINE / 2 + 1, text_x=text, figure=(text, y + LINE / 2 - 2))
        for one, y in zip(order, at, strict=True)
    ]


def _above(named: Sequence[Named], margins: Margins) -> list[Spot]:
    """Return the names as lines of their own above the picture, their figures in a column."""
    text = SAMPLE + BESIDE - margins.left
    column = text + max(width_of(one.name, TEXT) for one in named) + 8
    spots = []
    for number, one in enumerate(named):
        y = number * LINE + LINE / 2 - margins.top
        spots.append(Spot(named=one, x=-margins.left, y=y, text_x=text, figure=(column, y)))
    return spots


def _legend(spots: Sequence[Spot]) -> Iterator[Spec]:
    """Yield names, figures, and for each a piece of its line."""
    yield words([{"x": one.text_x, "y": one.y, "words": one.named.name} for one in spots])
    figures = [{"x": one.figure[0], "y": one.figure[1], "words": one.named.figure} for one in spots]
    yield words(figures, fontWeight=600)
    for one in spots:
        piece: Rows = [{"x": one.x, "x2": one.x + SAMPLE, "y": one.y, "y2": one.y}]
        if one.named.style is None:
            yield lines(piece, one.named.colour, 1.5, TARGET_DASH)
        elif one.named.name:
            yield lines(piece, one.named.colour, 2, STYLES[one.named.style][1])
    signs: Rows = [
        {
            "x": one.x + SAMPLE / 2,
            "y": one.y,
            "shape": STYLES[one.named.style][0],
            "fill": LIGHT[one.named.colour],
        }
        for one in spots
        if one.named.style is not None and one.named.name
    ]
    yield _signs(signs, raw("y"))
