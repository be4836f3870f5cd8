"""One's own addresses for calendar programs: make one, see it once, revoke it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flask import current_app, flash, redirect, render_template, url_for
from flask_babel import gettext
from flask_babel import lazy_gettext as _
from flask_wtf import FlaskForm
from wtforms import SelectField, StringField
from wtforms.fields.choices import SelectChoice
from wtforms.validators import DataRequired, Length

from servicedesk.accounts.queries import numbered
from servicedesk.clients.choices import clients_to_choose
from servicedesk.planning import feeds as own
from servicedesk.shell.navigation import to
from servicedesk.shell.session import current_actor
from servicedesk.shell.submission import form_status, refusals_beside_fields

if TYPE_CHECKING:
    from flask import Blueprint
    from flask.typing import ResponseReturnValue


class FeedForm(FlaskForm):
    """A new address."""

    name = StringField(
        _("What it is for"),
        [
            DataRequired(_("This is needed.")),
            Length(max=own.NAME_LENGTH, message=_("This is too long.")),
        ],
        description=_(
            "Your calendar program shows this name. For example: planned work, telephone."
        ),
    )
    client = SelectField(_("Client"))


def add(pages: Blueprint) -> None:
    """Add `/planned/feeds`."""
    pages.add_url_rule("/feeds", endpoint="feeds", view_func=feeds, methods=["GET", "POST"])
    pages.add_url_rule(
        "/feeds/<feed_id>/revoke", endpoint="revoke_feed", view_func=revoke_feed, methods=["POST"]
    )


def feeds() -> ResponseReturnValue:
    """List one's addresses; make one and show it, this once."""
    form = _form()
    if form.validate_on_submit():
        with refusals_beside_fields(form):
            plain = own.make_feed(current_actor(), form.name.data, form.client.data or "")
            return _page(_form(is_new=True), _address(plain))
    return _page(form)


def _form(*, is_new: bool = False) -> FeedForm:
    form = FeedForm(None) if is_new else FeedForm()
    everything = SelectChoice("", gettext("Everything I see"))
    clients = clients_to_choose(current_actor())
    form.client.choices = [everything, *(SelectChoice(row.reference, row.name) for row in clients)]
    return form


def _address(plain: str) -> str:
    public_url = str(current_app.config["SETTINGS"].public_url)
    return public_url + url_for("feed_door.fetch", token=plain)


def _page(form: FeedForm, address: str = "") -> ResponseReturnValue:
    page = render_template(
        "planned/feeds.html", form=form, address=address, listed=own.feeds_of(current_actor())
    )
    return page, form_status(form)


def revoke_feed(feed_id: str) -> ResponseReturnValue:
    """End an address."""
    own.revoke_feed(current_actor(), numbered(feed_id))
    flash(gettext("The address no longer works."), "success")
    return redirect(to("planned.feeds"))
