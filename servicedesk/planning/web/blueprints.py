"""The pages of planned work, for both audiences."""

from __future__ import annotations

from flask import Blueprint

from servicedesk.planning.web import calendar, feeds, punctuality, task_routes


def planned() -> Blueprint:
    """Return `/planned`."""
    pages = Blueprint("planned", __name__, url_prefix="/planned")
    calendar.add(pages)
    feeds.add(pages)
    punctuality.add(pages)
    task_routes.add(pages)
    return pages
