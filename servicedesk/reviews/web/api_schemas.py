"""What the API takes and tells about reviews."""

from __future__ import annotations

from marshmallow import Schema, fields, validate

from servicedesk.clients.web.api import PageQuery
from servicedesk.core.actors import Side
from servicedesk.reviews.metrics.figure import Subject, Unit
from servicedesk.reviews.models import Mark, ReviewState
from servicedesk.reviews.writing import WORDS_LENGTH
from servicedesk.shell.language import LANGUAGES

LARGEST = 2**31


class ReviewLineSchema(Schema):
    """A review in the list."""

    reference = fields.String(required=True)
    client = fields.String(required=True)
    contract = fields.String(required=True)
    month = fields.Date(required=True, metadata={"description": "The first day of the month."})
    state = fields.Enum(ReviewState, by_value=True, required=True)
    mark = fields.Enum(Mark, by_value=True, required=True, allow_none=True)
    counted_at = fields.DateTime(required=True)
    published_at = fields.DateTime(required=True, allow_none=True)
    published_by = fields.String(required=True, allow_none=True)
    acknowledged_at = fields.DateTime(required=True, allow_none=True)
    acknowledged_by = fields.String(required=True, allow_none=True)
    hash = fields.String(
        required=True, allow_none=True, metadata={"description": "SHA-256 of the content."}
    )
    meeting = fields.String(
        required=True, allow_none=True, metadata={"description": "The visit's reference."}
    )


class LanguageQuery(Schema):
    """In which language a document is."""

    language = fields.String(
        load_default="",
        validate=validate.OneOf(["", *LANGUAGES]),
        metadata={"description": "The reader's own, if none is named."},
    )


class ReviewsSchema(Schema):
    """A piece of the list of reviews."""

    items = fields.List(fields.Nested(ReviewLineSchema), required=True)
    next = fields.String(required=True, allow_none=True)


class ReviewsQuery(PageQuery):
    """Whose reviews, in which state, and which piece of the list."""

    client = fields.String(load_default="", validate=validate.Length(max=40))
    state = fields.Enum(ReviewState, by_value=True, load_default=None)


class ReviewTextSchema(Schema):
    """What is written at a place of a draft."""

    place = fields.String(required=True)
    body = fields.String(required=True)
    version = fields.Integer(required=True)
    edited_at = fields.DateTime(required=True)
    edited_by = fields.String(required=True)


class ReviewCommentSchema(Schema):
    """A word about a published review."""

    at = fields.DateTime(required=True)
    author = fields.String(required=True)
    side = fields.Enum(Side, by_value=True, required=True)
    body = fields.String(required=True)


class ReviewAddendumSchema(Schema):
    """A correction of a published review."""

    number = fields.Integer(required=True)
    at = fields.DateTime(required=True)
    author = fields.String(required=True)
    body = fields.String(required=True)
    differences = fields.List(fields.Dict(), required=True)
    hash = fields.String(required=True)


class ReviewSchema(ReviewLineSchema):
    """A review with all that stands in it."""

    content = fields.Dict(
        required=True,
        metadata={
            "description": "Figures, trends and chapters. Of a draft with what is written so far; once"
            " published it is what `content_text` says."
        },
    )
    content_text = fields.String(
        required=True, metadata={"description": "The content to the byte, as UTF-8 it has `hash`."}
    )
    texts = fields.List(fields.Nested(ReviewTextSchema), required=True)
    comments = fields.List(fields.Nested(ReviewCommentSchema), required=True)
    addenda = fields.List(fields.Nested(ReviewAddendumSchema), required=True)
    fingerprint = fields.String(
        required=True,
        allow_none=True,
        metadata={"description": "Of a draft: what `publish` wants, so that it is what you saw."},
    )


class EvidenceQuery(Schema):
    """Which part of what stands behind a figure."""

    by = fields.String(load_default="", validate=validate.Length(max=40))
    of = fields.String(load_default="", validate=validate.Length(max=80))
    counts = fields.Boolean(load_default=None, allow_none=True)
    start = fields.Integer(load_default=0, validate=validate.Range(0, LARGEST))
    limit = fields.Integer(load_default=50, validate=validate.Range(1, 200))


class EvidenceItemSchema(Schema):
    """One thing that a figure counts."""

    reference = fields.String(required=True)
    counts = fields.Boolean(required=True)
    measure = fields.Float(required=True, allow_none=True)
    tags = fields.Dict(keys=fields.String(), values=fields.String(), required=True)
    about = fields.String(required=True)


class EvidenceSchema(Schema):
    """A figure of a review and what it counts, as it was counted."""

    figure = fields.String(required=True)
    label = fields.String(required=True)
    definition = fields.List(fields.String(), required=True)
    unit = fields.Enum(Unit, by_value=True, required=True)
    subject = fields.Enum(Subject, by_value=True, required=True)
    value = fields.Dict(required=True)
    total = fields.Integer(required=True)
    items = fields.List(fields.Nested(EvidenceItemSchema), required=True)


class WrittenSchema(Schema):
    """Words for a place, and the version that they were written upon (0: nothing stood there)."""

    body = fields.String(required=True, validate=validate.Length(max=WORDS_LENGTH))
    version = fields.Integer(required=True, validate=validate.Range(0, LARGEST))


class MarkSchema(Schema):
    """The verdict in one word."""

    mark = fields.Enum(Mark, by_value=True, required=True)


class PublishSchema(Schema):
    """The fingerprint of the draft that was looked at."""

    fingerprint = fields.String(required=True, validate=validate.Length(max=64))


class ReviewCommentBody(Schema):
    """A comment."""

    body = fields.String(required=True, validate=validate.Length(1, WORDS_LENGTH))


class AcknowledgeSchema(Schema):
    """Words with an acknowledgement, if there are any."""

    body = fields.String(load_default="", validate=validate.Length(max=WORDS_LENGTH))
