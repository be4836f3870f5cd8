"""Making a review's content of a counted month."""

from __future__ import annotations

from datetime import UTC
from typing import TYPE_CHECKING, Any

from servicedesk.reviews.chapters import chapters_of
from servicedesk.reviews.counting import count_month, trend_of
from servicedesk.reviews.frozen import FORMAT, canonical, packed

if TYPE_CHECKING:
    from datetime import datetime

    from servicedesk.core.unit_of_work import Work
    from servicedesk.reviews.models import ServiceReview


def compile_content(work: Work, review: ServiceReview, counted_at: datetime) -> tuple[str, bytes]:
    """Return what a draft says, as canonical JSON, and the evidence behind it, packed.

    To be called by a worker: it keeps the figures of months that nobody published.
    """
    session, contract, client = work.session, review.contract, review.client
    counted = count_month(session, contract, review.month, counted_at)
    if counted is None:
        raise ValueError(f"{contract.reference} has no day in {review.month}")
    evidence, evidence_hash = packed(counted.evidence)
    trend = trend_of(session, contract, review.month, counted.values, counted_at)
    period = counted.history.period
    content: dict[str, Any] = {
        "format": FORMAT,
        "reference": review.reference,
        "month": review.month.isoformat(),
        "first_on": period.first_on.isoformat(),
        "last_on": period.last_on.isoformat(),
        "zone": period.zone,
        "client": {"reference": client.reference, "name": client.name},
        "contract": {
            "reference": contract.reference,
            "modality": contract.modality.value,
            "starts_on": contract.starts_on.isoformat(),
            "ends_on": contract.ends_on.isoformat(),
        },
        "counted_at": counted_at.astimezone(UTC).isoformat(),
        "figures": {code: value.to_json() for code, value in counted.values.items()},
        "trend": {code: [point.to_json() for point in points] for code, points in trend.items()},
        "chapters": chapters_of(counted),
        "evidence_sha256": evidence_hash,
    }
    return canonical(content), evidence
