"""Telling people about a review: its account managers, and the client's contacts.

A worker does it once the transaction holds: neither a contact nor an account manager writes what others
read, nor knows who they are.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import select
from sqlalchemy.orm import joinedload

from servicedesk.accounts.models import Notice, User
from servicedesk.accounts.notices import tell_people
from servicedesk.clients.models import AuthorisedContact
from servicedesk.core.actors import SYSTEM
from servicedesk.core.jobs import JobName
from servicedesk.core.unit_of_work import unit_of_work
from servicedesk.engagement.warnings import people_of
from servicedesk.reviews.models import ServiceReview

if TYPE_CHECKING:
    from collections.abc import Sequence

    from servicedesk.core.unit_of_work import Work

TELL = JobName("reviews.tell")


def tell_managers(work: Work, review: ServiceReview, news: str, **facts: str) -> None:
    """Have whoever looks after the client told, but for who caused it."""
    _tell_later(work, review, news, facts, is_for_contact=False)


def tell_contacts(work: Work, review: ServiceReview, news: str, **facts: str) -> None:
    """Have the client's contacts told, but for who caused it."""
    _tell_later(work, review, news, facts, is_for_contact=True)


def _tell_later(
    work: Work, review: ServiceReview, news: str, facts: dict[str, str], *, is_for_contact: bool
) -> None:
    work.session.flush()
    work.enqueue(
        TELL,
        review_id=review.id,
        news=news,
        author_id=work.actor.user_id,
        facts=facts
        | {
            "author": work.actor.name,
            "is_for_contact": is_for_contact,
            "said_at": work.at.isoformat(),
        },
    )


def tell(review_id: int, news: str, author_id: int | None, facts: dict[str, Any]) -> None:
    """Tell them by notice and mail; a repeat tells nobody."""
    with unit_of_work(SYSTEM, TELL.name) as work:
        review = work.session.scalars(
            select(ServiceReview)
            .options(joinedload(ServiceReview.client, innerjoin=True))
            .where(ServiceReview.id == review_id)
            .with_for_update(of=ServiceReview)
        ).one()
        work.concerns(review.client_id, review.reference)
        people = _contacts(work, review) if facts["is_for_contact"] else _managers(work, review)
        others = [person for person in people if person.id != author_id]
        if _is_told(work, others, news, review.reference, facts["said_at"]):
            return
        tell_people(
            work,
            others,
            news,
            reference=review.reference,
            client_id=review.client_id,
            client=review.client.name,
            month=review.month,
            **facts,
        )
        work.note(news=news, told_to=[person.name for person in others])


def _managers(work: Work, review: ServiceReview) -> Sequence[User]:
    return people_of(work, review.client_id, with_supervisors=False)


def _contacts(work: Work, review: ServiceReview) -> Sequence[User]:
    return work.session.scalars(
        select(User)
        .join(AuthorisedContact, AuthorisedContact.user_id == User.id)
        .where(User.is_active, AuthorisedContact.client_id == review.client_id)
        .order_by(User.name, User.id)
    ).all()


def _is_told(work: Work, people: Sequence[User], news: str, reference: str, said_at: str) -> bool:
    told = select(Notice.id).where(
        Notice.user_id.in_([person.id for person in people]),
        Notice.kind == news,
        Notice.reference == reference,
        Notice.facts["said_at"].as_string() == said_at,
    )
    return work.session.scalar(told.limit(1)) is not None
