"""Charts on pages: what the templates need."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flask_babel import get_locale

from servicedesk.shell.charts.drawing import Picture, picture
from servicedesk.shell.charts.words import Reader
from servicedesk.shell.language import translate

if TYPE_CHECKING:
    from flask import Flask

    from servicedesk.shell.charts.values import Chart


def install(app: Flask) -> None:
    """Give templates `picture_of`, which `components/chart.html` asks."""
    app.jinja_env.globals["picture_of"] = picture_of


def this_reader() -> Reader:
    """Return who asks for this page, in the language that is spoken here."""
    return Reader(str(get_locale()), translate)


def picture_of(chart: Chart) -> Picture:
    """Return a chart as this page's reader sees it."""
    return picture(chart, this_reader())
