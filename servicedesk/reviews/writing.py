"""Writing a draft: words at each place, the mark, actions. Two editors never overwrite each other."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import select
from sqlalchemy.orm import joinedload

from servicedesk.clients.visibility import visible_to
from servicedesk.core.errors import Conflict, InvalidInput, NotAllowedNow, NotFound
from servicedesk.core.permissions import Permission, may, require
from servicedesk.core.text import msgid
from servicedesk.core.unit_of_work import unit_of_work
from servicedesk.reviews.drafting import RECOUNT
from servicedesk.reviews.models import Place, ReviewText, ServiceReview

if TYPE_CHECKING:
    from servicedesk.core.actors import Actor
    from servicedesk.core.unit_of_work import Work
    from servicedesk.reviews.models import Mark

WORDS_LENGTH = 5_000


class OtherWords(Conflict):
    """Somebody else wrote at this place meanwhile: `theirs` is what stands there now."""

    code = "written-by-somebody-else"
    sentence = msgid("Somebody else wrote here meanwhile. Yours is kept: put the two together.")

    def __init__(self, theirs: ReviewText) -> None:
        """Keep what stands there."""
        super().__init__()
        self.theirs = theirs


def locked_review(work: Work, reference: str, permission: Permission) -> ServiceReview:
    """Return one of the actor's reviews for changing it. Raises NotFound, Forbidden."""
    query = (
        select(ServiceReview)
        .where(
            ServiceReview.reference == reference.replace("\x00", ""),
            visible_to(work.actor, ServiceReview.client_id),
        )
        .options(
            joinedload(ServiceReview.client, innerjoin=True),
            joinedload(ServiceReview.contract, innerjoin=True),
        )
    )
    if may(work.actor, permission):  # who only reads has no right to a lock
        query = query.with_for_update(of=ServiceReview)
    review = work.session.scalar(query)
    if review is None or (review.is_draft and not may(work.actor, Permission.REVIEW_DRAFTS)):
        raise NotFound
    require(work.actor, permission)
    work.concerns(review.client_id, review.reference)
    return review


def locked_draft(work: Work, reference: str) -> ServiceReview:
    """Return a draft that the actor writes. Raises NotFound, Forbidden, NotAllowedNow."""
    review = locked_review(work, reference, Permission.REVIEW_WRITE)
    if not review.is_draft:
        raise NotAllowedNow(msgid("It is published: a correction is an addendum."))
    return review


def write_text(
    actor: Actor, reference: str, place: Place, body: str, *, version: int
) -> ReviewText:
    """Keep what stands at a place. `version` is the one it was written upon; 0: nothing stood there.

    Raises NotFound, Forbidden, NotAllowedNow, InvalidInput at `body`, and OtherWords where somebody
    else wrote meanwhile; then nothing is changed.
    """
    words = checked_words(body, required=False)
    with unit_of_work(actor, "reviews.write") as work:
        review = locked_draft(work, reference)
        text = work.session.get(ReviewText, (review.id, place))
        if (text.version if text else 0) != version:
            if text and text.body == words:  # the same save again: its answer was lost
                return text
            raise OtherWords(text) if text else Conflict
        if text is None:
            text = ReviewText(
                review_id=review.id, place=place, client_id=review.client_id, version=0
            )
            work.session.add(text)
        text.body, text.version = words, version + 1
        text.edited_at, text.edited_by_id, text.edited_by_name = (
            work.at,
            actor.user_id,
            actor.name,
        )
    return text


def give_mark(actor: Actor, reference: str, mark: Mark) -> ServiceReview:
    """Say in one word how the service is. Raises NotFound, Forbidden, NotAllowedNow."""
    with unit_of_work(actor, "reviews.mark") as work:
        review = locked_draft(work, reference)
        review.mark = mark
    return review


def ask_recount(actor: Actor, reference: str) -> ServiceReview:
    """Have a worker count a draft anew, or the month of a published review beside it.

    Raises NotFound, Forbidden.
    """
    with unit_of_work(actor, "reviews.ask_recount") as work:
        review = locked_review(work, reference, Permission.REVIEW_WRITE)
        review.recount_asked_at = work.at
        work.enqueue(RECOUNT, lock=review.reference, review_id=review.id)
    return review


def checked_words(body: str, *, required: bool, field: str = "body") -> str:
    """Return words that somebody typed. Raises InvalidInput."""
    words = body.replace("\r\n", "\n").strip()
    if required and not words:
        raise InvalidInput(msgid("Write something first."), field=field)
    if len(words) > WORDS_LENGTH:
        raise InvalidInput(msgid("This is too long."), field=field)
    if "\x00" in words:
        raise InvalidInput(msgid("This contains characters that cannot be stored."), field=field)
    return words
