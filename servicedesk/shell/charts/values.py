"""What a chart shows: frozen values, checked when they are made."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property

from servicedesk.shell.charts.measure import tidy

MOST = 1e9  # a figure beyond it has no room beside its bar
MOST_SERIES = 5  # colours and signs beyond these cannot be told apart


class Unit(StrEnum):
    """What a figure counts; a percentage is a share from 0 to 1."""

    COUNT = "count"
    PERCENT = "percent"
    HOURS = "hours"


class Tone(StrEnum):
    """What a colour says where it judges; without one a series takes a colour of its own."""

    GOOD = "good"
    WARN = "warn"
    BAD = "bad"
    CALM = "calm"


@dataclass(frozen=True, kw_only=True, slots=True)
class Point:
    """A figure; `value` is None where there is none.

    `href` is a path of this desk that lists what was counted; `description` replaces the name that
    is made of label, series and figure. Raises ValueError for what no chart can show.
    """

    label: str
    value: float | None
    series: str = ""
    href: str = ""
    description: str = ""
    tone: Tone | None = None

    def __post_init__(self) -> None:
        """Refuse what cannot be drawn, and tidy the words."""
        if self.value is not None:
            refuse_unless_shown(self.value)
        if self.href and not is_inner(self.href):
            raise ValueError("a figure leads to a path of this desk only")
        for name in ("label", "series", "description"):
            object.__setattr__(self, name, tidy(getattr(self, name)))


@dataclass(frozen=True, kw_only=True, slots=True)
class Target:
    """A line to be reached, or with `at_most` not to be passed."""

    value: float
    label: str
    at_most: bool = False

    def __post_init__(self) -> None:
        """Refuse what cannot be drawn, and tidy the words."""
        refuse_unless_shown(self.value)
        object.__setattr__(self, "label", tidy(self.label))

    def is_missed_by(self, value: float) -> bool:
        """Whether a figure is on the wrong side of it."""
        return value > self.value if self.at_most else value < self.value


@dataclass(slots=True)
class Row:
    """The figures under one label, by series."""

    label: str
    figures: dict[str, Point] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Chart:
    """What all charts have; words are in the reader's language already.

    `head` is the table's heading over the labels, `what` the one over figures of a lone series.
    """

    title: str
    head: str
    points: tuple[Point, ...]
    unit: Unit = Unit.COUNT
    what: str = ""

    def __post_init__(self) -> None:
        """Refuse more series than can be told apart."""
        if len(self.series) > MOST_SERIES:
            raise ValueError(f"a chart shows {MOST_SERIES} series at most")

    @cached_property
    def series(self) -> tuple[str, ...]:
        """Return the names of the series, in the order they came in."""
        return tuple(dict.fromkeys(point.series for point in self.points))

    @cached_property
    def rows(self) -> tuple[Row, ...]:
        """Return the figures by label; who has the same name as somebody else keeps a row."""
        rows: list[Row] = []
        newest: dict[str, Row] = {}
        for point in self.points:
            row = newest.get(point.label)
            if row is None or point.series in row.figures:
                row = newest[point.label] = Row(point.label)
                rows.append(row)
            row.figures[point.series] = point
        return tuple(rows)

    @cached_property
    def known(self) -> tuple[Point, ...]:
        """Return the points that have a value."""
        return tuple(point for point in self.points if point.value is not None)

    def tone_of(self, series: str) -> Tone | None:
        """Return what the colour of a series says."""
        return next((point.tone for point in self.points if point.series == series), None)


@dataclass(frozen=True, kw_only=True)
class BarChart(Chart):
    """Lying bars, a row a label; several series stand under one another in the row."""

    target: Target | None = None


@dataclass(frozen=True, kw_only=True)
class StackedBars(Chart):
    """Lying bars whose series add up; `is_ordered` colours them from light to dark."""

    is_ordered: bool = False


@dataclass(frozen=True, kw_only=True)
class TrendChart(Chart):
    """A line a series over labels in time."""

    target: Target | None = None


@dataclass(frozen=True, kw_only=True)
class Heatmap(Chart):
    """Counts in cells: labels (hours) and series (weekdays); without a point a cell has none."""

    labels: tuple[str, ...]
    lines: tuple[str, ...]

    def __post_init__(self) -> None:
        """Refuse points without a cell; any number of lines have a place, not a colour."""
        for name in ("labels", "lines"):
            object.__setattr__(self, name, tuple(map(tidy, getattr(self, name))))
        if not {point.label for point in self.points} <= set(self.labels) or not {
            point.series for point in self.points
        } <= set(self.lines):
            raise ValueError("a point of a heatmap needs its label and its line")

    @cached_property
    def cells(self) -> dict[tuple[str, str], Point]:
        """Return the points by line and label."""
        return {(point.series, point.label): point for point in self.points}


def refuse_unless_shown(value: float) -> None:
    """Raise ValueError for what has no place on a scale."""
    if not 0 <= value <= MOST:  # nor is NaN
        raise ValueError(f"a chart cannot show {value}")


def is_inner(address: str) -> bool:
    """Whether it is a path of this desk, and neither another host nor a script."""
    if not address.startswith("/") or address.startswith(("//", "/\\")):
        return False
    return not any(ord(sign) <= ord(" ") for sign in address)
