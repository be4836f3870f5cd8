"""Lying bars: one a row, several in a row, or one whose parts add up."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from servicedesk.shell.charts.measure import shortened, width_of
from servicedesk.shell.charts.palette import LIGHT, of_series, toned, words_on
from servicedesk.shell.charts.sketching import (
    BOLD,
    LINE,
    SWATCH,
    TEXT,
    Hit,
    Layout,
    Margins,
    Sketch,
    boxes,
    flowed,
    lines,
    on_scale,
    paper,
    words,
)
from servicedesk.shell.charts.values import BarChart, Unit
from servicedesk.shell.charts.words import name_of, target_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from servicedesk.shell.charts.sketching import Rows, Spec
    from servicedesk.shell.charts.values import Chart, Point, Row, StackedBars, Target
    from servicedesk.shell.charts.words import Reader

WIDTHS = {Layout.WIDE: 520.0, Layout.NARROW: 320.0}
MOST_ROWS = 24  # more are in the table only; the caption says so
THICK = 16.0  # a bar
STEP = 24.0  # from bar to bar, and what a finger needs
GAP = 10.0  # between the rows
ASIDE = 8.0  # between a bar and its words
WIDEST_LABEL = 190.0
WIDEST_NAME = 110.0
DASH = (4, 3)


@dataclass(frozen=True, kw_only=True, slots=True)
class Frame:
    """The paper of a bar chart: where the bars of a row begin, and how long they can be."""

    layout: Layout
    width: float
    margins: Margins
    most: float  # the figure as long as the paper allows

    @property
    def label_height(self) -> float:
        """Return what the label takes above its bars, on a narrow paper."""
        return LINE if self.layout is Layout.NARROW else 0.0

    @property
    def scale(self) -> Spec:
        """Return the encoding of figures across the paper."""
        return on_scale("x", 0, self.most)

    def at(self, value: float) -> float:
        """Return how far from the left a figure is."""
        return round(value / self.most * self.margins.inner(self.width), 2)


@dataclass(frozen=True, kw_only=True, slots=True)
class Slot:
    """Where one bar is: the figure and the top of its step."""

    point: Point
    top: float


def drawn_rows(chart: Chart) -> tuple[Row, ...]:
    """Return the rows that a picture has room for."""
    return chart.rows[:MOST_ROWS]


def bars(chart: BarChart, layout: Layout, reader: Reader) -> Sketch:
    """Return the specification of bars that stand each for itself."""
    target = target_of(chart)
    ends = [_end(point, chart, reader) for point in chart.points]
    frame = _frame(chart, layout, max(width_of(end, TEXT) for end in ends), _highest(chart))
    slots, tops, height = _slots(chart, frame)
    colours = of_series(chart)
    marked: Rows = [
        {
            "x": 0,
            "x2": slot.point.value or 0,
            "y": slot.top + (STEP - THICK) / 2,
            "y2": slot.top + (STEP + THICK) / 2,
            "fill": toned(slot.point.tone, colours[slot.point.series]),
        }
        for slot in slots
    ]
    values: Rows = [
        {
            # the line of a target would run through figures at the ends of their bars
            "x": frame.most if target else slot.point.value or 0,
            "y": slot.top + STEP / 2,
            "words": _end(slot.point, chart, reader),
        }
        for slot in slots
    ]
    layers = [
        *_target(target, frame, tops, chart, reader),
        boxes(marked, frame.scale, cornerRadius=2),
        *_labels(chart, frame, tops, height),
        words(values, frame.scale, dx=ASIDE),
    ]
    # the whole width of each step: a short bar is as easy to press as a long one
    whole = frame.margins.inner(frame.width) + frame.margins.right
    hits = tuple(_hit(slot, 0, whole, name_of(slot.point, chart, reader)) for slot in slots)
    return Sketch(spec=paper(frame.width, height, frame.margins, layers), hits=hits)


def stacked(chart: StackedBars, layout: Layout, reader: Reader) -> Sketch:
    """Return the specification of bars whose parts add up, with a legend in the same order."""
    totals = [sum(point.value or 0 for point in row.figures.values()) for row in drawn_rows(chart)]
    is_whole = chart.unit is Unit.PERCENT  # the sum of shares says nothing
    ends = ["" if is_whole else reader.figure(total, chart.unit) for total in totals]
    legend, legend_height = flowed(chart.series, WIDTHS[layout])
    room = max(width_of(end, TEXT * BOLD) for end in ends)
    frame = _frame(chart, layout, room, max(totals), above=legend_height + ASIDE)
    slots, tops, height = _slots(chart, frame, is_stacked=True)
    colours = of_series(chart, is_ordered=chart.is_ordered)
    parts = list(_parts(slots, colours))
    sums: Rows = [
        {"x": total, "y": top + STEP / 2, "words": end}
        for total, top, end in zip(totals, tops, ends, strict=True)
    ]
    layers = [
        *_legend(chart, frame, legend, colours, legend_height + ASIDE),
        boxes(parts, frame.scale, stroke=LIGHT["surface"], strokeWidth=1.5),
        *_labels(chart, frame, tops, height),
        words(_inside(slots, parts, frame, chart, reader), frame.scale, align="center"),
        words(sums, frame.scale, dx=ASIDE, fontWeight=600),
    ]
    hits = tuple(
        _hit(slot, frame.at(part["x"]), frame.at(part["x2"]), name_of(slot.point, chart, reader))
        for slot, part in zip(slots, parts, strict=True)
        if slot.point.value
    )
    return Sketch(spec=paper(frame.width, height, frame.margins, layers), hits=hits)


def _inside(
    slots: Sequence[Slot], parts: Sequence[Spec], frame: Frame, chart: Chart, reader: Reader
) -> Rows:
    """Return the figures of the parts that have room for them."""
    rows: Rows = []
    for slot, part in zip(slots, parts, strict=True):
        text = reader.figure(slot.point.value, chart.unit)
        if frame.at(part["x2"] - part["x"]) > width_of(text, TEXT) + ASIDE / 2:
            middle = (part["x"] + part["x2"]) / 2
            on = words_on(part["fill"])
            rows.append({"x": middle, "y": slot.top + STEP / 2, "words": text, "fill": on})
    return rows


def _hit(slot: Slot, left: float, right: float, name: str) -> Hit:
    return Hit(name=name, href=slot.point.href, x=left, y=slot.top, width=right - left, height=STEP)


def _end(point: Point, chart: Chart, reader: Reader) -> str:
    """Return what stands at the end of a bar: its figure, and which of several it is."""
    figure = reader.figure(point.value, chart.unit)
    return f"{figure}  {shortened(point.series, WIDEST_NAME, TEXT)}" if point.series else figure


def _highest(chart: Chart) -> float:
    figures = [point.value or 0.0 for row in drawn_rows(chart) for point in row.figures.values()]
    target = target_of(chart)
    return max([*figures, target.value if target else 0.0])


def _frame(chart: Chart, layout: Layout, room: float, most: float, above: float = 0.0) -> Frame:
    left = 0.0
    if layout is Layout.WIDE:
        longest = max(width_of(row.label, TEXT) for row in drawn_rows(chart))
        left = min(longest, WIDEST_LABEL) + ASIDE
    target = target_of(chart)
    top = LINE if target else 0.0
    return Frame(
        layout=layout,
        width=WIDTHS[layout],
        margins=Margins(left=left, right=room + ASIDE, top=max(top, above), bottom=2.0),
        most=most or 1.0,
    )


def _slots(
    chart: Chart, frame: Frame, *, is_stacked: bool = False
) -> tuple[list[Slot], list[float], float]:
    """Return every bar's place, where the bars of each row begin, and how high all are."""
    slots: list[Slot] = []
    tops: list[float] = []
    height = 0.0
    gap = GAP if is_stacked or len(chart.series) > 1 or frame.label_height else 2.0
    for row in drawn_rows(chart):
        height += frame.label_height
        tops.append(height)
        own = [row.figures[series] for series in chart.series if series in row.figures]
        for number, point in enumerate(own):
            slots.append(Slot(point=point, top=height + (0 if is_stacked else number * STEP)))
        height += (STEP if is_stacked else STEP * len(own)) + gap
    return slots, tops, max(height - gap, STEP)


def _parts(slots: Sequence[Slot], colours: dict[str, str]) -> Iterator[Spec]:
    before, reached = -1.0, 0.0
    for slot in slots:
        if slot.top != before:
            before, reached = slot.top, 0.0
        end = reached + (slot.point.value or 0.0)
        yield {
            "x": reached,
            "x2": end,
            "y": slot.top + 1,
            "y2": slot.top + STEP - 1,
            "fill": colours[slot.point.series],
        }
        reached = end


def _labels(chart: Chart, frame: Frame, tops: Sequence[float], height: float) -> Iterator[Spec]:
    """Yield the labels, beside the bars or on a narrow paper above them, and where bars begin."""
    is_above = frame.layout is Layout.NARROW
    room = frame.width if is_above else frame.margins.left - ASIDE
    rows: Rows = []
    for row, top in zip(drawn_rows(chart), tops, strict=True):
        bars_below = len(row.figures) if isinstance(chart, BarChart) else 1
        middle = top + STEP * bars_below / 2
        rows.append(
            {
                "x": 0 if is_above else -ASIDE,
                "y": top - LINE / 2 if is_above else middle,
                "words": shortened(row.label, room, TEXT),
            }
        )
    yield words(rows, align="left" if is_above else "right")
    starts = (
        [{"x": 0, "x2": 0, "y": top, "y2": top + STEP} for top in tops]
        if is_above
        else [{"x": 0, "x2": 0, "y": 0, "y2": height}]
    )
    yield lines(starts, "line")


def _target(
    target: Target | None, frame: Frame, tops: Sequence[float], chart: Chart, reader: Reader
) -> Iterator[Spec]:
    if target is None:
        return
    x = frame.at(target.value)
    figure = f"{target.label} {reader.figure(target.value, chart.unit)}"
    text = shortened(figure, frame.width, TEXT)
    needed = width_of(text, TEXT)
    # centred over the line, but inside the paper
    least, most = needed / 2 - frame.margins.left, frame.width - frame.margins.left - needed / 2
    # from each row to the next, but not through the labels above the bars
    ends = [top + STEP * len(row.figures) for top, row in zip(tops, drawn_rows(chart), strict=True)]
    begins = tops if frame.label_height else [-4.0, *ends[:-1]]
    pieces: Rows = [{"x": x, "x2": x, "y": y, "y2": y2} for y, y2 in zip(begins, ends, strict=True)]
    yield lines(pieces, "quiet", 1.5, DASH)
    yield words(
        [{"x": max(min(x, most), least), "y": -LINE / 2 - 2, "words": text, "fill": "quiet"}],
        align="center",
    )


def _legend(
    chart: Chart,
    frame: Frame,
    begins: Sequence[tuple[float, float]],
    colours: dict[str, str],
    height: float,
) -> Iterator[Spec]:
    signs: Rows = []
    names: Rows = []
    for series, (x, y) in zip(chart.series, begins, strict=True):
        left, middle = x - frame.margins.left, y - height + LINE / 2
        signs.append(
            {"x": left, "x2": left + 12, "y": middle - 6, "y2": middle + 6, "fill": colours[series]}
        )
        name = shortened(series, frame.width - SWATCH, TEXT)
        names.append({"x": left + SWATCH, "y": middle, "words": name})
    yield boxes(signs, cornerRadius=2)
    yield words(names)
