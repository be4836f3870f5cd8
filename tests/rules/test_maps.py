"""The map: what of the world it shows, and where on the paper everything is."""

from __future__ import annotations

import json
from array import array

import pytest

from servicedesk.shell.maps import CLOSE, FAR, HEIGHT, LEAST_RING, WIDTH, Place, draw_map
from servicedesk.shell.outlines import Country, Ring, Window, countries, cut_out
from servicedesk.shell.topology import outlines_of


def square(west, south, east, north) -> Ring:
    corners = [(west, south), (east, south), (east, north), (west, north), (west, south)]
    numbers = array("i", [round(n * 1000) for corner in corners for n in corner])
    return Ring(Window(west, south, east, north), numbers)


def place(latitude, longitude, accuracy=25.0) -> Place:
    return Place(latitude=latitude, longitude=longitude, accuracy=accuracy)


ISLAND = Country("ES", (square(-1, 39, 1, 41),))
MAINLAND = Country("ES", (square(-30, 20, 30, 60),))


def test_arcs_are_put_together_into_rings_also_backwards(tmp_path):
    topology = {
        "transform": {"scale": [0.5, 0.5], "translate": [10, 20]},
        # two halves of a square; the second country runs along the first half backwards
        "arcs": [[[0, 0], [2, 0], [0, 2]], [[2, 2], [-2, 0], [0, -2]]],
        "objects": {
            "countries": {
                "geometries": [
                    {"type": "Polygon", "id": "724", "arcs": [[0, 1]]},
                    {"type": "MultiPolygon", "arcs": [[[-1]], [[1]]]},
                ]
            }
        },
    }
    path = tmp_path / "countries.json"
    path.write_bytes(outlines_of(json.dumps(topology).encode()))
    spain, nameless = countries(path)
    assert spain.code == "ES"
    assert spain.rings[0].points(0) == [(10, 20), (11, 20), (11, 21), (10, 21), (10, 20)]
    assert spain.rings[0].box == Window(10, 20, 11, 21)
    assert nameless.code == ""
    assert nameless.rings[0].points(0) == [(11, 21), (11, 20), (10, 20)]


@pytest.mark.parametrize(
    ("window", "corners"),
    [
        (Window(-5, 35, 5, 45), {(-1, 39), (1, 39), (1, 41), (-1, 41)}),  # all of it
        (Window(0, 40, 5, 45), {(0, 40), (1, 40), (1, 41), (0, 41)}),  # a corner of it
        (Window(-0.5, 39.5, 0.5, 40.5), {(-0.5, 39.5), (0.5, 39.5), (0.5, 40.5), (-0.5, 40.5)}),
        (Window(2, 39, 3, 41), set()),  # beside it
        (Window(359.5, 35, 365, 45), {(359.5, 39), (361, 39), (361, 41), (359.5, 41)}),  # around
    ],
)
def test_a_country_is_cut_to_what_the_window_shows(window, corners):
    pieces = list(cut_out(ISLAND, window))
    assert {point for piece in pieces for point in piece} == corners


def test_one_place_is_in_the_middle_and_the_window_follows_it():
    for latitude, longitude in ((40.4168, -3.7038), (28.12, -15.43), (-33.9, 151.2), (89.9, 0)):
        (marker,) = draw_map([place(latitude, longitude)], [ISLAND]).markers
        assert (marker.x, marker.y) == (WIDTH / 2, HEIGHT / 2)


def test_it_is_close_where_a_coast_is_near_and_shows_more_where_none_is():
    assert draw_map([place(40, 1)], [ISLAND]).bar_kilometres == 100
    near, far = (HEIGHT / degrees * 100_000 / 111_320 for degrees in (CLOSE, FAR))
    assert draw_map([place(40, 1)], [ISLAND]).bar == pytest.approx(near, abs=0.1)
    for empty in (ISLAND, MAINLAND):
        assert draw_map([place(45, 10)], [empty]).bar == pytest.approx(far * 2, abs=0.1)  # 200 km
    assert draw_map([place(45, 30.1)], [MAINLAND]).bar_kilometres == 100


def test_all_of_several_places_are_on_the_paper():
    spread = [place(28.1, -15.4), place(41.4, 2.2), place(43.3, -8.4)]
    picture = draw_map(spread, [ISLAND])
    for marker in picture.markers:
        assert 0 < marker.x < WIDTH
        assert 0 < marker.y < HEIGHT
    assert [picture.marker_of(index).number for index in range(3)] == [1, 2, 3]


def test_places_too_near_to_be_told_apart_share_a_marker():
    picture = draw_map([place(40, 0), place(41.9, 0), place(40.001, 0.001)], [ISLAND])
    assert [marker.places for marker in picture.markers] == [[0, 2], [1]]


def test_the_circle_is_true_to_scale_where_it_can_be_seen():
    (small,) = draw_map([place(40, 1, accuracy=25)], [ISLAND]).markers
    assert (small.ring, small.is_to_scale) == (LEAST_RING, False)
    (large,) = draw_map([place(40, 1, accuracy=50_000)], [ISLAND]).markers
    assert large.is_to_scale
    assert large.ring == pytest.approx(HEIGHT / CLOSE * 50_000 / 111_320, abs=0.1)
    (whole,) = draw_map([place(40, 1, accuracy=2_000_000)], [ISLAND]).markers
    assert whole.ring < HEIGHT  # the window grows with what is not known


def test_a_name_is_written_where_there_is_room_and_no_marker():
    (land,) = draw_map([place(40, 0)], [ISLAND]).land
    assert land.label is not None
    assert abs(land.label[1] - HEIGHT / 2) > 30
    tiny = Country("AD", (square(0.4, 40.4, 0.6, 40.6),))
    assert draw_map([place(40, 0)], [tiny]).land[0].label is None


def test_a_map_of_nothing_is_refused():
    with pytest.raises(ValueError, match="a place"):
        draw_map([], [ISLAND])
