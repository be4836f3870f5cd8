"""The supervisor's pages about clients."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flask import Blueprint, current_app, flash, redirect, render_template, url_for
from flask_babel import gettext as _

from servicedesk.accounts.sign_in import prove_presence
from servicedesk.clients import administration, queries
from servicedesk.clients.web.forms import (
    AgreeForm,
    ClientForm,
    ContactForm,
    ContractForm,
    FactsForm,
    ManagerForm,
)
from servicedesk.clients.wipe_limits import agree_to_limits, content_of, withdraw_limits
from servicedesk.core.errors import InvalidInput
from servicedesk.shell.session import current_actor
from servicedesk.shell.submission import form_status, refusals_beside_fields

if TYPE_CHECKING:
    from flask.typing import ResponseReturnValue

clients = Blueprint("clients", __name__, url_prefix="/clients")


@clients.route("/new", methods=["GET", "POST"])
def create() -> ResponseReturnValue:
    """Add a company with its first contract."""
    form = ClientForm()
    if form.validate_on_submit():
        with refusals_beside_fields(form):
            client = administration.create_client(current_actor(), form.facts(), form.terms())
            flash(_("The client is there. Now add who speaks for them."), "success")
            return redirect(url_for(".add_contact", reference=client.reference))
    return render_template("clients/admin/create.html", form=form), form_status(form)


@clients.route("/<reference>/edit", methods=["GET", "POST"])
def edit(reference: str) -> ResponseReturnValue:
    """Change what is known of a company."""
    client = queries.client(current_actor(), reference)
    form = FactsForm(obj=client)
    if form.validate_on_submit():
        with refusals_beside_fields(form):
            administration.edit_client(current_actor(), reference, form.facts())
            return _to_client(reference, _("The changes are kept."))
    page = render_template("clients/admin/edit.html", form=form, client=client)
    return page, form_status(form)


@clients.route("/contracts/<reference>/edit", methods=["GET", "POST"])
def edit_contract(reference: str) -> ResponseReturnValue:
    """Change what a contract says."""
    contract, client = queries.contract(current_actor(), reference)
    owner, form = client.reference, ContractForm.of(contract)
    if form.validate_on_submit():
        with refusals_beside_fields(form):
            actor = current_actor()
            administration.edit_contract(actor, reference, form.terms(), form.limits())
            waiting = queries.waiting_limits(actor, reference)
            return _to_client(
                owner,
                _("The changes are kept. Looser limits wait for another supervisor.")
                if waiting
                else _("The changes are kept."),
            )
    page = render_template(
        "clients/admin/edit_contract.html", form=form, client=client, reference=reference
    )
    return page, form_status(form)


@clients.route("/contracts/<reference>/limits", methods=["GET", "POST"])
def limits(reference: str) -> ResponseReturnValue:
    """Agree as the second supervisor to looser limits, or see what is asked for."""
    actor = current_actor()
    contract, client = queries.contract(actor, reference)
    owner, waiting, form = client.reference, queries.waiting_limits(actor, reference), AgreeForm()
    if waiting is None:
        return _to_client(owner, _("No looser limits wait for anybody."))
    if form.validate_on_submit():
        with refusals_beside_fields(form):
            presence = prove_presence(actor, form.password.data, content_of(waiting))
            agree_to_limits(actor, reference, presence)
            return _to_client(owner, _("The looser limits are in force."))
    page = render_template(
        "clients/admin/limits.html", form=form, client=client, contract=contract, waiting=waiting
    )
    return page, form_status(form)


@clients.post("/contracts/<reference>/limits/withdraw")
def withdraw(reference: str) -> ResponseReturnValue:
    """Drop looser limits that wait."""
    owner = queries.contract(current_actor(), reference)[1].reference
    withdraw_limits(current_actor(), reference)
    return _to_client(owner, _("Withdrawn: the limits stay as they are."))


@clients.route("/<reference>/contacts/new", methods=["GET", "POST"])
def add_contact(reference: str) -> ResponseReturnValue:
    """Add a person who speaks for a client."""
    client, form = queries.client(current_actor(), reference), ContactForm()
    if form.validate_on_submit():
        with refusals_beside_fields(form):
            user = administration.create_contact(
                current_actor(),
                reference,
                email=form.email.data,
                name=form.name.data,
                phone=form.phone.data or "",
                language=form.language.data,
                public_url=str(current_app.config["SETTINGS"].public_url),
            )
            words = _("The welcome mail is on its way to %(email)s.", email=user.email)
            return _to_client(reference, words)
    page = render_template("clients/admin/add_contact.html", form=form, client=client)
    return page, form_status(form)


@clients.post("/<reference>/managers")
def assign_manager(reference: str) -> ResponseReturnValue:
    """Have an account manager look after a client."""
    form = ManagerForm()
    if not form.validate():
        raise InvalidInput
    administration.assign_manager(current_actor(), reference, form.user_id.data)
    return _to_client(reference, _("The account manager looks after this client now."))


@clients.post("/<reference>/managers/<int:user_id>/end")
def unassign_manager(reference: str, user_id: int) -> ResponseReturnValue:
    """End an account manager's charge of a client."""
    administration.unassign_manager(current_actor(), reference, user_id)
    return _to_client(reference, _("The account manager no longer sees this client."))


def _to_client(reference: str, words: str) -> ResponseReturnValue:
    flash(words, "success")
    return redirect(url_for("desk.clients.show", reference=reference))
