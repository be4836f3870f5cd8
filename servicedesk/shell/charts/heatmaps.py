"""Counts in cells: hours across and weekdays down, and the other way round on a phone."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from servicedesk.shell.charts.measure import shortened, width_of
from servicedesk.shell.charts.palette import HEATS, LIGHT, words_on
from servicedesk.shell.charts.sketching import (
    TEXT,
    Hit,
    Layout,
    Margins,
    Sketch,
    boxes,
    paper,
    words,
)
from servicedesk.shell.charts.words import name_of

if TYPE_CHECKING:
    from servicedesk.shell.charts.sketching import Rows
    from servicedesk.shell.charts.values import Heatmap, Point
    from servicedesk.shell.charts.words import Reader

WIDTHS = {Layout.WIDE: 760.0, Layout.NARROW: 320.0}
TALL = {Layout.WIDE: 28.0, Layout.NARROW: 24.0}  # a cell
SMALL = 11.0  # size of the figures in the cells
WIDEST_LABEL = 110.0


def heatmap(chart: Heatmap, layout: Layout, reader: Reader) -> Sketch:
    """Return the specification of a heatmap; the figure stands in each cell that has one."""
    is_wide = layout is Layout.WIDE
    across, down = (chart.labels, chart.lines) if is_wide else (chart.lines, chart.labels)
    left = min(max((width_of(name, TEXT) for name in down), default=0.0), WIDEST_LABEL) + 8
    margins = Margins(left=left, top=24.0, right=1.0, bottom=1.0)
    wide = margins.inner(WIDTHS[layout]) / max(len(across), 1)
    tall = TALL[layout]
    most = max((point.value or 0 for point in chart.points), default=0)
    cells: Rows = []
    counted: Rows = []
    hits: list[Hit] = []
    for row, second in enumerate(down):
        for column, first in enumerate(across):
            point = chart.cells.get((second, first) if is_wide else (first, second))
            x, y = round(column * wide, 2), row * tall
            name = f"heat-{_heat(point, most)}"
            cells.append({"x": x, "x2": x + wide, "y": y, "y2": y + tall, "fill": name})
            if point and point.value:
                text = reader.figure(point.value, chart.unit)
                middle = {"x": x + wide / 2, "y": y + tall / 2}
                counted.append(middle | {"words": text, "fill": words_on(name)})
                said = name_of(point, chart, reader)
                hits.append(Hit(name=said, href=point.href, x=x, y=y, width=wide, height=tall))
    layers = [
        boxes(cells, stroke=LIGHT["surface"], strokeWidth=2),
        words(
            [one for one in counted if width_of(one["words"], SMALL) <= wide],
            align="center",
            fontSize=SMALL,
        ),
        words(_names_across(across, wide), align="center"),
        words(
            [
                {"x": -8, "y": (n + 0.5) * tall, "words": shortened(name, left - 8, TEXT)}
                for n, name in enumerate(down)
            ],
            align="right",
        ),
    ]
    spec = paper(WIDTHS[layout], len(down) * tall, margins, layers)
    # a walk through a hundred and more cells helps nobody: the table beside it has the same links
    return Sketch(spec=spec, hits=tuple(hits), is_walked=False)


def _heat(point: Point | None, most: float) -> int:
    if point is None or not point.value:
        return 0
    return min(max(math.ceil(point.value / most * HEATS), 1), HEATS)


def _names_across(names: tuple[str, ...], wide: float) -> Rows:
    """Return the names over the columns: all, or every second or third where they are long."""
    widest = max((width_of(name, TEXT) for name in names), default=0.0) + 6
    every = min(max(math.ceil(widest / wide), 1), 3)
    return [
        {
            "x": (number + 0.5) * wide,
            "y": -12,
            "words": shortened(name, wide * every, TEXT),
            "fill": "quiet",
        }
        for number, name in enumerate(names)
        if number % every == 0
    ]
