"""Natural Earth's countries as the map draws them: the package's shared arcs made into whole rings."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from babel.core import get_global

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    Point = tuple[int, int]

UNITS = 1000  # a degree


def outlines_of(topology: bytes) -> bytes:
    """Return countries as JSON: code of two letters, and rings as a row of longitudes and latitudes.

    `topology` is TopoJSON with delta-encoded arcs. Numbers are thousandths of a degree. The code,
    from which the reader's own name for the country comes, is empty where it has none.
    """
    told = json.loads(topology)
    arcs = [_points(arc, told["transform"]) for arc in told["arcs"]]
    letters = get_global("territory_aliases")
    countries = []
    for geometry in told["objects"]["countries"]["geometries"]:
        code = letters.get(str(geometry.get("id")), [""])[0]
        rings = [_flat(_joined(ring, arcs)) for ring in _rings(geometry)]
        countries.append([code if len(code) == 2 else "", rings])  # noqa: PLR2004  letters
    return json.dumps(countries, separators=(",", ":")).encode()


def _points(arc: list[list[int]], transform: Mapping[str, list[float]]) -> list[Point]:
    """Add up an arc's steps and take them to our units."""
    (width, height), (west, south) = transform["scale"], transform["translate"]
    x = y = 0
    points = []
    for right, up in arc:
        x, y = x + right, y + up
        points.append((round((x * width + west) * UNITS), round((y * height + south) * UNITS)))
    return points


def _rings(geometry: Mapping[str, Any]) -> Iterator[list[int]]:
    polygons = [geometry["arcs"]] if geometry["type"] == "Polygon" else geometry["arcs"]
    for polygon in polygons:
        yield from polygon


def _joined(ring: list[int], arcs: list[list[Point]]) -> list[Point]:
    """Put arcs together; a negative number is an arc backwards, and each begins where one ended."""
    points: list[Point] = []
    for number in ring:
        arc = arcs[number] if number >= 0 else arcs[~number][::-1]
        points += arc[1:] if points else arc
    return points


def _flat(points: list[Point]) -> list[int]:
    return [number for point in points for number in point]
