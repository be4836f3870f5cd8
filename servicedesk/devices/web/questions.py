"""Saved questions to the fleet: list, ask, keep, rename, delete; for both audiences."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from flask import flash, redirect, render_template, request
from flask_babel import gettext
from flask_babel import lazy_gettext as _
from flask_wtf import FlaskForm
from wtforms import SelectField, StringField
from wtforms.fields.choices import SelectChoice
from wtforms.validators import InputRequired, Length

from servicedesk.clients.choices import clients_to_choose
from servicedesk.core.permissions import Permission, require
from servicedesk.devices import questions
from servicedesk.devices.web.fleet import asked_filter, listed
from servicedesk.shell.navigation import to
from servicedesk.shell.session import current_actor
from servicedesk.shell.submission import form_status, refusals_beside_fields

if TYPE_CHECKING:
    from flask.typing import ResponseReturnValue

    from servicedesk.devices.questions import SavedQuestion


class NameForm(FlaskForm):
    """What a question is called."""

    name = StringField(
        _("Name of the question"),
        [
            InputRequired(_("This is needed.")),
            Length(max=questions.NAME_LENGTH, message=_("This is too long.")),
        ],
        description=_("For example: telephones with an old Android in Sales."),
    )


class QuestionForm(NameForm):
    """A new question; an operator says whose fleet it is about."""

    client = SelectField(_("Client"))


def index() -> ResponseReturnValue:
    """List the questions."""
    actor = current_actor()
    client = request.args.get("client", "")[:40].replace("\x00", "")
    return render_template(
        "devices/questions/index.html",
        page=questions.questions(actor, client, request.args.get("cursor")),
        client=client,
        clients=[] if actor.is_contact else clients_to_choose(actor),
    )


def show(reference: str) -> ResponseReturnValue:
    """Ask the fleet: its list, filtered as the question says."""
    question = questions.question_named(current_actor(), reference)
    return listed(question.wanted, question)


def create() -> ResponseReturnValue:
    """Keep the filter of the address under a name."""
    actor, wanted = current_actor(), asked_filter()
    require(actor, Permission.QUESTION_EDIT)
    form = _question_form(wanted.client)
    if form.validate_on_submit():
        with refusals_beside_fields(form):
            client = form.client.data if "client" in form else wanted.client
            kept = questions.create_question(actor, client, form.name.data or "", wanted)
            flash(gettext("The question is kept."), "success")
            return redirect(to("devices.question", reference=kept.reference))
    page = render_template("devices/questions/form.html", form=form, wanted=wanted, question=None)
    return page, form_status(form)


def rename(reference: str) -> ResponseReturnValue:
    """Give a question another name."""
    actor = current_actor()
    question = questions.question_named(actor, reference)
    require(actor, Permission.QUESTION_EDIT)
    form = NameForm(data={"name": question.name})
    if form.validate_on_submit():
        with refusals_beside_fields(form):
            questions.rename_question(actor, reference, form.name.data or "")
            return redirect(to("devices.question", reference=reference))
    return _rename_page(form, question), form_status(form)


def _rename_page(form: NameForm, question: SavedQuestion) -> str:
    return render_template(
        "devices/questions/form.html", form=form, wanted=question.wanted, question=question
    )


def delete(reference: str) -> ResponseReturnValue:
    """Delete a question."""
    questions.delete_question(current_actor(), reference)
    flash(gettext("The question is gone. What was answered with it stays."), "success")
    return redirect(to("devices.questions"))


def _question_form(client: str) -> Any:
    """Return the form; who has one client, or came from one client's list, need not choose."""
    actor, form = current_actor(), QuestionForm()
    if actor.is_contact or client:
        del form.client
    else:
        form.client.choices = [
            SelectChoice(reference, name) for reference, name in clients_to_choose(actor)
        ]
    return form
