"""One's own account: password, language, sessions, tokens for the API."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from flask import Blueprint, flash, redirect, render_template, session, url_for
from flask_babel import gettext as _

from servicedesk.accounts import administration, queries, tokens
from servicedesk.accounts.labels import ROLE_LABELS, SCOPE_LABELS
from servicedesk.accounts.sign_in import change_own_password, end_all_sessions
from servicedesk.accounts.web.forms import ChangePasswordForm, LanguageForm, TokenForm
from servicedesk.core import clock
from servicedesk.core.actors import Role
from servicedesk.core.errors import Forbidden
from servicedesk.shell.session import current_actor, end_session, guard, start_session
from servicedesk.shell.submission import form_status, refusals_beside_fields

if TYPE_CHECKING:
    from flask.typing import ResponseReturnValue

blueprint = Blueprint("account", __name__, url_prefix="/account")
guard(blueprint, Role.CONTACT, Role.AGENT, Role.ACCOUNT_MANAGER, Role.SUPERVISOR)


@blueprint.get("/")
def show() -> ResponseReturnValue:
    """Show one's account."""
    return _page()


@blueprint.post("/password")
def change_password() -> ResponseReturnValue:
    """Change one's password; other sessions end, this one goes on."""
    actor, form = current_actor(), ChangePasswordForm(prefix="password")
    if form.validate_on_submit():
        with refusals_beside_fields(form):
            renewed = change_own_password(actor, form.current.data, form.new.data)
            start_session(renewed.session_id, None, actor)
            flash(_("Your password is changed. Your other sessions have ended."), "success")
            return redirect(url_for(".show"))
    return _page(password=form)


@blueprint.post("/language")
def change_language() -> ResponseReturnValue:
    """Choose the language of one's pages and mails."""
    form = LanguageForm(prefix="language")
    if form.validate_on_submit():
        with refusals_beside_fields(form):
            administration.change_own_language(current_actor(), form.language.data)
            session.pop("language", None)
            return redirect(url_for(".show"))
    return _page(language=form)


@blueprint.post("/sessions/end")
def end_sessions() -> ResponseReturnValue:
    """Sign out everywhere, here too."""
    actor = current_actor()
    if actor.user_id is None:
        raise Forbidden
    end_all_sessions(actor, actor.user_id)
    end_session()
    flash(_("You are signed out everywhere."), "success")
    return redirect(url_for("sign_in.show"))


@blueprint.post("/tokens")
def create_token() -> ResponseReturnValue:
    """Make a token and show it, this once."""
    form = TokenForm(prefix="token")
    if form.validate_on_submit():
        with refusals_beside_fields(form):
            plain = tokens.create_token(
                current_actor(), form.name.data, form.scopes.data, form.days.data
            )
            return _page(plain=plain)
    return _page(token=form)


@blueprint.post("/tokens/<int:token_id>/revoke")
def revoke_token(token_id: int) -> ResponseReturnValue:
    """End a token."""
    tokens.revoke_token(current_actor(), token_id)
    flash(_("The token no longer works."), "success")
    return redirect(url_for(".show"))


def _page(plain: str | None = None, **forms: Any) -> ResponseReturnValue:
    """Show the account with the forms as they were sent, and empty ones for the rest."""
    account = queries.own_account(current_actor())
    shown = {
        "password": forms.get("password") or ChangePasswordForm(None, prefix="password"),
        "language": forms.get("language")
        or LanguageForm(None, prefix="language", language=account.user.language),
        "token": forms.get("token") or TokenForm(None, prefix="token"),
    }
    page = render_template(
        "accounts/account/show.html",
        account=account,
        forms=shown,
        plain=plain,
        now=clock.now(),
        role_labels=ROLE_LABELS,
        scope_labels=SCOPE_LABELS,
    )
    return page, max(form_status(form) for form in shown.values())
