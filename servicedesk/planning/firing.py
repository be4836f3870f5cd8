"""A due time becomes a run: one row, unique with its task and time, and its job, in one transaction."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from sqlalchemy import func, select, text

from servicedesk.core.jobs import JobName, enqueue_all
from servicedesk.core.text import msgid
from servicedesk.planning.models import MisfirePolicy, PlannedTask, RunState, TaskState
from servicedesk.planning.schedule import dues_between, from_json, next_due

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime

    from sqlalchemy.orm import Session

RUN = JobName("planning.run", "planning")
REPORT = JobName("planning.report", "planning")

LATE = timedelta(minutes=1)  # a due time that waited longer was missed by the clock
BATCH = 200  # tasks in one transaction
MOST_DUES = 500  # of one task in one transaction; the rest follows with the next
SECONDS = timedelta(seconds=1)

MADE_UP = msgid("No clock ran then; the run of %(due_at)s stands for it.")
NO_CLOCK = msgid("No clock ran when it was due.")
WINDOW_OVER = msgid("Its window was over before it could begin.")

# a run that was prepared for its time goes on; any other that exists has been fired already
INSERT_RUNS = text("""
    INSERT INTO planned_run (task_id, client_id, due_at, closes_at, state, reason, reason_values,
                             created_at, queued_at, finished_at)
    SELECT r.task_id, r.client_id, r.due_at, r.closes_at, r.state, r.reason, r.reason_values, :now,
           CASE WHEN r.state = 'queued' THEN CAST(:now AS timestamptz) END,
           CASE WHEN r.state <> 'queued' THEN CAST(:now AS timestamptz) END
      FROM jsonb_to_recordset(CAST(:runs AS jsonb)) AS r(task_id bigint, client_id bigint,
           due_at timestamptz, closes_at timestamptz, state text, reason text, reason_values jsonb)
     ORDER BY r.task_id, r.due_at
        ON CONFLICT (task_id, due_at) DO UPDATE
       SET state = excluded.state, closes_at = excluded.closes_at, reason = excluded.reason,
           reason_values = excluded.reason_values, queued_at = excluded.queued_at,
           finished_at = excluded.finished_at
     WHERE planned_run.state = 'prepared'
    RETURNING id, task_id, state, order_id
""")
MOVE_ON = text("""
    UPDATE planned_task t SET next_due_at = n.next_due_at
      FROM jsonb_to_recordset(CAST(:next AS jsonb)) AS n(id bigint, next_due_at timestamptz)
     WHERE t.id = n.id
""")


@dataclass(kw_only=True)
class Fired:
    """What is due of one task, and when it is due next."""

    task_id: int
    client_id: int | None
    next_due_at: datetime | None
    runs: list[dict[str, Any]] = field(default_factory=list)

    def add(self, due: datetime, closes_at: datetime | None, state: RunState) -> dict[str, Any]:
        """Note one due time."""
        run = {
            "task_id": self.task_id,
            "client_id": self.client_id,
            "due_at": due.isoformat(),
            "closes_at": closes_at and closes_at.isoformat(),
            "state": state.value,
            "reason": None,
            "reason_values": None,
        }
        self.runs.append(run)
        return run


def fire_due(session: Session, now: datetime | None = None) -> int:
    """Write the runs of everything that is due, each once, with their jobs; return how many.

    Joins the caller's transaction, as the database's owner. `now` is the database's, unless given.
    Tasks that somebody is changing at this moment are left to the next look.
    """
    at: datetime = now or session.execute(select(func.clock_timestamp())).scalar_one()
    tasks = session.execute(
        select(
            PlannedTask.id,
            PlannedTask.client_id,
            PlannedTask.schedule,
            PlannedTask.window_minutes,
            PlannedTask.misfire,
            PlannedTask.next_due_at,
        )
        .where(PlannedTask.next_due_at <= at, PlannedTask.state == TaskState.ACTIVE)
        .order_by(PlannedTask.next_due_at)
        .limit(BATCH)
        .with_for_update(skip_locked=True)
    ).all()
    fired = [due_of(task, at) for task in tasks]
    if not fired:
        return 0
    wanted = [run for task in fired for run in task.runs]
    written = session.execute(INSERT_RUNS, {"runs": json.dumps(wanted), "now": at}).all()
    session.execute(
        MOVE_ON,
        {
            "next": json.dumps(
                [
                    {"id": t.task_id, "next_due_at": t.next_due_at and t.next_due_at.isoformat()}
                    for t in fired
                ]
            )
        },
    )
    queued = [row.id for row in written if row.state == RunState.QUEUED]
    enqueue_all(session, RUN, [(None, {"run_id": run_id}) for run_id in queued])
    enqueue_all(session, REPORT, [(None, arguments) for arguments in _to_report(written)])
    return len(written)


def due_of(task: Any, now: datetime) -> Fired:
    """Return what is due of a task until `now`, judged by its misfire policy; a pure rule."""
    schedule = from_json(task.schedule)
    dues = dues_between(schedule, task.next_due_at - SECONDS, now, MOST_DUES)
    dues = [due for due in dues if due >= task.next_due_at]
    following = next_due(schedule, dues[-1] if dues else now)
    fired = Fired(task_id=task.id, client_id=task.client_id, next_due_at=following)
    window = task.window_minutes and timedelta(minutes=task.window_minutes)
    is_last = following is None or following > now
    for due in dues:
        closes_at = due + window if window else None
        is_newest = is_last and due is dues[-1]
        if closes_at is not None and closes_at <= now:
            fired.add(due, closes_at, RunState.MISSED)["reason"] = WINDOW_OVER
        elif now - due <= LATE or task.misfire is MisfirePolicy.RUN_EACH:
            fired.add(due, closes_at, RunState.QUEUED)
        elif task.misfire is MisfirePolicy.SKIP:
            fired.add(due, closes_at, RunState.MISSED)["reason"] = NO_CLOCK
        elif is_newest:
            fired.add(due, closes_at, RunState.QUEUED)
        else:
            run = fired.add(due, closes_at, RunState.SKIPPED)
            run |= {
                "reason": MADE_UP,
                "reason_values": {"due_at": _made_up_by(dues, following, now)},
            }
    return fired


def _made_up_by(dues: Sequence[datetime], following: datetime | None, now: datetime) -> str:
    """Return which due time runs for the ones before; of very many it is not reached yet."""
    is_last = following is None or following > now
    return (dues[-1] if is_last or following is None else following).isoformat()


def _to_report(written: Sequence[Any]) -> Iterator[dict[str, Any]]:
    """Yield the reports there are to make: one a task for what was missed, one a drafted order."""
    missed: dict[int, list[int]] = {}
    for row in written:
        if row.state == RunState.MISSED:
            missed.setdefault(row.task_id, []).append(row.id)
        elif row.state == RunState.SKIPPED and row.order_id is not None:
            yield {"run_id": row.id}
    for ids in missed.values():
        yield {"run_id": max(ids), "missed": len(ids)}
