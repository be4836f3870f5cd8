"""Charts: what they refuse, what they say, and what comes out of the renderer."""

from __future__ import annotations

import itertools
import re
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from servicedesk.shell.charts import drawing
from servicedesk.shell.charts.drawing import picture, printed, sketch
from servicedesk.shell.charts.measure import LONGEST, shortened, tidy, width_of
from servicedesk.shell.charts.palette import LIGHT, PALE
from servicedesk.shell.charts.rendering import rendered
from servicedesk.shell.charts.sketching import Layout
from servicedesk.shell.charts.values import (
    BarChart,
    Heatmap,
    Point,
    StackedBars,
    Target,
    TrendChart,
    Unit,
)
from servicedesk.shell.charts.words import summary_of
from tests.chart_samples import (
    ENGLISH,
    HOURS,
    KINDS,
    SPANISH,
    ages,
    arrivals,
    bar_chart,
    grouped,
    point,
    trend_chart,
)

CSS = Path(__file__).resolve().parents[2] / "servicedesk/shell/assets_source/desk.css"
MAY = {
    "svg": {"viewBox", "fill", "class", "role", "aria-label"},
    "g": {"transform", "aria-hidden", "stroke-linejoin"},
    "a": {"href", "aria-label", "tabindex"},
    "title": set(),
    "rect": {"class", "x", "y", "width", "height", "rx"},
    "path": {
        "d",
        "transform",
        "fill",
        "stroke",
        "stroke-width",
        "stroke-dasharray",
        "stroke-linejoin",
    },
    "line": {"x2", "y2", "transform", "stroke", "stroke-width", "stroke-dasharray"},
    "text": {"transform", "fill", "text-anchor", "font-size", "font-weight"},
}
HOSTILE = (
    "</svg><script>alert(1)</script>",
    '" onload="alert(1)',
    "']}});alert(1);//",
    "<![CDATA[x]]>&amp;&#x3c;script>",
    "datum.constructor.constructor('alert(1)')()",
    "\x00\x1b[31m\ud800\ufffe",
    "\u202egnp.exe",
    "__proto__",
    "https://example.org/x",
    "%(highest)s %s",
)


def chart(kind=BarChart, *points: Point, **more):
    return kind(title="Title", head="Head", points=points, **more)


def svgs(of):
    seen = picture(of, SPANISH)
    return [parsed(svg) for svg in (seen.wide, seen.narrow)]


def parsed(svg: str) -> ET.Element:
    return ET.fromstring(svg)  # noqa: S314  our own


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("word", HOSTILE)
def test_whatever_is_in_a_label_only_plain_shapes_come_out(kind, word):
    of = kind(word)
    for svg in svgs(of):
        for element in svg.iter():
            assert set(element.attrib) <= MAY[element.tag], element.tag
        assert {link.get("href") for link in svg.iter("a")} == {"/desk/tickets/?q=1"}
        assert any(tidy(word) in title.text for title in svg.iter("title"))
    paper = parsed(printed(of, SPANISH).svg)
    assert {element.tag.rpartition("}")[2] for element in paper.iter()} <= {*MAY, "svg"}
    assert tidy(word) in str(picture(of, SPANISH).table)


@pytest.mark.parametrize(
    "href",
    [
        "javascript:alert(1)",
        "JAVASCRIPT:alert(1)",
        "https://example.org/",
        "//example.org/",
        "/\\example.org/",
        "desk/",
        "/desk/\njavascript:x",
        "/desk/ x",
        "data:text/html,x",
    ],
)
def test_a_figure_leads_nowhere_but_into_the_desk(href):
    with pytest.raises(ValueError, match="a path of this desk"):
        Point(label="x", value=1, href=href)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -1, 1e12])
def test_what_has_no_place_on_a_scale_is_refused(value):
    with pytest.raises(ValueError, match="cannot show"):
        Point(label="x", value=value)
    with pytest.raises(ValueError, match="cannot show"):
        Target(label="x", value=value)


def test_more_series_than_can_be_told_apart_are_refused():
    points = [point("x", 1, f"series {number}") for number in range(6)]
    with pytest.raises(ValueError, match="5 series"):
        chart(BarChart, *points)
    chart(BarChart, *points[:5])


def test_a_cell_of_a_heatmap_needs_its_place():
    with pytest.raises(ValueError, match="its label and its line"):
        chart(Heatmap, point("25 h", 1, "lun"), labels=HOURS, lines=("lun",))


@pytest.mark.parametrize("kind", KINDS)
def test_a_label_without_end_is_cut_everywhere(kind):
    of = kind("W" * 10_000)
    seen = picture(of, SPANISH)
    assert "W" * (LONGEST - 1) + "…" in str(seen.table)
    assert "W" * LONGEST not in str(seen.table) + seen.wide + seen.narrow
    for layout, width in ((Layout.WIDE, 520), (Layout.NARROW, 320)):
        made = sketch(of, layout, SPANISH).spec
        assert made["width"] > 80  # there is room for marks left
        for layer in made["layer"]:
            for row in layer["data"]["values"]:
                assert width_of(row.get("words", ""), 12) <= width


@pytest.mark.parametrize("kind", [BarChart, StackedBars, TrendChart])
def test_with_no_figure_there_is_no_picture_but_a_sentence(kind):
    for of in (chart(kind), chart(kind, point("x", None))):
        seen = picture(of, SPANISH)
        assert seen.is_empty
        assert seen.summary == "There is no data yet."
        assert not printed(of, SPANISH).svg


@pytest.mark.parametrize("kind", [BarChart, StackedBars, TrendChart])
@pytest.mark.parametrize("unit", list(Unit))
@pytest.mark.parametrize("value", [0, 0.5, 1, 1e9])
def test_a_lone_figure_is_a_picture(kind, unit, value):
    for svg in svgs(chart(kind, point("Hoy", value), unit=unit)):
        assert SPANISH.figure(value, unit) in {title.text[5:] for title in svg.iter("title")} or (
            kind is StackedBars and not value
        )


def test_a_heatmap_of_nothing_is_empty_cells():
    none = [point("9 h", 0, day) for day in ("lun", "mar")]
    of = chart(Heatmap, *none, labels=HOURS, lines=("lun", "mar"))
    wide, _narrow = svgs(of)
    assert not list(wide.iter("title"))
    assert picture(of, SPANISH).summary == "0 in all."
    assert picture(replace(of, points=()), SPANISH).is_empty


@pytest.mark.parametrize(
    ("of", "sentence"),
    [
        (chart(BarChart, point("A", 3), point("B", 9)), "12 in all. Most: B, 9. Least: A, 3."),
        (chart(BarChart, point("A", 2), point("B", 2)), "All of them: 2."),
        (chart(BarChart, point("A", 1234)), "A: 1.234."),
        (
            bar_chart(),
            (
                "Most: Aguas del Sur, 99,7 %. Least: Transportes Ibéricos y Logística Reunida,"
                " S. A., 91 %. 1 of 2 miss the target of 95 %."
            ),
        ),
        (grouped(), "Recibidos 1.060; Resueltos 63."),
        (ages(), "130 in all: Hasta 2 días 39; 3 a 7 días 70; Más de 7 días 21."),
        (
            trend_chart(),
            (
                "Primera respuesta: from 99 % in ago 26 to 96 % in nov 26. Resolución: from 93 % in"
                " ago 26 to 96 % in nov 26. 3 of 7 miss the target of 95 %."
            ),
        ),
        (
            chart(TrendChart, point("oct", 7.25), point("nov", 6), unit=Unit.HOURS),
            "From 7,2 h in oct to 6 h in nov.",
        ),
        (
            chart(
                TrendChart,
                point("oct", 9),
                point("nov", 6),
                unit=Unit.HOURS,
                target=Target(value=8, label="Máximo", at_most=True),
            ),
            "From 9 h in oct to 6 h in nov. 1 of 2 miss the target of 8 h.",
        ),
        (
            chart(TrendChart, *(point("nov", n, f"s{n}") for n in (1, 2, 3))),
            "s1 1 (nov); s2 2 (nov); s3 3 (nov).",
        ),
        (arrivals(), "560 in all. Most: dom, 9 h, 140."),
    ],
)
def test_one_sentence_says_what_the_picture_shows(of, sentence):
    assert summary_of(of, SPANISH).replace("\u00a0", " ") == sentence


@pytest.mark.parametrize(
    ("value", "shown"),
    [(0, "0 %"), (0.00001, "0.1 %"), (0.947, "94.7 %"), (0.9999, "99.9 %"), (1, "100 %")],
)
def test_a_share_is_never_rounded_to_none_or_all(value, shown):
    assert ENGLISH.figure(value, Unit.PERCENT).replace("\u00a0", " ") == shown


def test_the_table_has_every_figure_with_its_link():
    table = picture(ages(), SPANISH).table
    assert table.headers == ("Prioridad", "Hasta 2 días", "3 a 7 días", "Más de 7 días")
    assert [label for label, _cells in table.rows] == ["Crítica", "Alta"]
    cell = table.rows[1][1][1]
    assert (cell.text, cell.href, cell.name) == ("60", "/desk/tickets/?q=1", "Alta, 3 a 7 días: 60")
    lone = picture(bar_chart(), SPANISH).table
    assert lone.headers == ("Cliente", "En plazo")
    assert lone.rows[2][1][0].text == "—"
    hours = picture(arrivals(), SPANISH).table
    assert len(hours.rows) == 24
    assert [cell.text for cell in hours.rows[9][1]] == ["20", "40", "60", "80", "100", "120", "140"]
    assert [cell.text for cell in hours.rows[0][1]] == ["0"] * 7


def test_who_has_the_same_name_as_somebody_else_keeps_a_row():
    seen = picture(chart(BarChart, point("Acme", 1), point("Acme", 2)), SPANISH)
    assert [(label, cells[0].text) for label, cells in seen.table.rows] == [
        ("Acme", "1"),
        ("Acme", "2"),
    ]


def test_more_rows_than_have_room_are_in_the_table_only():
    seen = picture(chart(BarChart, *(point(f"Row {n}", n) for n in range(30))), SPANISH)
    assert (seen.drawn, len(seen.table.rows)) == (24, 30)
    assert "Row 23" in seen.wide
    assert "Row 24" not in seen.wide


def test_the_parts_of_a_bar_are_as_long_as_their_figures():
    wide, _narrow = svgs(ages())
    parts = [
        float(re.search(r"h([\d.]+)v", path.get("d"))[1])
        for path in wide.iter("path")
        if path.get("stroke") == "var(--chart-surface)"
    ]
    assert parts[2] == 0
    unit = parts[0] / 30
    expected = [30, 10, 0, 9, 60, 21]
    assert [part / unit for part in parts] == pytest.approx(expected, abs=0.1)


def test_a_month_without_a_figure_is_a_gap():
    of = trend_chart()
    for svg in svgs(of):
        dashed = [p for p in svg.iter("path") if p.get("stroke-width") == "2" and not p.get("fill")]
        assert [path.get("d").count("M") for path in dashed] == [2, 1]


def test_names_at_the_ends_of_lines_do_not_meet():
    of = chart(TrendChart, *(point("nov", 5, f"series {n}") for n in range(5)))
    made = sketch(of, Layout.WIDE, SPANISH).spec
    at = {
        row["words"]: row["y"]
        for layer in made["layer"]
        for row in layer["data"]["values"]
        if str(row.get("words", "")).startswith("series")
    }
    assert len(at) == 5
    assert all(b - a >= 30 for a, b in itertools.pairwise(sorted(at.values())))
    assert min(at.values()) > 0
    assert max(at.values()) < made["height"]


def test_lines_are_told_apart_without_colours():
    of = chart(TrendChart, *(point(m, n, f"s{n}") for n in range(5) for m in ("oct", "nov")))
    layers = sketch(of, Layout.WIDE, SPANISH).spec["layer"]
    dashes = [str(one["mark"]["strokeDash"]) for one in layers if one["mark"]["type"] == "line"]
    assert len(set(dashes)) == 5
    signs = next(one for one in layers if one["mark"]["type"] == "point")
    assert len({row["shape"] for row in signs["data"]["values"]}) == 5


@pytest.mark.parametrize("kind", KINDS)
def test_the_picture_scales_and_follows_the_theme(kind):
    seen = picture(kind(), SPANISH)
    for layout, svg in zip(Layout, svgs(kind()), strict=True):
        assert svg.get("class") == f"chart-{layout}"
        assert svg.get("aria-label") == f"{seen.title}. {seen.summary}"
        assert re.fullmatch(r"0 0 (520|320|760) \d+", svg.get("viewBox"))
        for element in svg.iter():
            for side in ("fill", "stroke"):
                colour = element.get(side, "none")
                assert colour == "none" or re.fullmatch(r"var\(--chart-[a-z0-9-]+\)", colour)


@pytest.mark.parametrize("kind", KINDS)
def test_on_paper_it_has_its_own_colours_size_and_letters(kind):
    svg = printed(kind(), SPANISH).svg
    root = parsed(svg)
    assert root.get("font-family") == "Libertinus Serif"
    assert root.get("viewBox") == f"0 0 {root.get('width')} {root.get('height')}"
    assert "var(" not in svg
    assert "href" not in svg
    assert {"#1d2733"} <= set(re.findall(r"#[0-9a-f]{6}", svg)) <= set(LIGHT.values())


def test_marks_with_links_are_walked_and_named_and_cells_are_left_to_the_table():
    for svg in svgs(bar_chart()):
        assert svg.get("role") == "group"
        names = [link.get("aria-label") for link in svg.iter("a")]
        assert names[0] == "Aguas del Sur: 99,7\u00a0%"
        assert len(names) == 3
        assert not [link for link in svg.iter("a") if link.get("tabindex")]
    for svg in svgs(arrivals()):
        assert svg.get("role") == "group"
        assert len(list(svg.iter("a"))) == 7
        assert {link.get("tabindex") for link in svg.iter("a")} == {"-1"}
        assert {child.get("aria-hidden") for child in svg} == {"true"}
    without = chart(BarChart, Point(label="A", value=1), Point(label="B", value=2))
    assert {svg.get("role") for svg in svgs(without)} == {"img"}


def test_a_description_of_ones_own_names_the_mark():
    of = chart(BarChart, point("A", 1, description="One ticket of A"), point("B", 2))
    wide, _narrow = svgs(of)
    assert next(wide.iter("a")).get("aria-label") == "One ticket of A"


def test_the_same_content_is_drawn_once_and_another_language_anew(monkeypatch):
    drawn = []
    monkeypatch.setattr(drawing, "rendered", lambda spec: drawn.append(spec) or rendered(spec))
    picture.cache_clear()
    first = picture(grouped(), SPANISH)
    assert picture(grouped(), SPANISH) is first
    assert len(drawn) == 2  # a card and a phone
    assert "1.048" in first.wide
    assert "1,048" in picture(grouped(), ENGLISH).wide
    assert len(drawn) == 4
    picture(grouped("Abiertos"), SPANISH)
    assert len(drawn) == 6


@settings(max_examples=25, deadline=None, derandomize=True, database=None)
@example([("a", 8e-171, "a")], TrendChart, Unit.HOURS)
@given(
    st.lists(
        st.tuples(st.text(max_size=30), st.none() | st.floats(0, 1e9), st.sampled_from("ab")),
        max_size=8,
    ),
    st.sampled_from([BarChart, StackedBars, TrendChart]),
    st.sampled_from(list(Unit)),
)
def test_any_labels_and_figures_can_be_drawn(figures, kind, unit):
    of = chart(kind, *(point(*figure) for figure in figures), unit=unit)
    seen = picture(of, SPANISH)
    assert seen.is_empty == (not of.known)
    if of.known:
        assert all(svg.tag == "svg" for svg in svgs(of))


def test_words_are_shortened_to_their_room():
    assert shortened("Aguas del Sur", 200, 12) == "Aguas del Sur"
    cut = shortened("Aguas del Sur", 60, 12)
    assert cut.endswith("…")
    assert width_of(cut, 12) <= 60
    assert width_of("日本", 12) > width_of("il", 12)


def themes() -> tuple[dict[str, str], dict[str, str]]:
    """Return the colours of the style sheet, light and dark."""
    css = CSS.read_text(encoding="utf-8")
    found = re.findall(r"--chart-([a-z0-9-]+): (#[0-9a-f]{6});", css)
    assert len(found) == 2 * len(LIGHT)
    return dict(found[: len(LIGHT)]), dict(found[len(LIGHT) :])


def contrast(one: str, other: str) -> float:
    def luminance(colour: str) -> float:
        parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
        linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    dark, light = sorted((luminance(one), luminance(other)))
    return (light + 0.05) / (dark + 0.05)


def test_the_style_sheet_has_the_same_colours_and_all_can_be_told_from_the_ground():
    light, dark = themes()
    assert light == LIGHT
    for theme, page in ((light, "#f4f6f9"), (dark, "#10161d")):
        assert theme.keys() == LIGHT.keys()
        for name, colour in theme.items():
            if name in {"ink", "quiet"}:
                assert contrast(colour, theme["surface"]) >= 4.5, name
            if re.match(r"series|step|good|warn|bad|calm|line", name):
                assert contrast(colour, theme["surface"]) >= 3, name
                assert contrast(colour, page) >= 2.9, name
            if re.match(r"series|step|good|warn|bad|calm|heat-[1-5]", name):
                on = theme["on-pale" if name in PALE else "on"]
                assert contrast(colour, on) >= 4.5, name


# how red-blind, green-blind and blue-blind eyes see linear light (Machado, Oliveira, Fernandes 2009)
EYES = (
    ((1, 0, 0), (0, 1, 0), (0, 0, 1)),
    ((0.152, 1.053, -0.205), (0.115, 0.786, 0.099), (-0.004, -0.048, 1.052)),
    ((0.367, 0.861, -0.228), (0.280, 0.673, 0.047), (-0.012, 0.043, 0.969)),
    ((1.256, -0.077, -0.179), (-0.078, 0.931, 0.148), (0.005, 0.691, 0.304)),
)


def seen_by(eye, colour: str) -> tuple[float, float, float]:
    """Return the colour such an eye sees, in CIELAB, where distances are as they are felt."""
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
    r, g, b = (min(max(sum(k * v for k, v in zip(row, linear, strict=True)), 0), 1) for row in eye)
    x = (0.4124 * r + 0.3576 * g + 0.1805 * b) / 0.9505
    y = 0.2126 * r + 0.7152 * g + 0.0722 * b
    z = (0.0193 * r + 0.1192 * g + 0.9505 * b) / 1.089
    x, y, z = (v ** (1 / 3) if v > 0.008856 else 7.787 * v + 16 / 116 for v in (x, y, z))
    return 116 * y - 16, 500 * (x - y), 200 * (y - z)


def test_colours_of_series_and_tones_differ_for_every_eye():
    for theme, eye in itertools.product(themes(), EYES):
        for family in (r"series", r"good|warn|bad|calm"):
            colours = [colour for name, colour in theme.items() if re.match(family, name)]
            for one, other in itertools.combinations([seen_by(eye, c) for c in colours], 2):
                apart = sum((a - b) ** 2 for a, b in zip(one, other, strict=True)) ** 0.5
                assert apart > 13
