"""What is read of reports, and the first rows of one before it is made."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import func, select
from sqlalchemy.orm import aliased, joinedload

from servicedesk.accounts.models import User
from servicedesk.core import clock, database
from servicedesk.core.errors import NotFound
from servicedesk.core.paging import PAGE_SIZE, Page, decode_cursor, page_of
from servicedesk.core.permissions import Permission, require
from servicedesk.reports.asking import reach_of
from servicedesk.reports.models import Report, ReportRun, ReportSchedule
from servicedesk.reports.recipients import possible_recipients
from servicedesk.reports.visibility import reports_visible_to, runs_visible_to
from servicedesk.reports.wishes import checked

if TYPE_CHECKING:
    from collections.abc import Sequence

    from servicedesk.core.actors import Actor
    from servicedesk.reports.wishes import Checked, Wish

FIRST_ROWS = 20


def reports(
    actor: Actor, cursor: str | None = None, size: int = PAGE_SIZE, *, saved: bool = False
) -> Page[tuple[Report, ReportRun | None]]:
    """Return a page of reports, newest first, with the newest run of each. Raises Forbidden."""
    require(actor, Permission.REPORT_MAKE)
    newer: Any = aliased(ReportRun)
    newest = (
        select(func.max(newer.id)).where(newer.report_id == Report.id).correlate(Report)
    ).scalar_subquery()
    query = (
        select(Report, ReportRun)
        .outerjoin(ReportRun, ReportRun.id == newest)
        .options(joinedload(Report.client))
        .where(reports_visible_to(actor))
        .order_by(Report.id.desc())
        .limit(size + 1)
    )
    if saved:
        query = query.where(Report.is_saved)
    if key := decode_cursor(cursor, int):
        query = query.where(Report.id < key[0])
    found = [(row[0], row[1]) for row in database.session().execute(query)]
    return page_of(found, size, lambda row: [row[0].id])


def report_named(actor: Actor, reference: str) -> Report:
    """Return a report with its client. Raises NotFound, also for another's, and Forbidden."""
    require(actor, Permission.REPORT_MAKE)
    found = database.session().scalar(
        select(Report)
        .where(Report.reference == reference.replace("\x00", ""), reports_visible_to(actor))
        .options(joinedload(Report.client))
    )
    if found is None:
        raise NotFound
    return found


def runs_of(
    actor: Actor, report: Report, cursor: str | None = None, size: int = PAGE_SIZE
) -> Page[ReportRun]:
    """Return a page of what was made of a report, newest first."""
    query = (
        select(ReportRun)
        .where(ReportRun.report_id == report.id, runs_visible_to(actor))
        .order_by(ReportRun.id.desc())
        .limit(size + 1)
    )
    if key := decode_cursor(cursor, int):
        query = query.where(ReportRun.id < key[0])
    return page_of(database.session().scalars(query).all(), size, lambda run: [run.id])


def run_named(actor: Actor, key: str) -> ReportRun:
    """Return a run, with its report unless it was only sent to the actor.

    Raises NotFound, Forbidden.
    """
    require(actor, Permission.REPORT_MAKE)
    found = database.session().scalar(
        select(ReportRun)
        .where(ReportRun.key == key.replace("\x00", ""), runs_visible_to(actor))
        .options(joinedload(ReportRun.report).joinedload(Report.client))
    )
    if found is None:
        raise NotFound
    return found


def schedule_for(actor: Actor, report: Report) -> tuple[ReportSchedule | None, Sequence[str]]:
    """Return when a report of the actor's comes by itself, with the names of who gets it."""
    require(actor, Permission.REPORT_MAKE)
    session = database.session()
    found = session.scalar(select(ReportSchedule).where(ReportSchedule.report_id == report.id))
    if found is None:
        return None, []
    people = select(User.name).where(User.id.in_(found.recipient_ids)).order_by(User.name)
    return found, session.scalars(people).all()


def people_for(actor: Actor, report: Report) -> Sequence[User]:
    """Return to whom a report of the actor's may be sent."""
    return possible_recipients(database.session(), report, reach_of(actor, report))


def preview(actor: Actor, wish: Wish) -> tuple[Checked, Sequence[Any]]:
    """Return a wish as it can be fulfilled, with its first rows. Raises Forbidden, InvalidInput."""
    require(actor, Permission.REPORT_MAKE)
    session = database.session()
    told = checked(session, actor, wish)
    query = told.kind.query(told.asked(actor, clock.now())).limit(FIRST_ROWS)
    return told, session.execute(query).all()
