"""What workers do for reviews."""

from __future__ import annotations

from servicedesk.core.jobs import job
from servicedesk.reviews.drafting import RECOUNT
from servicedesk.reviews.drafting import recount_review as recount_it


@job(RECOUNT, stays_inside=True)
def recount_review(review_id: int) -> None:
    """Count a draft anew."""
    recount_it(review_id)
