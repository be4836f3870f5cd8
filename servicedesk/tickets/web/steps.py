"""The checklist on a ticket's page: tick, leave out, open again, add and remove."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flask import flash, make_response, redirect, request, url_for

from servicedesk.core.errors import DomainError, InvalidInput
from servicedesk.shell.errors import put_beside_field
from servicedesk.shell.language import translate
from servicedesk.shell.session import current_actor
from servicedesk.tickets import ticking
from servicedesk.tickets.web.forms import SkipForm, StepsForm
from servicedesk.tickets.web.ticket import FORBIDDEN, NOT_FOUND, Typed, show

if TYPE_CHECKING:
    from flask.typing import ResponseReturnValue


def add(reference: str) -> ResponseReturnValue:
    """Add steps; what was typed is kept if it is refused."""
    form = StepsForm()
    try:
        ticking.write_steps(current_actor(), reference, (form.steps.data or "").splitlines())
    except DomainError as error:
        if error.status in {NOT_FOUND, FORBIDDEN}:
            raise
        put_beside_field(form, error)
        return make_response(show(reference, Typed(steps=form)), error.status)
    return _back(reference)


def settle(reference: str, position: int) -> ResponseReturnValue:
    """Do with a step what the pressed button says; who came second is told who was first."""
    actor, form = current_actor(), SkipForm()
    try:
        match request.form.get("do", ""):
            case "open":
                ticking.tick_step(actor, reference, position, done=False)
            case "skip":
                ticking.skip_step(actor, reference, position, form.reason.data or "")
            case "remove":
                ticking.remove_step(actor, reference, position)
            case _:
                ticking.tick_step(actor, reference, position)
    except InvalidInput as error:
        put_beside_field(form, error)
        return make_response(show(reference, Typed(skip=(position, form))), error.status)
    except DomainError as error:
        if error.status in {NOT_FOUND, FORBIDDEN}:
            raise
        flash(translate(error.text), "error")
    return _back(reference)


def _back(reference: str) -> ResponseReturnValue:
    return redirect(url_for(".show", reference=reference, _anchor="checklist"))
