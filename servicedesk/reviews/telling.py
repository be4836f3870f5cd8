"""Telling people about a review: its account managers, and the client's contacts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import select

from servicedesk.accounts.models import User
from servicedesk.clients.models import AuthorisedContact
from servicedesk.engagement.warnings import people_of, tell_people

if TYPE_CHECKING:
    from collections.abc import Sequence

    from servicedesk.core.unit_of_work import Work
    from servicedesk.reviews.models import ServiceReview


def tell_managers(work: Work, review: ServiceReview, news: str, **facts: Any) -> None:
    """Tell whoever looks after the client, but for who caused it."""
    people = people_of(work, review.client_id, with_supervisors=False)
    _tell(work, review, people, news, facts | {"is_for_contact": False})


def tell_contacts(work: Work, review: ServiceReview, news: str, **facts: Any) -> None:
    """Tell the client's contacts, but for who caused it."""
    people = work.session.scalars(
        select(User)
        .join(AuthorisedContact, AuthorisedContact.user_id == User.id)
        .where(User.is_active, AuthorisedContact.client_id == review.client_id)
        .order_by(User.name, User.id)
    ).all()
    _tell(work, review, people, news, facts | {"is_for_contact": True})


def _tell(
    work: Work, review: ServiceReview, people: Sequence[User], news: str, facts: dict[str, Any]
) -> None:
    others = [person for person in people if person.id != work.actor.user_id]
    tell_people(
        work,
        others,
        review.client,
        news,
        review.reference,
        month=review.month,
        author=work.actor.name,
        **facts,
    )
