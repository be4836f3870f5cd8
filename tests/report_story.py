"""Reports in tests: a client with something of everything, and runs made here and now."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import select

from servicedesk.core import database
from servicedesk.core.actors import SYSTEM
from servicedesk.reports import folder, jobs
from servicedesk.reports.asking import ask_report
from servicedesk.reports.kinds import KINDS
from servicedesk.reports.models import ReportRun
from servicedesk.reports.wishes import Wish

if TYPE_CHECKING:
    from servicedesk.core.actors import Actor

BY_CODE = {kind.code: kind for kind in KINDS}


def wish(actor: Actor, kind: str = "fleet", **more: object) -> Wish:
    """Return a wish for the usual columns of a kind."""
    usual = [c.code for c in BY_CODE[kind].columns_for(actor) if c.in_default]
    return Wish(**{"kind": kind, "columns": usual, "period": "this_month", "format": "csv"} | more)


def seen(run: ReportRun) -> ReportRun:
    """Return a run as it is now."""
    with database.acting_as(SYSTEM):
        session = database.session()
        session.expunge_all()
        session.rollback()
        found = session.scalars(select(ReportRun).where(ReportRun.id == run.id)).one()
        session.expunge_all()
        session.rollback()
    return found


def made(actor: Actor, kind: str = "fleet", language: str = "es", **more: object) -> ReportRun:
    """Ask for a report and make it."""
    run = ask_report(actor, wish(actor, kind, **more), language)
    with database.acting_as(SYSTEM):
        jobs.write(run_id=run.id)
    return seen(run)


def text_of(run: ReportRun) -> str:
    """Return what is in a file of text."""
    return folder.path_of(run.key).read_text(encoding="utf-8-sig")
