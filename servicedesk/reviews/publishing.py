"""Publishing freezes a review; then both sides comment, the contact acknowledges, addenda correct."""

from __future__ import annotations

import json
from datetime import UTC
from typing import TYPE_CHECKING, Any

from sqlalchemy import select
from sqlalchemy.orm import joinedload

from servicedesk.core.errors import Conflict, InvalidInput, NotAllowedNow
from servicedesk.core.permissions import Permission
from servicedesk.core.text import msgid
from servicedesk.core.unit_of_work import unit_of_work
from servicedesk.reviews.frozen import addendum_hash, canonical, hash_of
from servicedesk.reviews.metrics import FIGURES
from servicedesk.reviews.models import (
    MonthFigures,
    Place,
    ReviewAction,
    ReviewAddendum,
    ReviewComment,
    ReviewContent,
    ReviewState,
    ReviewText,
    ServiceReview,
)
from servicedesk.reviews.telling import tell_contacts, tell_managers
from servicedesk.reviews.writing import checked_words, locked_draft, locked_review

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from servicedesk.core.actors import Actor
    from servicedesk.core.unit_of_work import Work


def publish_review(actor: Actor, reference: str, *, fingerprint: str) -> ServiceReview:
    """Freeze a draft as it was previewed, and tell the client.

    `fingerprint` is `fingerprint_of` the preview: whoever publishes publishes what they have seen.
    Raises NotFound, Forbidden, NotAllowedNow, Conflict, InvalidInput (a mark or verdict is missing).
    """
    with unit_of_work(actor, "reviews.publish") as work:
        review = locked_draft(work, reference)
        if review.recount_asked_at is not None:
            raise NotAllowedNow(msgid("Its figures are being counted anew. Look again first."))
        content = work.session.get_one(ReviewContent, review.id, with_for_update=True)
        written = _written(work, review)
        if fingerprint != fingerprint_of(content.content, written):
            raise Conflict(msgid("It changed after you previewed it. Look at it again first."))
        if review.mark is None:
            raise InvalidInput(msgid("Give the verdict in one word."), field="mark")
        if not written["texts"].get(Place.VERDICT.value):
            raise InvalidInput(msgid("Write the verdict first."), field="verdict")
        content.content = canonical(
            json.loads(content.content)
            | written
            | {
                "published_at": work.at.astimezone(UTC).isoformat(),
                "published_by": actor.name,
            }
        )
        work.session.flush()  # from here on the database lets nobody change it
        review.state, review.published_at = ReviewState.PUBLISHED, work.at
        review.published_by_id, review.published_by_name = actor.user_id, actor.name
        review.hash = hash_of(content.content)
        tell_contacts(work, review, "review_published", mark=review.mark.value)
    return review


def written_of(review: ServiceReview, texts: Any, actions: Any) -> dict[str, Any]:
    """Return what people wrote, as the published content has it."""
    return {
        "mark": review.mark.value if review.mark else None,
        "texts": {text.place.value: text.body for text in texts if text.body},
        "actions": [
            {
                "words": action.words,
                "owner": action.owner,
                "due_on": action.due_on.isoformat(),
                "ticket": action.ticket.reference,
            }
            for action in actions
        ],
    }


def fingerprint_of(content: str, written: dict[str, Any]) -> str:
    """Return what tells one state of a draft from another."""
    return hash_of(content + canonical(written))


def _written(work: Work, review: ServiceReview) -> dict[str, Any]:
    texts = work.session.scalars(select(ReviewText).where(ReviewText.review_id == review.id))
    actions = work.session.scalars(
        select(ReviewAction)
        .options(joinedload(ReviewAction.ticket, innerjoin=True))
        .where(ReviewAction.review_id == review.id)
        .order_by(ReviewAction.due_on, ReviewAction.id)
    )
    return written_of(review, texts.all(), actions.all())


def acknowledge_review(actor: Actor, reference: str, body: str = "") -> ServiceReview:
    """Say, as the client's contact, that it was read; words become a comment.

    Raises NotFound, Forbidden, NotAllowedNow, InvalidInput.
    """
    words = checked_words(body, required=False)
    with unit_of_work(actor, "reviews.acknowledge") as work:
        review = locked_review(work, reference, Permission.REVIEW_ACKNOWLEDGE)
        if review.state is not ReviewState.PUBLISHED:
            raise NotAllowedNow(msgid("It was acknowledged already."))
        review.state = ReviewState.ACKNOWLEDGED
        review.acknowledged_at, review.acknowledged_by_name = work.at, actor.name
        if words:
            _comment(work, review, words)
        tell_managers(work, review, "review_acknowledged", words=words)
    return review


def comment_review(actor: Actor, reference: str, body: str) -> ReviewComment:
    """Say something about a published review. Raises NotFound, Forbidden, InvalidInput."""
    words = checked_words(body, required=True)
    with unit_of_work(actor, "reviews.comment") as work:
        review = locked_review(work, reference, Permission.REVIEW_COMMENT)
        if review.is_draft:
            raise NotAllowedNow
        comment = _comment(work, review, words)
        tell = tell_managers if actor.is_contact else tell_contacts
        tell(work, review, "review_comment", words=words)
    return comment


def _comment(work: Work, review: ServiceReview, words: str) -> ReviewComment:
    comment = ReviewComment(
        client_id=review.client_id,
        review_id=review.id,
        at=work.at,
        author_id=work.actor.user_id,
        author_name=work.actor.name,
        author_side=work.actor.side,
        body=words,
    )
    work.session.add(comment)
    return comment


def add_addendum(actor: Actor, reference: str, body: str, *, recounted: bool) -> ReviewAddendum:
    """Correct a published review beside what was published, and tell the client.

    With `recounted`, what a worker has counted anew since (`ask_recount`) and differs from the
    published figures stands in the addendum. Raises NotFound, Forbidden, NotAllowedNow, InvalidInput.
    """
    words = checked_words(body, required=True)
    with unit_of_work(actor, "reviews.add_addendum") as work:
        review = locked_review(work, reference, Permission.REVIEW_WRITE)
        if review.is_draft or review.hash is None:
            raise NotAllowedNow(msgid("It is not published: correct the draft."))
        before = work.session.scalars(
            select(ReviewAddendum)
            .where(ReviewAddendum.review_id == review.id)
            .order_by(ReviewAddendum.number.desc())
            .limit(1)
        ).one_or_none()
        number = before.number + 1 if before else 1
        differences = _counted_anew(work, review) if recounted else []
        addendum = ReviewAddendum(
            client_id=review.client_id,
            review_id=review.id,
            number=number,
            at=work.at,
            author_id=actor.user_id,
            author_name=actor.name,
            body=words,
            differences=differences,
            hash=addendum_hash(before.hash if before else review.hash, number, words, differences),
        )
        work.session.add(addendum)
        tell_contacts(work, review, "review_addendum", words=words)
    return addendum


def differences_of(frozen: dict[str, Any], counted: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the figures that are counted otherwise than they were published, in their order."""
    return [
        {"code": figure.code, "before": frozen[figure.code], "after": counted[figure.code]}
        for figure in FIGURES
        if figure.code in frozen
        and figure.code in counted
        and _told(counted[figure.code]) != _told(frozen[figure.code])
    ]


def recounted_since(session: Session, review: ServiceReview) -> MonthFigures | None:
    """Return what a worker has counted anew since a review was published; None if none has."""
    counted = session.get(MonthFigures, (review.contract_id, review.month))
    if counted is None or review.published_at is None or counted.counted_at < review.published_at:
        return None
    return counted


def _counted_anew(work: Work, review: ServiceReview) -> list[dict[str, Any]]:
    counted = recounted_since(work.session, review)
    if counted is None:
        raise NotAllowedNow(msgid("Have the month counted anew first."))
    kept = work.session.get_one(ReviewContent, review.id)
    return differences_of(json.loads(kept.content)["figures"], counted.figures)


def _told(kept: dict[str, Any]) -> dict[str, Any]:
    """Return a value without whether it may still change: that it is final now is no correction."""
    return {**kept, "is_provisional": False}
