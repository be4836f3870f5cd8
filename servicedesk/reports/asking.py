"""What people do with reports: ask for one, have it made again, call a making off, delete it."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from sqlalchemy import func, select
from sqlalchemy.orm import joinedload

from servicedesk.core.errors import NotAllowedNow, NotFound
from servicedesk.core.jobs import JobName
from servicedesk.core.permissions import Permission, require
from servicedesk.core.references import next_reference
from servicedesk.core.text import msgid
from servicedesk.core.unit_of_work import unit_of_work
from servicedesk.reports import folder
from servicedesk.reports.models import UNFINISHED, Report, ReportRun, RunState
from servicedesk.reports.visibility import reports_visible_to, runs_visible_to
from servicedesk.reports.wishes import Checked, checked, wish_of

if TYPE_CHECKING:
    from datetime import datetime

    from servicedesk.core.actors import Actor
    from servicedesk.core.unit_of_work import Work
    from servicedesk.reports.wishes import Wish

WRITE = JobName("reports.write", "reports")
MOST_AT_A_TIME = 3  # unfinished ones of a person
KEY_BYTES = 24


def ask_report(actor: Actor, wish: Wish, language: str) -> ReportRun:
    """Have a worker make a report; return its run, with the report.

    Raises Forbidden, InvalidInput, NotAllowedNow while too many of one's own are unfinished.
    """
    with unit_of_work(actor, "reports.ask") as work:
        report, told = add_report(work, wish, language)
        return add_run(work, report, told)


def run_again(actor: Actor, reference: str) -> ReportRun:
    """Have a report made anew, as of now. Raises NotFound, Forbidden, InvalidInput, NotAllowedNow."""
    with unit_of_work(actor, "reports.run_again") as work:
        report = locked_report(work, reference)
        client = report.client.reference if report.client else ""
        told = checked(work.session, actor, wish_of(report, client))
        return add_run(work, report, told)


def cancel_run(actor: Actor, key: str) -> ReportRun:
    """Have nobody go on with it. Raises NotFound, Forbidden, NotAllowedNow when it is over."""
    with unit_of_work(actor, "reports.cancel") as work:
        run = _locked_run(work, key)
        if not run.is_unfinished:
            raise NotAllowedNow
        run.state, run.finished_at = RunState.CANCELLED, work.at
        work.concerns(run.client_id, run.reference)
    return run


def delete_report(actor: Actor, reference: str) -> None:
    """Forget a report, all that was made of it and when it comes. Raises NotFound, Forbidden.

    The files go after the commit; what a death in between leaves is swept up.
    """
    with unit_of_work(actor, "reports.delete") as work:
        report = locked_report(work, reference)
        keys = work.session.scalars(
            select(ReportRun.key).where(ReportRun.report_id == report.id)
        ).all()
        work.concerns(report.client_id, report.reference)
        work.session.delete(report)
    for key in keys:
        folder.remove(key)


def note_download(actor: Actor, run: ReportRun) -> None:
    """Write down that somebody takes a file that tells of people."""
    with unit_of_work(actor, "reports.download") as work:
        work.concerns(run.client_id, run.reference)
        work.note(title=run.title, format=run.format, rows=run.rows_done, sha256=run.sha256)


def add_report(work: Work, wish: Wish, language: str) -> tuple[Report, Checked]:
    """Write down what somebody wishes for. Raises Forbidden, InvalidInput."""
    require(work.actor, Permission.REPORT_MAKE)
    told = checked(work.session, work.actor, wish)
    report = Report(
        reference=next_reference(work, "REP"),
        author_id=work.actor.user_id,
        author_name=work.actor.name,
        author_side=work.actor.side,
        created_at=work.at,
        language=language,
    )
    put(report, told)
    work.session.add(report)
    work.session.flush()
    return report, told


def put(report: Report, told: Checked) -> None:
    """Have a report ask for what was checked."""
    report.client_id = told.client_id
    report.title = told.title
    report.kind = told.kind.code
    report.columns = [column.code for column in told.columns]
    report.filters = dict(told.filters)
    report.period, report.first_on, report.last_on = told.period, told.first_on, told.last_on
    report.format, report.time_zone = told.format, told.time_zone


def add_run(
    work: Work,
    report: Report,
    told: Checked,
    *,
    author: Actor | None = None,
    due_at: datetime | None = None,
) -> ReportRun:
    """Have a worker make a report for whoever asks, or its `author` when it comes by itself.

    Raises Forbidden, NotAllowedNow.
    """
    actor = author or work.actor
    require(actor, Permission.REPORT_MAKE)
    if due_at is None:
        _refuse_too_many(work)
    first, last = told.days(work.at.astimezone(ZoneInfo(told.time_zone)).date())
    run = ReportRun(
        report=report,
        client_id=report.client_id,
        key=secrets.token_urlsafe(KEY_BYTES),
        reference=report.reference,
        title=report.title,
        kind=report.kind,
        format=report.format,
        is_personal=told.is_personal,
        reach=reach_of(actor, report),
        author_id=actor.user_id,
        author_side=actor.side,
        asked_at=work.at,
        due_at=due_at,
        first_on=first,
        last_on=last,
    )
    work.session.add(run)
    work.session.flush()
    work.concerns(report.client_id, report.reference)
    work.note(kind=report.kind, format=report.format, personal=told.is_personal)
    work.enqueue(WRITE, lock=run.key, run_id=run.id)
    return run


def locked_report(work: Work, reference: str) -> Report:
    """Return a report to change. Raises NotFound, Forbidden."""
    report = work.session.scalar(
        select(Report)
        .where(Report.reference == reference.replace("\x00", ""), reports_visible_to(work.actor))
        .options(joinedload(Report.client))
        .with_for_update(of=Report)
    )
    if report is None:
        raise NotFound
    require(work.actor, Permission.REPORT_MAKE)
    return report


def reach_of(actor: Actor, report: Report) -> list[int] | None:
    """Return whose rows an actor's report holds; None: those of all clients."""
    if report.client_id is not None:
        return [report.client_id]
    return None if actor.client_ids is None else sorted(actor.client_ids)


def _locked_run(work: Work, key: str) -> ReportRun:
    run = work.session.scalar(
        select(ReportRun)
        .join(ReportRun.report)
        .where(
            ReportRun.key == key.replace("\x00", ""),
            runs_visible_to(work.actor),
            reports_visible_to(work.actor),
        )
        .with_for_update(of=ReportRun)
    )
    if run is None:
        raise NotFound
    require(work.actor, Permission.REPORT_MAKE)
    return run


def _refuse_too_many(work: Work) -> None:
    unfinished = select(func.count(ReportRun.id)).where(
        ReportRun.author_id == work.actor.user_id,
        ReportRun.state.in_(UNFINISHED),
        ReportRun.due_at.is_(None),
    )
    if (work.session.scalar(unfinished) or 0) >= MOST_AT_A_TIME:
        raise NotAllowedNow(msgid("Three reports of yours are not done yet: wait, or cancel one."))
