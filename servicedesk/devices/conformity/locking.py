"""One evaluation of a client at a time, and never beside a report that is not committed yet."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from servicedesk.core.unit_of_work import Work

LOCKS = 7_302_028  # the class of these advisory locks; the number in it is the client's id


def lock_evaluation(work: Work, client_id: int) -> None:
    """Wait for other evaluations and reports of the client; keep them waiting until the commit."""
    work.session.execute(
        text("SELECT pg_advisory_xact_lock(:locks, :client)"),
        {"locks": LOCKS, "client": client_id},
    )


def lock_reports(work: Work, client_ids: Sequence[int]) -> None:
    """Keep evaluations of these clients waiting; reports do not wait for one another.

    So whoever evaluates sees what was reported, or finds its own job queued by the report.
    """
    work.session.execute(
        text(
            "SELECT count(pg_advisory_xact_lock_shared(:locks, client::integer))"
            " FROM (SELECT unnest(CAST(:clients AS bigint[])) AS client ORDER BY 1) c"
        ),
        {"locks": LOCKS, "clients": list(client_ids)},
    )
