"""The public pages: signing in and out, and what a one-time link opens."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flask import Blueprint, current_app, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _

from servicedesk.accounts import links
from servicedesk.accounts.sign_in import Step, sign_in
from servicedesk.accounts.web.forms import ForgottenForm, NewPasswordForm, SignInForm
from servicedesk.core.actors import GATE
from servicedesk.core.errors import Forbidden
from servicedesk.shell.session import (
    caller_address,
    current_actor,
    end_session,
    safe_next,
    start_session,
)
from servicedesk.shell.submission import form_status, refusals_beside_fields

if TYPE_CHECKING:
    from flask import Response
    from flask.typing import ResponseReturnValue

    from servicedesk.accounts.sign_in import SignedIn

blueprint = Blueprint("sign_in", __name__)  # public: see `shell.session`


@blueprint.route("/sign-in", methods=["GET", "POST"])
def show() -> ResponseReturnValue:
    """Sign in with e-mail and password."""
    form, wanted = SignInForm(), safe_next(request.args.get("next"))
    if form.validate_on_submit():
        with refusals_beside_fields(form):
            entered = sign_in(form.email.data, form.password.data, caller_address())
            return _enter(entered, wanted)
    elif current_actor() is not GATE:
        return redirect(wanted or url_for("front"))
    return render_template("accounts/public/sign_in.html", form=form), form_status(form)


@blueprint.post("/sign-out")
def leave() -> ResponseReturnValue:
    """End the session of this browser."""
    end_session()
    return redirect(url_for("sign_in.show"))


@blueprint.route("/password/forgotten", methods=["GET", "POST"])
def forgotten() -> ResponseReturnValue:
    """Ask for a link to choose a new password; the answer is the same for everybody."""
    form = ForgottenForm()
    if form.validate_on_submit():
        public_url = current_app.config["SETTINGS"].public_url
        links.request_password_reset(form.email.data, caller_address(), public_url)
        flash(_("If there is an account with this e-mail, a link is on its way to it."), "success")
        return redirect(url_for("sign_in.show"))
    return render_template("accounts/public/forgotten.html", form=form), form_status(form)


@blueprint.route("/password/link/<token>", methods=["GET", "POST"])
def link(token: str) -> ResponseReturnValue:
    """Choose a password by a one-time link; looking at the page does not use it up."""
    form = NewPasswordForm()
    try:
        if form.validate_on_submit():
            with refusals_beside_fields(form):
                links.use_link(token, form.password.data, caller_address())
                end_session()
                flash(_("Your password is set. Sign in with it."), "success")
                return redirect(url_for("sign_in.show"))
        holder = links.link_holder(token)
    except links.LinkNotValid as refused:
        return render_template("accounts/public/link_not_valid.html"), refused.status
    page = render_template("accounts/public/link.html", form=form, holder=holder)
    return page, form_status(form)


@blueprint.after_request
def keep_links_private(response: Response) -> Response:
    """Tell no other site the address of these pages: it may be a one-time link."""
    response.headers["Referrer-Policy"] = "no-referrer"
    return response


def _enter(entered: SignedIn, wanted: str | None) -> ResponseReturnValue:
    """Begin the session of whoever has proved enough."""
    if entered.step is not Step.SIGNED_IN:
        raise Forbidden
    # who it is in full is read with the next request, from the session that begins here
    start_session(entered.session_id, None, GATE)
    return redirect(wanted or url_for("front"))
