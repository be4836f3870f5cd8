"""What comes after a review's month: planned tasks and visits; and the visits it had."""

from __future__ import annotations

from datetime import datetime, time, timedelta
from itertools import islice, takewhile
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from sqlalchemy import or_, select

from servicedesk.engagement.forecast import burn_down
from servicedesk.engagement.models import EntryKind, Visit, VisitState
from servicedesk.planning.models import PlannedTask, TaskState
from servicedesk.planning.schedule import dues
from servicedesk.reviews.period import next_month

if TYPE_CHECKING:
    from datetime import date

    from servicedesk.reviews.history import History
    from servicedesk.reviews.records import DaysFacts

MOST_TIMES = 400  # of a task in a month; beyond it we say so
TOLD_TIMES = 5


def planned_next(history: History) -> list[dict[str, Any]]:
    """Return what is planned for the client in the month after, by its first time."""
    start = history.period.end
    after = datetime.combine(
        next_month(next_month(history.period.month)), time(), ZoneInfo(history.period.zone)
    )
    tasks = history.session.scalars(
        select(PlannedTask)
        .where(
            or_(PlannedTask.client_id == history.period.client_id, PlannedTask.client_id.is_(None)),
            PlannedTask.shown_to_client,
            PlannedTask.key.is_(None),
            PlannedTask.state == TaskState.ACTIVE,
            PlannedTask.next_due_at < after,
        )
        .order_by(PlannedTask.id)
    )
    found = []
    for task in tasks:
        first = max(start, history.counted_at) - timedelta(seconds=1)
        times = list(islice(takewhile(lambda at: at < after, dues(task.when, first)), MOST_TIMES))
        if times:
            found.append(
                {
                    "reference": task.reference,
                    "title": task.title,
                    "category": task.category.value,
                    "is_of_service": task.client_id is None,
                    "times": len(times),
                    "is_more": len(times) == MOST_TIMES,
                    "due_at": [at.isoformat() for at in times[:TOLD_TIMES]],
                }
            )
    return sorted(found, key=lambda one: (one["due_at"][0], one["reference"]))


def visits_of(history: History) -> dict[str, Any]:
    """Return the visits of the month and those to come, and when the days run out at this rate."""
    period = history.period
    rows = history.session.scalars(
        select(Visit)
        .where(
            Visit.contract_id == period.contract_id,
            Visit.state != VisitState.CANCELLED,
            Visit.starts_at >= period.start,
            Visit.starts_at < period.end + timedelta(days=92),
        )
        .order_by(Visit.starts_at, Visit.id)
    ).all()
    told = [
        {
            "reference": visit.reference,
            "title": visit.title,
            "kind": visit.kind.value,
            "starts_at": visit.starts_at.isoformat(),
            "quarters": visit.planned_quarters,
            "is_done": visit.state is VisitState.DONE,
            "in_month": period.holds(visit.starts_at),
        }
        for visit in rows
    ]
    runs_out_on = _runs_out_on(history)
    return {"visits": told, "runs_out_on": runs_out_on.isoformat() if runs_out_on else None}


def _runs_out_on(history: History) -> date | None:
    year = history.days.year
    if year is None:
        return None
    zone = ZoneInfo(history.period.zone)

    def dated(entry: DaysFacts, sign: int) -> tuple[date, int]:
        return entry.at.astimezone(zone).date(), sign * entry.quarters

    signs = {EntryKind.CONSUME: 1, EntryKind.CORRECT: -1}
    entries = [(entry, EntryKind(entry.kind)) for entry in history.days.entries]
    return burn_down(
        first_on=year.first_on,
        last_on=year.last_on,
        today=history.period.last_on,
        granted=year.granted_quarters,
        added=[dated(entry, 1) for entry, kind in entries if kind is EntryKind.AMEND],
        consumed=[dated(entry, signs[kind]) for entry, kind in entries if kind in signs],
        planned=[],
    ).runs_out_on
