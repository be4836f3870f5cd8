"""The punctuality of planned tasks: figures of a month, their trend, and every miss."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flask import render_template, request
from flask_babel import gettext as _

from servicedesk.planning import punctuality as figures
from servicedesk.planning.models import CATEGORY_LABELS, RUN_STATE_LABELS
from servicedesk.planning.occasions import reason_of
from servicedesk.planning.punctual import DEFINITION, FIGURE_LABELS, Figure, Wanted
from servicedesk.planning.web.calendar import MARKS
from servicedesk.planning.web.places import run_page, task_page
from servicedesk.shell.charts.showing import this_reader
from servicedesk.shell.charts.values import Point, TrendChart, Unit
from servicedesk.shell.navigation import to
from servicedesk.shell.session import current_actor
from servicedesk.sla.evidence import month_of
from servicedesk.sla.web.evidence_words import month_words, short_month

if TYPE_CHECKING:
    from flask import Blueprint
    from flask.typing import ResponseReturnValue

    from servicedesk.planning.punctuality import Counted, Punctuality

SHOWN = (
    Figure.PLANNED,
    Figure.PUNCTUAL,
    Figure.LATE,
    Figure.MISSED,
    Figure.LEFT_OUT,
    Figure.FAILED,
)


def add(pages: Blueprint) -> None:
    """Add `/planned/punctuality`."""
    pages.add_url_rule("/punctuality", endpoint="punctuality", view_func=index)
    pages.add_url_rule("/punctuality/runs", endpoint="punctuality_runs", view_func=runs)


def index() -> ResponseReturnValue:
    """Show the figures of a month with every miss."""
    actor = current_actor()
    found = figures.punctuality(actor, Wanted.read(request.args))
    missed = found.wanted.but(figure=Figure.NOT_PUNCTUAL.value)
    return render_template(
        "planned/punctuality.html",
        found=found,
        shown=SHOWN,
        labels=FIGURE_LABELS,
        definition=DEFINITION,
        categories=CATEGORY_LABELS,
        months=[(month_of(month), month_words(month)) for month in reversed(found.months)],
        trend=trend(found),
        missed=missed,
        page=figures.runs_behind(actor, missed),
        words=WORDS,
    )


def runs() -> ResponseReturnValue:
    """List the runs behind a figure."""
    actor = current_actor()
    wanted = figures.settled(actor, Wanted.read(request.args))
    return render_template(
        "planned/punctuality_runs.html",
        wanted=wanted,
        heading=FIGURE_LABELS[Figure(wanted.figure or Figure.PLANNED)],
        categories=CATEGORY_LABELS,
        page=figures.runs_behind(actor, wanted, request.args.get("cursor")),
        words=WORDS,
    )


def trend(found: Punctuality) -> TrendChart:
    """Return the punctuality over thirteen months; each point opens the runs of its month."""
    return TrendChart(
        title=_("Punctuality over thirteen months"),
        head=_("Month"),
        what=_("Punctuality"),
        unit=Unit.PERCENT,
        points=tuple(_point(one) for one in found.trend)
        if any(one.planned for one in found.trend)
        else (),
    )


def _point(one: Counted) -> Point:
    label = short_month(one.of)
    reader = this_reader()
    return Point(
        label=label,
        value=one.share,
        href=to("planned.punctuality_runs", **one.behind.as_words()) if one.planned else "",
        description=_(
            "%(month)s: %(share)s of %(all)s",
            month=label,
            share=reader.figure(one.share, Unit.PERCENT),
            all=reader.figure(one.planned, Unit.COUNT),
        ),
    )


WORDS = {
    "marks": MARKS,
    "month": month_words,
    "reason": reason_of,
    "run_page": run_page,
    "states": RUN_STATE_LABELS,
    "task_page": task_page,
}
