"""The page that says how the service runs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flask import Blueprint, render_template

from servicedesk.core import clock
from servicedesk.core.permissions import Permission
from servicedesk.core.text import msgid
from servicedesk.monitoring.signs import Level
from servicedesk.monitoring.watching import state_of_service
from servicedesk.shell.navigation import nav
from servicedesk.shell.session import current_actor

if TYPE_CHECKING:
    from flask.typing import ResponseReturnValue

blueprint = Blueprint("status", __name__, url_prefix="/status")
ORDER = (Level.ALARM, Level.WARNING, Level.GOOD)


@blueprint.get("/")
@nav("desk.status.index", msgid("Status"), "heartbeat", 95, Permission.SERVICE_WATCH)
def index() -> ResponseReturnValue:
    """Show every part of the service, the silent ones first; the page asks for itself."""
    signs = state_of_service(current_actor())
    worst = min((sign.level for sign in signs), key=ORDER.index)
    signs.sort(key=lambda sign: ORDER.index(sign.level))
    return render_template("monitoring/status.html", signs=signs, worst=worst, at=clock.now())
