"""What a worker does for a run: begin it if it may begin, do its work, and say what came of it.

A job may run twice, and its worker may die at any line: what is done once is one transaction with
the run's own row.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from time import monotonic
from typing import TYPE_CHECKING, Any

import structlog
from sqlalchemy import select
from sqlalchemy.exc import OperationalError

from servicedesk.core import audit
from servicedesk.core.actors import SYSTEM
from servicedesk.core.errors import DomainError
from servicedesk.core.text import Text, msgid
from servicedesk.core.unit_of_work import unit_of_work
from servicedesk.orders.models import WorkOrder
from servicedesk.planning.checks import check_named
from servicedesk.planning.checks.check import RunCancelled
from servicedesk.planning.firing import WINDOW_OVER
from servicedesk.planning.models import (
    RUN_MOVES,
    UNDER_WAY,
    WENT_WELL,
    LineKind,
    OverlapPolicy,
    PlannedRun,
    RunLine,
    RunState,
    TaskState,
    WorkKind,
)
from servicedesk.planning.run_log import tell
from servicedesk.planning.runs import finish, locked_run, settle
from servicedesk.planning.working import NOT_BEGUN, begin_order, open_checklist

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from servicedesk.core.unit_of_work import Work

CLOCKS_APART = timedelta(minutes=1)  # the database fires, a worker's host may be behind
BETWEEN_SIGNS = 1.0  # seconds between two signs of life

SWITCHED_OFF = msgid("The task was switched off before it began.")
STILL_RUNNING = msgid("The run of %(due_at)s was not over.")
BROKE = msgid("It broke off: %(fault)s.")

log = structlog.get_logger("servicedesk.planning")


def run(run_id: int) -> None:
    """Do a run that is due. A run that is over, or that another worker is at, is left alone."""
    begun = _begin(run_id)
    if begun is None:
        return
    with structlog.contextvars.bound_contextvars(task=begun.reference, run=run_id):
        if begun.kind is WorkKind.CHECK:
            _run_check(run_id, begun)
            return
        try:
            with unit_of_work(SYSTEM, "planning.run") as work:
                current = locked_run(work, run_id)
                if current is not None and current.state is RunState.RUNNING:
                    work.concerns(current.client_id, current.task.reference)
                    do = begin_order if begun.kind is WorkKind.ACTION else open_checklist
                    do(work, current)
        except DomainError as refusal:
            log.warning("a run was refused", code=refusal.code)
            _end(run_id, RunState.FAILED, refusal.text)


@dataclass(frozen=True, kw_only=True)
class Begun:
    """What a run has to do, read while it was under lock."""

    reference: str
    kind: WorkKind
    code: str
    parameters: Mapping[str, Any]
    client_id: int | None
    previous_at: datetime | None


def _begin(run_id: int) -> Begun | None:
    """Move a run to running; None when there is nothing to do for this job."""
    with unit_of_work(SYSTEM, "planning.begin") as work:
        current = locked_run(work, run_id)
        if current is None or not _may_begin(work, current):
            return None
        task = current.task
        if current.state is RunState.QUEUED:
            current.state = RUN_MOVES.check(current.state, RunState.RUNNING)
        if current.started_at is None:  # an approved one runs already, and begins here
            current.started_at = work.at
            tell(work, current, msgid("It began."))
        else:
            tell(work, current, msgid("Its worker died; another goes on with it."))
        current.seen_at = work.at
        return Begun(
            reference=task.reference,
            kind=task.work_kind,
            code=task.code,
            parameters=task.parameters,
            client_id=task.client_id,
            previous_at=_previous_at(work, current),
        )


def _previous_at(work: Work, current: PlannedRun) -> datetime | None:
    """Return when the task's last run began that went well."""
    return work.session.scalar(
        select(PlannedRun.started_at)
        .where(
            PlannedRun.task_id == current.task_id,
            PlannedRun.due_at < current.due_at,
            PlannedRun.state.in_(WENT_WELL),
        )
        .order_by(PlannedRun.due_at.desc())
        .limit(1)
    )


def _may_begin(work: Work, current: PlannedRun) -> bool:
    """Whether the run begins now; what cannot begin any more is ended here."""
    if current.state is RunState.RUNNING:
        return not _is_on_its_way(work, current)
    if current.state is not RunState.QUEUED or current.due_at > work.at + CLOCKS_APART:
        return False
    if current.closes_at is not None and current.closes_at <= work.at:
        finish(work, current, RunState.MISSED, Text(WINDOW_OVER))
    elif current.task.state is not TaskState.ACTIVE and current.asked_by_name is None:
        finish(work, current, RunState.SKIPPED, Text(SWITCHED_OFF))
    else:
        return not _is_held_back(work, current)
    return False


def _is_on_its_way(work: Work, current: PlannedRun) -> bool:
    """Whether a run's ticket is with people, or its order with the devices."""
    if current.order_id is None:
        return current.ticket_id is not None
    return work.session.get_one(WorkOrder, current.order_id).state not in NOT_BEGUN


def _is_held_back(work: Work, current: PlannedRun) -> bool:
    """Whether a run before it is not over: it waits, or is left out, by the task's rule."""
    overlap = current.task.overlap
    if overlap is OverlapPolicy.PARALLEL:
        return False
    in_the_way = {*UNDER_WAY, RunState.QUEUED} if overlap is OverlapPolicy.WAIT else set(UNDER_WAY)
    other = work.session.scalar(
        select(PlannedRun.due_at)
        .where(
            PlannedRun.task_id == current.task_id,
            PlannedRun.state.in_(in_the_way),
            PlannedRun.due_at < current.due_at,
        )
        .order_by(PlannedRun.due_at.desc())
        .limit(1)
    )
    if other is None:
        return False
    if overlap is OverlapPolicy.SKIP:
        finish(work, current, RunState.SKIPPED, Text(STILL_RUNNING, {"due_at": other}))
    return True


def _run_check(run_id: int, begun: Begun) -> None:
    given = RunRound(run_id=run_id, client_id=begun.client_id, previous_at=begun.previous_at)
    try:
        told = check_named(begun.code).run(given, dict(begun.parameters))
        given.flush()
    except RunCancelled:
        _end(run_id, RunState.CANCELLED, None)
    except OperationalError:
        raise  # the database is away: the job is tried again
    except Exception as fault:
        log.exception("a check broke off")
        words = fault.text if isinstance(fault, DomainError) else None
        _end(run_id, RunState.FAILED, words or Text(BROKE, {"fault": type(fault).__name__}))
    else:
        _end(run_id, RunState.PROBLEMS if given.problems else RunState.DONE, told)


def _end(run_id: int, state: RunState, told: Text | None) -> None:
    with unit_of_work(SYSTEM, "planning.end") as work:
        current = locked_run(work, run_id)
        if current is None or current.state.is_over:
            return
        finish(work, current, state, told)


@dataclass(eq=False, kw_only=True)
class RunRound:
    """What a check is given: writes its lines and signs of life in transactions of their own."""

    run_id: int
    client_id: int | None
    previous_at: datetime | None = None
    problems: int = 0
    _lines: list[dict[str, Any]] = field(default_factory=list)
    _far: tuple[int, int] = (0, 0)
    _last: float = 0.0

    def seen(self, done: int, total: int) -> None:
        """Show progress and be alive. Raises RunCancelled; no transaction may be open."""
        self._far = (done, total)
        if monotonic() - self._last >= BETWEEN_SIGNS:
            self.flush()

    def info(self, text: str, *, subject: str | None = None, **values: object) -> None:
        """Write a line (msgid) that says what was done."""
        self._write(LineKind.INFO, text, subject, values)

    def finding(self, text: str, *, subject: str | None = None, **values: object) -> None:
        """Write a line (msgid) that is worth reading."""
        self._write(LineKind.FINDING, text, subject, values)

    def problem(self, text: str, *, subject: str | None = None, **values: object) -> None:
        """Write a line (msgid) about what somebody has to see to."""
        self.problems += 1
        self._write(LineKind.PROBLEM, text, subject, values)

    def _write(
        self, kind: LineKind, text: str, subject: str | None, values: Mapping[str, object]
    ) -> None:
        line = {"kind": kind, "text": text, "subject": subject, "text_values": audit.plain(values)}
        self._lines.append(line)

    def flush(self) -> None:
        """Write what has not been written. Raises RunCancelled."""
        with unit_of_work(SYSTEM, "planning.progress") as work:
            current = work.session.get(PlannedRun, self.run_id, with_for_update=True)
            if current is None or current.state.is_over:
                raise RunCancelled
            current.seen_at, (current.done, current.total) = work.at, self._far
            current.problem_count = self.problems
            work.session.add_all(
                RunLine(run_id=current.id, client_id=current.client_id, at=work.at, **line)
                for line in self._lines
            )
            is_unwanted = current.cancel_asked_by is not None
        self._lines.clear()
        self._last = monotonic()
        if is_unwanted:
            raise RunCancelled


def report_run(run_id: int, missed: int) -> None:
    """Do what follows from a run that the clock itself ended."""
    with unit_of_work(SYSTEM, "planning.report") as work:
        current = locked_run(work, run_id)
        if current is not None and current.state.is_over and current.incident_id is None:
            settle(work, current, missed)
