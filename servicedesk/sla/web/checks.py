"""The supervisor's page about checks of the clocks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flask import Blueprint, flash, redirect, render_template, url_for
from flask_babel import gettext as _

from servicedesk.shell.session import current_actor
from servicedesk.sla import checking

if TYPE_CHECKING:
    from flask.typing import ResponseReturnValue

checks = Blueprint("sla_checks", __name__, url_prefix="/sla-checks")


@checks.get("/")
def index() -> ResponseReturnValue:
    """Show the newest checks and what they found; the page asks for itself while one is made."""
    actor = current_actor()
    runs = checking.latest_checks(actor)
    return render_template(
        "sla/checks/index.html",
        runs=runs,
        running={run.id for run in runs if checking.is_running(run)},
        alarm=checking.standing_alarm(actor),
    )


@checks.post("/")
def check() -> ResponseReturnValue:
    """Have everything checked now."""
    checking.ask_check(current_actor())
    flash(_("The check is on its way. This page shows how far it is."), "success")
    return redirect(url_for(".index"))
