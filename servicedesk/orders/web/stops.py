"""The stop button of a client, for whoever sees its fleet."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flask import Blueprint, flash, redirect, render_template, url_for
from flask_babel import gettext as _
from flask_babel import lazy_gettext
from flask_wtf import FlaskForm
from wtforms import TextAreaField
from wtforms.validators import InputRequired, Length

from servicedesk.clients.choices import clients_to_choose
from servicedesk.core.permissions import Permission, may
from servicedesk.core.text import msgid
from servicedesk.orders import stopping
from servicedesk.shell.navigation import nav
from servicedesk.shell.session import current_actor
from servicedesk.shell.submission import form_status, refusals_beside_fields

if TYPE_CHECKING:
    from flask.typing import ResponseReturnValue


class StopForm(FlaskForm):
    """Why everything destructive has to stop."""

    reason = TextAreaField(
        lazy_gettext("Reason"),
        [
            InputRequired(lazy_gettext("This is needed.")),
            Length(max=stopping.REASON_LENGTH, message=lazy_gettext("This is too long.")),
        ],
    )


@nav("portal.stops.index", msgid("Stop wipes"), "hand-stop", 90, Permission.DESTRUCTION_STOP)
@nav("desk.stops.index", msgid("Stop wipes"), "hand-stop", 90, Permission.DESTRUCTION_STOP)
def index() -> ResponseReturnValue:
    """Choose the client; a contact has one."""
    clients = clients_to_choose(current_actor())
    if len(clients) == 1:
        return redirect(url_for(".show", reference=clients[0].reference))
    return render_template(
        "orders/stops.html",
        clients=clients,
        standing=stopping.standing_stops(current_actor()),
    )


def show(reference: str) -> ResponseReturnValue:
    """Show whether the client's stop is on, with its history."""
    return _page(reference, StopForm())


def _page(reference: str, form: StopForm) -> ResponseReturnValue:
    actor = current_actor()
    view = stopping.stops_of(actor, reference)
    page = render_template(
        "orders/stop.html",
        view=view,
        form=form,
        may_release=may(actor, Permission.DESTRUCTION_RELEASE),
    )
    return page, form_status(form)


def stop(reference: str) -> ResponseReturnValue:
    """Stop everything destructive now."""
    form = StopForm()
    stopping.stops_of(current_actor(), reference)
    if form.validate_on_submit():
        with refusals_beside_fields(form):
            stopping.stop_destruction(current_actor(), reference, form.reason.data or "")
            flash(_("Stopped: nothing destructive leaves any more."))
            return redirect(url_for(".show", reference=reference))
    return _page(reference, form)


def ask_release(reference: str) -> ResponseReturnValue:
    """Ask as the first of two people."""
    stopping.ask_release(current_actor(), reference)
    flash(_("Somebody else has to confirm the release now."))
    return redirect(url_for(".show", reference=reference))


def release(reference: str) -> ResponseReturnValue:
    """Confirm as the second."""
    stopping.release(current_actor(), reference)
    flash(_("Released. Its orders stay paused until somebody resumes them."))
    return redirect(url_for(".show", reference=reference))


def blueprint() -> Blueprint:
    """Return `/stops`."""
    made = Blueprint("stops", __name__, url_prefix="/stops")
    made.add_url_rule("/", view_func=index)
    made.add_url_rule("/<reference>", view_func=show)
    made.add_url_rule("/<reference>/stop", view_func=stop, methods=["POST"])
    made.add_url_rule("/<reference>/ask-release", view_func=ask_release, methods=["POST"])
    made.add_url_rule("/<reference>/release", view_func=release, methods=["POST"])
    return made
