"""Wide orders: stages, thresholds, pauses, and what they refuse."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta

import pytest
import time_machine
from sqlalchemy import select

from servicedesk.core import clock, database
from servicedesk.core.actors import SYSTEM
from servicedesk.core.errors import Forbidden, InvalidInput, NotAllowedNow
from servicedesk.core.unit_of_work import unit_of_work
from servicedesk.devices.commands import CommandState, DeviceCommand
from servicedesk.devices.dispatch import send_command
from servicedesk.devices.engines.contract import ObservedState
from servicedesk.devices.models import DeviceGroup, DeviceGroupMember
from servicedesk.devices.settlement import record_answer
from servicedesk.orders.execution import execute_order, resume_order, retry_failed
from servicedesk.orders.jobs import advance_due
from servicedesk.orders.models import OrderState, PauseReason, WorkOrder
from servicedesk.orders.steering import cancel_order, go_on_now, pause_order, plan_stages

FLEET = 40


def commands(state: CommandState | None = None) -> list[DeviceCommand]:
    session = database.session()
    session.rollback()
    session.expire_all()
    query = select(DeviceCommand).order_by(DeviceCommand.id)
    if state:
        query = query.where(DeviceCommand.state == state)
    return list(session.scalars(query))


def present(order: WorkOrder) -> WorkOrder:
    session = database.session()
    session.rollback()
    return session.get_one(WorkOrder, order.id, populate_existing=True)


def send() -> None:
    for command in commands(CommandState.QUEUED):
        send_command(command.id)


def answer(make, fails: int = 0) -> None:
    """Have every device that was told answer; so many of them that they could not."""
    for number, command in enumerate(commands(CommandState.SENT)):
        submitted = next(o for o in make.engine.submitted if o.idempotency_key == command.key)
        state = ObservedState.FAILED if number < fails else ObservedState.ACKNOWLEDGED
        with unit_of_work(SYSTEM, "test.answer") as work:
            record_answer(work, make.engine.observation(submitted, state), "notification")


@pytest.fixture
def lock(make):
    """A lock of forty devices, and the agent who executes it."""
    client = make.client()
    contact, agent = make.contact(client), make.agent()
    ticket = make.request(contact, "device.lock", *make.fleet(client, FLEET))
    return agent, ticket.orders[0]


def test_a_wide_order_goes_from_its_canary_to_a_tenth_to_the_rest(make, lock):
    agent, order = lock
    execute_order(agent, order.reference)
    assert len(commands()) == 1
    send()
    answer(make)
    advance_due()
    assert len(commands()) == 1, "the wait after the canary is not over"
    with time_machine.travel(clock.now() + timedelta(minutes=11), tick=True):
        advance_due()
        assert len(commands()) == 1 + FLEET / 10
        send()
        answer(make)
    with time_machine.travel(clock.now() + timedelta(minutes=45), tick=True):
        advance_due()
        assert len(commands()) == FLEET
        assert len({command.device_id for command in commands()}) == FLEET
        send()
        answer(make)
    assert present(order).state is OrderState.DONE


def test_a_canary_that_has_not_answered_holds_the_rest_back(make, lock):
    agent, order = lock
    execute_order(agent, order.reference)
    send()
    with time_machine.travel(clock.now() + timedelta(hours=2), tick=True):
        advance_due()
        advance_due()
        assert len(commands()) == 1
        answer(make)
        advance_due()
        assert len(commands()) == 1 + FLEET / 10


def test_a_canary_that_fails_stops_the_order(make, lock):
    agent, order = lock
    execute_order(agent, order.reference)
    send()
    answer(make, fails=1)
    stopped = present(order)
    assert (stopped.state, stopped.pause_reason) == (OrderState.PAUSED, PauseReason.FAILURES)
    with time_machine.travel(clock.now() + timedelta(days=1), tick=True):
        advance_due()
    assert len(commands()) == 1


def test_too_many_failures_in_a_stage_keep_back_what_has_not_left(make, lock):
    agent, order = lock
    plan_stages(agent, order.reference, ["100 %"], [""], "10")
    execute_order(agent, order.reference)
    for command in commands()[:20]:
        send_command(command.id)
    answer(make, fails=5)
    assert present(order).pause_reason is PauseReason.FAILURES
    before = len(make.engine.submitted)
    send()
    assert len(make.engine.submitted) == before == 20
    counts = Counter(command.state for command in commands())
    assert counts[CommandState.QUEUED] == 20

    resume_order(agent, order.reference)
    send()
    assert len(make.engine.submitted) == FLEET
    answer(make)
    assert present(order).state is OrderState.NEEDS_DECISION
    retry_failed(agent, order.reference)
    send()
    answer(make)
    assert present(order).state is OrderState.DONE
    assert len(commands()) == FLEET


def test_a_pause_holds_and_cancelling_the_rest_ends_it(make, lock):
    agent, order = lock
    plan_stages(agent, order.reference, ["50 %"], ["60"], "5")
    execute_order(agent, order.reference)
    send_command(commands()[0].id)
    pause_order(agent, order.reference)
    send()
    assert len(make.engine.submitted) == 1
    with pytest.raises(NotAllowedNow):
        pause_order(agent, order.reference)
    cancel_order(agent, order.reference)
    counts = Counter(command.state for command in commands())
    assert counts == {CommandState.SENT: 1, CommandState.CANCELLED: FLEET / 2 - 1}
    answer(make)
    assert present(order).state is OrderState.CANCELLED


def test_waiting_can_be_cut_short_but_the_proof_cannot(make, lock):
    agent, order = lock
    execute_order(agent, order.reference)
    go_on_now(agent, order.reference)
    advance_due()
    assert len(commands()) == 1, "the canary has not answered"
    send()
    answer(make)
    advance_due()
    assert len(commands()) == 1 + FLEET / 10


def test_what_has_begun_is_not_planned_anew(make, lock):
    agent, order = lock
    execute_order(agent, order.reference)
    plan_stages(agent, order.reference, ["9"], ["1"], "5")
    sizes = [
        stage.size
        for stage in database.session().scalars(
            select(type(present(order)).stages.property.mapper.class_).order_by("number")
        )
    ]
    assert sizes == [1, 9, 30]
    with pytest.raises(InvalidInput) as refused:
        plan_stages(agent, order.reference, ["9"], ["1"], "51")
    assert refused.value.field == "failure_percent"


def test_only_those_who_execute_steer(make, lock):
    _agent, order = lock
    contact = make.person(make.agent().role.CONTACT, make.client())
    for act in (pause_order, resume_order, go_on_now):
        with pytest.raises(Exception, match="not exist"):
            act(contact, order.reference)
    manager = make.person(make.agent().role.ACCOUNT_MANAGER)
    with pytest.raises((Forbidden, Exception)):
        pause_order(manager, order.reference)


def test_a_group_means_all_who_are_in_it_now(make):
    client = make.client()
    contact = make.contact(client)
    devices = make.fleet(client, 3)
    session = database.session()
    group = DeviceGroup(client_id=client.id, name="Reparto")
    session.add(group)
    session.flush()
    session.add_all(
        DeviceGroupMember(group_id=group.id, device_id=device.id, client_id=client.id)
        for device in devices[:2]
    )
    session.commit()
    ticket = make.request(contact, "device.lock", groups=["Reparto"])
    assert ticket.orders[0].target_count == 2
    with pytest.raises(InvalidInput) as refused:
        make.request(contact, "device.lock", groups=["Nobody"])
    assert refused.value.field == "action.targets.groups"


def test_interrupting_very_many_needs_a_second_person(make):
    client = make.client()
    contact, agent = make.contact(client), make.agent()
    ticket = make.request(contact, "device.lock", *make.fleet(client, 101))
    order = ticket.orders[0]
    assert order.state is OrderState.AWAITING_APPROVAL
    make.approve(agent, order)
    assert present(order).state is OrderState.APPROVED
