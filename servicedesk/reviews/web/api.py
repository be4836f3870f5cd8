"""Reviews in the API: what is published and what stands behind it; drafts for who writes them."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from flask.views import MethodView
from flask_smorest import Blueprint

from servicedesk.clients.web.api import person_of_token
from servicedesk.core.errors import NotFound
from servicedesk.core.permissions import Permission, require
from servicedesk.reviews import publishing, queries, writing
from servicedesk.reviews.metrics import BY_CODE
from servicedesk.reviews.models import Place
from servicedesk.reviews.web import documents
from servicedesk.reviews.web.api_schemas import (
    AcknowledgeSchema,
    EvidenceQuery,
    EvidenceSchema,
    LanguageQuery,
    MarkSchema,
    PublishSchema,
    ReviewCommentBody,
    ReviewCommentSchema,
    ReviewSchema,
    ReviewsQuery,
    ReviewsSchema,
    ReviewTextSchema,
    WrittenSchema,
)
from servicedesk.reviews.web.words import definition_of, label_of
from servicedesk.shell.api import guard
from servicedesk.shell.session import current_actor

if TYPE_CHECKING:
    from flask import Response

    from servicedesk.reviews.models import ReviewComment, ReviewText, ServiceReview

blueprint = Blueprint("api-reviews", __name__, url_prefix="/api/v1/reviews")
guard(blueprint, person_of_token)


@blueprint.route("")
class Reviews(MethodView):
    """Monthly reviews."""

    @blueprint.arguments(ReviewsQuery, location="query")
    @blueprint.response(200, ReviewsSchema)
    def get(self, query: dict[str, Any]) -> dict[str, Any]:
        """List reviews, newest month first; a contact's are the published ones."""
        page = queries.reviews(
            current_actor(),
            query["client"],
            query["state"] or "",
            query["cursor"],
            query["limit"],
        )
        return {"items": [_line(review) for review in page.items], "next": page.next}


@blueprint.route("/<reference>")
class OneReview(MethodView):
    """A review."""

    @blueprint.response(200, ReviewSchema)
    def get(self, reference: str) -> dict[str, Any]:
        """Fetch a review with its content, comments and addenda."""
        return _told(reference)


@blueprint.route("/<reference>/figures/<figure>")
class Evidence(MethodView):
    """What stands behind a figure."""

    @blueprint.arguments(EvidenceQuery, location="query")
    @blueprint.response(200, EvidenceSchema)
    def get(self, query: dict[str, Any], reference: str, figure: str) -> dict[str, Any]:
        """List what a figure counts, or the part with one tag, as it was counted."""
        found = queries.evidence_of(
            current_actor(),
            reference,
            figure,
            by=query["by"],
            of=query["of"],
            part=query["counts"],
            start=query["start"],
            size=query["limit"],
        )
        return {
            "figure": figure,
            "label": label_of(figure),
            "definition": definition_of(figure),
            "unit": BY_CODE[figure].unit,
            "subject": BY_CODE[figure].subject,
            "value": found.value.to_json(),
            "total": found.total,
            "items": [asdict(item) for item in found.items],
        }


def _file(mimetype: str, what: str) -> dict[str, Any]:
    content = {mimetype: {"schema": {"type": "string", "format": "binary"}}}
    return {"200": {"description": what, "content": content}}


@blueprint.route("/<reference>/review.pdf")
class Paper(MethodView):
    """A review to be printed."""

    @blueprint.arguments(LanguageQuery, location="query")
    @blueprint.doc(responses=_file("application/pdf", "The review; a draft is marked as one."))
    def get(self, query: dict[str, Any], reference: str) -> Response:
        """Fetch a review as PDF."""
        return documents.paper_response(reference, query["language"])


@blueprint.route("/<reference>/review.xlsx")
class Spreadsheet(MethodView):
    """A review's figures as a spreadsheet."""

    @blueprint.arguments(LanguageQuery, location="query")
    @blueprint.doc(responses=_file(documents.XLSX, "Figures, and the lists behind them."))
    def get(self, query: dict[str, Any], reference: str) -> Response:
        """Fetch a review's figures, and every list behind them, as XLSX."""
        return documents.spreadsheet_response(reference, query["language"])


@blueprint.route("/<reference>/texts/<place>")
class Written(MethodView):
    """Words of a draft."""

    @blueprint.arguments(WrittenSchema)
    @blueprint.response(200, ReviewTextSchema)
    def put(self, body: dict[str, Any], reference: str, place: str) -> dict[str, Any]:
        """Keep words at a place of a draft: the verdict, a chapter, or the risks.

        Where somebody else wrote meanwhile the problem is `written-by-somebody-else`.
        """
        _draft(reference)
        if place not in set(Place):
            raise NotFound
        text = writing.write_text(
            current_actor(), reference, Place(place), body["body"], version=body["version"]
        )
        return _text(text)


@blueprint.route("/<reference>/mark")
class Marked(MethodView):
    """The verdict in one word."""

    @blueprint.arguments(MarkSchema)
    @blueprint.response(200, ReviewSchema)
    def put(self, body: dict[str, Any], reference: str) -> dict[str, Any]:
        """Give a draft its verdict in one word."""
        writing.give_mark(current_actor(), reference, body["mark"])
        return _told(reference)


@blueprint.route("/<reference>/publish")
class Published(MethodView):
    """A review's publication."""

    @blueprint.arguments(PublishSchema)
    @blueprint.response(200, ReviewSchema)
    def post(self, body: dict[str, Any], reference: str) -> dict[str, Any]:
        """Freeze a draft as it was looked at, and tell the client."""
        publishing.publish_review(current_actor(), reference, fingerprint=body["fingerprint"])
        return _told(reference)


@blueprint.route("/<reference>/comments")
class Comments(MethodView):
    """What is said about a review."""

    @blueprint.arguments(ReviewCommentBody)
    @blueprint.response(201, ReviewCommentSchema)
    def post(self, body: dict[str, Any], reference: str) -> dict[str, Any]:
        """Say something about a published review."""
        return _comment(publishing.comment_review(current_actor(), reference, body["body"]))


@blueprint.route("/<reference>/acknowledge")
class Acknowledgement(MethodView):
    """That the client has read it."""

    @blueprint.arguments(AcknowledgeSchema)
    @blueprint.response(200, ReviewSchema)
    def post(self, body: dict[str, Any], reference: str) -> dict[str, Any]:
        """Say, as the client's contact, that it was read; words become a comment."""
        publishing.acknowledge_review(current_actor(), reference, body["body"])
        return _told(reference)


def _draft(reference: str) -> None:
    """Refuse who may not write, after who may not even know. Raises NotFound, Forbidden."""
    queries.review_of(current_actor(), reference)
    require(current_actor(), Permission.REVIEW_WRITE)


def _line(review: ServiceReview) -> dict[str, Any]:
    return {
        "reference": review.reference,
        "client": review.client.reference,
        "contract": review.contract.reference,
        "month": review.month,
        "state": review.state,
        "mark": review.mark,
        "counted_at": review.counted_at,
        "published_at": review.published_at,
        "published_by": review.published_by_name,
        "acknowledged_at": review.acknowledged_at,
        "acknowledged_by": review.acknowledged_by_name,
        "hash": review.hash,
        "meeting": review.visit.reference if review.visit else None,
    }


def _told(reference: str) -> dict[str, Any]:
    view = queries.review_view(current_actor(), reference)
    return _line(view.review) | {
        "content": view.content,
        "content_text": view.text,
        "texts": [_text(text) for text in view.texts.values()],
        "comments": [_comment(comment) for comment in view.comments],
        "addenda": [
            {
                "number": addendum.number,
                "at": addendum.at,
                "author": addendum.author_name,
                "body": addendum.body,
                "differences": addendum.differences,
                "hash": addendum.hash,
            }
            for addendum in view.addenda
        ],
        "fingerprint": view.fingerprint if view.review.is_draft else None,
    }


def _text(text: ReviewText) -> dict[str, Any]:
    return {
        "place": text.place.value,
        "body": text.body,
        "version": text.version,
        "edited_at": text.edited_at,
        "edited_by": text.edited_by_name,
    }


def _comment(comment: ReviewComment) -> dict[str, Any]:
    return {
        "at": comment.at,
        "author": comment.author_name,
        "side": comment.author_side,
        "body": comment.body,
    }
