"""The account manager's first page: what waits for them, and their clients by health."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flask import Blueprint, render_template, request

from servicedesk.core.permissions import Permission
from servicedesk.core.text import msgid
from servicedesk.engagement.web.pages import LABELS
from servicedesk.reviews import health
from servicedesk.reviews import portfolio as clients
from servicedesk.reviews.waiting import waiting_for
from servicedesk.shell.navigation import nav
from servicedesk.shell.session import current_actor

if TYPE_CHECKING:
    from flask.typing import ResponseReturnValue


def blueprint() -> Blueprint:
    """Return `/portfolio`."""
    pages = Blueprint("portfolio", __name__, url_prefix="/portfolio")
    pages.add_url_rule("/", view_func=index)
    return pages


@nav("desk.portfolio.index", msgid("My clients"), "heartbeat", -1, Permission.PORTFOLIO_READ)
def index() -> ResponseReturnValue:
    """Show what waits for an account manager, and a page of their clients, the worst first."""
    actor = current_actor()
    return render_template(
        "reviews/portfolio.html",
        found=clients.portfolio(actor, request.args.get("cursor")),
        waiting=waiting_for(actor),
        rules=health,
        health_labels=health.HEALTH_LABELS,
        **LABELS,
    )
