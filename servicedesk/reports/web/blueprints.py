"""Where the pages of reports stand, for both audiences."""

from __future__ import annotations

from flask import Blueprint

from servicedesk.core.permissions import Permission
from servicedesk.core.text import msgid
from servicedesk.reports.web import files, pages, schedules
from servicedesk.shell.navigation import nav

BOTH = ["GET", "POST"]
POST = ["POST"]

for _audience, _order in (("portal", 45), ("desk", 65)):
    nav(f"{_audience}.reports.index", msgid("Reports"), "file", _order, Permission.REPORT_MAKE)(
        pages.index
    )


def blueprint() -> Blueprint:
    """Return `/reports`."""
    made = Blueprint("reports", __name__, url_prefix="/reports")
    made.add_url_rule("/", view_func=pages.index)
    made.add_url_rule("/new", view_func=pages.create, methods=BOTH)
    made.add_url_rule("/<reference>", view_func=pages.show)
    made.add_url_rule("/<reference>/edit", view_func=pages.edit, methods=BOTH)
    made.add_url_rule("/<reference>/keep", view_func=pages.keep, methods=POST)
    made.add_url_rule("/<reference>/schedule", view_func=schedules.schedule, methods=BOTH)
    made.add_url_rule("/<reference>/unschedule", view_func=schedules.unschedule, methods=POST)
    made.add_url_rule("/<reference>/run", view_func=pages.run, methods=POST)
    made.add_url_rule("/<reference>/delete", view_func=pages.delete, methods=POST)
    made.add_url_rule("/files/<key>", "show_file", files.show)
    made.add_url_rule("/files/<key>/progress", view_func=files.progress)
    made.add_url_rule("/files/<key>/cancel", view_func=files.cancel, methods=POST)
    made.add_url_rule("/files/<key>/download", view_func=files.download)
    return made
