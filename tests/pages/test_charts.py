"""Charts in a real browser, in a page that has nothing else: what is seen, pressed and read."""

from __future__ import annotations

import threading

import pytest
from flask import Flask, render_template_string
from werkzeug.serving import make_server

from config import ROOT, Settings
from servicedesk.shell import assets, formatting, language, security
from servicedesk.shell.charts import showing
from servicedesk.shell.charts.values import BarChart, Point
from tests.chart_samples import KINDS, ages, bar_chart, trend_chart
from tests.pages.test_accessible import violations

PAGE = """
{% extends "layouts/root.html" %}
{% from "components/chart.html" import chart with context %}
{% from "components/bar.html" import bar %}
{% from "components/sparkline.html" import sparkline with context %}
{% block title %}Charts{% endblock %}
{% block frame %}
  <main id="main" class="container-xl py-4"><h1>Charts</h1>
    <div class="row g-3">
      {% for one in charts %}
        <div class="col-12{% if loop.index < 5 %} col-lg-6{% endif %}">
          <div class="card"><div class="card-body">{{ chart(one) }}</div></div>
        </div>
      {% endfor %}
    </div>
    <p>{{ bar(0.62, "62 % used", (0.75, 1)) }}{{ bar(0.8, "80 % used", (0.75, 1)) }}
    {{ bar(1.3, "130 % used", (0.75, 1)) }}{{ bar(0.5, "Half") }}
    {{ sparkline((3, none, 5, 4), "From 3 to 4") }}{{ sparkline((2,), "2") }}
    {{ sparkline((none,), "Nothing") }}</p>
  </main>
{% endblock %}
"""
HOSTILE = '</svg><script>document.title = "taken"</script>'
# how large letters are when the page is shown, and whether all of them are on the paper
LOOK = """
() => [...document.querySelectorAll('.chart > svg')].filter(svg => svg.getClientRects().length)
  .map(svg => {
    const paper = svg.getBoundingClientRect();
    const scale = paper.width / svg.viewBox.baseVal.width;
    const texts = [...svg.querySelectorAll('text')];
    return {
      name: svg.getAttribute('aria-label'),
      layout: svg.classList[0],
      smallest: Math.min(...texts.map(text => parseFloat(getComputedStyle(text).fontSize) * scale)),
      outside: texts.filter(text => {
        const box = text.getBoundingClientRect();
        return box.left < paper.left - 1 || box.right > paper.right + 1
          || box.top < paper.top - 1 || box.bottom > paper.bottom + 1;
      }).map(text => text.textContent),
    };
  })
"""


@pytest.fixture(scope="module")
def address():
    """The address of an application that has nothing but the shell and a page of charts."""
    app = Flask("servicedesk", root_path=str(ROOT))
    app.secret_key = "a key of the tests"
    for part in (language, formatting, assets, showing):
        part.install(app)
    security.install(app, Settings.from_environment({}))

    @app.get("/")
    def page() -> str:
        empty = BarChart(title="Sin datos", head="Mes", points=())
        long = BarChart(
            title="Largo",
            head="Fila",
            points=tuple(Point(label=f"{n}", value=n) for n in range(30)),
        )
        return render_template_string(PAGE, charts=[*(kind() for kind in KINDS), empty, long])

    @app.get("/hostile")
    def hostile() -> str:
        return render_template_string(PAGE, charts=[kind(HOSTILE) for kind in KINDS])

    @app.get("/desk/tickets/")
    def tickets() -> str:
        return '<title>Tickets</title><link rel="icon" href="data:,">'

    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def visit(browser, address):
    """Open a page; whatever the browser complains about fails the test."""
    contexts, complaints = [], []

    def open_page(path="/", width=1280, scheme="light", spoken="es-ES"):
        context = browser.new_context(
            locale=spoken, color_scheme=scheme, viewport={"width": width, "height": 900}
        )
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda message: complaints.append(message.text))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.goto(address + path)
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert complaints == []


@pytest.mark.parametrize(
    ("width", "scheme", "layouts"),
    [
        (1280, "light", {"chart-wide"}),
        (1280, "dark", {"chart-wide"}),
        (390, "light", {"chart-narrow"}),
        (390, "dark", {"chart-narrow"}),
    ],
)
def test_it_is_legible_and_accessible_wide_and_narrow_light_and_dark(visit, width, scheme, layouts):
    page = visit("/", width, scheme)
    page.evaluate("document.querySelectorAll('details').forEach(one => { one.open = true })")
    assert violations(page) == []
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    seen = page.evaluate(LOOK)
    assert len(seen) == 6
    assert {one["layout"] for one in seen} == layouts
    for one in seen:
        assert one["smallest"] >= 11, one["name"]
        assert one["outside"] == [], one["name"]
    assert page.get_by_text("Sin datos").count()


def test_marks_have_the_colours_of_the_theme_and_the_letters_of_the_page(visit):
    mark = '.chart-wide [fill="var(--chart-step-1)"]'
    colours = set()
    for scheme in ("light", "dark"):
        page = visit("/", scheme=scheme)
        colours.add(page.locator(mark).first.evaluate("it => getComputedStyle(it).fill"))
    assert colours == {"rgb(116, 141, 171)", "rgb(85, 115, 143)"}
    letters = page.locator(".chart-wide text").first.evaluate(
        "it => getComputedStyle(it).fontFamily"
    )
    assert letters == page.evaluate("getComputedStyle(document.body).fontFamily")
    page.emulate_media(media="print")  # paper is white, whatever the screen was
    assert page.locator(mark).first.evaluate("it => getComputedStyle(it).fill") in colours - {
        "rgb(85, 115, 143)"
    }


def test_a_mark_leads_to_what_it_counts_by_hand_and_by_keyboard(visit):
    page = visit()
    name = f"Crítica, {ages().series[0]}: 30"
    page.get_by_role("link", name=name).first.click()
    page.wait_for_url("**/desk/tickets/?q=1")
    page.go_back()
    page.locator("body").press("Tab")  # to the content
    page.keyboard.press("Tab")
    focused = page.evaluate("document.activeElement.getAttribute('aria-label')")
    assert focused == f"{bar_chart().points[0].label}: 99,7\u00a0%"
    page.keyboard.press("Enter")
    page.wait_for_url("**/desk/tickets/?q=1")


def test_the_table_beside_has_the_same_figures_and_links(visit):
    page = visit()
    figure = page.locator("figure", has_text=trend_chart().title)
    figure.locator("summary").click()
    table = figure.locator("table")
    assert table.get_by_role("columnheader").all_text_contents() == [
        "Mes",
        "Primera respuesta",
        "Resolución",
    ]
    assert table.get_by_role("row").nth(2).inner_text().split("\t") == ["sep 26", "—", "91\u00a0%"]
    table.get_by_role("link", name="ago 26, Resolución: 93 %").click()
    page.wait_for_url("**/desk/tickets/?q=1")


def test_rows_that_have_no_room_are_announced(visit):
    page = visit(spoken="en-GB")
    assert page.get_by_text("The picture has the first 24 of 30; the table has them all.").count()


def test_hostile_words_are_words(visit):
    page = visit("/hostile")
    assert page.title().startswith("Charts")
    assert page.locator("main script").count() == 0
    assert page.locator("figure", has_text=HOSTILE[:20]).count() == len(KINDS)


def test_a_bar_of_a_share_is_read_out_and_warns(visit):
    page = visit()
    for words, tone in (("62 % used", "good"), ("80 % used", "warn"), ("130 % used", "bad")):
        bar = page.get_by_role("img", name=words, exact=True)
        assert bar.locator(f"rect.{tone}").count() == 1
    assert page.get_by_role("img", name="From 3 to 4").locator("path").get_attribute("d") == (
        "M2.0,21.0M66.0,3.0L98.0,12.0"
    )
