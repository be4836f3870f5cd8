"""Commands: sent at most once, answered in any order, honest about what is not known."""

from __future__ import annotations

import dataclasses
import itertools
import random
from datetime import timedelta

import pytest
import time_machine
from sqlalchemy import select, text

from servicedesk.core import clock, database
from servicedesk.core.actors import SYSTEM
from servicedesk.core.unit_of_work import unit_of_work
from servicedesk.devices import dispatch
from servicedesk.devices.commands import CommandState, DeviceCommand
from servicedesk.devices.engines.contract import EngineOrder, ObservedState, SubmissionOutcome
from servicedesk.devices.instructions import LockDevice
from servicedesk.devices.reconciliation import LOST_CALL, overdue_commands, reconcile
from servicedesk.devices.settlement import record_answer
from servicedesk.orders.execution import accept_rest, execute_order, retry_failed
from servicedesk.orders.models import OrderState, WorkOrder
from servicedesk.orders.steering import cancel_order


@pytest.fixture
def executed(make):
    """Return a function that has an action executed on one device; gives order and command."""

    def run(code: str = "device.lock"):
        client = make.client()
        contact, agent = make.contact(client), make.agent()
        make.request(contact, code, make.device(client, "android"), parameters={})
        order = (
            database.session()
            .scalars(select(WorkOrder).order_by(WorkOrder.id.desc()).limit(1))
            .one()
        )
        database.session().rollback()
        if order.needs_approval:
            make.approve(make.agent(), order)
        execute_order(agent, order.reference)
        return agent, order, command_of(order)

    return run


def command_of(order) -> DeviceCommand:
    session = database.session()
    session.rollback()
    found = session.scalars(
        select(DeviceCommand)
        .join(WorkOrder, WorkOrder.batch_id == DeviceCommand.batch_id)
        .where(WorkOrder.reference == order.reference)
        .execution_options(populate_existing=True)
    ).one()
    session.rollback()
    return found


def state_of(order) -> CommandState:
    session = database.session()
    session.rollback()
    state = session.scalars(
        select(DeviceCommand.state)
        .join(WorkOrder, WorkOrder.batch_id == DeviceCommand.batch_id)
        .where(WorkOrder.id == order.id)
    ).one()
    session.rollback()
    return state


def hear(make, state: ObservedState, event: str = "") -> bool:
    order = make.engine.submitted[0]
    with unit_of_work(SYSTEM, "test.hear") as work:
        return record_answer(work, make.engine.observation(order, state, event), "notification")


@pytest.fixture
def ids(executed):
    def run(code="device.lock"):
        agent, order, _command = executed(code)
        session = database.session()
        found = session.scalars(select(DeviceCommand.id).order_by(DeviceCommand.id.desc())).first()
        session.rollback()
        return agent, order, found

    return run


def test_a_job_that_runs_twice_sends_once(make, ids):
    _, order, command_id = ids()
    dispatch.send_command(command_id)
    dispatch.send_command(command_id)
    assert len(make.engine.submitted) == 1
    assert state_of(order) is CommandState.SENT


def test_what_surely_did_not_arrive_is_queued_again(make, ids):
    _, order, command_id = ids()
    make.engine.answers = [SubmissionOutcome.NOT_SENT]
    dispatch.send_command(command_id)
    assert state_of(order) is CommandState.QUEUED


@pytest.mark.parametrize(
    "outcome", [SubmissionOutcome.REFUSED, SubmissionOutcome.UNSUPPORTED, SubmissionOutcome.GONE]
)
def test_a_refusal_of_the_engine_fails_the_command_and_asks_the_agent(make, ids, outcome):
    agent, order, command_id = ids()
    make.engine.answers = [outcome]
    dispatch.send_command(command_id)
    assert state_of(order) is CommandState.FAILED
    retry_failed(agent, order.reference)
    assert state_of(order) is CommandState.QUEUED


def test_an_unclear_lock_that_never_arrived_goes_again_under_the_same_key(make, ids):
    _, order, command_id = ids()
    make.engine.answers = [SubmissionOutcome.UNCLEAR]
    dispatch.send_command(command_id)
    assert state_of(order) is CommandState.UNKNOWN
    reconcile([command_id])
    assert state_of(order) is CommandState.QUEUED
    dispatch.send_command(command_id)
    keys = {order.idempotency_key for order in make.engine.submitted}
    assert (len(make.engine.submitted), len(keys)) == (2, 1)


def test_while_the_engine_is_away_nothing_is_assumed(make, ids):
    _, order, command_id = ids()
    make.engine.answers = [SubmissionOutcome.UNCLEAR]
    dispatch.send_command(command_id)
    make.engine.is_away = True
    reconcile([command_id])
    assert state_of(order) is CommandState.UNKNOWN


def test_a_sender_that_died_is_noticed_and_the_engine_asked(make, ids):
    _, order, command_id = ids("device.full_wipe")
    marked = dispatch._mark_sent(command_id)  # and here the process dies
    assert marked is not None
    assert overdue_commands() == []
    with time_machine.travel(clock.now() + 2 * LOST_CALL, tick=True):
        assert overdue_commands() == [command_id]
        reconcile([command_id])
    assert state_of(order) is CommandState.UNKNOWN
    assert make.engine.submitted == []


def test_a_command_that_waited_too_long_expires_and_never_leaves(make, ids):
    _, order, command_id = ids()
    with time_machine.travel(clock.now() + timedelta(hours=25), tick=True):
        dispatch.send_command(command_id)
        reconcile([command_id])
    assert make.engine.submitted == []
    assert state_of(order) is CommandState.EXPIRED


def test_cancelling_withdraws_what_has_not_left(make, ids):
    agent, order, command_id = ids()
    cancel_order(agent, order.reference)
    dispatch.send_command(command_id)
    assert make.engine.submitted == []
    assert state_of(order) is CommandState.CANCELLED


def test_a_retry_of_a_wipe_is_refused(make, ids):
    agent, order, command_id = ids("device.full_wipe")
    make.engine.answers = [SubmissionOutcome.REFUSED]
    dispatch.send_command(command_id)
    with pytest.raises(Exception, match="not sent again"):
        retry_failed(agent, order.reference)
    accept_rest(agent, order.reference)
    session = database.session()
    session.rollback()
    assert session.get_one(WorkOrder, order.id).state is OrderState.DONE
    session.rollback()


STATES = (ObservedState.ACCEPTED, ObservedState.NOT_NOW, ObservedState.ACKNOWLEDGED)


@pytest.mark.parametrize("said", list(itertools.permutations(STATES)), ids="-".join)
def test_answers_in_any_order_and_twice_end_acknowledged(make, ids, said):
    _, order, command_id = ids()
    dispatch.send_command(command_id)
    for state in (*said, *said):
        hear(make, state)
    assert state_of(order) is CommandState.ACKNOWLEDGED


def test_six_messages_in_any_order_end_as_the_device_did_it(make, ids):
    """Late, twice, in the wrong order, of another device, and of another client's command."""
    _, order, command_id = ids()
    dispatch.send_command(command_id)
    mine = make.engine.submitted[0]
    _, other_order, other_id = ids()
    dispatch.send_command(other_id)
    foreign = make.engine.submitted[1]
    of_another_device = dataclasses.replace(mine, device_external_id=foreign.device_external_id)
    messages = [
        (mine, ObservedState.ACCEPTED),
        (mine, ObservedState.NOT_NOW),
        (mine, ObservedState.EXPIRED),
        (mine, ObservedState.ACKNOWLEDGED),
        (of_another_device, ObservedState.FAILED),
        (foreign, ObservedState.FAILED),
    ]
    dice = random.Random(6)
    for number, said in enumerate(dice.sample(list(itertools.permutations(messages)), 60), 1):
        session = database.session()
        session.rollback()
        session.execute(
            text(
                "UPDATE device_command SET state = 'sent', finished_at = NULL, outcome = NULL"
                " WHERE id = ANY(:ids)"
            ),
            {"ids": [command_id, other_id]},
        )
        session.execute(text("UPDATE work_order SET state = 'executing', finished_at = NULL"))
        session.commit()
        for place, (told, state) in enumerate(said):
            heard = make.engine.observation(told, state, f"{number}-{place}")
            with unit_of_work(SYSTEM, "test.hear") as work:
                record_answer(work, heard, "notification")
        assert state_of(order) is CommandState.ACKNOWLEDGED
        assert state_of(other_order) is CommandState.FAILED
        kept = session.scalar(
            text(
                "SELECT count(*) FROM command_observation"
                " WHERE command_id = :id AND source = 'notification'"
            ),
            {"id": command_id},
        )
        assert kept == 4 * number  # the word of another device was not even kept


def test_nothing_corrects_acknowledged_but_a_late_yes_corrects_expired(make, ids):
    _, order, command_id = ids()
    dispatch.send_command(command_id)
    hear(make, ObservedState.EXPIRED)
    assert state_of(order) is CommandState.EXPIRED
    hear(make, ObservedState.ACKNOWLEDGED)
    hear(make, ObservedState.FAILED)
    assert state_of(order) is CommandState.ACKNOWLEDGED


def test_an_answer_to_a_command_that_never_left_is_not_believed(make, ids):
    _, order, command_id = ids()
    session = database.session()
    command = session.get_one(DeviceCommand, command_id)
    said = make.engine.observation(
        EngineOrder(
            idempotency_key=command.key,
            device_external_id="x",
            instruction=LockDevice(),
            not_after=clock.now(),
        ),
        ObservedState.ACKNOWLEDGED,
    )
    session.rollback()
    with unit_of_work(SYSTEM, "test.hear") as work:
        assert record_answer(work, said, "notification") is False
    assert state_of(order) is CommandState.QUEUED
