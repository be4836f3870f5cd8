"""The account manager's pages of a draft: words beside figures, saved as they are typed; publishing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from flask import flash, redirect, render_template, request
from flask_babel import format_time, gettext

from servicedesk.core import clock, database
from servicedesk.core.errors import Conflict, DomainError, Forbidden, InvalidInput, NotFound
from servicedesk.core.permissions import Permission, require
from servicedesk.reviews import queries
from servicedesk.reviews.models import Mark, Place
from servicedesk.reviews.publishing import publish_review
from servicedesk.reviews.web.forms import ActionForm
from servicedesk.reviews.web.opens import EvidencePaths
from servicedesk.reviews.web.page_words import WORDS
from servicedesk.reviews.web.pages import page_of_review
from servicedesk.reviews.web.words import sections_of
from servicedesk.reviews.writing import OtherWords, ask_recount, give_mark, write_text
from servicedesk.shell.language import translate
from servicedesk.shell.navigation import to
from servicedesk.shell.session import current_actor
from servicedesk.shell.submission import form_status
from servicedesk.tickets.breaches import breaches_without_cause

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from flask.typing import ResponseReturnValue

    from servicedesk.reviews.models import ReviewText, ServiceReview
    from servicedesk.reviews.queries import ReviewView

MOST_BREACHES = 200  # looked at for their causes
LONGEST_VERSION = 9


@dataclass(frozen=True, kw_only=True)
class Slot:
    """A place to write at, as its form shows it."""

    place: Place
    body: str
    version: int
    saved: str = ""  # when and by whom
    fault: str = ""
    theirs: ReviewText | None = None  # what somebody else wrote meanwhile


def write(reference: str) -> ResponseReturnValue:
    """Show a draft to be written."""
    return page_of_draft(drafted(reference))


def drafted(reference: str) -> ReviewView:
    """Return a draft for who writes it. Raises NotFound, Forbidden."""
    view = queries.review_view(current_actor(), reference)
    require(current_actor(), Permission.REVIEW_WRITE)
    return view


def page_of_draft(
    view: ReviewView, slot: Slot | None = None, form: ActionForm | None = None, status: int = 200
) -> ResponseReturnValue:
    """Show the page; `slot` and `form` take the place of what was refused."""
    if not view.review.is_draft:
        return redirect(to("reviews.show", reference=view.review.reference))
    content = view.content
    slots = {place: _slot(view.texts.get(place), place) for place in Place}
    if slot is not None:
        slots[slot.place] = slot
    page = render_template(
        "reviews/write.html",
        view=view,
        review=view.review,
        content=content,
        sections=sections_of(content),
        paths=EvidencePaths(view.review.reference),
        slots=slots,
        marks=Mark,
        missing=_without_cause(view),
        form=form or ActionForm(formdata=None),
        places=Place,
        **WORDS,
    )
    return page, form_status(form) if form is not None else status


def _slot(text: ReviewText | None, place: Place) -> Slot:
    if text is None:
        return Slot(place=place, body="", version=0)
    return Slot(place=place, body=text.body, version=text.version, saved=saved_words(text))


def saved_words(text: ReviewText) -> str:
    """Return when and by whom words were saved last."""
    at = format_time(text.edited_at, "HH:mm")
    if text.edited_at.date() != clock.now().date():
        return str(gettext("Saved by %(name)s", name=text.edited_by_name))
    if text.edited_by_id == current_actor().user_id:
        return str(gettext("Saved %(time)s", time=at))
    return str(gettext("Saved %(time)s by %(name)s", time=at, name=text.edited_by_name))


def _without_cause(view: ReviewView) -> Sequence[Mapping[str, Any]]:
    """Return the month's breaches that had no cause when it was counted; `is_given` if it has now."""
    wanted = [one for one in view.content["chapters"]["breaches"] if not one["cause"]]
    if not wanted:
        return []
    page = breaches_without_cause(current_actor(), view.review.client.reference, size=MOST_BREACHES)
    still = {(one.ticket.reference, one.metric.value) for one in page.items}
    return [
        {**one, "is_given": (one["reference"], one["metric"]) not in still and not page.next}
        for one in wanted
    ]


def save(reference: str, place: str) -> ResponseReturnValue:
    """Keep the words of one place: as they are typed, or with the button."""
    view = drafted(reference)
    if place not in set(Place):
        raise NotFound
    if not view.review.is_draft and not _is_piece():
        return page_of_draft(view)
    body, here = request.form.get("body", ""), Place(place)
    version = _version(request.form.get("seen") or request.form.get("version", ""))
    if request.form.get("do") == "join":
        return _answer(view, _joined(view.texts.get(here), here, body), whole=True)
    try:
        text = write_text(current_actor(), reference, here, body, version=version)
    except (Forbidden, NotFound):
        raise
    except DomainError as refused:
        database.session().rollback()
        slot = Slot(
            place=here,
            body=body,
            version=version,
            fault=translate(refused.text),
            theirs=refused.theirs if isinstance(refused, OtherWords) else None,
        )
        return _answer(view, slot, status=refused.status)
    if _is_piece():
        return _answer(view, _slot(text, here))
    flash(gettext("Saved."), "success")
    return redirect(to("reviews.write", reference=reference) + f"#place-{place}")


def _joined(text: ReviewText | None, place: Place, mine: str) -> Slot:
    """Return both texts in one field, to be looked through and saved."""
    theirs = text.body if text else ""
    return Slot(
        place=place,
        body="\n\n".join(filter(None, (theirs.strip(), mine.strip()))),
        version=text.version if text else 0,
        fault=gettext("Both texts are in the field now. Look through them: then it is saved."),
    )


def _answer(
    view: ReviewView, slot: Slot, *, whole: bool = False, status: int = 200
) -> ResponseReturnValue:
    """Answer a script with the piece that changes, and a form with the whole page."""
    if not _is_piece():
        return page_of_draft(
            queries.review_view(current_actor(), view.review.reference), slot, status=status
        )
    page = render_template(
        "reviews/_slot.html", review=view.review, slot=slot, whole=whole, **WORDS
    )
    again = {"HX-Retarget": f"#write-{slot.place.value}", "HX-Reswap": "outerHTML"}
    return page, 200, again if whole else {}


def _is_piece() -> bool:
    return request.headers.get("HX-Request") == "true"


def _version(typed: str) -> int:
    is_number = typed.isascii() and typed.isdigit() and len(typed) <= LONGEST_VERSION
    return int(typed) if is_number else -1


def mark(reference: str) -> ResponseReturnValue:
    """Keep the verdict in one word."""
    view, typed = drafted(reference), request.form.get("mark", "")
    if typed not in set(Mark):
        flash(gettext("Give the verdict in one word."), "error")
        return page_of_draft(view, status=InvalidInput.status)
    give_mark(current_actor(), reference, Mark(typed))
    flash(gettext("Saved."), "success")
    return redirect(to("reviews.write", reference=reference))


def recount(reference: str) -> ResponseReturnValue:
    """Have its month counted anew."""
    review = ask_recount(current_actor(), reference)
    page = "reviews.write" if review.is_draft else "reviews.addendum"
    return redirect(to(page, reference=reference) + "#recount")


def recounting(reference: str) -> ResponseReturnValue:
    """Say how far the counting is, to a page that asks."""
    review: ServiceReview = queries.review_of(current_actor(), reference)
    require(current_actor(), Permission.REVIEW_WRITE)
    return render_template("reviews/_recount.html", review=review, was_asked=True)


def publish(reference: str) -> ResponseReturnValue:
    """Freeze the draft as it was previewed."""
    drafted(reference)
    try:
        publish_review(
            current_actor(), reference, fingerprint=request.form.get("fingerprint", "")[:64]
        )
    except (Conflict, InvalidInput) as refused:
        database.session().rollback()
        view = queries.review_view(current_actor(), reference)
        if refused.field:
            flash(translate(refused.text), "error")
            return page_of_draft(view, status=refused.status)
        return page_of_review(view, status=refused.status, refused=translate(refused.text))
    flash(gettext("Published: the client's contacts are told."), "success")
    return redirect(to("reviews.show", reference=reference))
