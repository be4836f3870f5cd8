"""What tests of the calendar share: tasks planned in a line, runs written as rows."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from servicedesk.accounts.models import User
from servicedesk.core import database
from servicedesk.core.actors import SYSTEM
from servicedesk.planning.drafting import TaskDraft
from servicedesk.planning.models import OVER, Category, PlannedRun, RunState, WorkKind
from servicedesk.planning.schedule import Cron, Once
from servicedesk.planning.tasks import plan_task

MADRID = "Europe/Madrid"
NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)  # a Monday; Madrid is an hour ahead


def draft(**more):
    """Return a draft of steps for people, every morning at eleven of Madrid."""
    return TaskDraft(
        **{
            "title": "Look at the certificates",
            "category": Category.PREVENTIVE_MAINTENANCE,
            "work_kind": WorkKind.CHECKLIST,
            "steps": ["Look"],
            "schedule": Cron(expression="0 11 * * *", zone=MADRID),
        }
        | more
    )


def planned(actor, client=None, **more):
    """Plan a task."""
    return plan_task(actor, draft(client=client.reference if client else "", **more))


def once(days=0, hour=11):
    """Return a schedule: some days after `NOW`, at an hour of UTC."""
    return Once(at=NOW.replace(hour=hour) + timedelta(days=days), zone=MADRID)


def seasoned(actor):
    """Have somebody had their role long before `NOW`."""
    with database.acting_as(SYSTEM):
        session = database.session()
        session.get_one(User, actor.user_id).role_since = NOW - timedelta(days=30)
        session.commit()


def ran(task, due, state=RunState.DONE, **more):
    """Write a run of the past as a row; return it."""
    with database.acting_as(SYSTEM):
        session = database.session()
        session.expunge_all()
        session.rollback()
        run = PlannedRun(
            **{
                "task_id": task.id,
                "client_id": task.client_id,
                "due_at": due,
                "state": state,
                "created_at": due,
                "started_at": due if state not in {RunState.MISSED, RunState.SKIPPED} else None,
                "finished_at": due + timedelta(minutes=1) if state in OVER else None,
            }
            | more
        )
        session.add(run)
        session.commit()
    return run
