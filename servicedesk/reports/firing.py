"""Reports that fall due: each time becomes one run, for whoever may still see it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import exists, select
from sqlalchemy.orm import joinedload

from servicedesk.accounts.models import User
from servicedesk.clients.actors import actor_for
from servicedesk.core.actors import SYSTEM
from servicedesk.core.errors import DomainError
from servicedesk.core.permissions import Permission, may
from servicedesk.core.text import Text, msgid
from servicedesk.core.unit_of_work import unit_of_work
from servicedesk.reports.asking import add_run
from servicedesk.reports.formats import MEDIA_TYPES
from servicedesk.reports.kinds import KINDS
from servicedesk.reports.models import Report, ReportRun, ReportSchedule
from servicedesk.reports.naming import name_of
from servicedesk.reports.recipients import possible_recipients
from servicedesk.reports.scheduling import when_of
from servicedesk.reports.speech import speaking
from servicedesk.reports.telling import mail_report, tell_of_stop, tell_who_was_left_out
from servicedesk.reports.wishes import checked, wish_of

if TYPE_CHECKING:
    from servicedesk.core.unit_of_work import Work

BATCH = 50
LOST = msgid("Its author may no longer make reports.")
LABELS = {kind.code: kind.label for kind in KINDS}


def fire_due() -> int:
    """Write a run for each report that is due; times that passed while nobody looked come once."""
    with unit_of_work(SYSTEM, "reports.fire") as work:
        due = work.session.scalars(
            select(ReportSchedule)
            .where(ReportSchedule.next_due_at <= work.at)
            .options(joinedload(ReportSchedule.report).joinedload(Report.client))
            .order_by(ReportSchedule.next_due_at)
            .limit(BATCH)
            .with_for_update(of=ReportSchedule, skip_locked=True)
        ).all()
        for schedule in due:
            _fire(work, schedule)
    return len(due)


def _fire(work: Work, schedule: ReportSchedule) -> None:
    report, due_at = schedule.report, schedule.next_due_at
    author = work.session.get_one(User, schedule.author_id)
    actor = actor_for(author, "")
    schedule.next_due_at = when_of(schedule).following(work.at)
    if not author.is_active or not may(actor, Permission.REPORT_MAKE):
        _stop(work, schedule, Text(LOST))
        return
    try:
        client = report.client.reference if report.client else ""
        told = checked(work.session, actor, wish_of(report, client))
    except DomainError as refused:
        _stop(work, schedule, refused.text)
        return
    is_there = exists().where(ReportRun.report_id == report.id, ReportRun.due_at == due_at)
    if not work.session.scalar(select(is_there)):
        add_run(work, report, told, author=actor, due_at=due_at)


def _stop(work: Work, schedule: ReportSchedule, why: Text) -> None:
    schedule.next_due_at, schedule.stopped_at = None, work.at
    schedule.stopped_why = str(why) if why.values else why.msgid
    tell_of_stop(work, schedule.report, why)


def send(work: Work, run: ReportRun) -> None:
    """Send a run that was due to whoever may see it at this moment; joins its finishing."""
    if run.due_at is None:
        return
    schedule = work.session.scalar(
        select(ReportSchedule)
        .where(ReportSchedule.report_id == run.report_id)
        .options(joinedload(ReportSchedule.report))
    )
    if schedule is None:
        return
    possible = possible_recipients(work.session, schedule.report, run.reach)
    people = [person for person in possible if person.id in schedule.recipient_ids]
    run.reader_ids = [person.id for person in people]
    if gone := set(schedule.recipient_ids) - set(run.reader_ids):
        names = work.session.scalars(
            select(User.name).where(User.id.in_(gone)).order_by(User.name)
        ).all()
        tell_who_was_left_out(work, run, names)
    with speaking(schedule.report.language) as say:
        name = name_of(run, say(LABELS.get(run.kind, run.kind)))
    mail_report(work, run, people, name, MEDIA_TYPES[run.format])
