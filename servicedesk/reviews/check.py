"""The planned task that drafts reviews: on the first working day, for every contract in force."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import Select, func, select

from servicedesk.core import clock
from servicedesk.core.text import Text, Verbatim, msgid
from servicedesk.planning.checks.check import Check
from servicedesk.planning.checks.looking import looking
from servicedesk.reviews.drafting import contracts_to_review, draft_review
from servicedesk.reviews.models import ReviewState, ServiceReview
from servicedesk.reviews.period import month_before

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sqlalchemy.orm import Session

    from servicedesk.planning.checks.check import Round


class ReviewDrafting(Check):
    """Draft the review of every contract's last month, once it is its first working day."""

    code = "reviews.draft"
    label = msgid("Monthly reviews are drafted")
    description = msgid(
        "On the first working day of the month, drafts the service review of the month before for every"
        " contract, and says which older ones nobody has published."
    )
    is_housekeeping = True

    def run(self, given: Round, parameters: Mapping[str, str]) -> Text:
        """Draft one contract after the other, each in a transaction of its own."""
        del parameters
        with looking() as session:
            due = contracts_to_review(session, clock.now())
        drafted = 0
        given.seen(0, len(due))
        for done, (contract_id, month) in enumerate(due, start=1):
            reference = draft_review(contract_id, month)
            if reference is not None:
                drafted += 1
                given.info(
                    msgid("%(review)s was drafted."), subject=reference, review=Verbatim(reference)
                )
            given.seen(done, len(due))
        with looking() as session:
            late = session.scalar(_forgotten()) or 0
        if late:
            given.finding(
                msgid("Reviews of earlier months that nobody has published: %(reviews)s."),
                reviews=late,
            )
        return Text(msgid("%(reviews)s reviews were drafted."), {"reviews": drafted})

    def preview(
        self, session: Session, client_id: int | None, parameters: Mapping[str, str]
    ) -> Sequence[Text]:
        """Count the contracts."""
        del client_id, parameters
        due = contracts_to_review(session, clock.now())
        return [Text(msgid("Drafts %(reviews)s reviews."), {"reviews": len(due)})]


def _forgotten() -> Select[Any]:
    """Return the statement that counts drafts of months before the last."""
    last = month_before(clock.now().date())
    return select(func.count()).where(
        ServiceReview.state == ReviewState.DRAFT, ServiceReview.month < last
    )
