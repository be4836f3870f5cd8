"""What waits for an account manager: each kind of it by one statement, the longest waiting first."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from sqlalchemy import exists, func, select
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.orm import contains_eager

from servicedesk.clients.models import Client
from servicedesk.clients.visibility import of_customers, visible_to
from servicedesk.core import clock, database
from servicedesk.core.actors import Side
from servicedesk.core.permissions import Permission, require
from servicedesk.engagement.queries import pending_amendments, visits_to_confirm
from servicedesk.reviews.health import PUBLISHED_WITHIN
from servicedesk.reviews.models import (
    Place,
    ReviewComment,
    ReviewState,
    ReviewText,
    ServiceReview,
)
from servicedesk.reviews.period import next_month
from servicedesk.reviews.signs import months_now
from servicedesk.sla.models import SlaCycle
from servicedesk.tickets.breaches import IS_BREACHED, tickets_without_cause
from servicedesk.tickets.models import Ticket
from servicedesk.tickets.outcomes import UNHAPPY_RATING, ClosingVerdict

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

    from servicedesk.core.actors import Actor
    from servicedesk.engagement.models import Amendment, Visit

SHOWN = 10  # of each kind; what is more stands on the page that all of it is on
COMMENTS_OF = timedelta(days=180)
SCORES_OF = timedelta(days=14)


@dataclass(frozen=True, kw_only=True)
class Draft:
    """A review to write: until when, and how far it is."""

    review: ServiceReview
    has_verdict: bool
    due_on: date
    today: date

    @property
    def is_late(self) -> bool:
        """Whether it should have been published."""
        return self.today > self.due_on

    @property
    def is_ready(self) -> bool:
        """Whether nothing is missing to publish it."""
        return self.has_verdict and self.review.mark is not None


@dataclass(frozen=True, kw_only=True)
class Unexplained:
    """How many tickets of a client missed a target in a month, with nobody having said why."""

    client: Client
    month: date
    tickets: int


@dataclass(frozen=True, kw_only=True)
class Waiting:
    """All that waits."""

    drafts: Sequence[Draft]
    visits: Sequence[Visit]
    comments: Sequence[tuple[ReviewComment, ServiceReview]]
    offers: Sequence[tuple[Amendment, Client]]
    unexplained: Sequence[Unexplained]
    unhappy: Sequence[Ticket]

    @property
    def is_nothing(self) -> bool:
        """Whether nothing waits."""
        return not any(vars(self).values())


def waiting_for(actor: Actor) -> Waiting:
    """Return what waits for an actor; six statements. Raises Forbidden."""
    require(actor, Permission.PORTFOLIO_READ)
    return Waiting(
        drafts=_drafts(actor),
        visits=visits_to_confirm(actor, size=SHOWN),
        comments=_unanswered(actor),
        offers=pending_amendments(actor, size=SHOWN),
        unexplained=_unexplained(actor),
        unhappy=_unhappy(actor),
    )


def _drafts(actor: Actor) -> list[Draft]:
    is_written = exists().where(
        ReviewText.review_id == ServiceReview.id,
        ReviewText.place == Place.VERDICT,
        ReviewText.body != "",
    )
    rows = database.session().execute(
        select(ServiceReview, is_written)
        .join(ServiceReview.client)
        .options(contains_eager(ServiceReview.client))
        .where(visible_to(actor, ServiceReview.client_id), ServiceReview.state == ReviewState.DRAFT)
        .order_by(ServiceReview.month, ServiceReview.id)
        .limit(SHOWN)
    )
    today = clock.now().date()
    return [
        Draft(
            review=review,
            has_verdict=has_verdict,
            due_on=next_month(review.month) + timedelta(days=PUBLISHED_WITHIN[0]),
            today=today,
        )
        for review, has_verdict in rows
    ]


def _unanswered(actor: Actor) -> list[tuple[ReviewComment, ServiceReview]]:
    """Return reviews whose last word is the client's, with that word."""
    last = (
        select(ReviewComment.id, ReviewComment.author_side)
        .ext(distinct_on(ReviewComment.review_id))
        .where(
            visible_to(actor, ReviewComment.client_id),
            ReviewComment.at >= clock.now() - COMMENTS_OF,
        )
        .order_by(ReviewComment.review_id, ReviewComment.id.desc())
        .subquery()
    )
    rows = database.session().execute(
        select(ReviewComment, ServiceReview)
        .join(last, last.c.id == ReviewComment.id)
        .join(ServiceReview, ServiceReview.id == ReviewComment.review_id)
        .join(ServiceReview.client)
        .options(contains_eager(ServiceReview.client))
        .where(last.c.author_side == Side.CLIENT)
        .order_by(ReviewComment.id)
        .limit(SHOWN)
    )
    return [(comment, review) for comment, review in rows]


def _unexplained(actor: Actor) -> list[Unexplained]:
    """Return missed targets of this month and the last: the months whose reviews are to be written."""
    tickets = func.count(Ticket.id.distinct())
    rows: Sequence[Any] = (
        database.session()
        .execute(
            select(Client, SlaCycle.month, tickets)
            .join(Ticket, Ticket.client_id == Client.id)
            .join(SlaCycle, SlaCycle.ledger_id == Ticket.ledger_id)
            .where(
                visible_to(actor, Client.id),
                visible_to(actor, SlaCycle.client_id),
                of_customers(Client.id),
                IS_BREACHED,
                SlaCycle.month >= months_now()[0],
                Ticket.id.in_(tickets_without_cause(actor)),
            )
            .group_by(Client.id, SlaCycle.month)
            .order_by(SlaCycle.month, tickets.desc(), Client.id)
            .limit(SHOWN)
        )
        .all()
    )
    return [Unexplained(client=client, month=month, tickets=n) for client, month, n in rows]


def _unhappy(actor: Actor) -> Sequence[Ticket]:
    """Return tickets that a contact closed or rated lately and was not content with, newest first."""
    query = (
        select(Ticket)
        .join(Ticket.client)
        .options(contains_eager(Ticket.client))
        .where(
            visible_to(actor, Ticket.client_id),
            Ticket.rated_at.is_not(None),
            Ticket.rated_at >= clock.now() - SCORES_OF,
            (Ticket.rating <= UNHAPPY_RATING)
            | (Ticket.closing_verdict == ClosingVerdict.SOLVED_BUT),
        )
        .order_by(Ticket.rated_at.desc(), Ticket.id)
        .limit(SHOWN)
    )
    return database.session().scalars(query).all()
