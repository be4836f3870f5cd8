"""One's own notices: a bell in the header, and the page behind it; for both audiences."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flask import Blueprint, redirect, render_template, request, url_for

from servicedesk.accounts import notices
from servicedesk.accounts.queries import numbered
from servicedesk.shell.navigation import to
from servicedesk.shell.session import current_actor

if TYPE_CHECKING:
    from flask.typing import ResponseReturnValue

# the page that a kind of notice leads to, by its reference
LEADS_TO = {
    "sla_warning": "tickets.show",
    "planned_notice": "planned.task",
    "planned_called_off": "planned.task",
    "planned_approval": "orders.show",
    "engagement_warning": "engagement.client",
    "unhappy_client": "tickets.show",
    "visit_outcome": "engagement.visit",
    "review_drafted": "reviews.show",
    "review_published": "reviews.show",
    "review_acknowledged": "reviews.show",
    "review_comment": "reviews.show",
    "review_addendum": "reviews.show",
    "report_failed": "reports.show",
    "report_left_out": "reports.show",
    "report_stopped": "reports.show",
}


def blueprint() -> Blueprint:
    """Return `/notices`."""
    pages = Blueprint("notices", __name__, url_prefix="/notices")
    pages.add_url_rule("/", view_func=index)
    pages.add_url_rule("/read", view_func=read_all, methods=["POST"])
    pages.add_url_rule("/<notice_id>/read", view_func=read, methods=["POST"])
    pages.add_url_rule("/<notice_id>/open", view_func=open_subject, methods=["POST"])
    return pages


def unread_notices() -> int:
    """Return what the bell shows."""
    return notices.unread_count(current_actor())


def index() -> ResponseReturnValue:
    """Show a page of one's notices, newest first."""
    page = notices.notices(current_actor(), request.args.get("cursor"))
    return render_template("accounts/notices.html", page=page, most=notices.MOST_COUNTED)


def read(notice_id: str) -> ResponseReturnValue:
    """Put one away, and stay where one is in the list."""
    notices.read_notice(current_actor(), numbered(notice_id))
    return redirect(url_for(".index", cursor=request.args.get("cursor")))


def read_all() -> ResponseReturnValue:
    """Put away what was seen; what came since stays."""
    notices.read_all_notices(current_actor(), numbered(request.form.get("up_to", "")))
    return redirect(url_for(".index"))


def open_subject(notice_id: str) -> ResponseReturnValue:
    """Go to what a notice is about; with that it is read."""
    notice = notices.read_notice(current_actor(), numbered(notice_id))
    page = LEADS_TO.get(notice.kind)
    return redirect(to(page, reference=notice.reference) if page else url_for(".index"))
