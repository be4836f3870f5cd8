"""The monthly review of a contract's service: drafted, written, published, acknowledged."""

from __future__ import annotations

from datetime import date, datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import (
    CheckConstraint,
    Computed,
    ForeignKey,
    Index,
    LargeBinary,
    UniqueConstraint,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column, relationship

from servicedesk.clients.models import Client, Contract
from servicedesk.core.actors import Side
from servicedesk.core.database import Model
from servicedesk.core.text import msgid
from servicedesk.engagement.models import Visit
from servicedesk.tickets.models import Ticket


class ReviewState(StrEnum):
    """How far a review is. What is published never goes back."""

    DRAFT = "draft"
    PUBLISHED = "published"
    ACKNOWLEDGED = "acknowledged"  # by the client's contact


class Mark(StrEnum):
    """The verdict in one word."""

    GOOD = "good"
    WATCH = "watch"
    BAD = "bad"


class Place(StrEnum):
    """Where the account manager writes; the words of a chapter stand at its end."""

    VERDICT = "verdict"
    SERVICE_LEVELS = "service_levels"
    TIMES = "times"
    VOLUME = "volume"
    QUALITY = "quality"
    DEVICES = "devices"
    PLANNED = "planned"
    PROVISION = "provision"
    ENGAGEMENT = "engagement"
    RISKS = "risks"


STATE_LABELS = {
    ReviewState.DRAFT: msgid("Draft review"),
    ReviewState.PUBLISHED: msgid("Published review"),
    ReviewState.ACKNOWLEDGED: msgid("Acknowledged review"),
}
MARK_LABELS = {
    Mark.GOOD: msgid("The service is as it should be"),
    Mark.WATCH: msgid("The service needs attention"),
    Mark.BAD: msgid("The service is not as it should be"),
}
PLACE_LABELS = {
    Place.VERDICT: msgid("Verdict"),
    Place.SERVICE_LEVELS: msgid("Service levels"),
    Place.TIMES: msgid("Times of response and solution"),
    Place.VOLUME: msgid("Volume and backlog"),
    Place.QUALITY: msgid("Quality and satisfaction"),
    Place.DEVICES: msgid("Fleet, conformity and changes"),
    Place.PLANNED: msgid("Planned tasks"),
    Place.PROVISION: msgid("Provision"),
    Place.ENGAGEMENT: msgid("Engagement days"),
    Place.RISKS: msgid("Risks"),
}


class ServiceReview(Model):
    """A contract's month: one review, whatever happens."""

    __tablename__ = "service_review"
    __table_args__ = (
        UniqueConstraint("contract_id", "month"),
        CheckConstraint(
            "(state = 'draft') = (published_at is null) and (state = 'draft') = (hash is null)",
            "what_is_published_has_time_and_hash",
        ),
        CheckConstraint(
            "(state = 'acknowledged') = (acknowledged_at is not null)",
            "an_acknowledgement_has_its_time",
        ),
        CheckConstraint("state = 'draft' or mark is not null", "a_verdict_is_given"),
        Index("ix_service_review_client_id_month", "client_id", "month"),
        Index("ix_service_review_drafts", "month", "id", postgresql_where=text("state = 'draft'")),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    client_id: Mapped[int] = mapped_column(ForeignKey("client.id"))
    contract_id: Mapped[int] = mapped_column(ForeignKey("contract.id"))
    reference: Mapped[str] = mapped_column(unique=True)
    month: Mapped[date]  # its first day
    state: Mapped[ReviewState] = mapped_column(default=ReviewState.DRAFT)
    mark: Mapped[Mark | None]  # the verdict in one word
    drafted_at: Mapped[datetime]
    counted_at: Mapped[datetime]  # as of when its figures are
    recount_asked_at: Mapped[datetime | None]  # a worker counts anew
    published_at: Mapped[datetime | None]
    published_by_id: Mapped[int | None] = mapped_column(ForeignKey("user.id"))
    published_by_name: Mapped[str | None]
    hash: Mapped[str | None]  # SHA-256 of the published content
    acknowledged_at: Mapped[datetime | None]
    acknowledged_by_name: Mapped[str | None]
    visit_id: Mapped[int | None] = mapped_column(ForeignKey("engagement_visit.id"))  # the meeting
    version: Mapped[int] = mapped_column(default=1)

    __mapper_args__ = {"version_id_col": version}  # noqa: RUF012

    client: Mapped[Client] = relationship(lazy="raise_on_sql")
    contract: Mapped[Contract] = relationship(lazy="raise_on_sql")
    visit: Mapped[Visit | None] = relationship(lazy="raise_on_sql")

    @property
    def is_draft(self) -> bool:
        """Whether the account manager still writes it."""
        return self.state is ReviewState.DRAFT


class ReviewContent(Model):
    """What a review says, to the byte: figures and chapters, and the items behind them."""

    __tablename__ = "service_review_content"
    __audited__ = False  # counted from what is audited; its hash is in the review

    review_id: Mapped[int] = mapped_column(ForeignKey("service_review.id"), primary_key=True)
    client_id: Mapped[int] = mapped_column(ForeignKey("client.id"), index=True)
    content: Mapped[str]  # canonical JSON, see `frozen.py`; what the hash is of, once published
    evidence: Mapped[bytes] = mapped_column(LargeBinary)  # canonical JSON, compressed
    # open at the month's end, as the content says: for lists, which would have to read all of it
    backlog: Mapped[int | None] = mapped_column(
        Computed("(content::jsonb #>> '{figures,backlog,amount}')::bigint", persisted=True)
    )


class ReviewText(Model):
    """What the account manager writes at one place; each save goes from a version to the next."""

    __tablename__ = "service_review_text"

    review_id: Mapped[int] = mapped_column(ForeignKey("service_review.id"), primary_key=True)
    place: Mapped[Place] = mapped_column(primary_key=True)
    client_id: Mapped[int] = mapped_column(ForeignKey("client.id"), index=True)
    body: Mapped[str]
    version: Mapped[int]
    edited_at: Mapped[datetime]
    edited_by_id: Mapped[int | None] = mapped_column(ForeignKey("user.id"))
    edited_by_name: Mapped[str]


class ReviewAction(Model):
    """What was agreed that somebody does by a day; the ticket is where it is done."""

    __tablename__ = "service_review_action"

    id: Mapped[int] = mapped_column(primary_key=True)
    client_id: Mapped[int] = mapped_column(ForeignKey("client.id"), index=True)
    review_id: Mapped[int] = mapped_column(ForeignKey("service_review.id"), index=True)
    words: Mapped[str]
    owner: Mapped[str]
    due_on: Mapped[date]
    ticket_id: Mapped[int] = mapped_column(ForeignKey("ticket.id"), index=True)
    created_at: Mapped[datetime]
    author_name: Mapped[str]

    ticket: Mapped[Ticket] = relationship(lazy="raise_on_sql")


class ReviewComment(Model):
    """A word about a published review, by either side. Never changed, never deleted."""

    __tablename__ = "service_review_comment"

    id: Mapped[int] = mapped_column(primary_key=True)
    client_id: Mapped[int] = mapped_column(ForeignKey("client.id"), index=True)
    review_id: Mapped[int] = mapped_column(ForeignKey("service_review.id"), index=True)
    at: Mapped[datetime]
    author_id: Mapped[int | None] = mapped_column(ForeignKey("user.id"))
    author_name: Mapped[str]
    author_side: Mapped[Side]
    body: Mapped[str]


class ReviewAddendum(Model):
    """A correction of a published review: it stands beside what was published, and changes nothing."""

    __tablename__ = "service_review_addendum"
    __table_args__ = (UniqueConstraint("review_id", "number"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    client_id: Mapped[int] = mapped_column(ForeignKey("client.id"), index=True)
    review_id: Mapped[int] = mapped_column(ForeignKey("service_review.id"))
    number: Mapped[int]
    at: Mapped[datetime]
    author_id: Mapped[int | None] = mapped_column(ForeignKey("user.id"))
    author_name: Mapped[str]
    body: Mapped[str]
    # figures counted anew that differ: {"code", "before": Value, "after": Value}
    differences: Mapped[list[Any]]
    hash: Mapped[str]  # SHA-256 over the review's hash, the addendum before it, and this one


class MonthFigures(Model):
    """The figures of a month without a published review, kept for trends."""

    __tablename__ = "service_review_month"
    __audited__ = False

    contract_id: Mapped[int] = mapped_column(ForeignKey("contract.id"), primary_key=True)
    month: Mapped[date] = mapped_column(primary_key=True)
    client_id: Mapped[int] = mapped_column(ForeignKey("client.id"), index=True)
    figures: Mapped[dict[str, Any]]
    counted_at: Mapped[datetime]
