"""What is cleaned up: files that are old, what a death left behind, and runs that nobody makes any more."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import delete, exists, select

from servicedesk.core.actors import SYSTEM
from servicedesk.core.text import Text, msgid
from servicedesk.core.unit_of_work import unit_of_work
from servicedesk.reports import folder
from servicedesk.reports.asking import WRITE
from servicedesk.reports.models import (
    FORGOTTEN,
    SILENT,
    Report,
    ReportRun,
    ReportSchedule,
    RunState,
)
from servicedesk.reports.writing import fail

if TYPE_CHECKING:
    from servicedesk.core.unit_of_work import Work

BATCH = 500
SILENCE = msgid("Its worker fell silent and nobody went on. Try again.")


def clean() -> None:
    """Clean everything up; whatever is left of a batch follows the next time."""
    with unit_of_work(SYSTEM, "reports.look_after") as work:
        _look_after(work)
    with unit_of_work(SYSTEM, "reports.expire") as work:
        keys = _expire(work)
    # after the commit: a row never speaks of a file that is gone already
    for key in keys:
        folder.remove(key)
    with unit_of_work(SYSTEM, "reports.forget") as work:
        _forget(work)
    _sweep()


def _look_after(work: Work) -> None:
    """End what nobody makes any more, and have what waits for long be queued again."""
    silent = work.session.scalars(
        select(ReportRun)
        .where(ReportRun.state == RunState.WORKING, ReportRun.seen_at < work.at - SILENT)
        .limit(BATCH)
        .with_for_update(skip_locked=True)
    ).all()
    for run in silent:
        fail(work, run, Text(SILENCE))
    lost = work.session.scalars(
        select(ReportRun)
        .where(ReportRun.state == RunState.WAITING, ReportRun.asked_at < work.at - SILENT)
        .limit(BATCH)
    ).all()
    for run in lost:
        work.enqueue(WRITE, lock=run.key, once_as=f"report-{run.id}", run_id=run.id)


def _expire(work: Work) -> list[str]:
    old = work.session.scalars(
        select(ReportRun)
        .where(
            ReportRun.sha256.is_not(None),
            ReportRun.removed_at.is_(None),
            ReportRun.expires_at <= work.at,
        )
        .limit(BATCH)
        .with_for_update(skip_locked=True)
    ).all()
    for run in old:
        run.removed_at = work.at
    return [run.key for run in old]


def _forget(work: Work) -> None:
    """Delete runs of long ago, and reports that nobody saved and nothing is left of."""
    long_ago = work.at - FORGOTTEN
    work.session.execute(
        delete(ReportRun)
        .where(ReportRun.finished_at < long_ago)
        .execution_options(synchronize_session=False)
    )
    work.session.execute(
        delete(Report)
        .where(
            ~Report.is_saved,
            Report.created_at < long_ago,
            ~exists().where(ReportRun.report_id == Report.id),
            ~exists().where(ReportSchedule.report_id == Report.id),
        )
        .execution_options(synchronize_session=False)
    )


def _sweep() -> None:
    """Take away files without a run, and halves that nobody writes any more."""
    names = folder.keys_there()
    with unit_of_work(SYSTEM, "reports.sweep") as work:
        known = work.session.scalars(
            select(ReportRun.key).where(ReportRun.key.in_(names), ReportRun.removed_at.is_(None))
        ).all()
    for path in folder.left_over(set(known)):
        path.unlink(missing_ok=True)
