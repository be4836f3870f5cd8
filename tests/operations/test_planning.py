"""Planned tasks: each due time becomes one run, and what a run does follows from its task's rules."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier

import pytest
import time_machine
from sqlalchemy import select, text, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from servicedesk.core import database
from servicedesk.core.actors import SYSTEM
from servicedesk.core.unit_of_work import unit_of_work
from servicedesk.devices.commands import CommandState, DeviceCommand
from servicedesk.devices.dispatch import send_command
from servicedesk.devices.engines.contract import ObservedState
from servicedesk.devices.settlement import record_answer
from servicedesk.orders.execution import execute_order
from servicedesk.orders.models import OrderState, PauseReason, WorkOrder
from servicedesk.orders.steering import cancel_order
from servicedesk.planning import checks
from servicedesk.planning.checks.engine_reachable import EngineReachable
from servicedesk.planning.firing import MOST_DUES, fire_due
from servicedesk.planning.models import (
    Category,
    LineKind,
    MisfirePolicy,
    OverlapPolicy,
    PlannedRun,
    PlannedTask,
    RunLine,
    RunState,
    TaskState,
    WorkKind,
)
from servicedesk.planning.preparing import prepare_runs
from servicedesk.planning.running import report_run, run
from servicedesk.planning.schedule import After, Once
from servicedesk.planning.steering import cancel_run, run_now
from servicedesk.planning.tasks import approve_task, plan_task, switch_off
from servicedesk.planning.windows import PATIENCE, close_window, look_after_runs
from servicedesk.tickets.handling import move_ticket
from servicedesk.tickets.intake import NewTicket, open_ticket
from servicedesk.tickets.models import Ticket, TicketKind, TicketState
from servicedesk.tickets.ticking import tick_step
from tests.planned_story import (
    DUE,
    HOUR,
    MADRID,
    NOW,
    fire,
    fresh_session,
    hourly,
    jobs,
    message_to,
    runs,
    work_off,
)


@pytest.fixture(autouse=True)
def nine_o_clock():
    with time_machine.travel(NOW, tick=False) as traveller:
        yield traveller


@pytest.fixture
def go(nine_o_clock):
    """Have it be another time, and the clock look at what is due then."""

    def go(at, *, works=True):
        nine_o_clock.move_to(at)
        fire(at)
        if works:
            work_off()

    return go


def answer(make, state=ObservedState.ACKNOWLEDGED):
    """Have every device that was told answer."""
    session = fresh_session()
    for command_id in session.scalars(
        select(DeviceCommand.id).where(DeviceCommand.state == CommandState.QUEUED)
    ).all():
        send_command(command_id)
    for submitted in make.engine.submitted:
        with unit_of_work(SYSTEM, "test.answer") as work:
            record_answer(work, make.engine.observation(submitted, state), "notification")


def said(run_):
    session = fresh_session()
    return [
        (line.kind, line.text)
        for line in session.scalars(
            select(RunLine).where(RunLine.run_id == run_.id).order_by(RunLine.id)
        )
    ]


def test_a_due_time_becomes_one_run_with_its_job_however_often_it_is_looked_at(make, nine_o_clock):
    task = plan_task(make.supervisor(), hourly())
    due = NOW + timedelta(hours=1)
    assert fire(due - timedelta(seconds=1)) == 0
    assert fire(due) == 1
    assert fire(due) == 0
    (found,) = runs(task)
    assert (found.due_at, found.state) == (due, RunState.QUEUED)
    nine_o_clock.move_to(due)
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


def test_an_action_becomes_an_order_of_whoever_planned_it_and_ends_with_its_devices(make, go):
    client, agent = make.client(), make.agent()
    task = plan_task(agent, message_to(client, *make.fleet(client, 2)))
    assert task.state is TaskState.ACTIVE
    go(DUE)
    (found,) = runs(task)
    order = database.session().get_one(WorkOrder, found.order_id)
    assert (found.state, order.author_id) == (RunState.RUNNING, agent.user_id)
    run(found.id)  # its job comes twice
    assert runs(task)[0].order_id == order.id
    answer(make)
    (found,) = runs(task)
    assert (found.state, found.done, found.total) == (RunState.DONE, 2, 2)
    assert found.incident_id is None


def test_devices_that_did_not_do_it_make_the_run_a_failure_with_an_incident(make, go):
    client = make.client()
    task = plan_task(make.agent(), message_to(client, *make.fleet(client, 2)))
    go(DUE)
    answer(make, ObservedState.FAILED)
    (found,) = runs(task)
    incident = database.session().get_one(Ticket, found.incident_id)
    assert (found.state, incident.client_id) == (RunState.FAILED, client.id)


def test_what_nobody_can_do_is_a_failure_that_says_why(make, go):
    client = make.client()
    (phone,) = make.fleet(client, 1)
    task = plan_task(make.agent(), message_to(client, phone))
    with unit_of_work(SYSTEM, "test.leave") as work:
        work.session.execute(text("UPDATE device SET state = 'retired'"))
    go(DUE)
    (found,) = runs(task)
    assert (found.state, found.order_id) == (RunState.FAILED, None)
    assert found.reason


def test_an_order_that_is_cancelled_ends_its_run(make, go):
    client, agent = make.client(), make.agent()
    task = plan_task(agent, message_to(client, *make.fleet(client, 2)))
    go(DUE)
    order = database.session().get_one(WorkOrder, runs(task)[0].order_id)
    cancel_order(agent, order.reference)
    assert runs(task)[0].state is RunState.CANCELLED


def test_a_lock_runs_by_itself_only_after_somebody_else_has_seen_it(make, go):
    client, agent = make.client(), make.agent()
    lock = message_to(
        client, *make.fleet(client, 2), code="device.lock", parameters={"message": "Closed"}
    )
    task = plan_task(agent, lock)
    assert task.state is TaskState.AWAITING_APPROVAL
    go(DUE)
    assert runs(task) == []
    approve_task(make.agent(), task.reference, task.content_hash)
    go(DUE + HOUR)
    assert [each.state for each in runs(task)] == [RunState.RUNNING]


def test_a_wipe_waits_for_a_second_person_at_each_run_and_then_goes_by_itself(make, go):
    client, agent = make.client(), make.agent()
    wipe = message_to(client, *make.fleet(client, 1), code="device.full_wipe", parameters={})
    task = plan_task(agent, wipe)
    approve_task(make.agent(), task.reference, task.content_hash)
    go(DUE)
    (found,) = runs(task)
    order = database.session().get_one(WorkOrder, found.order_id)
    assert (found.state, order.state) == (
        RunState.AWAITING_APPROVAL,
        OrderState.AWAITING_APPROVAL,
    )
    make.approve(make.agent(), order)
    run(found.id)  # the job that the approval has left
    assert runs(task)[0].state is RunState.RUNNING, runs(task)[0].reason
    answer(make)
    assert runs(task)[0].state is RunState.DONE
    assert make.engine.most_submissions == 1


def test_an_order_that_was_executed_before_its_time_is_found_done(make, go, nine_o_clock):
    client = make.client()
    wipe = message_to(client, *make.fleet(client, 1), code="device.full_wipe", parameters={})
    task = plan_task(make.agent(), wipe)
    approve_task(make.agent(), task.reference, task.content_hash)
    prepare_runs()
    (found,) = [each for each in runs(task) if each.due_at == DUE]
    assert found.state is RunState.PREPARED
    order = database.session().get_one(WorkOrder, found.order_id)
    executor = make.agent()
    make.approve(executor, order)
    execute_order(executor, order.reference)
    answer(make)
    go(DUE)
    nine_o_clock.move_to(DUE + PATIENCE)
    look_after_runs()
    states = {each.due_at: each.state for each in runs(task)}
    assert states[DUE] is RunState.DONE
    assert make.engine.most_submissions == 1


def test_a_client_without_contract_any_more_leaves_the_incident_to_the_operator(make, go):
    client = make.client()
    task = plan_task(make.agent(), message_to(client, *make.fleet(client, 1)))
    make.supervisor()
    with unit_of_work(SYSTEM, "test.over") as work:
        work.session.execute(text("UPDATE contract SET ends_on = '2026-03-01'"))
    go(DUE)
    (found,) = runs(task)
    incident = database.session().get_one(Ticket, found.incident_id)
    assert found.state is RunState.FAILED
    assert incident.client_id != client.id


def test_nobody_approving_before_the_window_closes_is_a_missed_run(make, go, nine_o_clock):
    client = make.client()
    wipe = message_to(
        client,
        *make.fleet(client, 1),
        code="device.full_wipe",
        parameters={},
        window_minutes=30,
    )
    task = plan_task(make.agent(), wipe)
    approve_task(make.agent(), task.reference, task.content_hash)
    go(DUE)
    nine_o_clock.move_to(DUE + HOUR / 2)
    close_window(runs(task)[0].id)
    (found,) = runs(task)
    order = database.session().get_one(WorkOrder, found.order_id)
    assert (found.state, order.state) == (RunState.MISSED, OrderState.CANCELLED)
    assert found.incident_id is not None


def test_when_the_window_closes_nothing_more_of_an_order_leaves(make, go, nine_o_clock):
    client = make.client()
    draft = message_to(client, *make.fleet(client, 40), window_minutes=30)
    task = plan_task(make.agent(), draft)
    go(DUE)
    nine_o_clock.move_to(DUE + HOUR / 2)
    close_window(runs(task)[0].id)
    (found,) = runs(task)
    order = database.session().get_one(WorkOrder, found.order_id)
    assert found.state is RunState.FAILED
    assert (order.state, order.pause_reason) == (OrderState.PAUSED, PauseReason.WINDOW)


def test_a_window_that_is_over_before_a_worker_comes_is_a_missed_run(make, go, nine_o_clock):
    task = plan_task(make.supervisor(), hourly(window_minutes=30))
    go(DUE, works=False)
    nine_o_clock.move_to(DUE + HOUR / 2)
    work_off()
    assert [each.state for each in runs(task)] == [RunState.MISSED]


def checklist(client, **more):
    steps = ["Look at the certificates", "Renew what expires"]
    return hourly(
        **{
            "client": client.reference,
            "work_kind": WorkKind.CHECKLIST,
            "code": "",
            "steps": steps,
            "schedule": Once(at=DUE, zone=MADRID),
        }
        | more
    )


def test_a_task_for_people_opens_a_ticket_with_its_steps_and_ends_with_it(make, go):
    agent = make.agent()
    task = plan_task(agent, checklist(make.client()))
    go(DUE)
    (found,) = runs(task)
    ticket = database.session().get_one(Ticket, found.ticket_id)
    assert (found.state, found.total) == (RunState.RUNNING, 2)
    for position in (1, 2):
        tick_step(agent, ticket.reference, position)
    move_ticket(agent, ticket.reference, "resolve", words="Done.")
    (found,) = runs(task)
    assert (found.state, found.done) == (RunState.DONE, 2)
    over = database.session().get_one(PlannedTask, task.id, populate_existing=True)
    assert over.state is TaskState.ENDED


def test_a_workaround_resolves_its_incident_when_it_went_well(make, go):
    client = make.client()
    contact = make.contact(client)
    incident = open_ticket(
        contact,
        NewTicket(kind=TicketKind.INCIDENT, subject="No mail", description="Since this morning."),
    )
    draft = message_to(
        client, *make.fleet(client, 1), category=Category.WORKAROUND, incident=incident.reference
    )
    task = plan_task(make.agent(), draft)
    go(DUE)
    answer(make)
    assert runs(task)[0].state is RunState.DONE
    resolved = database.session().get_one(Ticket, incident.id, populate_existing=True)
    assert resolved.state is TicketState.RESOLVED


def test_a_run_that_is_missed_opens_one_incident_and_the_next_is_written_on_it(make, go):
    task = plan_task(make.supervisor(), hourly(misfire=MisfirePolicy.SKIP))
    go(NOW + timedelta(hours=2, minutes=30))
    report_run(runs(task)[-1].id, 2)
    go(NOW + timedelta(hours=3, minutes=30))
    report_run(runs(task)[-1].id, 1)
    incidents = {each.incident_id for each in runs(task)} - {None}
    assert len(incidents) == 1
    # firing is no change of the task: whoever has its form open saves it all the same
    assert database.session().scalar(select(PlannedTask.version)) == 1


def test_many_missed_times_are_all_there_and_one_run_stands_for_them(make):
    task = plan_task(make.supervisor(), hourly())
    long_after = NOW + HOUR * (MOST_DUES + 100)
    fire(long_after)
    fire(long_after)
    found = runs(task)
    assert len(found) == MOST_DUES + 100
    assert [each.state for each in found[:-1]] == [RunState.SKIPPED] * (len(found) - 1)
    assert found[-1].state is RunState.QUEUED


def test_two_clocks_at_once_write_each_run_once(make, shared_engine):
    tasks = [plan_task(make.supervisor(), hourly()) for _ in range(8)]
    together = Barrier(4)

    def look():
        with Session(shared_engine, info={"as_owner": True}) as session:
            together.wait(10)
            count = fire_due(session, DUE)
            session.commit()
            return count

    with ThreadPoolExecutor(4) as pool:
        counts = [future.result(20) for future in [pool.submit(look) for _ in range(4)]]
    assert sum(counts) == 8
    assert [len(runs(task)) for task in tasks] == [1] * 8
    assert len(jobs("planning.run")) == 8


@pytest.mark.parametrize(
    ("overlap", "second"),
    [
        (OverlapPolicy.SKIP, RunState.SKIPPED),
        (OverlapPolicy.WAIT, RunState.QUEUED),
        (OverlapPolicy.PARALLEL, RunState.RUNNING),
    ],
)
def test_a_run_that_comes_while_another_is_under_way_follows_the_rule(make, go, overlap, second):
    client = make.client()
    task = plan_task(make.agent(), message_to(client, *make.fleet(client, 1), overlap=overlap))
    go(DUE)
    go(DUE + HOUR)
    assert [each.state for each in runs(task)] == [RunState.RUNNING, second]
    answer(make)
    work_off()
    assert runs(task)[0].state is RunState.DONE
    if overlap is OverlapPolicy.WAIT:
        assert runs(task)[1].state is RunState.RUNNING


def test_what_follows_a_task_runs_when_that_went_well(make, go, nine_o_clock):
    supervisor = make.supervisor()
    first = plan_task(supervisor, hourly())
    then = plan_task(
        supervisor,
        hourly(title="Afterwards", after=first.reference, schedule=After(minutes=10, zone=MADRID)),
    )
    assert then.next_due_at is None
    go(DUE)
    (found,) = runs(then)
    assert (found.due_at, found.state) == (DUE + timedelta(minutes=10), RunState.QUEUED)
    run(found.id)
    assert runs(then)[0].state is RunState.QUEUED, "its time has not come"
    nine_o_clock.move_to(DUE + timedelta(minutes=10))
    run(found.id)
    assert runs(then)[0].state is RunState.DONE


def nothing(given):
    del given


@pytest.fixture
def broken(monkeypatch):
    """A check that does what a test says."""

    class Odd(EngineReachable):
        deed = staticmethod(nothing)

        def run(self, given, parameters):
            self.deed(given)
            return super().run(given, parameters)

    odd = Odd()
    monkeypatch.setattr(checks, "CHECKS", (odd, *checks.CHECKS))  # the first of a code is meant
    return odd


def test_a_check_that_breaks_off_is_a_failure_with_an_incident(make, go, broken):
    def deed(given):
        raise ZeroDivisionError

    broken.deed = deed
    task = plan_task(make.supervisor(), hourly())
    go(DUE)
    (found,) = runs(task)
    assert found.state is RunState.FAILED
    assert found.incident_id is not None


def test_a_check_that_finds_problems_is_done_and_opens_an_incident(make, go, broken):
    broken.deed = lambda given: given.problem("Engine %(engine)s was asked.", engine="sandbox")
    task = plan_task(make.supervisor(), hourly())
    go(DUE)
    (found,) = runs(task)
    assert (found.state, found.problem_count) == (RunState.PROBLEMS, 1)
    assert found.incident_id is not None
    assert LineKind.PROBLEM in {kind for kind, _ in said(found)}


def test_a_check_stops_at_its_next_step_when_somebody_cancels_it(make, go, broken):
    supervisor = make.supervisor()
    task = plan_task(supervisor, hourly())

    def deed(given):
        cancel_run(supervisor, task.reference, runs(task)[0].id)
        given.seen(1, 2)
        raise AssertionError("it went on")

    broken.deed = deed
    go(DUE)
    (found,) = runs(task)
    assert found.state is RunState.CANCELLED
    assert found.incident_id is None


def test_a_run_whose_worker_died_is_done_by_another(make, go, broken, nine_o_clock):
    class Killed(BaseException):
        pass

    def deed(given):
        given.info("Engine %(engine)s was asked.", engine="sandbox")
        given.flush()
        raise Killed

    broken.deed = deed
    task = plan_task(make.supervisor(), hourly())
    with pytest.raises(Killed):
        go(DUE)
    assert runs(task)[0].state is RunState.RUNNING
    broken.deed = nothing
    run(runs(task)[0].id)
    (found,) = runs(task)
    assert found.state is RunState.DONE
    assert ("info", "Its worker died; another goes on with it.") in said(found)


def test_a_run_whose_job_is_gone_gets_another(make, go, nine_o_clock):
    task = plan_task(make.supervisor(), hourly())
    go(DUE, works=False)
    with unit_of_work(SYSTEM, "test.lose") as work:
        work.session.connection().exec_driver_sql("RESET ROLE")
        work.session.execute(text("DELETE FROM procrastinate_jobs"))
    nine_o_clock.move_to(DUE + PATIENCE * 2)
    look_after_runs()
    look_after_runs()
    assert [job["run_id"] for job in jobs("planning.run")] == [runs(task)[0].id]


def test_a_task_that_was_switched_off_leaves_out_what_is_queued_but_not_what_a_person_wants(
    make, go
):
    supervisor = make.supervisor()
    task = plan_task(supervisor, hourly())
    go(DUE, works=False)
    switch_off(supervisor, task.reference)
    wanted = run_now(supervisor, task.reference)
    work_off()
    states = {each.id: each.state for each in runs(task)}
    assert states.pop(wanted.id) is RunState.DONE
    assert set(states.values()) == {RunState.SKIPPED}


def test_the_database_knows_no_second_run_of_a_time_and_no_unapproved_one(make, go):
    client = make.client()
    lock = message_to(client, *make.fleet(client, 1), code="device.lock", parameters={})
    task = plan_task(make.agent(), lock)
    with pytest.raises(IntegrityError), unit_of_work(SYSTEM, "test.force") as work:
        work.session.execute(
            update(PlannedTask).where(PlannedTask.id == task.id).values(state=TaskState.ACTIVE)
        )
    hour = plan_task(make.supervisor(), hourly())
    go(DUE)
    (found,) = runs(hour)
    with pytest.raises(IntegrityError), unit_of_work(SYSTEM, "test.twice") as work:
        work.session.add(
            PlannedRun(task_id=hour.id, due_at=found.due_at, state=RunState.QUEUED, created_at=DUE)
        )
