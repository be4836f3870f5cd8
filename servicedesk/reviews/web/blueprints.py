"""Where the pages of reviews stand, for each audience."""

from __future__ import annotations

from flask import Blueprint

from servicedesk.core.permissions import Permission
from servicedesk.core.text import msgid
from servicedesk.reviews.web import acting, documents, evidence, pages, writing
from servicedesk.shell.navigation import nav

PREFIX = "/reviews"
BOTH = ["GET", "POST"]
POST = ["POST"]

_at_portal = nav(
    "portal.reviews.index", msgid("Reviews"), "clipboard-check", 42, Permission.REVIEW_READ
)
_at_desk = nav(
    "desk.reviews.index", msgid("Reviews"), "clipboard-check", 49, Permission.REVIEW_READ
)


def portal() -> Blueprint:
    """Return `/reviews` of the portal."""
    made = _shared()
    made.add_url_rule("/", "index", _at_portal(pages.index))
    made.add_url_rule("/<reference>/acknowledge", view_func=pages.acknowledge, methods=POST)
    return made


def desk() -> Blueprint:
    """Return `/reviews` of the desk."""
    made, one = _shared(), "/<reference>"
    made.add_url_rule("/", "index", _at_desk(pages.index))
    made.add_url_rule(f"{one}/write", view_func=writing.write)
    made.add_url_rule(f"{one}/texts/<place>", view_func=writing.save, methods=POST)
    made.add_url_rule(f"{one}/mark", view_func=writing.mark, methods=POST)
    made.add_url_rule(f"{one}/recount", view_func=writing.recount, methods=POST)
    made.add_url_rule(f"{one}/recounting", view_func=writing.recounting)
    made.add_url_rule(f"{one}/publish", view_func=writing.publish, methods=POST)
    made.add_url_rule(f"{one}/actions", view_func=acting.add_action, methods=POST)
    made.add_url_rule(
        f"{one}/actions/<int:action_id>/remove", view_func=acting.remove_action, methods=POST
    )
    made.add_url_rule(f"{one}/meeting", "meeting", acting.meet, methods=BOTH)
    made.add_url_rule(f"{one}/addendum", view_func=acting.addendum, methods=BOTH)
    return made


def _shared() -> Blueprint:
    made, one = Blueprint("reviews", __name__, url_prefix=PREFIX), "/<reference>"
    made.add_url_rule(one, view_func=pages.show)
    made.add_url_rule(f"{one}/figures/<figure>", view_func=evidence.evidence)
    made.add_url_rule(f"{one}/comments", view_func=pages.comment, methods=POST)
    made.add_url_rule(f"{one}/review.pdf", view_func=documents.paper)
    made.add_url_rule(f"{one}/review.xlsx", view_func=documents.spreadsheet)
    made.add_url_rule(f"{one}/content.json", view_func=pages.content)
    made.add_url_rule(f"{one}/evidence.json", view_func=pages.all_evidence)
    return made
