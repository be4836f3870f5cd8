"""What is agreed with a review: actions of a draft, each with the ticket in which it is done."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import select

from servicedesk.core.errors import InvalidInput, NotFound
from servicedesk.core.text import msgid
from servicedesk.core.unit_of_work import unit_of_work
from servicedesk.engagement.agreed import LONGEST, checked_agreed, open_agreed
from servicedesk.engagement.contract_time import day_of
from servicedesk.reviews.models import ReviewAction
from servicedesk.reviews.writing import locked_draft
from servicedesk.tickets.handling import make_move
from servicedesk.tickets.models import OPEN_STATES, Ticket
from servicedesk.tickets.moves import move_named

if TYPE_CHECKING:
    from datetime import date

    from servicedesk.core.actors import Actor

MOST_ACTIONS = 30  # of a review


def add_action(actor: Actor, reference: str, words: str, owner: str, due_on: date) -> ReviewAction:
    """Write down who does what by when, and open the ticket in which it is done.

    Raises NotFound, Forbidden, NotAllowedNow once it is published, InvalidInput with the field.
    """
    agreed = checked_agreed(words, owner, due_on)
    with unit_of_work(actor, "reviews.add_action") as work:
        review = locked_draft(work, reference)
        today = day_of(review.contract, work.at)
        if not today <= due_on < today + LONGEST:
            raise InvalidInput(
                msgid("Choose a day from today on and within a year."), field="due_on"
            )
        before = select(ReviewAction.id).where(ReviewAction.review_id == review.id)
        if len(work.session.scalars(before).all()) >= MOST_ACTIONS:
            raise InvalidInput(
                msgid("A review has at most %(most)s actions."), field="words", most=MOST_ACTIONS
            )
        origin = f"{review.reference} · {review.month.strftime('%Y-%m')}"
        ticket = open_agreed(work, review.contract, agreed, origin)
        action = ReviewAction(
            client_id=review.client_id,
            review_id=review.id,
            **vars(agreed),
            ticket_id=ticket.id,
            created_at=work.at,
            author_name=actor.name,
        )
        action.ticket = ticket
        work.session.add(action)
        work.concerns(review.client_id, review.reference)
    return action


def remove_action(actor: Actor, reference: str, action_id: int) -> None:
    """Take an action out of a draft; its ticket is withdrawn unless it is over already.

    Raises NotFound, Forbidden, NotAllowedNow.
    """
    with unit_of_work(actor, "reviews.remove_action") as work:
        review = locked_draft(work, reference)
        action = work.session.scalar(
            select(ReviewAction).where(
                ReviewAction.id == action_id, ReviewAction.review_id == review.id
            )
        )
        if action is None:
            raise NotFound
        ticket = work.session.get_one(Ticket, action.ticket_id, with_for_update=True)
        if ticket.state in OPEN_STATES:
            make_move(work, ticket, move_named("cancel"))
        work.session.delete(action)
        work.concerns(review.client_id, review.reference)
