"""Colours by name: the light ones stand in the specification, a page puts its own in their place.

`desk.css` has both themes as `--chart-<name>`; a test holds it to this file and to the contrasts.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from servicedesk.shell.charts.values import Chart, Tone

LIGHT = {
    "ink": "#1d2733",
    "quiet": "#56626f",
    "line": "#8391a0",
    "grid": "#dfe5ec",
    "surface": "#ffffff",
    "on": "#fefefe",  # words on a dark mark
    "on-pale": "#0b1a2b",  # words on a pale one
    "series-1": "#0b5cad",
    "series-2": "#c8500a",
    "series-3": "#10403c",
    "series-4": "#9c5f95",
    "series-5": "#4f3f0c",
    "good": "#12786a",
    "warn": "#a86200",
    "bad": "#b0201f",
    "calm": "#5a7390",
    "step-1": "#748dab",
    "step-2": "#4f74a0",
    "step-3": "#2f6096",
    "step-4": "#164675",
    "step-5": "#0a2540",
    "heat-0": "#f1f4f8",
    "heat-1": "#dbe7f4",
    "heat-2": "#aecbe8",
    "heat-3": "#74a3d3",
    "heat-4": "#2f72b5",
    "heat-5": "#0a3d75",
}
NAMES = {colour: name for name, colour in LIGHT.items()}
STEPS = {1: (3,), 2: (1, 4), 3: (1, 3, 5), 4: (1, 2, 4, 5), 5: (1, 2, 3, 4, 5)}
PALE = {"step-1", "heat-0", "heat-1", "heat-2", "heat-3"}
HEATS = 5


def of_series(chart: Chart, *, is_ordered: bool = False) -> dict[str, str]:
    """Return the name of each series' colour."""
    steps = STEPS[max(len(chart.series), 1)]
    named: dict[str, str] = {}
    for number, series in enumerate(chart.series):
        own = f"step-{steps[number]}" if is_ordered else f"series-{number + 1}"
        named[series] = toned(chart.tone_of(series), own)
    return named


def toned(tone: Tone | None, own: str) -> str:
    """Return the colour a tone asks for, else a point's own."""
    return tone.value if tone else own


def words_on(name: str) -> str:
    """Return the name of the colour that words have on a mark."""
    return "on-pale" if name in PALE else "on"
