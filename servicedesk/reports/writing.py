"""What a worker does with a run: read as the person who asked, row by row, into a file.

The rows come over a connection of their own, under the person's database role; how far it is goes
through transactions of the desk itself. A worker takes a run by writing its own claim into it; who
finds another claim there has been taken for dead and leaves everything as it is.
"""

from __future__ import annotations

import contextlib
import secrets
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import func, select, update
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session, joinedload

from servicedesk.accounts.models import User
from servicedesk.clients.actors import actor_for
from servicedesk.core import clock, database
from servicedesk.core.actors import SYSTEM
from servicedesk.core.database import acting_as
from servicedesk.core.errors import DomainError
from servicedesk.core.permissions import Permission, may
from servicedesk.core.text import Text, msgid
from servicedesk.core.unit_of_work import unit_of_work
from servicedesk.reports import folder, formats
from servicedesk.reports.cells import sheet_of
from servicedesk.reports.models import KEPT, UNFINISHED, Report, ReportRun, RunState
from servicedesk.reports.speech import speaking
from servicedesk.reports.telling import tell_of_failure
from servicedesk.reports.wishes import checked, wish_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import date, datetime
    from pathlib import Path

    from servicedesk.core.actors import Actor
    from servicedesk.core.unit_of_work import Work
    from servicedesk.reports.formats import OutFile
    from servicedesk.reports.wishes import Checked

CHUNK = 2000  # rows read at a time
SIGN_SECONDS = 1.0  # between signs of life
OURS = msgid("An error of ours stopped it. It was noted.")
GONE = msgid("Whoever asked for it may no longer read it.")
TOO_MANY = msgid(
    "%(rows)s rows are too many for paper, which holds %(most)s: choose Excel or CSV, or narrow it."
)


class TakenOver(Exception):
    """Somebody called it off, or another worker makes it."""


class CannotBeMade(Exception):
    """It cannot be made, for a reason that people are told."""

    def __init__(self, text: Text) -> None:
        self.text = text
        super().__init__(str(text))


@dataclass(frozen=True, kw_only=True)
class Task:
    """A run as a worker has taken it."""

    run_id: int
    key: str
    claim: str
    language: str
    actor: Actor
    told: Checked
    days: tuple[date | None, date | None]
    asked_at: datetime


def write_run(run_id: int, after: Callable[[Work, ReportRun], None] = lambda _w, _r: None) -> None:
    """Make the file of a run; `after` joins the transaction in which it becomes ready."""
    try:
        task = _take(run_id)
        if task is not None:
            _make(task, after)
    except TakenOver:
        return
    except CannotBeMade as reason:
        give_up(run_id, reason.text)
    except SQLAlchemyError:
        raise  # the database was away: it is tried again, from the beginning
    except Exception:
        give_up(run_id, Text(OURS))
        raise


def give_up(run_id: int, why: Text) -> None:
    """Say why there is no file."""
    with unit_of_work(SYSTEM, "reports.give_up") as work:
        run = work.session.get(ReportRun, run_id, with_for_update=True)
        if run is not None and run.is_unfinished:
            fail(work, run, why)


def fail(work: Work, run: ReportRun, why: Text) -> None:
    """End a run without a file."""
    run.state, run.finished_at, run.fault = RunState.FAILED, work.at, why.to_json()
    if run.due_at is not None:
        tell_of_failure(work, run)
    work.concerns(run.client_id, run.reference)


def _take(run_id: int) -> Task | None:
    """Take a run, and work out for whom; None when there is nothing to do any more."""
    claim = secrets.token_hex(8)
    with unit_of_work(SYSTEM, "reports.begin") as work:
        run = work.session.scalar(select(ReportRun).where(ReportRun.id == run_id).with_for_update())
        if run is None or not run.is_unfinished:
            return None
        report = work.session.scalar(
            select(Report).where(Report.id == run.report_id).options(joinedload(Report.client))
        )
        user = work.session.get(User, run.author_id)
        if report is None or user is None:
            return None
        run.state, run.claim = RunState.WORKING, claim
        run.started_at, run.seen_at = run.started_at or work.at, work.at
        run.rows_done, run.rows_total = 0, None
        asked_at = run.asked_at
        key, days, report_id = run.key, (run.first_on, run.last_on), report.id
    actor = _reader(user)
    told = _told(report_id, actor)
    return Task(
        run_id=run_id,
        key=key,
        claim=claim,
        language=report.language,
        actor=actor,
        told=told,
        days=days,
        asked_at=asked_at,
    )


def _reader(user: User) -> Actor:
    """Return whoever asked, as far as they reach today. Raises CannotBeMade."""
    with acting_as(SYSTEM):
        actor = actor_for(user, "")
        database.session().rollback()
    if not user.is_active or not may(actor, Permission.REPORT_MAKE):
        raise CannotBeMade(Text(GONE))
    return actor


def _told(report_id: int, actor: Actor) -> Checked:
    """Return what is asked for, checked anew: rights and columns may be others by now."""
    with acting_as(actor):
        session = database.session()
        try:
            report = session.scalar(
                select(Report).where(Report.id == report_id).options(joinedload(Report.client))
            )
            if report is None:
                raise CannotBeMade(Text(GONE))
            client = report.client.reference if report.client else ""
            return checked(session, actor, wish_of(report, client))
        except DomainError as refused:
            raise CannotBeMade(refused.text) from refused
        finally:
            session.rollback()


def _make(task: Task, after: Callable[[Work, ReportRun], None]) -> None:
    half = folder.half_of(task.key, task.claim)
    try:
        with speaking(task.language) as say:
            sheet = sheet_of(task.told, task.actor, say, task.language, task.days, task.asked_at)
            out = formats.begin(task.told.format, half, sheet, say)
            try:
                rows = _copy(task, out, sheet.row)
            except BaseException:
                out.abandon()
                raise
            out.close(rows)
        _finish(task, half, rows, after)
    finally:
        half.unlink(missing_ok=True)


def _copy(task: Task, out: OutFile, row: Callable[[Any], list[Any]]) -> int:
    """Write all rows; return how many. No transaction is open afterwards."""
    done, signed = 0, time.monotonic()
    with _reading(task) as (total, chunks):
        if out.most_rows is not None and total > out.most_rows:
            raise CannotBeMade(Text(TOO_MANY, {"rows": f"{total:,}", "most": f"{out.most_rows:,}"}))
        _sign(task, 0, total)
        for chunk in chunks:
            out.write([row(values) for values in chunk])
            done += len(chunk)
            if time.monotonic() - signed >= SIGN_SECONDS:
                _sign(task, done, max(done, total))
                signed = time.monotonic()
    _sign(task, done, done)
    return done


@contextlib.contextmanager
def _reading(task: Task) -> Iterator[tuple[int, Iterator[Any]]]:
    """Give the number of rows and the rows, by chunks, as one instant of the database has them."""
    first = task.told.asked(task.actor, task.asked_at)
    query = task.told.kind.query(first)
    engine = database.session().get_bind()
    with acting_as(task.actor), Session(engine) as session:
        session.connection(execution_options={"isolation_level": "REPEATABLE READ"})
        count = select(func.count()).select_from(query.order_by(None).subquery())
        total = session.scalar(count) or 0
        with session.execute(query.execution_options(yield_per=CHUNK)) as streamed:
            yield total, streamed.partitions()


def _sign(task: Task, done: int, total: int) -> None:
    """Write down how far it is. Raises TakenOver when it is no longer this worker's."""
    with acting_as(SYSTEM):
        session = database.session()
        written = session.execute(
            update(ReportRun)
            .where(*_mine(task))
            .values(rows_done=done, rows_total=total, seen_at=clock.now())
            .execution_options(synchronize_session=False)
            .returning(ReportRun.id)
        ).all()
        session.commit()
    if not written:
        raise TakenOver


def _mine(task: Task) -> tuple[Any, ...]:
    return (
        ReportRun.id == task.run_id,
        ReportRun.claim == task.claim,
        ReportRun.state.in_(UNFINISHED),
    )


def _finish(task: Task, half: Path, rows: int, after: Callable[[Work, ReportRun], None]) -> None:
    """Have the file be there, and say so. A death in between is made good by whoever makes it anew."""
    size, digest = folder.seal(half)
    with unit_of_work(SYSTEM, "reports.finish") as work:
        run = work.session.scalar(select(ReportRun).where(*_mine(task)).with_for_update())
        if run is None:
            raise TakenOver
        folder.finish(half, task.key)
        run.state, run.finished_at, run.seen_at = RunState.DONE, work.at, work.at
        run.rows_done = run.rows_total = rows
        run.size, run.sha256, run.expires_at = size, digest, work.at + KEPT
        work.concerns(run.client_id, run.reference)
        work.note(rows=rows, bytes=size, sha256=digest)
        after(work, run)
