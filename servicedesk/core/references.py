"""References people can say on the telephone: PET-2026-000123."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import text

if TYPE_CHECKING:
    from servicedesk.core.unit_of_work import Work


def next_reference(work: Work, prefix: str, *, with_year: bool = True) -> str:
    """Return the next reference of its kind; the number is given once, to one transaction."""
    series = f"{prefix}-{work.at.year}" if with_year else prefix
    number = work.session.execute(
        text("SELECT desk_next_number(:series)"), {"series": series}
    ).scalar_one()
    return f"{series}-{number:06d}"
