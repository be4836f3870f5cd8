"""What is read of reviews; a contact knows only what is published."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from sqlalchemy import ColumnElement, Select, select, true
from sqlalchemy.orm import contains_eager, joinedload

from servicedesk.clients.models import Client
from servicedesk.clients.visibility import visible_to
from servicedesk.core import database
from servicedesk.core.errors import NotFound
from servicedesk.core.paging import PAGE_SIZE, Page, decode_cursor, page_of
from servicedesk.core.permissions import Permission, may, require
from servicedesk.reviews.frozen import text_of, unpacked
from servicedesk.reviews.metrics import BY_CODE
from servicedesk.reviews.metrics.figure import Value
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
from servicedesk.reviews.publishing import (
    differences_of,
    fingerprint_of,
    recounted_since,
    written_of,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from servicedesk.core.actors import Actor
    from servicedesk.reviews.metrics.figure import Item


@dataclass(frozen=True, kw_only=True)
class ReviewView:
    """A review with all that stands in it: what page, paper and API tell."""

    review: ServiceReview
    text: str  # the content as it is kept: what the hash is of, once it is published
    texts: Mapping[Place, ReviewText]  # of a draft
    actions: Sequence[ReviewAction]
    comments: Sequence[ReviewComment]
    addenda: Sequence[ReviewAddendum]

    @cached_property
    def content(self) -> Mapping[str, Any]:
        """Return the content; of a draft, with what is written so far."""
        told: dict[str, Any] = json.loads(self.text)
        if self.review.is_draft:
            told |= written_of(self.review, self.texts.values(), self.actions)
        return told

    @cached_property
    def values(self) -> Mapping[str, Value]:
        """Return the figures by code."""
        return {code: Value.from_json(kept) for code, kept in self.content["figures"].items()}

    @property
    def fingerprint(self) -> str:
        """Return what tells this state of a draft from another."""
        written = written_of(self.review, self.texts.values(), self.actions)
        return fingerprint_of(self.text, written)


@dataclass(frozen=True, kw_only=True)
class EvidenceView:
    """What stands behind a figure, or behind a part of it."""

    review: ServiceReview
    code: str
    value: Value
    items: Sequence[Item]
    total: int


def reviews(
    actor: Actor,
    client: str = "",
    state: str = "",
    cursor: str | None = None,
    size: int = PAGE_SIZE,
) -> Page[ServiceReview]:
    """Return a page of reviews, newest month first. Raises Forbidden, InvalidInput."""
    require(actor, Permission.REVIEW_READ)
    query = _of(actor).order_by(ServiceReview.month.desc(), ServiceReview.id.desc()).limit(size + 1)
    if client:
        query = query.where(Client.reference == client.replace("\x00", ""))
    if state in set(ReviewState):
        query = query.where(ServiceReview.state == ReviewState(state))
    if key := decode_cursor(cursor, int):
        last = select(ServiceReview.month).where(ServiceReview.id == key[0]).scalar_subquery()
        query = query.where(
            (ServiceReview.month < last)
            | ((ServiceReview.month == last) & (ServiceReview.id < key[0]))
        )
    found = database.session().scalars(query).all()
    return page_of(found, size, lambda review: [review.id])


def _of(actor: Actor) -> Select[ServiceReview]:
    return (
        select(ServiceReview)
        .join(ServiceReview.client)
        .join(ServiceReview.contract)
        .options(
            contains_eager(ServiceReview.client),
            contains_eager(ServiceReview.contract),
            joinedload(ServiceReview.visit),
        )
        .where(visible_to(actor, ServiceReview.client_id), _readable(actor))
    )


def _readable(actor: Actor) -> ColumnElement[bool]:
    if may(actor, Permission.REVIEW_DRAFTS):
        return true()
    return ServiceReview.state != ReviewState.DRAFT


def review_of(actor: Actor, reference: str) -> ServiceReview:
    """Return a review. Raises NotFound, Forbidden."""
    require(actor, Permission.REVIEW_READ)
    found = database.session().scalar(
        _of(actor).where(ServiceReview.reference == reference.replace("\x00", ""))
    )
    if found is None:
        raise NotFound
    return found


def review_view(actor: Actor, reference: str) -> ReviewView:
    """Return a review with all that stands in it. Raises NotFound, Forbidden."""
    review = review_of(actor, reference)
    session = database.session()
    text = session.scalars(
        select(ReviewContent.content).where(ReviewContent.review_id == review.id)
    ).one()
    texts = (
        session.scalars(select(ReviewText).where(ReviewText.review_id == review.id)).all()
        if review.is_draft
        else ()
    )
    return ReviewView(
        review=review,
        text=text,
        texts={one.place: one for one in texts},
        actions=session.scalars(
            select(ReviewAction)
            .options(joinedload(ReviewAction.ticket, innerjoin=True))
            .where(ReviewAction.review_id == review.id)
            .order_by(ReviewAction.due_on, ReviewAction.id)
        ).all(),
        comments=session.scalars(
            select(ReviewComment)
            .where(ReviewComment.review_id == review.id)
            .order_by(ReviewComment.id)
        ).all(),
        addenda=session.scalars(
            select(ReviewAddendum)
            .where(ReviewAddendum.review_id == review.id)
            .order_by(ReviewAddendum.number)
        ).all(),
    )


def evidence_of(
    actor: Actor,
    reference: str,
    code: str,
    *,
    by: str = "",
    of: str = "",
    part: bool | None = None,
    start: int = 0,
    size: int = PAGE_SIZE,
) -> EvidenceView:
    """Return what stands behind a figure: all of it, of one tag, or only what counts (or does not).

    It is what was counted, frozen with the review. Raises NotFound, Forbidden.
    """
    review = review_of(actor, reference)
    if code not in BY_CODE:
        raise NotFound
    session = database.session()
    kept = session.execute(
        select(ReviewContent.content, ReviewContent.evidence).where(
            ReviewContent.review_id == review.id
        )
    ).one()
    figures = json.loads(kept.content)["figures"]
    if code not in figures:  # it was not counted yet when this was published
        raise NotFound
    items = [
        item
        for item in unpacked(kept.evidence).get(code, [])
        if (not by or item.tags.get(by) == of) and (part is None or item.counts is part)
    ]
    return EvidenceView(
        review=review,
        code=code,
        value=Value.from_json(figures[code]),
        items=items[start : start + size],
        total=len(items),
    )


def all_evidence(actor: Actor, reference: str) -> Mapping[str, Sequence[Item]]:
    """Return what stands behind every figure. Raises NotFound, Forbidden."""
    return unpacked(_packed(review_of(actor, reference)))


def counted_since(actor: Actor, reference: str) -> tuple[MonthFigures, list[dict[str, Any]]] | None:
    """Return what a worker counted anew since a review was published, and what differs.

    None if nobody has it counted anew since. Raises NotFound, Forbidden.
    """
    view = review_view(actor, reference)
    counted = recounted_since(database.session(), view.review)
    if counted is None:
        return None
    return counted, differences_of(dict(view.content["figures"]), counted.figures)


def kept_evidence(actor: Actor, reference: str) -> str:
    """Return the text of the evidence as its hash was taken of it. Raises NotFound, Forbidden."""
    return text_of(_packed(review_of(actor, reference)))


def _packed(review: ServiceReview) -> bytes:
    kept = select(ReviewContent.evidence).where(ReviewContent.review_id == review.id)
    return database.session().scalars(kept).one()
