"""Saved reports, and when they come by themselves and to whom."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import exists, select

from servicedesk.accounts.models import User
from servicedesk.core.errors import InvalidInput, NotAllowedNow, NotFound
from servicedesk.core.text import msgid
from servicedesk.core.unit_of_work import unit_of_work
from servicedesk.reports.asking import add_report, locked_report, put, reach_of
from servicedesk.reports.models import UNFINISHED, Report, ReportRun, ReportSchedule, Rhythm
from servicedesk.reports.recipients import MOST_RECIPIENTS, possible_recipients
from servicedesk.reports.rhythms import When
from servicedesk.reports.wishes import HOME_ZONE, checked

if TYPE_CHECKING:
    from collections.abc import Sequence

    from servicedesk.core.actors import Actor
    from servicedesk.core.unit_of_work import Work
    from servicedesk.reports.wishes import Wish

LAST_HOUR = 23
LAST_WEEKDAY = 6
LAST_MONTH_DAY = 31


@dataclass(frozen=True, kw_only=True)
class Plan:
    """When a report shall come, and to whom (ids of people)."""

    rhythm: str
    hour: int
    recipients: Sequence[int]
    weekday: int = 0
    month_day: int = 1


def save_report(actor: Actor, wish: Wish, language: str) -> Report:
    """Keep a report under its title, without making it yet. Raises Forbidden, InvalidInput."""
    with unit_of_work(actor, "reports.save") as work:
        _named(wish.title)
        report, _told = add_report(work, wish, language)
        report.is_saved = True
        work.concerns(report.client_id, report.reference)
    return report


def keep_report(actor: Actor, reference: str, title: str) -> Report:
    """Keep a report that was asked for under a title. Raises NotFound, Forbidden, InvalidInput."""
    with unit_of_work(actor, "reports.save") as work:
        report = locked_report(work, reference)
        report.title, report.is_saved = _named(title), True
        work.concerns(report.client_id, report.reference)
    return report


def change_report(actor: Actor, reference: str, wish: Wish) -> Report:
    """Have a saved report ask for something else from now on; its files stay as they are.

    Raises NotFound, Forbidden, InvalidInput, and NotAllowedNow while it is being made. Who it was to
    be sent to and may not see it any more is left out when it is sent.
    """
    with unit_of_work(actor, "reports.change") as work:
        report = locked_report(work, reference)
        is_made = exists().where(ReportRun.report_id == report.id, ReportRun.state.in_(UNFINISHED))
        if work.session.scalar(select(is_made)):
            raise NotAllowedNow(msgid("It is being made just now: wait, or cancel that."))
        if report.is_saved:
            _named(wish.title)
        put(report, checked(work.session, actor, wish))
        schedule = schedule_of(work, report)
        if schedule is not None:
            schedule.client_id = report.client_id
        work.concerns(report.client_id, report.reference)
    return report


def schedule_report(actor: Actor, reference: str, plan: Plan) -> ReportSchedule:
    """Have a saved report come by itself. Raises NotFound, Forbidden, NotAllowedNow, InvalidInput.

    Whoever sets it answers for it: it is made with their rights, and stops when they lose them.
    """
    with unit_of_work(actor, "reports.schedule") as work:
        report = locked_report(work, reference)
        if not report.is_saved:
            raise NotAllowedNow(msgid("Give the report a name first."))
        if report.author_id != actor.user_id:
            raise NotAllowedNow(msgid("Only its author has a report come by itself."))
        when = _when(work, plan)
        schedule = schedule_of(work, report) or ReportSchedule(report_id=report.id)
        schedule.client_id, schedule.author_id = report.client_id, report.author_id
        schedule.author_side = report.author_side
        schedule.rhythm, schedule.hour, schedule.time_zone = when.rhythm, when.hour, when.zone
        schedule.weekday, schedule.month_day = when.weekday, when.month_day
        schedule.recipient_ids = _recipients(work, report, plan)
        schedule.next_due_at = when.following(work.at)
        schedule.stopped_at = schedule.stopped_why = None
        work.session.add(schedule)
        work.concerns(report.client_id, report.reference)
    return schedule


def unschedule_report(actor: Actor, reference: str) -> None:
    """Have a report come no longer. Raises NotFound, Forbidden."""
    with unit_of_work(actor, "reports.unschedule") as work:
        report = locked_report(work, reference)
        schedule = schedule_of(work, report)
        if schedule is None:
            raise NotFound
        work.session.delete(schedule)
        work.concerns(report.client_id, report.reference)


def schedule_of(work: Work, report: Report) -> ReportSchedule | None:
    """Return when a report comes by itself, to change it."""
    return work.session.scalar(
        select(ReportSchedule).where(ReportSchedule.report_id == report.id).with_for_update()
    )


def when_of(schedule: ReportSchedule) -> When:
    """Return when a schedule is due."""
    return When(
        rhythm=schedule.rhythm,
        hour=schedule.hour,
        zone=schedule.time_zone,
        weekday=schedule.weekday or 0,
        month_day=1 if schedule.month_day is None else schedule.month_day,
    )


def _named(title: str) -> str:
    named = title.strip().replace("\x00", "")
    if not named:
        raise InvalidInput(msgid("A saved report needs a name."), field="title")
    return named


def _when(work: Work, plan: Plan) -> When:
    if plan.rhythm not in set(Rhythm):
        raise InvalidInput(msgid("Choose how often."), field="rhythm")
    for name, most in (
        ("hour", LAST_HOUR),
        ("weekday", LAST_WEEKDAY),
        ("month_day", LAST_MONTH_DAY),
    ):
        if not 0 <= getattr(plan, name) <= most:
            raise InvalidInput(msgid("Choose one of the list."), field=name)
    zone = work.session.scalar(select(User.time_zone).where(User.id == work.actor.user_id))
    return When(
        rhythm=Rhythm(plan.rhythm),
        hour=plan.hour,
        zone=zone or HOME_ZONE,
        weekday=plan.weekday,
        month_day=plan.month_day,
    )


def _recipients(work: Work, report: Report, plan: Plan) -> list[int]:
    wanted = sorted(set(plan.recipients))
    if not wanted:
        raise InvalidInput(msgid("Choose at least one person."), field="recipients")
    if len(wanted) > MOST_RECIPIENTS:
        raise InvalidInput(
            msgid("At most %(count)s people."), field="recipients", count=MOST_RECIPIENTS
        )
    reach = reach_of(work.actor, report)
    possible = {person.id for person in possible_recipients(work.session, report, reach)}
    if not set(wanted) <= possible:
        raise InvalidInput(
            msgid("Choose people who may see all of the report."), field="recipients"
        )
    return wanted
