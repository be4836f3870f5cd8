"""The supervisor's page about what a contract is measured by, and from when on."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Any

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask_babel import gettext
from flask_babel import lazy_gettext as _
from flask_wtf import FlaskForm
from wtforms import DateField, HiddenField, SelectField, StringField
from wtforms.fields.choices import SelectChoice
from wtforms.validators import InputRequired

from servicedesk.core.errors import Conflict, NotAllowedNow, NotFound
from servicedesk.shell.language import translate
from servicedesk.shell.session import current_actor
from servicedesk.shell.submission import form_status, refusals_beside_fields
from servicedesk.sla import agreements as operations
from servicedesk.sla import queries
from servicedesk.sla.web.levels import facts_of

if TYPE_CHECKING:
    from flask.typing import ResponseReturnValue

    from servicedesk.sla.queries import Agreement

agreements = Blueprint("agreements", __name__, url_prefix="/service-levels")


class AgreementForm(FlaskForm):
    """Another plan or calendar, from a day on."""

    seen = HiddenField()
    plan_code = SelectField(_("Service plan"), validate_choice=False)
    calendar_code = SelectField(_("Calendar"), validate_choice=False)
    effective_on = DateField(_("Holds from"), [InputRequired(_("This is needed."))])
    reason = StringField(_("Why"), description=_("For the history: what was agreed, and where."))

    @classmethod
    def of(cls, found: Agreement) -> AgreementForm:
        """Return the form with what a contract is measured by today."""
        current: Any = found.current
        form = cls(
            seen=operations.state_of(found.levels),
            plan_code=current.plan_code if current else "",
            calendar_code=current.calendar_code if current else "",
            effective_on=found.today,
        )
        plans, calendars = queries.names_to_choose(current_actor())
        form.plan_code.choices = [SelectChoice(code, name) for code, name in plans]
        form.calendar_code.choices = [SelectChoice(code, name) for code, name in calendars]
        return form

    def wanted(self) -> operations.NewLevel:
        """Return what was filled in."""
        return operations.NewLevel(
            plan_code=self.plan_code.data or "",
            calendar_code=self.calendar_code.data or "",
            effective_on=self.effective_on.data,
            reason=self.reason.data or "",
            seen=self.seen.data or "",
        )


@agreements.route("/<reference>", methods=["GET", "POST"])
def show(reference: str) -> ResponseReturnValue:
    """Show by what a contract was, is and will be measured; agree to another."""
    found = queries.agreement(current_actor(), reference)
    form = AgreementForm.of(found)
    if form.validate_on_submit():
        with refusals_beside_fields(form):
            _agree(reference, form)
            words = gettext("Agreed. Open tickets follow within minutes of the day it holds from.")
            flash(words, "success")
            return redirect(url_for(".show", reference=reference))
    page = render_template(
        "sla/agreements/show.html", form=form, agreement=found, **facts_of(found, with_due=True)
    )
    return page, form_status(form)


def _agree(reference: str, form: AgreementForm) -> None:
    try:
        operations.agree(current_actor(), reference, form.wanted())
    except Conflict:
        # from here on the page shows what the other one did
        again = queries.agreement(current_actor(), reference)
        form.seen.data = operations.state_of(again.levels)
        raise


@agreements.post("/<reference>/withdraw")
def withdraw(reference: str) -> ResponseReturnValue:
    """Take back what was to hold from a later day on."""
    try:
        day = date.fromisoformat(request.form.get("effective_on", ""))
    except ValueError:
        raise NotFound from None
    try:
        operations.withdraw_level(current_actor(), reference, day)
        flash(gettext("Withdrawn: what holds before it goes on."), "success")
    except NotAllowedNow as refused:
        flash(translate(refused.text), "error")
    return redirect(url_for(".show", reference=reference))
