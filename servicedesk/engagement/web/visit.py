"""A visit's page and what is done on it: its outcome, minutes, documents and action points."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from flask import flash, redirect, render_template
from flask_babel import gettext

from servicedesk.core.permissions import Permission, may
from servicedesk.engagement import minutes, outcomes, queries
from servicedesk.engagement.budget import BudgetExhausted, days_of, quarters_of
from servicedesk.engagement.models import VisitState
from servicedesk.engagement.web.forms import (
    ActionForm,
    CancelForm,
    CorrectionForm,
    DocumentsForm,
    MinutesForm,
    OutcomeForm,
)
from servicedesk.engagement.web.pages import LABELS
from servicedesk.shell.navigation import to
from servicedesk.shell.session import current_actor
from servicedesk.shell.submission import form_status, refusals_beside_fields

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from flask.typing import ResponseReturnValue
    from flask_wtf import FlaskForm

    from servicedesk.engagement.budget import Releasable
    from servicedesk.engagement.queries import VisitView


NO_FORMS: dict[str, Any] = dict.fromkeys(
    ("confirm", "cancel", "correct", "minutes", "documents", "actions")
)


def visit(reference: str) -> ResponseReturnValue:
    """Show a visit with what can be done to it."""
    return _page(queries.visit_view(current_actor(), reference))


def _page(view: VisitView, name: str = "", refused: FlaskForm | None = None) -> ResponseReturnValue:
    """Show the page; `refused` takes the place of the fresh form of its name."""
    may_edit = may(current_actor(), Permission.ENGAGEMENT_EDIT)
    forms = NO_FORMS | (_forms(view) if may_edit else {})
    if refused is not None:
        forms[name] = refused
    page = render_template(
        "engagement/visit.html",
        view=view,
        visit=view.visit,
        forms=forms,
        could=releasable_of(refused),
        **LABELS,
    )
    return page, form_status(refused) if refused is not None else 200


def _forms(view: VisitView) -> dict[str, FlaskForm]:
    """Return what the visit's state lets one do; each form knows what was seen."""
    of, seen = view.visit, str(view.visit.version)
    if of.state is VisitState.CANCELLED:
        return {}
    found: dict[str, Any] = {
        "minutes": MinutesForm(formdata=None, version=seen, minutes=of.minutes),
        "documents": DocumentsForm(formdata=None),
        "actions": ActionForm(formdata=None),
    }
    length = days_of(of.quarters)
    if of.is_planned:
        found["confirm"] = OutcomeForm(formdata=None, version=seen, days=length)
        found["cancel"] = CancelForm(formdata=None, version=seen)
    else:
        found["correct"] = CorrectionForm(formdata=None, version=seen, days=length)
    return found


def _act(
    reference: str, name: str, form: FlaskForm, act: Callable[[], object], said: str
) -> ResponseReturnValue:
    """Do what a form of the page asks for; what is refused stands beside its field."""
    view = queries.visit_view(current_actor(), reference)
    if form.validate_on_submit():
        if _is_done(form, act):
            flash(said, "success")
            return redirect(to("engagement.visit", reference=reference))
        view = queries.visit_view(current_actor(), reference)  # as somebody else left it
    return _page(view, name, form)


def _is_done(form: FlaskForm, act: Callable[[], object]) -> bool:
    with refusals_beside_fields(form):
        act()
    return not hasattr(form, "refusal")


def confirm(reference: str) -> ResponseReturnValue:
    """Say that it took place and how long it took."""
    form = OutcomeForm()

    def act() -> None:
        quarters = quarters_of(form.days.data)
        outcomes.confirm_visit(current_actor(), reference, quarters, version=form.seen())

    return _act(reference, "confirm", form, act, gettext("Confirmed: its days are consumed."))


def cancel(reference: str) -> ResponseReturnValue:
    """Call it off."""
    form = CancelForm()

    def act() -> None:
        reason = form.reason.data or ""
        outcomes.cancel_visit(current_actor(), reference, reason, version=form.seen())

    return _act(reference, "cancel", form, act, gettext("Called off: its days are free again."))


def correct(reference: str) -> ResponseReturnValue:
    """Put right how long it took."""
    form = CorrectionForm()

    def act() -> None:
        quarters, reason = quarters_of(form.days.data), form.reason.data or ""
        outcomes.correct_visit(current_actor(), reference, quarters, reason, version=form.seen())

    return _act(reference, "correct", form, act, gettext("Corrected by a reversing entry."))


def write_minutes(reference: str) -> ResponseReturnValue:
    """Keep its minutes."""
    form = MinutesForm()

    def act() -> None:
        words = form.minutes.data or ""
        minutes.write_minutes(current_actor(), reference, words, version=form.seen())

    return _act(reference, "minutes", form, act, gettext("Saved."))


def add_documents(reference: str) -> ResponseReturnValue:
    """Keep files with it."""
    form = DocumentsForm()

    def act() -> None:
        minutes.add_documents(current_actor(), reference, form.uploads())

    return _act(reference, "documents", form, act, gettext("Saved."))


def add_action(reference: str) -> ResponseReturnValue:
    """Write an action point down and open its ticket."""
    form = ActionForm()

    def act() -> None:
        minutes.add_action_point(
            current_actor(),
            reference,
            form.words.data or "",
            form.owner.data or "",
            form.due_on.data,
        )

    return _act(reference, "actions", form, act, gettext("Written down; its ticket is open."))


def releasable_of(form: FlaskForm | None) -> Sequence[Releasable]:
    """Return what could make room, where days were refused."""
    refusal = getattr(form, "refusal", None)
    return refusal.releasable if isinstance(refusal, BudgetExhausted) else ()
