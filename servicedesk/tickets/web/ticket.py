"""One ticket: its story, what to do next, and the conversation; for both audiences."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from flask import flash, make_response, redirect, render_template, request, send_file, url_for
from flask_babel import gettext as _
from wtforms.fields.choices import SelectChoice

from servicedesk.core import database, files
from servicedesk.core.errors import DomainError
from servicedesk.core.permissions import Permission, may
from servicedesk.devices.questions import questions_to_choose
from servicedesk.orders.queries import steps as next_steps
from servicedesk.orders.queries import view_of
from servicedesk.shell.errors import put_beside_field
from servicedesk.shell.language import instant_of
from servicedesk.shell.session import current_actor
from servicedesk.tickets import attachments, handling, merging, queries, relations
from servicedesk.tickets.categories import IncidentCategory
from servicedesk.tickets.models import (
    OVER_STATES,
    QUEUE_LABELS,
    Impact,
    Queue,
    TicketKind,
    TicketState,
    Urgency,
)
from servicedesk.tickets.moves import DECISIONS, may_decide, possible_moves
from servicedesk.tickets.web.forms import (
    AnswerForm,
    AssignForm,
    ClassifyForm,
    ClosingForm,
    ExplainForm,
    MergeForm,
    MessageForm,
    RatingForm,
    RelateForm,
    SkipForm,
    StepsForm,
    uploads_of,
)

if TYPE_CHECKING:
    from flask.typing import ResponseReturnValue

    from servicedesk.tickets.models import Ticket
    from servicedesk.tickets.moves import Move

NOT_FOUND, FORBIDDEN = 404, 403


@dataclass(frozen=True, kw_only=True)
class Typed:
    """Forms of the page that were refused, as they were typed."""

    message: MessageForm | None = None
    answer: AnswerForm | None = None
    merge: MergeForm | None = None
    steps: StepsForm | None = None
    skip: tuple[int, SkipForm] | None = None  # with the number of its step
    closing: ClosingForm | None = None
    rating: RatingForm | None = None
    explain: tuple[str, ExplainForm] | None = None  # with the clock it is about; empty: all


NOTHING = Typed()


def show(reference: str, typed: Typed = NOTHING) -> ResponseReturnValue:
    """Show a ticket with everything on it; forms that were refused as they were typed."""
    actor = current_actor()
    view = queries.ticket_view(actor, reference)
    ticket = view.ticket
    orders = [view_of(order, ticket.client) for order in ticket.orders]
    return render_template(
        "tickets/show.html",
        view=view,
        ticket=ticket,
        orders=[(order, next_steps(actor, order.order)) for order in orders],
        moves=_moves(ticket),
        form=typed.message or MessageForm(formdata=None),
        closing=_closing_form(ticket, typed.closing),
        answer=_answer_form(ticket, typed.answer),
        rating=_rating_form(ticket, typed.rating),
        explain_at=typed.explain[0] if typed.explain else None,
        explain=typed.explain[1] if typed.explain else None,
        explain_blank=ExplainForm(formdata=None),
        relate=RelateForm(formdata=None),
        merge=_merge_form(ticket, typed.merge),
        add_steps=_steps_form(ticket, typed.steps),
        skip_at=typed.skip[0] if typed.skip else None,
        skip=typed.skip[1] if typed.skip else SkipForm(formdata=None),
        assign=_assign_form(ticket) if may(actor, Permission.TICKET_HANDLE) else None,
        classify=ClassifyForm(formdata=None, obj=None, data=_present_class(ticket)),
        is_watching=any(watcher.user_id == actor.user_id for watcher in view.watchers),
    )


def _moves(ticket: Ticket) -> list[Move]:
    """Return the steps that have buttons of their own: what a contact decides is one form."""
    actor = current_actor()
    decides = actor.is_contact and ticket.state is TicketState.RESOLVED
    found = possible_moves(actor, ticket)
    return [move for move in found if not (decides and move.name in DECISIONS)]


def _closing_form(ticket: Ticket, typed: ClosingForm | None) -> ClosingForm | None:
    actor = current_actor()
    is_asked = actor.is_contact and may_decide(actor, ticket)
    if not is_asked or ticket.state is not TicketState.RESOLVED:
        return None
    return typed or ClosingForm(formdata=None)


def _rating_form(ticket: Ticket, typed: RatingForm | None) -> RatingForm | None:
    """Return the form for what closed without a rating, or by itself and may be thought over."""
    actor = current_actor()
    is_asked = actor.is_contact and may_decide(actor, ticket)
    if not is_asked or ticket.state is not TicketState.CLOSED:
        return None
    if ticket.rating and ticket.closing_verdict:
        return None
    present = {"rating": str(ticket.rating or ""), "comment": ticket.rating_comment}
    return typed or RatingForm(formdata=None, data=present)


def _merge_form(ticket: Ticket, typed: MergeForm | None) -> MergeForm | None:
    if not ticket.is_open or not may(current_actor(), Permission.TICKET_HANDLE):
        return None
    return typed or MergeForm(formdata=None)


def _steps_form(ticket: Ticket, typed: StepsForm | None) -> StepsForm | None:
    if not ticket.is_open or not may(current_actor(), Permission.TICKET_HANDLE):
        return None
    return typed or StepsForm(formdata=None)


def _present_class(ticket: Ticket) -> dict[str, str]:
    category = ticket.category.value if ticket.category else ""
    return {
        "impact": ticket.impact.value,
        "urgency": ticket.urgency.value,
        "category": category,
    }


def _assign_form(ticket: Ticket | None) -> AssignForm:
    present = {"assignee": ticket.assignee_id or 0, "queue": ticket.queue.value} if ticket else None
    form = AssignForm(data=present) if ticket else AssignForm()
    people = queries.people_who_may_take()
    form.assignee.choices = [
        SelectChoice(0, _("Nobody")),
        *(SelectChoice(person.id, person.name) for person in people),
    ]
    form.queue.choices = [SelectChoice(q.value, _(label)) for q, label in QUEUE_LABELS.items()]
    return form


def _answer_form(ticket: Ticket, typed: AnswerForm | None = None) -> AnswerForm | None:
    """Return the form of an answer from the fleet: only for a query, to whoever may give one."""
    actor = current_actor()
    is_query = ticket.kind is TicketKind.QUERY and ticket.state not in OVER_STATES
    if not is_query or not may(actor, Permission.TICKET_ANSWER):
        return None
    form = typed or AnswerForm(formdata=None)
    offered = questions_to_choose(actor, ticket.client_id)
    form.question.choices = [SelectChoice(reference, name) for reference, name in offered]
    return form


def answer(reference: str) -> ResponseReturnValue:
    """Answer a query with a saved question; the words are kept if it is refused."""
    actor, form = current_actor(), AnswerForm()
    try:
        handling.answer_ticket(
            actor, reference, request.form.get("question", ""), form.words.data or ""
        )
    except DomainError as error:
        if error.status in {NOT_FOUND, FORBIDDEN}:
            raise
        put_beside_field(form, error)
        return make_response(show(reference, Typed(answer=form)), error.status)
    return _back(reference)


def say(reference: str) -> ResponseReturnValue:
    """Add a message, or make a step that goes with words; the words are kept if it is refused."""
    actor, form = current_actor(), MessageForm()
    try:
        if form.move.data:
            handling.move_ticket(
                actor,
                reference,
                form.move.data,
                words=form.body.data or "",
                until=instant_of(form.until.data),
                why=form.explanation,
            )
        else:
            handling.add_message(
                actor,
                reference,
                form.body.data or "",
                is_public=not form.internal.data,
                uploads=uploads_of(form.files),
            )
    except DomainError as error:
        if error.status == NOT_FOUND:
            raise
        put_beside_field(form, error)
        return make_response(show(reference, Typed(message=form)), error.status)
    return _back(reference)


def merge(reference: str) -> ResponseReturnValue:
    """End it in favour of another ticket; what was typed is kept if it is refused."""
    form = MergeForm()
    try:
        merging.merge_ticket(current_actor(), reference, form.into.data or "")
    except DomainError as error:
        if error.status in {NOT_FOUND, FORBIDDEN}:
            raise
        put_beside_field(form, error)
        return make_response(show(reference, Typed(merge=form)), error.status)
    return _back(reference)


def move(reference: str) -> ResponseReturnValue:
    """Make a step that needs no words."""
    handling.move_ticket(current_actor(), reference, request.form.get("move", ""))
    return _back(reference)


def assign(reference: str) -> ResponseReturnValue:
    """Give it to somebody."""
    actor = current_actor()
    queries.ticket_named(actor, reference)
    form = _assign_form(None)
    if form.validate_on_submit():
        handling.assign_ticket(actor, reference, form.assignee.data or None, Queue(form.queue.data))
    return _back(reference)


def classify(reference: str) -> ResponseReturnValue:
    """Correct impact, urgency and category."""
    form = ClassifyForm()
    queries.ticket_named(current_actor(), reference)
    if form.validate_on_submit():
        handling.reclassify_ticket(
            current_actor(),
            reference,
            Impact(form.impact.data),
            Urgency(form.urgency.data),
            IncidentCategory(form.category.data) if form.category.data else None,
        )
    return _back(reference)


def watch(reference: str) -> ResponseReturnValue:
    """Begin or stop watching."""
    watching = request.form.get("watch") == "yes"
    relations.watch_ticket(current_actor(), reference, watching=watching)
    return _back(reference)


def relate(reference: str) -> ResponseReturnValue:
    """Link another ticket."""
    form = RelateForm()
    queries.ticket_named(current_actor(), reference)
    if form.validate_on_submit():
        try:
            relations.relate_tickets(current_actor(), reference, form.other.data)
        except DomainError as error:
            flash(_(error.text.msgid), "error")
    return _back(reference)


def download(reference: str, file: str) -> ResponseReturnValue:
    """Give a file out, never shown inside the desk's own pages."""
    found = attachments.attachment_for(database.session(), current_actor(), reference, file)
    response = send_file(
        files.path_of(found.sha256),
        mimetype=found.media_type,
        as_attachment=True,
        download_name=found.name,
    )
    response.headers["Content-Security-Policy"] = "sandbox; default-src 'none'"
    return response


def _back(reference: str) -> ResponseReturnValue:
    return redirect(url_for(".show", reference=reference))
