"""What tests of planned tasks share: a task by the hour, a clock that fires, workers that do runs."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from sqlalchemy import select, text

from servicedesk.core import database
from servicedesk.planning.drafting import TaskDraft
from servicedesk.planning.firing import fire_due
from servicedesk.planning.models import Category, PlannedRun, RunState, WorkKind
from servicedesk.planning.running import run
from servicedesk.planning.schedule import Interval, Unit

MADRID = "Europe/Madrid"
FIRST = datetime(2026, 3, 2, 11)  # noqa: DTZ001  the clock on the wall
NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
DUE = NOW + timedelta(hours=1)
HOUR = timedelta(hours=1)


def hourly(**more):
    """Return a draft of a task that is due every hour from `DUE` on."""
    return TaskDraft(
        **{
            "title": "Engines answer",
            "category": Category.PREVENTIVE_MAINTENANCE,
            "work_kind": WorkKind.CHECK,
            "code": "engines.reachable",
            "schedule": Interval(count=1, unit=Unit.HOUR, starts_at=FIRST, zone=MADRID),
        }
        | more
    )


def message_to(client, *devices, **more):
    """Return a draft of a message to devices every hour."""
    return hourly(
        **{
            "title": "Maintenance is announced",
            "client": client.reference,
            "category": Category.SECURITY_POLICIES,
            "work_kind": WorkKind.ACTION,
            "code": "device.push_message",
            "parameters": {"title": "Maintenance", "text": "Tonight"},
            "devices": [device.reference for device in devices],
        }
        | more
    )


def fresh_session():
    """Return the session knowing nothing; what a test holds stays readable as it was."""
    session = database.session()
    session.expunge_all()
    session.rollback()
    return session


def jobs(name):
    """Return the arguments of the jobs of a name that are queued or done, as the database's owner."""
    session = fresh_session()
    session.connection().exec_driver_sql("RESET ROLE")
    found = session.execute(
        text("SELECT args FROM procrastinate_jobs WHERE task_name = :name ORDER BY id"),
        {"name": name},
    ).scalars()
    told = list(found)
    session.rollback()
    return told


def fire(at):
    """Look once, as the clock does, at the time of `at`."""
    session = fresh_session()
    count = fire_due(session, at)
    session.commit()
    return count


def runs(task):
    """Return a task's runs as they are now, by time."""
    session = fresh_session()
    query = select(PlannedRun).where(PlannedRun.task_id == task.id).order_by(PlannedRun.due_at)
    return list(session.scalars(query.execution_options(populate_existing=True)))


def work_off():
    """Do every queued run, as workers would."""
    session = fresh_session()
    queued = session.scalars(
        select(PlannedRun.id).where(PlannedRun.state == RunState.QUEUED).order_by(PlannedRun.due_at)
    ).all()
    session.rollback()
    for run_id in queued:
        run(run_id)
