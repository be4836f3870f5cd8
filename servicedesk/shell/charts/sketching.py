"""What all specifications are put together from: a paper, its margins, and layers of marks.

Figures are on Vega-Lite's scales. Words are not left to it: it measures them with the fonts of the
machine it runs on. Margins and rows are counted from guessed widths, the same on every machine.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from math import ceil
from typing import TYPE_CHECKING, Any

from servicedesk.shell.charts.measure import width_of
from servicedesk.shell.charts.palette import LIGHT

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    Spec = dict[str, Any]
    Rows = list[dict[str, Any]]

TEXT = 12.0  # size of the letters on the paper
BOLD = 1.12  # how much wider bold letters are
SCHEMA = "https://vega.github.io/schema/vega-lite/v6.json"
SWATCH = 18.0  # what a sign takes beside its name
LINE = 19.0  # from one line of words to the next
BETWEEN = 16.0  # two names of a legend


class Layout(StrEnum):
    """How wide the paper is: a card of a page, or a phone."""

    WIDE = "wide"
    NARROW = "narrow"


@dataclass(frozen=True, kw_only=True, slots=True)
class Hit:
    """A place of the picture that is something: its name, what it leads to, and where it is."""

    name: str
    href: str
    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True, kw_only=True, slots=True)
class Sketch:
    """A specification with what its places are; `is_walked` lets the keyboard visit each."""

    spec: Spec
    hits: tuple[Hit, ...]
    is_walked: bool = True


@dataclass(frozen=True, kw_only=True, slots=True)
class Margins:
    """What is left free around the marks, for words."""

    left: float = 0.0
    top: float = 0.0
    right: float = 0.0
    bottom: float = 0.0

    def __post_init__(self) -> None:
        """Keep whole units, so that the picture is as wide as its paper."""
        for side in ("left", "top", "right", "bottom"):
            object.__setattr__(self, side, ceil(getattr(self, side)))

    def inner(self, width: float) -> float:
        """Return what is left for the marks."""
        return width - self.left - self.right


def paper(width: float, height: float, margins: Margins, layers: Iterable[Spec]) -> Spec:
    """Return a specification whose picture is `width` wide; `height` is that of the marks alone."""
    return {
        "$schema": SCHEMA,
        "width": margins.inner(width),
        "height": height,
        "autosize": "none",
        "background": None,
        "padding": {
            "left": margins.left,
            "top": margins.top,
            "right": margins.right,
            "bottom": margins.bottom,
        },
        "layer": [layer for layer in layers if layer["data"]["values"]],
        "resolve": {"scale": {"color": "independent", "shape": "independent"}},
        "config": {
            "view": {"stroke": None},
            "mark": {"aria": False, "tooltip": None},
        },
    }


def layer(mark: Spec, rows: Rows, **encoding: Any) -> Spec:
    """Return one layer of marks, with data of its own."""
    return {"data": {"values": rows}, "mark": mark, "encoding": encoding}


def raw(name: str) -> Spec:
    """Return an encoding by the paper's own units, from the top left of the marks."""
    return {"field": name, "type": "quantitative", "scale": None, "axis": None}


def on_scale(name: str, low: float, high: float) -> Spec:
    """Return an encoding of figures by a scale over all of the paper."""
    scale = {"domain": [low, high], "nice": False, "zero": False}
    return {"field": name, "type": "quantitative", "scale": scale, "axis": None}


def as_told(name: str) -> Spec:
    """Return an encoding of colours, words or signs that stand in the rows."""
    return {"field": name, "type": "nominal", "scale": None, "legend": None}


def boxes(rows: Rows, x: Spec | None = None, **look: Any) -> Spec:
    """Return a layer of rectangles: rows of x, x2, y, y2 and a colour's name as fill."""
    return layer(
        {"type": "rect", **look},
        [row | {"fill": LIGHT[row["fill"]]} for row in rows],
        x=x or raw("x"),
        x2={"field": "x2"},
        y=raw("y"),
        y2={"field": "y2"},
        color=as_told("fill"),
    )


def words(rows: Rows, x: Spec | None = None, **look: Any) -> Spec:
    """Return a layer of texts: rows of x, y, words and a colour's name as fill."""
    return layer(
        {"type": "text", "align": "left", "baseline": "middle", "fontSize": TEXT} | look,
        [row | {"fill": LIGHT[row.get("fill", "ink")]} for row in rows if row["words"]],
        x=x or raw("x"),
        y=raw("y"),
        text={"field": "words", "type": "nominal"},
        color=as_told("fill"),
    )


def lines(rows: Rows, name: str, width: float = 1.0, dash: Sequence[float] = ()) -> Spec:
    """Return a layer of straight lines: rows of x, x2, y, y2."""
    look: Spec = {"type": "rule", "stroke": LIGHT[name], "strokeWidth": width}
    if dash:
        look["strokeDash"] = list(dash)
    return layer(look, rows, x=raw("x"), x2={"field": "x2"}, y=raw("y"), y2={"field": "y2"})


def flowed(names: Sequence[str], width: float) -> tuple[list[tuple[float, float]], float]:
    """Return where each name with its sign begins, line by line, and how high all of it is."""
    x = y = 0.0
    found = []
    for name in names:
        needed = SWATCH + width_of(name, TEXT)
        if x and x + needed > width:
            x, y = 0.0, y + LINE
        found.append((x, y))
        x += needed + BETWEEN
    return found, (y + LINE if names else 0.0)
