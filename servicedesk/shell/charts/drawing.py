"""From a chart to its pictures: one for a card, one for a phone, one for paper. See decision 0019."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache, singledispatch
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

from servicedesk.shell.charts.bars import bars, drawn_rows, stacked
from servicedesk.shell.charts.heatmaps import heatmap
from servicedesk.shell.charts.rendering import rendered, text_of, use_theme
from servicedesk.shell.charts.sketching import Layout
from servicedesk.shell.charts.tables import table_of
from servicedesk.shell.charts.trends import trend
from servicedesk.shell.charts.values import (
    BarChart,
    Chart,
    Heatmap,
    Point,
    StackedBars,
    TrendChart,
)
from servicedesk.shell.charts.words import Reader, summary_of

if TYPE_CHECKING:
    from servicedesk.shell.charts.sketching import Hit, Sketch
    from servicedesk.shell.charts.tables import Table

KEPT = 256  # pictures of a process, ten to sixty kilobytes each
PAPER_FONT = "Libertinus Serif"  # Typst brings it along
SVG = "http://www.w3.org/2000/svg"


@dataclass(frozen=True, kw_only=True, slots=True)
class Picture:
    """A chart for a page: two pictures of it, one sentence, and all figures as a table."""

    title: str
    summary: str
    table: Table
    wide: str = ""
    narrow: str = ""
    drawn: int = 0  # rows in the picture; the table may have more
    kind: str = ""

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to be seen."""
        return not self.wide


@dataclass(frozen=True, kw_only=True, slots=True)
class Print:
    """A chart for paper: one picture in the light colours, and the words that stand for it."""

    title: str
    summary: str
    table: Table
    svg: str
    drawn: int


@lru_cache(maxsize=KEPT)
def picture(chart: Chart, reader: Reader) -> Picture:
    """Return the chart for a page; the same content is drawn once a process."""
    title, summary, table = chart.title, summary_of(chart, reader), table_of(chart, reader)
    if not chart.known:
        return Picture(title=title, summary=summary, table=table)
    name = f"{title}. {summary}"
    wide, narrow = (
        text_of(_for_page(sketch(chart, layout, reader), name, layout)) for layout in Layout
    )
    return Picture(
        title=title,
        summary=summary,
        table=table,
        wide=wide,
        narrow=narrow,
        drawn=_drawn(chart, table),
        kind=type(chart).__name__.lower(),
    )


def printed(chart: Chart, reader: Reader, font: str = PAPER_FONT) -> Print:
    """Return the chart for paper; without any data its picture is empty."""
    svg = ""
    if chart.known:
        seen = rendered(sketch(chart, Layout.WIDE, reader).spec)
        root = ET.Element("svg", {"xmlns": SVG, "viewBox": seen.box, "fill": "none"})
        root.attrib |= {"width": seen.width, "height": seen.height, "font-family": font}
        root.extend(seen.shapes)
        svg = text_of(root)
    table = table_of(chart, reader)
    return Print(
        title=chart.title,
        summary=summary_of(chart, reader),
        table=table,
        svg=svg,
        drawn=_drawn(chart, table),
    )


def _drawn(chart: Chart, table: Table) -> int:
    """Return how many rows of the table are in the picture."""
    are_bars = isinstance(chart, BarChart | StackedBars)
    return len(drawn_rows(chart)) if are_bars else len(table.rows)


@singledispatch
def sketch(chart: Chart, layout: Layout, reader: Reader) -> Sketch:
    """Return the specification of a chart with what its places are."""
    raise TypeError(type(chart), layout, reader)


sketch.register(BarChart)(bars)
sketch.register(StackedBars)(stacked)
sketch.register(TrendChart)(trend)
sketch.register(Heatmap)(heatmap)


def warm_up() -> None:
    """Draw something: the first picture of a process takes many times as long as all others."""
    reader = Reader("en", str)
    picture(BarChart(title="-", head="-", points=(Point(label="-", value=1),)), reader)


def _for_page(made: Sketch, name: str, layout: Layout) -> ET.Element:
    """Return the picture in a page's colours and letters, with links."""
    seen = rendered(made.spec)
    root = ET.Element("svg", {"viewBox": seen.box, "fill": "none"})
    root.set("class", f"chart-{layout}")
    has_links = any(hit.href for hit in made.hits)
    is_walked = made.is_walked and has_links
    # nothing can be inside an image for those who do not see it: with links it is a group
    root.set("role", "group" if has_links else "img")
    root.set("aria-label", name)
    quiet = ET.SubElement(root, "g", {"aria-hidden": "true"})
    quiet.extend(seen.shapes)
    padding = made.spec["padding"]
    loud = ET.SubElement(root if is_walked else quiet, "g")
    loud.set("transform", f"translate({padding['left']:.1f},{padding['top']:.1f})")
    loud.extend(_pressable(hit, is_walked=is_walked) for hit in made.hits)
    use_theme(root)
    return root


def _pressable(hit: Hit, *, is_walked: bool) -> ET.Element:
    """Return a place that is seen by nobody and met by whoever points at it."""
    around = ET.Element("a", {"href": hit.href}) if hit.href else ET.Element("g")
    if hit.href and is_walked:
        around.set("aria-label", hit.name)
    elif hit.href:
        around.set("tabindex", "-1")
    ET.SubElement(around, "title").text = hit.name
    sides = {"x": hit.x, "y": hit.y, "width": hit.width, "height": hit.height}
    shape = {name: f"{value:.1f}".removesuffix(".0") for name, value in sides.items()}
    ET.SubElement(around, "rect", {"class": "hit", "rx": "2"} | shape)
    return around
