"""The service levels at a glance, for both audiences, and on a screen on the wall."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flask import Blueprint, render_template, request

from servicedesk.core.permissions import Permission
from servicedesk.core.text import msgid
from servicedesk.shell.navigation import nav
from servicedesk.shell.session import current_actor
from servicedesk.sla.cycles import OPEN_STANDINGS
from servicedesk.sla.dashboard import dashboard, standing_now
from servicedesk.sla.evidence import Evidence, month_of
from servicedesk.sla.web import pictures
from servicedesk.sla.web.evidence_words import month_words

if TYPE_CHECKING:
    from flask.typing import ResponseReturnValue

ON_THE_WALL = 8
TONES = {"breached": "bad", "at_risk": "warn", "paused": "calm", "on_track": "good"}


def portal() -> Blueprint:
    """Return `/sla` for those whose service it is."""
    blueprint = Blueprint("sla", __name__, url_prefix="/sla")
    blueprint.add_url_rule("/", view_func=index)
    return blueprint


def desk() -> Blueprint:
    """Return `/sla` for those who give it."""
    blueprint = portal()
    blueprint.add_url_rule("/wall", view_func=wall)
    return blueprint


@nav("portal.sla.index", msgid("Service level"), "clock", 25, Permission.TICKET_READ)
@nav("desk.sla.index", msgid("Service level"), "clock", 25, Permission.TICKET_READ)
def index() -> ResponseReturnValue:
    """Show how what is open stands, what was kept, and what came when."""
    found = dashboard(current_actor(), Evidence.read(request.args))
    return render_template(
        "sla/index.html",
        found=found,
        months=[(month_of(month), month_words(month)) for month in reversed(found.months)],
        pictures=pictures,
        standings=OPEN_STANDINGS,
        tones=TONES,
    )


def wall() -> ResponseReturnValue:
    """Show large figures without anything around them; visitors may see them."""
    now = standing_now(current_actor(), Evidence.read(request.args), ON_THE_WALL)
    return render_template(
        "sla/wall.html",
        now=now,
        standings=OPEN_STANDINGS,
        tones=TONES,
        theme="light" if request.args.get("theme") == "light" else "dark",
    )
