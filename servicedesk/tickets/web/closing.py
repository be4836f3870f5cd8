"""The end of a ticket on its page: the contact's decision, a rating, and why targets were missed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flask import flash, make_response, redirect, request, url_for
from flask_babel import gettext as _

from servicedesk.core.errors import DomainError, NotFound
from servicedesk.shell.errors import put_beside_field
from servicedesk.shell.language import translate
from servicedesk.shell.session import current_actor
from servicedesk.tickets import closing, explaining
from servicedesk.tickets.web.forms import ClosingForm, ExplainForm, MessageForm, RatingForm
from servicedesk.tickets.web.ticket import FORBIDDEN, NOT_FOUND, Typed, show

if TYPE_CHECKING:
    from flask.typing import ResponseReturnValue

LONGEST_ORDINAL = 9  # digits


def close(reference: str) -> ResponseReturnValue:
    """Decide on a resolved ticket; what was typed is kept if it is refused."""
    form = ClosingForm()
    said = form.comment.data or ""
    try:
        closing.close_with_verdict(
            current_actor(), reference, form.verdict.data or "", form.score, said
        )
    except closing.AlreadyDecided as error:
        flash(translate(error.text), "error")
        typed = MessageForm(formdata=None, data={"body": said})
        return make_response(show(reference, Typed(message=typed)), error.status)
    except DomainError as error:
        if error.status in {NOT_FOUND, FORBIDDEN}:
            raise
        put_beside_field(form, error)
        return make_response(show(reference, Typed(closing=form)), error.status)
    flash(_("Thank you for telling us."), "success")
    return redirect(url_for(".show", reference=reference))


def rate(reference: str) -> ResponseReturnValue:
    """Take a rating; the words are kept if it is refused."""
    form = RatingForm()
    try:
        closing.rate_ticket(current_actor(), reference, form.score or 0, form.comment.data or "")
    except DomainError as error:
        if error.status in {NOT_FOUND, FORBIDDEN}:
            raise
        put_beside_field(form, error)
        return make_response(show(reference, Typed(rating=form)), error.status)
    flash(_("Thank you for telling us."), "success")
    return redirect(url_for(".show", reference=reference))


def explain(reference: str) -> ResponseReturnValue:
    """Keep why targets were missed: all without a cause, or the one that `cycle` names."""
    form, named = ExplainForm(), request.form.get("cycle", "")
    try:
        explaining.explain_breaches(
            current_actor(), reference, form.explanation, _cycle(named) if named else None
        )
    except DomainError as error:
        if error.status in {NOT_FOUND, FORBIDDEN}:
            raise
        put_beside_field(form, error)
        return make_response(show(reference, Typed(explain=(named, form))), error.status)
    return redirect(url_for(".show", reference=reference, _anchor="breaches"))


def _cycle(named: str) -> tuple[str, int]:
    """Return metric and ordinal of `resolution.2`. Raises NotFound."""
    metric, _dot, ordinal = named.partition(".")
    if not (ordinal.isascii() and ordinal.isdigit() and len(ordinal) <= LONGEST_ORDINAL):
        raise NotFound
    return metric, int(ordinal)
