"""The outlines of countries, read once a process, and cut to the piece a map shows."""

from __future__ import annotations

import json
from array import array
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from servicedesk.shell.topology import UNITS

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    Point = tuple[float, float]  # longitude, latitude


OUTLINES = "countries.json"  # the asset that set-up makes


@dataclass(frozen=True, slots=True)
class Window:
    """A piece of the world in degrees; the east may lie beyond 180."""

    west: float
    south: float
    east: float
    north: float

    def wider(self, share: float) -> Window:
        """Return it with a margin, so that where outlines are cut is not seen."""
        sideways, upwards = (self.east - self.west) * share, (self.north - self.south) * share
        return Window(
            self.west - sideways, self.south - upwards, self.east + sideways, self.north + upwards
        )


@dataclass(frozen=True, slots=True)
class Ring:
    """A closed line: its box in degrees, and its numbers as they were built."""

    box: Window
    numbers: array[int]

    def touches(self, window: Window, turn: float) -> bool:
        """Whether any of it can be seen when it is moved east by `turn` degrees."""
        return (
            self.box.west + turn <= window.east
            and self.box.east + turn >= window.west
            and self.box.south <= window.north
            and self.box.north >= window.south
        )

    def is_inside(self, window: Window, turn: float) -> bool:
        """Whether nothing of it has to be cut off."""
        return (
            self.box.west + turn >= window.west
            and self.box.east + turn <= window.east
            and self.box.south >= window.south
            and self.box.north <= window.north
        )

    def points(self, turn: float) -> list[Point]:
        """Return its points in degrees."""
        pairs = zip(self.numbers[::2], self.numbers[1::2], strict=True)
        return [(x / UNITS + turn, y / UNITS) for x, y in pairs]


@dataclass(frozen=True, slots=True)
class Country:
    """A country; `code` names it in every language, and is empty where it has none."""

    code: str
    rings: tuple[Ring, ...]


@lru_cache(maxsize=1)
def countries(path: Path) -> tuple[Country, ...]:
    """Return the countries that set-up put at `path`."""
    told = json.loads(path.read_bytes())
    return tuple(Country(code, tuple(map(_ring, rings))) for code, rings in told)


def _ring(numbers: list[int]) -> Ring:
    xs, ys = numbers[::2], numbers[1::2]
    box = Window(min(xs) / UNITS, min(ys) / UNITS, max(xs) / UNITS, max(ys) / UNITS)
    return Ring(box, array("i", numbers))


def cut_out(country: Country, window: Window) -> Iterator[list[Point]]:
    """Yield what of a country lies within `window`, as closed lines of three points or more."""
    for turn in (0.0, 360.0, -360.0):
        for ring in country.rings:
            if ring.touches(window, turn):
                piece = ring.points(turn)
                if not ring.is_inside(window, turn):
                    piece = _clipped(piece, window)
                if len(piece) > 2:  # noqa: PLR2004  less has no inside
                    yield piece


def _clipped(points: list[Point], window: Window) -> list[Point]:
    """Cut a closed line at the four sides of a window, one after the other."""
    for axis, limit, sign in (
        (0, window.west, 1),
        (0, window.east, -1),
        (1, window.south, 1),
        (1, window.north, -1),
    ):
        points = list(_cut(points, axis, limit, sign))
    return points


def _cut(points: list[Point], axis: int, limit: float, sign: int) -> Iterator[Point]:
    """Yield what lies on one side of a line across the axis, and where the ring crosses it."""
    if not points:
        return
    before = points[-1]
    was_inside = sign * (before[axis] - limit) >= 0
    for point in points:
        is_inside = sign * (point[axis] - limit) >= 0
        if is_inside != was_inside:
            share = (limit - before[axis]) / (point[axis] - before[axis])
            other = before[1 - axis] + (point[1 - axis] - before[1 - axis]) * share
            yield (limit, other) if axis == 0 else (other, limit)
        if is_inside:
            yield point
        before, was_inside = point, is_inside
