"""Reviews of tests: drafted of this month, so that what a test has just done is in them."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

from servicedesk.reviews.drafting import draft_review
from servicedesk.reviews.models import Mark, Place
from servicedesk.reviews.publishing import publish_review
from servicedesk.reviews.queries import review_view
from servicedesk.reviews.writing import give_mark, write_text
from tests.engagement_story import contract_of

if TYPE_CHECKING:
    from servicedesk.clients.models import Client
    from servicedesk.core.actors import Actor

VERDICT = "A calm month."


def review_of(client: Client, month: date | None = None) -> str:
    """Draft a client's review; return its reference."""
    reference = draft_review(contract_of(client).id, month or date.today().replace(day=1))
    assert reference
    return reference


def published_by(manager: Actor, reference: str) -> str:
    """Write the least that is needed and publish; return the reference."""
    write_text(manager, reference, Place.VERDICT, VERDICT, version=0)
    give_mark(manager, reference, Mark.GOOD)
    publish_review(manager, reference, fingerprint=review_view(manager, reference).fingerprint)
    return reference
