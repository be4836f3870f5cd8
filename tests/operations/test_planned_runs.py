"""People run tasks, cancel runs and run them again: in each state what follows, and what is refused."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select

from servicedesk.core import database
from servicedesk.core.actors import SYSTEM, Role
from servicedesk.core.clock import told_as
from servicedesk.core.errors import Forbidden, NotAllowedNow, NotFound
from servicedesk.orders.models import OrderState, WorkOrder
from servicedesk.planning.firing import fire_due
from servicedesk.planning.models import PlannedRun, RunState, TaskState
from servicedesk.planning.preparing import prepare_runs
from servicedesk.planning.queries import lines_of, run_of
from servicedesk.planning.running import run
from servicedesk.planning.steering import cancel_run, run_again, run_now
from servicedesk.planning.tasks import approve_task, plan_task, switch_off
from tests.planned_task_story import action_draft, approver, check_draft, runs_of, steps_draft

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)


@pytest.fixture(autouse=True)
def nine_o_clock():
    with told_as(NOW):
        yield


@pytest.fixture
def story(make):
    client = make.client()
    return client, make.agent(), make.fleet(client, 3)


def order_of(found):
    return database.session().get_one(WorkOrder, found.order_id)


def log_of(actor, task, found):
    return [line.text for line in lines_of(actor, run_of(actor, task.reference, found.id)).items]


def test_run_now_runs_beside_the_schedule_and_says_who_asked(story):
    client, agent, phones = story
    task = plan_task(agent, action_draft(client, phones))
    due = task.next_due_at
    found = run_now(agent, task.reference)
    assert (found.state, found.asked_by_name) == (RunState.QUEUED, agent.name)
    run(found.id)
    (found,) = runs_of(task)
    assert found.state is RunState.RUNNING
    assert order_of(found).state is OrderState.EXECUTING
    assert "%(person)s asked for it." in log_of(agent, task, found)
    assert found.task.next_due_at == due


def test_what_is_switched_off_runs_when_somebody_wants_it(story):
    client, agent, phones = story
    task = plan_task(agent, action_draft(client, phones))
    switch_off(agent, task.reference)
    run(run_now(agent, task.reference).id)
    (found,) = runs_of(task)
    assert found.state is RunState.RUNNING


def test_without_its_approval_nothing_runs_now_either(make, story):
    client, agent, phones = story
    task = plan_task(agent, action_draft(client, phones, "device.lock"))
    with pytest.raises(NotAllowedNow):
        run_now(agent, task.reference)
    approve_task(approver(make), task.reference, task.content_hash)
    assert run_now(agent, task.reference).state is RunState.QUEUED


def test_a_queued_run_that_is_cancelled_does_nothing(story):
    client, agent, phones = story
    task = plan_task(agent, action_draft(client, phones))
    found = cancel_run(agent, task.reference, run_now(agent, task.reference).id)
    run(found.id)
    (found,) = runs_of(task)
    assert (found.state, found.order_id) == (RunState.CANCELLED, None)
    with pytest.raises(NotAllowedNow):
        cancel_run(agent, task.reference, found.id)


def test_a_prepared_run_that_is_cancelled_withdraws_its_order_and_is_not_fired(make, story):
    client, agent, phones = story
    task = plan_task(agent, action_draft(client, phones[:1], "device.full_wipe"))
    task = approve_task(approver(make), task.reference, task.content_hash)
    prepare_runs()
    (found,) = runs_of(task)
    assert order_of(found).state is OrderState.AWAITING_APPROVAL
    cancel_run(agent, task.reference, found.id)
    (found,) = runs_of(task)
    assert found.state is RunState.CANCELLED
    assert order_of(found).state is OrderState.CANCELLED
    session = database.session()
    session.rollback()
    fire_due(session, task.next_due_at)
    session.commit()
    assert [each.state for each in runs_of(task)] == [RunState.CANCELLED]


def test_a_run_that_waits_for_approval_is_cancelled_with_its_order(make, story):
    client, agent, phones = story
    task = plan_task(agent, action_draft(client, phones[:1], "device.full_wipe"))
    approve_task(approver(make), task.reference, task.content_hash)
    found = run_now(agent, task.reference)
    run(found.id)
    (found,) = runs_of(task)
    assert found.state is RunState.AWAITING_APPROVAL
    cancel_run(agent, task.reference, found.id)
    (found,) = runs_of(task)
    assert (found.state, order_of(found).state) == (RunState.CANCELLED, OrderState.CANCELLED)


def test_a_running_order_is_cancelled_and_nothing_more_of_it_leaves(story):
    client, agent, phones = story
    task = plan_task(agent, action_draft(client, phones))
    found = run_now(agent, task.reference)
    run(found.id)
    cancel_run(agent, task.reference, found.id)
    (found,) = runs_of(task)
    assert (found.state, order_of(found).state) == (RunState.CANCELLED, OrderState.CANCELLED)


def test_a_running_checklist_is_cancelled_and_its_ticket_stays_with_people(story):
    client, agent, _phones = story
    task = plan_task(agent, steps_draft(client))
    found = run_now(agent, task.reference)
    run(found.id)
    (found,) = runs_of(task)
    assert found.ticket_id is not None
    cancel_run(agent, task.reference, found.id)
    assert runs_of(task)[0].state is RunState.CANCELLED


def test_a_running_check_is_asked_to_stop_and_stops_at_its_next_step(make):
    supervisor = make.supervisor()
    task = plan_task(supervisor, check_draft())
    found = run_now(supervisor, task.reference)
    with database.acting_as(SYSTEM):
        session = database.session()
        row = session.get_one(PlannedRun, found.id)
        row.state, row.started_at = RunState.RUNNING, NOW
        session.commit()
    cancelled = cancel_run(supervisor, task.reference, found.id)
    assert (cancelled.state, cancelled.cancel_asked_by) == (RunState.RUNNING, supervisor.name)
    run(found.id)
    assert runs_of(task)[0].state is RunState.CANCELLED


def test_a_run_that_is_over_runs_again_and_one_that_is_not_does_not(make):
    supervisor = make.supervisor()
    task = plan_task(supervisor, check_draft())
    first = run_now(supervisor, task.reference)
    with pytest.raises(NotAllowedNow):
        run_again(supervisor, task.reference, first.id)
    run(first.id)
    with told_as(NOW + timedelta(minutes=1)):
        again = run_again(supervisor, task.reference, first.id)
        assert again.again_of_id == first.id
        run(again.id)
    assert [each.state for each in runs_of(task)] == [RunState.DONE] * 2


def test_a_run_belongs_to_its_task(make, story):
    client, agent, phones = story
    task = plan_task(agent, action_draft(client, phones))
    other = plan_task(agent, action_draft(client, phones, title="Another"))
    found = run_now(agent, task.reference)
    for act in (cancel_run, run_again):
        with pytest.raises(NotFound):
            act(agent, other.reference, found.id)
    with pytest.raises(NotFound):
        run_of(agent, other.reference, found.id)


@pytest.mark.parametrize("role", [Role.CONTACT, Role.ACCOUNT_MANAGER])
def test_who_only_reads_runs_and_cancels_nothing(make, story, role):
    client, agent, phones = story
    task = plan_task(agent, action_draft(client, phones))
    found = run_now(agent, task.reference)
    reader, stranger = make.person(role, client), make.person(role, make.client())
    for who, refusal in ((reader, Forbidden), (stranger, NotFound)):
        with pytest.raises(refusal):
            run_now(who, task.reference)
        for act in (cancel_run, run_again):
            with pytest.raises(refusal):
                act(who, task.reference, found.id)
    assert run_of(reader, task.reference, found.id).id == found.id


def test_an_agent_does_not_run_what_concerns_the_whole_service(make):
    task = plan_task(make.supervisor(), check_draft())
    with pytest.raises(Forbidden):
        run_now(make.agent(), task.reference)
    assert task.state is TaskState.ACTIVE
    assert database.session().scalar(select(PlannedRun.id)) is None
