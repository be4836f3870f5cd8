"""Who is told of a report: by mail when it is there, and its author when something went wrong."""

from __future__ import annotations

from typing import TYPE_CHECKING

from servicedesk.accounts.notices import add_notices
from servicedesk.core.actors import Role
from servicedesk.core.mail import Attached, Letter, queue_mails

if TYPE_CHECKING:
    from collections.abc import Sequence

    from servicedesk.accounts.models import User
    from servicedesk.core.text import Text
    from servicedesk.core.unit_of_work import Work
    from servicedesk.reports.models import Report, ReportRun

STORE = "reports"
LARGEST_ATTACHED = 2 * 1024 * 1024


def tell_of_failure(work: Work, run: ReportRun) -> None:
    """Tell the author that what was due could not be made."""
    add_notices(
        work,
        [run.author_id],
        kind="report_failed",
        reference=run.reference,
        client_id=run.client_id,
        title=run.title,
        why=run.fault,
    )


def tell_of_stop(work: Work, report: Report, why: Text) -> None:
    """Tell the author that a report comes no longer."""
    add_notices(
        work,
        [report.author_id],
        kind="report_stopped",
        reference=report.reference,
        client_id=report.client_id,
        title=report.title,
        why=why.to_json(),
    )


def tell_who_was_left_out(work: Work, run: ReportRun, names: Sequence[str]) -> None:
    """Tell the author to whom it was not sent."""
    add_notices(
        work,
        [run.author_id],
        kind="report_left_out",
        reference=run.reference,
        client_id=run.client_id,
        title=run.title,
        names=", ".join(names),
    )


def mail_report(work: Work, run: ReportRun, people: Sequence[User], name: str, media: str) -> None:
    """Send a report: as a link, and attached too where it is small and tells of nobody."""
    attached = None
    if not run.is_personal and (run.size or 0) <= LARGEST_ATTACHED:
        attached = vars(Attached(store=STORE, key=run.key, name=name, media_type=media))
    letters = [
        Letter(
            recipient=person.email,
            language=person.language,
            context={
                "title": run.title,
                "reference": run.reference,
                "rows": run.rows_done,
                "size": run.size,
                "first_on": run.first_on,
                "last_on": run.last_on,
                "place": "portal" if person.role is Role.CONTACT else "desk",
                "key": run.key,
                "attached": attached,
                "personal": run.is_personal,
            },
        )
        for person in people
    ]
    queue_mails(work, letters, "report_ready", about=run.reference)
