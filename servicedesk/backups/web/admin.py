"""The supervisor's page about backups, and about what a restore keeps back."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flask import Blueprint, current_app, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from flask_babel import ngettext

from servicedesk.backups import quarantine, queries
from servicedesk.core.actors import Side
from servicedesk.core.database import session
from servicedesk.core.errors import InvalidInput
from servicedesk.core.restored import Restoration, standing_restoration
from servicedesk.core.text import msgid
from servicedesk.shell.session import current_actor

if TYPE_CHECKING:
    from flask.typing import ResponseReturnValue

    from servicedesk.backups.queries import BackupAlarm

backups = Blueprint("backups", __name__, url_prefix="/backups")
LARGEST_ID = 2**63 - 1
MAIL_LABELS = {
    "conformity_told": msgid("Conformity"),
    "first_password": msgid("First password"),
    "password_changed": msgid("Password changed"),
    "reset_password": msgid("New password"),
    "review_acknowledged": msgid("Monthly review"),
    "review_addendum": msgid("Monthly review"),
    "review_comment": msgid("Monthly review"),
    "review_drafted": msgid("Monthly review"),
    "review_published": msgid("Monthly review"),
    "sla_differences": msgid("Checks of the clocks"),
    "sla_warning": msgid("Service level"),
    "ticket_news": msgid("News of a ticket"),
    "wide_order": msgid("A wide order"),
}


@backups.get("/")
def index() -> ResponseReturnValue:
    """List the backups there are, and what a restore keeps back."""
    actor = current_actor()
    return render_template(
        "backups/index.html",
        records=queries.latest_backups(actor),
        alarm=backup_alarm(),
        restoration=quarantine.standing(actor),
        mails=quarantine.held_mails(actor),
        most_mails=quarantine.MAILS_SHOWN,
        jobs=quarantine.held_jobs(actor),
        orders=quarantine.paused_orders(actor),
        mail_labels=MAIL_LABELS,
        folder=current_app.config["SETTINGS"].backup_folder,
        encrypts=current_app.config["SETTINGS"].backup_key is not None,
    )


@backups.post("/open")
def open_desk() -> ResponseReturnValue:
    """Let the desk act again after a restore."""
    quarantine.open_desk(current_actor())
    flash(_("The desk sends mails and commands again."), "success")
    return redirect(url_for(".index"))


@backups.post("/mails")
def mails() -> ResponseReturnValue:
    """Send the ticked mails after all, or never."""
    ids = [
        int(typed)
        for typed in request.form.getlist("mail")
        if typed.isascii() and typed.isdigit() and int(typed) <= LARGEST_ID
    ]
    if not ids:
        flash(_("Tick at least one mail."), "warning")
    elif _releases():
        count = quarantine.release_mails(current_actor(), ids)
        flash(ngettext("%(num)s mail is sent.", "%(num)s mails are sent.", count), "success")
    else:
        count = quarantine.withdraw_mails(current_actor(), ids)
        flash(
            ngettext("%(num)s mail is never sent.", "%(num)s mails are never sent.", count),
            "success",
        )
    return redirect(url_for(".index"))


@backups.post("/jobs")
def jobs() -> ResponseReturnValue:
    """Have the jobs that wait aside done, or forget them."""
    releases = _releases()
    count = quarantine.settle_jobs(current_actor(), release=releases)
    flash(
        ngettext("%(num)s job is done now.", "%(num)s jobs are done now.", count)
        if releases
        else ngettext("%(num)s job is forgotten.", "%(num)s jobs are forgotten.", count),
        "success",
    )
    return redirect(url_for(".index"))


def _releases() -> bool:
    act = request.form.get("act")
    if act not in {"release", "drop"}:
        raise InvalidInput(field="act")
    return act == "release"


def backup_alarm() -> BackupAlarm | None:
    """Return the alarm that the signed-in person should see."""
    expected = current_app.config["SETTINGS"].is_production
    return queries.standing_alarm(current_actor(), expects_backups=expected)


def restoration_seen() -> Restoration | None:
    """Return the restore that keeps everything back, for the operator's people."""
    return standing_restoration(session()) if current_actor().side is Side.OPERATOR else None
