"""What workers do for reviews."""

from __future__ import annotations

from typing import Any

from servicedesk.core.jobs import job
from servicedesk.reviews.drafting import RECOUNT
from servicedesk.reviews.drafting import recount_review as recount_it
from servicedesk.reviews.telling import TELL
from servicedesk.reviews.telling import tell as tell_it


@job(RECOUNT, stays_inside=True)
def recount_review(review_id: int) -> None:
    """Count a draft anew."""
    recount_it(review_id)


@job(TELL)
def tell(review_id: int, news: str, author_id: int | None, facts: dict[str, Any]) -> None:
    """Tell people what happened to a review."""
    tell_it(review_id, news, author_id, facts)
