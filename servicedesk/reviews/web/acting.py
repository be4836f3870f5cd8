"""What goes with a review: actions with their tickets, its meeting, addenda."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flask import flash, redirect, render_template, request
from flask_babel import gettext

from servicedesk.core.errors import NotFound
from servicedesk.core.permissions import Permission, require
from servicedesk.engagement.queries import year_view
from servicedesk.engagement.web.visit import releasable_of
from servicedesk.reviews import actions, meeting, publishing, queries
from servicedesk.reviews.web.forms import ActionForm, AddendumForm, MeetingForm
from servicedesk.reviews.web.page_words import WORDS
from servicedesk.reviews.web.words import month_words
from servicedesk.reviews.web.writing import drafted, page_of_draft
from servicedesk.shell.navigation import to
from servicedesk.shell.session import current_actor
from servicedesk.shell.submission import form_status, refusals_beside_fields

if TYPE_CHECKING:
    from flask.typing import ResponseReturnValue


def add_action(reference: str) -> ResponseReturnValue:
    """Write down who does what by when."""
    drafted(reference)
    form = ActionForm()
    if form.validate_on_submit():
        with refusals_beside_fields(form):
            actions.add_action(
                current_actor(),
                reference,
                form.words.data or "",
                form.owner.data or "",
                form.due_on.data,
            )
            flash(gettext("Written down; its ticket is open."), "success")
            return redirect(to("reviews.write", reference=reference) + "#actions")
    return page_of_draft(drafted(reference), form=form)


def remove_action(reference: str, action_id: int) -> ResponseReturnValue:
    """Take an action out again."""
    drafted(reference)
    actions.remove_action(current_actor(), reference, action_id)
    flash(gettext("Taken out; its ticket is withdrawn."), "success")
    return redirect(to("reviews.write", reference=reference) + "#actions")


def meet(reference: str) -> ResponseReturnValue:
    """Book the meeting of a review."""
    actor, review = current_actor(), queries.review_of(current_actor(), reference)
    require(actor, Permission.REVIEW_WRITE)
    year = year_view(actor, review.client.reference)
    form = MeetingForm() if request.method == "POST" else _prefilled(review.month)
    if form.validate_on_submit():
        with refusals_beside_fields(form):
            visit = meeting.book_meeting(actor, reference, form.plan())
            flash(gettext("Booked and reserved: %(visit)s.", visit=visit.reference), "success")
            return redirect(to("reviews.show", reference=reference) + "#meeting")
    page = render_template(
        "reviews/meeting.html",
        review=review,
        year=year,
        form=form,
        could=releasable_of(form),
        **WORDS,
    )
    return page, form_status(form)


def _prefilled(month: object) -> MeetingForm:
    title = gettext("Service review, %(month)s", month=month_words(month))  # type: ignore[arg-type]
    return MeetingForm(title=title, days="0.25", where="remote")


def addendum(reference: str) -> ResponseReturnValue:
    """Correct a published review beside what was published."""
    actor, review = current_actor(), queries.review_of(current_actor(), reference)
    require(actor, Permission.REVIEW_WRITE)
    if review.is_draft:
        raise NotFound
    form = AddendumForm()
    if form.validate_on_submit():
        with refusals_beside_fields(form):
            publishing.add_addendum(
                actor, reference, form.body.data or "", recounted=form.recounted.data
            )
            flash(gettext("The addendum is published: the client's contacts are told."), "success")
            return redirect(to("reviews.show", reference=reference) + "#addenda")
    page = render_template(
        "reviews/addendum.html",
        view=queries.review_view(actor, reference),
        review=review,
        counted=queries.counted_since(actor, reference),
        form=form,
        **WORDS,
    )
    return page, form_status(form)
