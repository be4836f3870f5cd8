"""The same figures as a table."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from servicedesk.shell.charts.values import Heatmap
from servicedesk.shell.charts.words import name_of

if TYPE_CHECKING:
    from servicedesk.shell.charts.values import Chart, Point
    from servicedesk.shell.charts.words import Reader


@dataclass(frozen=True, kw_only=True, slots=True)
class Cell:
    """A figure as it is read; `name` says what it counts where it is a link."""

    text: str
    href: str = ""
    name: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Table:
    """Headings, and for each row its label and the figures under the headings after the first."""

    headers: tuple[str, ...]
    rows: tuple[tuple[str, tuple[Cell, ...]], ...]


def table_of(chart: Chart, reader: Reader) -> Table:
    """Return all figures of a chart."""
    if isinstance(chart, Heatmap):
        return Table(
            headers=(chart.head, *chart.lines),
            rows=tuple(
                (
                    label,
                    tuple(
                        _cell(chart.cells.get((s, label)), chart, reader, 0) for s in chart.lines
                    ),
                )
                for label in chart.labels
            ),
        )
    heads = tuple(name or chart.what or chart.title for name in chart.series)
    return Table(
        headers=(chart.head, *heads),
        rows=tuple(
            (row.label, tuple(_cell(row.figures.get(s), chart, reader) for s in chart.series))
            for row in chart.rows
        ),
    )


def _cell(point: Point | None, chart: Chart, reader: Reader, nothing: int | None = None) -> Cell:
    if point is None:
        return Cell(text=reader.figure(nothing, chart.unit))
    text = reader.figure(point.value, chart.unit)
    return Cell(text=text, href=point.href, name=name_of(point, chart, reader))
