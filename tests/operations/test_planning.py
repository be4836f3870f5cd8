"""Planned tasks: each due time becomes one run, and what a run does follows from its task's rules."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select

from servicedesk.core import database
from servicedesk.core.clock import told_as
from servicedesk.orders.models import WorkOrder
from servicedesk.planning.drafting import TaskDraft
from servicedesk.planning.firing import fire_due
from servicedesk.planning.models import (
    Category,
    MisfirePolicy,
    OverlapPolicy,
    PlannedRun,
    PlannedTask,
    RunState,
    TaskState,
    WorkKind,
)
from servicedesk.planning.running import report_run, run
from servicedesk.planning.schedule import Interval, Once, Unit
from servicedesk.planning.tasks import plan_task
from servicedesk.tickets.models import Ticket

MADRID = "Europe/Madrid"
FIRST = datetime(2026, 3, 2, 11)  # noqa: DTZ001  the clock on the wall
NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)


@pytest.fixture(autouse=True)
def nine_o_clock():
    with told_as(NOW):
        yield


def hourly(**more):
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


def fire(at):
    session = database.session()
    session.rollback()
    count = fire_due(session, at)
    session.commit()
    return count


def runs(task):
    session = database.session()
    session.rollback()
    session.expire_all()
    return list(
        session.scalars(
            select(PlannedRun).where(PlannedRun.task_id == task.id).order_by(PlannedRun.due_at)
        )
    )


def work_off():
    """Do every queued run, as workers would."""
    for run_id in database.session().scalars(
        select(PlannedRun.id).where(PlannedRun.state == RunState.QUEUED).order_by(PlannedRun.due_at)
    ):
        run(run_id)


def test_a_due_time_becomes_one_run_with_its_job_however_often_it_is_looked_at(make):
    task = plan_task(make.supervisor(), hourly())
    due = NOW + timedelta(hours=1)
    assert fire(due - timedelta(seconds=1)) == 0
    assert fire(due) == 1
    assert fire(due) == 0
    (found,) = runs(task)
    assert (found.due_at, found.state) == (due, RunState.QUEUED)
    with told_as(due):
        work_off()
        work_off()
    (found,) = runs(task)
    assert found.state is RunState.DONE
    assert found.is_punctual


@pytest.mark.parametrize(
    ("misfire", "states"),
    [
        (MisfirePolicy.RUN_ONCE, [RunState.SKIPPED, RunState.SKIPPED, RunState.QUEUED]),
        (MisfirePolicy.SKIP, [RunState.MISSED, RunState.MISSED, RunState.MISSED]),
        (MisfirePolicy.RUN_EACH, [RunState.QUEUED] * 3),
    ],
)
def test_times_that_passed_without_a_clock_exist_and_follow_the_policy(make, misfire, states):
    task = plan_task(make.supervisor(), hourly(misfire=misfire, overlap=OverlapPolicy.WAIT))
    fire(NOW + timedelta(hours=3, minutes=30))
    assert [each.state for each in runs(task)] == states


def test_an_action_becomes_an_order_of_whoever_planned_it(make):
    client = make.client()
    agent = make.agent()
    phones = make.fleet(client, 2)
    task = plan_task(
        agent,
        hourly(
            client=client.reference,
            work_kind=WorkKind.ACTION,
            code="device.push_message",
            parameters={"title": "Maintenance", "text": "Tonight"},
            devices=[phone.reference for phone in phones],
            category=Category.SECURITY_POLICIES,
        ),
    )
    assert task.state is TaskState.ACTIVE
    fire(NOW + timedelta(hours=1))
    with told_as(NOW + timedelta(hours=1)):
        work_off()
    (found,) = runs(task)
    order = database.session().get_one(WorkOrder, found.order_id)
    assert (found.state, order.author_id) == (RunState.RUNNING, agent.user_id)


def test_a_task_for_people_opens_a_ticket_with_its_steps(make):
    client = make.client()
    task = plan_task(
        make.agent(),
        hourly(
            client=client.reference,
            work_kind=WorkKind.CHECKLIST,
            code="",
            steps=["Look at the certificates", "Renew what expires"],
            schedule=Once(at=NOW + timedelta(hours=1), zone=MADRID),
        ),
    )
    fire(NOW + timedelta(hours=1))
    with told_as(NOW + timedelta(hours=1)):
        work_off()
    (found,) = runs(task)
    assert database.session().get_one(Ticket, found.ticket_id).client_id == client.id
    assert found.state is RunState.RUNNING


def test_a_run_that_is_missed_opens_one_incident_and_the_next_is_written_on_it(make):
    task = plan_task(make.supervisor(), hourly(misfire=MisfirePolicy.SKIP))
    fire(NOW + timedelta(hours=2, minutes=30))
    report_run(runs(task)[-1].id, 2)
    fire(NOW + timedelta(hours=3, minutes=30))
    report_run(runs(task)[-1].id, 1)
    incidents = {each.incident_id for each in runs(task)} - {None}
    assert len(incidents) == 1
    assert database.session().scalar(select(PlannedTask.version)) == 1
