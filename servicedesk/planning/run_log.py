"""The log of a run: lines in words that are translated for each reader."""

from __future__ import annotations

from typing import TYPE_CHECKING

from servicedesk.core import audit
from servicedesk.planning.models import LineKind, RunLine

if TYPE_CHECKING:
    from servicedesk.core.unit_of_work import Work
    from servicedesk.planning.models import PlannedRun


def tell(
    work: Work,
    run: PlannedRun,
    text: str,
    *,
    kind: LineKind = LineKind.INFO,
    subject: str | None = None,
    **values: object,
) -> None:
    """Write a line of the run's log; `text` is a msgid."""
    work.session.add(
        RunLine(
            run_id=run.id,
            client_id=run.client_id,
            at=work.at,
            kind=kind,
            text=text,
            text_values=audit.plain(values),
            subject=subject,
        )
    )
