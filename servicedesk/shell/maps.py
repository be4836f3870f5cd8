"""Places on a map of outlines: what to show of the world, and where on the paper everything goes.

A projection for small pieces of the world: degrees of longitude are as long as they are in the
middle of the piece. Nothing is asked of anybody: the outlines came with the set-up.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import cos, radians
from typing import TYPE_CHECKING

from servicedesk.shell.outlines import Country, Window, cut_out

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from servicedesk.shell.outlines import Point

WIDTH, HEIGHT = 720, 480  # of the paper
DEGREE = 111_320  # metres, north to south
CLOSE, FAR = 4.5, 9.0  # degrees from south to north: five hundred and a thousand kilometres
INNER = 0.3  # what is left out on each side where something to know the place by is looked for
MARGIN = 1.35  # how much wider than the places themselves
TALLEST = 170.0
NARROWEST = 0.1  # near the poles a degree of longitude is nothing
APART = 26.0  # markers nearer to each other than this become one
LEAST_RING = 11.0  # what can be seen around a marker
LEAST_STEP = 0.8  # what no eye sees between two points
LEAST_PIECE = 2.0  # an island of less is a grain of dust
LABEL_FROM = 90.0  # a country's name needs this much room from side to side
AROUND_MARKER = (80.0, 30.0)  # left and right, above and below: where no name is written
BARS = (20, 50, 100, 200, 500, 1000, 2000, 5000)  # kilometres
LONGEST_BAR = 180.0


@dataclass(frozen=True, kw_only=True)
class Place:
    """A place in degrees, and metres around it."""

    latitude: float
    longitude: float
    accuracy: float


@dataclass(frozen=True, kw_only=True)
class Marker:
    """Where one place, or several too near to be told apart, are on the paper."""

    number: int
    x: float
    y: float
    ring: float  # true to scale where it is wider than the least that can be seen
    is_to_scale: bool
    places: list[int]  # which of those that were asked for


@dataclass(frozen=True, kw_only=True)
class Land:
    """What is seen of a country; `label` is where its name fits."""

    code: str
    path: str
    label: Point | None


@dataclass(frozen=True, kw_only=True)
class Picture:
    """A map, ready to be drawn."""

    width: int
    height: int
    land: list[Land]
    markers: list[Marker]
    bar: float  # how long the scale is on the paper
    bar_kilometres: int

    def marker_of(self, place: int) -> Marker:
        """Return the marker that shows a place."""
        return next(marker for marker in self.markers if place in marker.places)


class Projection:
    """From degrees to the paper."""

    def __init__(self, latitude: float, longitude: float, degrees: float) -> None:
        """Show `degrees` from south to north around a middle."""
        self.scale = HEIGHT / degrees
        self.narrow = max(cos(radians(latitude)), NARROWEST)
        wide = WIDTH / self.scale / self.narrow
        self.window = Window(
            longitude - wide / 2,
            latitude - degrees / 2,
            longitude + wide / 2,
            latitude + degrees / 2,
        )

    def point(self, longitude: float, latitude: float) -> Point:
        """Return where a place is on the paper."""
        return (
            (longitude - self.window.west) * self.narrow * self.scale,
            (self.window.north - latitude) * self.scale,
        )

    def length(self, metres: float) -> float:
        """Return how long that is on the paper."""
        return metres / DEGREE * self.scale


def draw_map(places: Sequence[Place], world: Iterable[Country]) -> Picture:
    """Return the map of one place or more. Raises ValueError for none."""
    world = list(world)
    projection = _projection(places, world)
    markers = _markers(places, projection)
    bar = max((km for km in BARS if projection.length(km * 1000) <= LONGEST_BAR), default=BARS[0])
    return Picture(
        width=WIDTH,
        height=HEIGHT,
        land=[land for country in world if (land := _land(country, projection, markers))],
        markers=markers,
        bar=round(projection.length(bar * 1000), 1),
        bar_kilometres=bar,
    )


def _projection(places: Sequence[Place], world: Sequence[Country]) -> Projection:
    """Choose the piece of the world: all places, and some coast or border to know it by."""
    if not places:
        raise ValueError("a map needs a place")
    north = max(place.latitude for place in places)
    south = min(place.latitude for place in places)
    east = max(place.longitude for place in places)
    west = min(place.longitude for place in places)
    latitude, longitude = (north + south) / 2, (east + west) / 2
    narrow = max(cos(radians(latitude)), NARROWEST)
    accuracy = max(place.accuracy for place in places) / DEGREE * 2
    needed = max(north - south, (east - west) * narrow * HEIGHT / WIDTH, accuracy) * MARGIN
    close = Projection(latitude, longitude, min(max(needed, CLOSE), TALLEST))
    if needed < FAR and not _has_outlines(close.window.wider(-INNER), world):
        return Projection(latitude, longitude, FAR)
    return close


def _has_outlines(middle: Window, world: Sequence[Country]) -> bool:
    """Whether a coast or a border runs through it: without one a map is an empty sheet."""
    # of a country that covers all of it only the corners are left
    corners = {(x, y) for x in (middle.west, middle.east) for y in (middle.south, middle.north)}
    return any(
        point not in corners
        for country in world
        for piece in cut_out(country, middle)
        for point in piece
    )


def _markers(places: Sequence[Place], projection: Projection) -> list[Marker]:
    markers: list[Marker] = []
    for index, place in enumerate(places):
        x, y = projection.point(place.longitude, place.latitude)
        near = next((m for m in markers if abs(m.x - x) < APART and abs(m.y - y) < APART), None)
        if near is not None:
            near.places.append(index)
            continue
        ring = projection.length(place.accuracy)
        markers.append(
            Marker(
                number=len(markers) + 1,
                x=round(x, 1),
                y=round(y, 1),
                ring=round(max(ring, LEAST_RING), 1),
                is_to_scale=ring >= LEAST_RING,
                places=[index],
            )
        )
    return markers


def _land(country: Country, projection: Projection, markers: Sequence[Marker]) -> Land | None:
    pieces = [
        _thinned([projection.point(x, y) for x, y in piece])
        for piece in cut_out(country, projection.window.wider(0.02))
    ]
    pieces = [piece for piece in pieces if _is_seen(piece)]
    if not pieces:
        return None
    path = "".join("M" + " ".join(f"{x:g},{y:g}" for x, y in piece) + "Z" for piece in pieces)
    return Land(code=country.code, path=path, label=_room_for_name(pieces, markers))


def _thinned(points: list[Point]) -> list[Point]:
    """Leave out what no eye would see."""
    kept: list[Point] = []
    for x, y in points:
        if not kept or max(abs(x - kept[-1][0]), abs(y - kept[-1][1])) >= LEAST_STEP:
            kept.append((round(x, 1), round(y, 1)))
    return kept


def _is_seen(piece: list[Point]) -> bool:
    ys = [y for _x, y in piece]
    return max(_width(piece), max(ys) - min(ys)) >= LEAST_PIECE


def _width(piece: list[Point]) -> float:
    xs = [x for x, _y in piece]
    return max(xs) - min(xs)


def _room_for_name(pieces: Sequence[list[Point]], markers: Sequence[Marker]) -> Point | None:
    """Return the middle of the longest level line over land that keeps clear of the markers."""
    best, longest = None, LABEL_FROM
    for piece in pieces:
        if _width(piece) < longest:
            continue
        for row in range(1, 12):
            y = HEIGHT * row / 12
            for left, right in _inside(piece, y):
                middle = (left + right) / 2
                if right - left > longest and _is_clear(middle, y, markers):
                    best, longest = (round(middle, 1), round(y, 1)), right - left
    return best


def _is_clear(x: float, y: float, markers: Sequence[Marker]) -> bool:
    aside, above = AROUND_MARKER
    return all(abs(marker.x - x) > aside or abs(marker.y - y) > above for marker in markers)


def _inside(piece: list[Point], y: float) -> list[Point]:
    """Return from where to where a level line runs inside a closed line, within the paper."""
    crossings = []
    before = piece[-1]
    for point in piece:
        if (before[1] > y) != (point[1] > y):
            share = (y - before[1]) / (point[1] - before[1])
            crossings.append(min(max(before[0] + (point[0] - before[0]) * share, 0), WIDTH))
        before = point
    crossings.sort()
    return list(zip(crossings[::2], crossings[1::2], strict=False))
