"""The meeting in which a review is talked about: a visit, with its days as ever."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from servicedesk.core.errors import NotAllowedNow
from servicedesk.core.permissions import Permission, require
from servicedesk.core.text import msgid
from servicedesk.core.unit_of_work import unit_of_work
from servicedesk.engagement.models import Visit, VisitKind, VisitState
from servicedesk.engagement.plans import checked_plan
from servicedesk.engagement.visits import book
from servicedesk.reviews.writing import locked_review

if TYPE_CHECKING:
    from servicedesk.core.actors import Actor
    from servicedesk.engagement.plans import VisitPlan


def book_meeting(actor: Actor, reference: str, plan: VisitPlan) -> Visit:
    """Plan the meeting of a review, draft or published; one that was called off may be booked anew.

    Raises NotFound, Forbidden, NotAllowedNow, InvalidInput with the field, BudgetExhausted.
    """
    plan = checked_plan(replace(plan, kind=VisitKind.SERVICE_REVIEW))
    with unit_of_work(actor, "reviews.book_meeting") as work:
        review = locked_review(work, reference, Permission.REVIEW_WRITE)
        require(actor, Permission.ENGAGEMENT_EDIT)
        before = work.session.get(Visit, review.visit_id) if review.visit_id else None
        if before is not None and before.state is not VisitState.CANCELLED:
            raise NotAllowedNow(
                msgid("Its meeting is booked already: %(visit)s."), visit=before.reference
            )
        visit = book(work, review.client, plan)
        review.visit_id = visit.id
        work.concerns(review.client_id, review.reference)
    return visit
