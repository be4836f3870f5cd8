"""The supervisor's pages about accounts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flask import Blueprint, current_app, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _

from servicedesk.accounts import administration, queries, tokens
from servicedesk.accounts.labels import ROLE_LABELS, SCOPE_LABELS
from servicedesk.accounts.sign_in import end_all_sessions
from servicedesk.accounts.web.forms import AccountForm
from servicedesk.core import clock
from servicedesk.core.actors import Role
from servicedesk.core.permissions import Permission
from servicedesk.core.text import msgid
from servicedesk.shell.navigation import nav
from servicedesk.shell.session import current_actor
from servicedesk.shell.submission import form_status, refusals_beside_fields

if TYPE_CHECKING:
    from flask.typing import ResponseReturnValue

accounts = Blueprint("accounts", __name__, url_prefix="/accounts")


@accounts.get("/")
@nav("desk.admin.accounts.index", msgid("Accounts"), "users", 90, Permission.ACCOUNT_ADMINISTER)
def index() -> ResponseReturnValue:
    """List accounts by name."""
    typed = {name: request.args.get(name, "") for name in ("q", "role", "state")}
    wanted = queries.AccountFilter(
        words=typed["q"].strip(),
        role=Role(typed["role"]) if typed["role"] in set(ROLE_LABELS) else None,
        is_active={"active": True, "closed": False}.get(typed["state"]),
    )
    page = queries.accounts(current_actor(), wanted, request.args.get("cursor"))
    return render_template(
        "accounts/admin/index.html", page=page, filters=typed, role_labels=ROLE_LABELS
    )


@accounts.route("/new", methods=["GET", "POST"])
def create() -> ResponseReturnValue:
    """Add a person of the operator."""
    form = AccountForm()
    if form.validate_on_submit():
        with refusals_beside_fields(form):
            user = administration.create_account(
                current_actor(),
                email=form.email.data,
                name=form.name.data,
                role=Role(form.role.data),
                language=form.language.data,
                public_url=_public_url(),
            )
            flash(_("The account is made. Its link is on the way to %(email)s.", email=user.email))
            return redirect(url_for(".show", user_id=user.id))
    return render_template("accounts/admin/create.html", form=form), form_status(form)


@accounts.get("/<int:user_id>")
def show(user_id: int) -> ResponseReturnValue:
    """Show an account."""
    actor = current_actor()
    return render_template(
        "accounts/admin/show.html",
        account=queries.account(actor, user_id),
        is_own=actor.user_id == user_id,
        now=clock.now(),
        role_labels=ROLE_LABELS,
        scope_labels=SCOPE_LABELS,
    )


@accounts.post("/<int:user_id>/deactivate")
def deactivate(user_id: int) -> ResponseReturnValue:
    """Close an account at once."""
    administration.deactivate_account(current_actor(), user_id)
    return _back(user_id, _("The account is closed. Its sessions and tokens have ended."))


@accounts.post("/<int:user_id>/activate")
def activate(user_id: int) -> ResponseReturnValue:
    """Open a closed account again."""
    administration.activate_account(current_actor(), user_id)
    return _back(user_id, _("The account is open again."))


@accounts.post("/<int:user_id>/end-sessions")
def end_sessions(user_id: int) -> ResponseReturnValue:
    """Sign a person out everywhere."""
    end_all_sessions(current_actor(), user_id)
    return _back(user_id, _("All sessions of this account have ended."))


@accounts.post("/<int:user_id>/send-link")
def send_link(user_id: int) -> ResponseReturnValue:
    """Mail a new link to choose a password."""
    administration.send_first_password(current_actor(), user_id, _public_url())
    return _back(user_id, _("A new link is on its way."))


@accounts.post("/<int:user_id>/tokens/<int:token_id>/revoke")
def revoke_token(user_id: int, token_id: int) -> ResponseReturnValue:
    """End a person's token."""
    tokens.revoke_token(current_actor(), token_id)
    return _back(user_id, _("The token no longer works."))


def _back(user_id: int, words: str) -> ResponseReturnValue:
    flash(words, "success")
    return redirect(url_for(".show", user_id=user_id))


def _public_url() -> str:
    return str(current_app.config["SETTINGS"].public_url)
