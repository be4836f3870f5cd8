"""Where the pages about days stand, for each audience."""

from __future__ import annotations

from flask import Blueprint

from servicedesk.core.permissions import Permission
from servicedesk.core.text import msgid
from servicedesk.engagement.web import desk as steering
from servicedesk.engagement.web import pages, visit
from servicedesk.shell.navigation import nav

PREFIX = "/engagement"
BOTH = ["GET", "POST"]
POST = ["POST"]

_at_portal = nav(
    "portal.engagement.index", msgid("Engagement days"), "users", 40, Permission.ENGAGEMENT_READ
)(pages.portal)


def portal() -> Blueprint:
    """Return `/engagement` of the portal."""
    made = _shared()
    made.add_url_rule("/", "index", _at_portal)
    return made


def desk() -> Blueprint:
    """Return `/engagement` of the desk."""
    made = _shared()
    made.add_url_rule("/", view_func=steering.index)
    made.add_url_rule("/calendar", view_func=steering.calendar)
    made.add_url_rule("/clients/<reference>/book", view_func=steering.book, methods=BOTH)
    made.add_url_rule("/clients/<reference>/offer", view_func=steering.offer, methods=BOTH)
    one = "/visits/<reference>"
    made.add_url_rule(f"{one}/change", view_func=steering.change, methods=BOTH)
    made.add_url_rule(f"{one}/confirm", view_func=visit.confirm, methods=POST)
    made.add_url_rule(f"{one}/cancel", view_func=visit.cancel, methods=POST)
    made.add_url_rule(f"{one}/correct", view_func=visit.correct, methods=POST)
    made.add_url_rule(f"{one}/minutes", view_func=visit.write_minutes, methods=POST)
    made.add_url_rule(f"{one}/documents", view_func=visit.add_documents, methods=POST)
    made.add_url_rule(f"{one}/actions", view_func=visit.add_action, methods=POST)
    return made


def _shared() -> Blueprint:
    made = Blueprint("engagement", __name__, url_prefix=PREFIX)
    made.add_url_rule("/clients/<reference>", view_func=pages.client)
    made.add_url_rule("/clients/<reference>/statement.pdf", view_func=pages.statement)
    made.add_url_rule("/visits/<reference>", view_func=visit.visit)
    made.add_url_rule("/visits/<reference>/documents/<file>", view_func=pages.document)
    made.add_url_rule("/amendments/<reference>", view_func=pages.amendment, methods=BOTH)
    made.add_url_rule("/amendments/<reference>/agree", view_func=pages.agree, methods=POST)
    return made
