"""A rule whose grace is over: one ticket, one order, and nobody locked who conforms again."""

from __future__ import annotations

from datetime import date, datetime, timedelta

import pytest
import time_machine
from sqlalchemy import select, text
from sqlalchemy.orm import Session

from servicedesk.clients.models import AuthorisedContact, Contract
from servicedesk.core import clock, database
from servicedesk.core.actors import SYSTEM
from servicedesk.core.unit_of_work import unit_of_work
from servicedesk.devices.commands import CommandState, DeviceCommand
from servicedesk.devices.conformity.editing import (
    RuleDraft,
    activate_rule,
    create_rule,
    deactivate_rule,
    edit_rule,
)
from servicedesk.devices.conformity.inventory import Inventory, take_inventories
from servicedesk.devices.conformity.jobs import conformity_round, evaluate_conformity
from servicedesk.devices.dispatch import send_command
from servicedesk.devices.engines.contract import ObservedState
from servicedesk.devices.settlement import record_answer
from servicedesk.orders.approval import OwnApproval
from servicedesk.orders.drafting import WIDE_DISRUPTION
from servicedesk.orders.execution import execute_order
from servicedesk.orders.jobs import advance_due
from servicedesk.orders.models import OrderState, OrderTarget, WorkOrder
from servicedesk.tickets.lock_after_grace import LOCK_FAILING, lock_failing
from servicedesk.tickets.models import EntryKind, Ticket, TicketEntry, TicketKind, TicketState

GRACE = 4  # hours
DRAFT = RuleDraft(
    name="A code on the screen", kind="passcode_missing", consequences=["lock"], grace_hours=GRACE
)
WITHOUT, WITH = Inventory(has_passcode=False), Inventory(has_passcode=True)


def rows(kind):
    session = database.session()
    session.expunge_all()
    session.rollback()
    key = kind.device_id if kind is OrderTarget else kind.id
    found = list(session.scalars(select(kind).order_by(key)))
    session.expunge_all()
    session.rollback()
    return found


def jobs() -> list[tuple[dict, datetime]]:
    with Session(database.session().get_bind(), info={"as_owner": True}) as owner:
        found = owner.execute(
            text("SELECT args, scheduled_at FROM procrastinate_jobs WHERE task_name = :name"),
            {"name": LOCK_FAILING.name},
        )
        return [(row[0], row[1]) for row in found]


def refused() -> dict[int, str]:
    return {t.device_id: t.reason for t in rows(OrderTarget) if not t.possible}


def commanded() -> set[int]:
    return {command.device_id for command in rows(DeviceCommand)}


@pytest.fixture
def house(make):
    """A client with a rule by an agent; a call lets devices fail, another lets the grace end."""
    client = make.client()
    contact, agent, other = make.contact(client), make.agent(), make.agent()
    rule = create_rule(agent, client.reference, DRAFT)
    return client, contact, agent, other, rule


def fail(client, devices, inventory=WITHOUT) -> None:
    take_inventories(SYSTEM, {device.id: inventory for device in devices})
    evaluate_conformity(client_id=client.id)


def end_grace(client, rule) -> None:
    conformity_round()
    evaluate_conformity(client_id=client.id)
    lock_failing(rule.id)


def test_who_still_fails_when_the_grace_is_over_is_locked_with_one_ticket(make, house):
    client, contact, agent, _other, rule = house
    devices = make.fleet(client, 3)
    fail(client, devices)
    assert jobs() == []
    with time_machine.travel(clock.now() + timedelta(hours=GRACE + 1), tick=True):
        evaluate_conformity(client_id=client.id)
        evaluate_conformity(client_id=client.id)
        ((arguments, at),) = jobs()
        assert arguments == {"rule_id": rule.id}
        assert at > clock.now(), "what falls due in a moment comes along"
        lock_failing(rule.id)
        lock_failing(rule.id)
    (ticket,) = rows(Ticket)
    assert (ticket.kind, ticket.requester_id) == (TicketKind.REQUEST, contact.user_id)
    assert DRAFT.name in ticket.subject
    assert rule.reference in ticket.subject
    assert ticket.ledger_id
    (order,) = rows(WorkOrder)
    assert (order.author_id, order.rule_id) == (agent.user_id, rule.id)
    assert order.state is OrderState.EXECUTING
    assert commanded() == {device.id for device in devices}
    kinds = [entry.kind for entry in rows(TicketEntry)]
    assert kinds == [EntryKind.GRACE_OVER, EntryKind.ORDER_DRAFTED, EntryKind.ORDER_STARTED]


def test_the_ticket_ends_with_the_devices_answers(make, house, answer_all):
    client, _contact, _agent, _other, rule = house
    device = make.device(client, "android")
    fail(client, [device])
    with time_machine.travel(clock.now() + timedelta(hours=GRACE + 1), tick=True):
        end_grace(client, rule)
        answer_all()
    assert rows(WorkOrder)[0].state is OrderState.DONE
    assert rows(Ticket)[0].state is TicketState.RESOLVED
    (sent,) = make.engine.submitted
    assert sent.instruction.message.startswith(DRAFT.name)


@pytest.fixture
def answer_all(make):
    def answer() -> None:
        for command in rows(DeviceCommand):
            if command.state is CommandState.QUEUED:
                send_command(command.id)
        for command in rows(DeviceCommand):
            if command.state is CommandState.SENT:
                (told,) = (o for o in make.engine.submitted if o.idempotency_key == command.key)
                with unit_of_work(SYSTEM, "test.answer") as work:
                    state = ObservedState.ACKNOWLEDGED
                    record_answer(work, make.engine.observation(told, state), "notification")

    return answer


def test_very_many_wait_for_a_second_person_who_is_not_the_rules_author(make, house):
    client, _contact, agent, other, rule = house
    fail(client, make.fleet(client, WIDE_DISRUPTION + 1))
    with time_machine.travel(clock.now() + timedelta(hours=GRACE + 1), tick=True):
        end_grace(client, rule)
        (order,) = rows(WorkOrder)
        assert order.state is OrderState.AWAITING_APPROVAL
        assert commanded() == set()
        with pytest.raises(OwnApproval):
            make.approve(agent, order)
        make.approve(other, order)
        execute_order(agent, order.reference)
        assert len(commanded()) == 1, "it goes in stages, as any wide order"


def test_few_at_a_time_are_very_many_in_the_end(make, house):
    client, _contact, _agent, _other, rule = house
    half = WIDE_DISRUPTION // 2 + 1
    fail(client, make.fleet(client, half))
    with time_machine.travel(clock.now() + timedelta(hours=GRACE + 1), tick=True):
        end_grace(client, rule)
        fail(client, make.fleet(client, half))
    with time_machine.travel(clock.now() + timedelta(hours=2 * GRACE + 2), tick=True):
        end_grace(client, rule)
    states = [order.state for order in rows(WorkOrder)]
    assert states == [OrderState.EXECUTING, OrderState.AWAITING_APPROVAL]


@pytest.mark.parametrize("how", ["edited", "activated"])
def test_who_decides_what_a_rule_says_answers_for_it(make, house, how):
    client, _contact, agent, other, rule = house
    if how == "edited":
        edit_rule(other, rule.reference, RuleDraft(**{**vars(DRAFT), "grace_hours": 1}))
    else:
        deactivate_rule(agent, rule.reference)
        activate_rule(other, rule.reference)
    fail(client, make.fleet(client, WIDE_DISRUPTION + 1))
    with time_machine.travel(clock.now() + timedelta(hours=GRACE + 1), tick=True):
        end_grace(client, rule)
        (order,) = rows(WorkOrder)
        with pytest.raises(OwnApproval):
            make.approve(other, order)
        make.approve(agent, order)


def test_who_conforms_again_before_its_stage_is_left_out_with_the_reason(make, house, answer_all):
    client, _contact, _agent, _other, rule = house
    devices = make.fleet(client, 30)
    fail(client, devices)
    with time_machine.travel(clock.now() + timedelta(hours=GRACE + 1), tick=True):
        end_grace(client, rule)
        (canary,) = commanded()
        answer_all()
        again = [device for device in devices if device.id != canary][:7]
        fail(client, again, WITH)
    for minutes in (60, 120):
        with time_machine.travel(
            clock.now() + timedelta(hours=GRACE + 1, minutes=minutes), tick=True
        ):
            advance_due()
            answer_all()
    assert commanded() == {device.id for device in devices} - {device.id for device in again}
    assert set(refused()) == {device.id for device in again}
    assert all("does not ask for it any more" in reason for reason in refused().values())
    assert rows(WorkOrder)[0].state is OrderState.DONE


@pytest.mark.parametrize("how", ["deactivated", "without a lock"])
def test_a_rule_that_does_not_ask_for_it_any_more_locks_nobody_further(make, house, how):
    client, _contact, agent, _other, rule = house
    fail(client, make.fleet(client, 30))
    with time_machine.travel(clock.now() + timedelta(hours=GRACE + 1), tick=True):
        end_grace(client, rule)
        if how == "deactivated":
            deactivate_rule(agent, rule.reference)
        else:
            draft = RuleDraft(**{**vars(DRAFT), "consequences": ["mark"]})
            edit_rule(agent, rule.reference, draft)
        for command in rows(DeviceCommand):
            send_command(command.id)
            with unit_of_work(SYSTEM, "test.answer") as work:
                told = make.engine.observation(make.engine.submitted[0], ObservedState.ACKNOWLEDGED)
                record_answer(work, told, "notification")
    with time_machine.travel(clock.now() + timedelta(days=1), tick=True):
        advance_due()
        advance_due()
        lock_failing(rule.id)
    assert len(commanded()) == 1
    assert len(rows(Ticket)) == 1
    assert len(refused()) == 29


def test_nothing_happens_when_it_was_put_right_before_the_job_ran(make, house):
    client, _contact, _agent, _other, rule = house
    device = make.device(client, "android")
    fail(client, [device])
    with time_machine.travel(clock.now() + timedelta(hours=GRACE + 1), tick=True):
        evaluate_conformity(client_id=client.id)
        fail(client, [device], WITH)
        lock_failing(rule.id)
        assert rows(Ticket) == []
        fail(client, [device])
    with time_machine.travel(clock.now() + timedelta(hours=2 * GRACE + 2), tick=True):
        end_grace(client, rule)
        assert len(rows(Ticket)) == 1
        fail(client, [device], WITH)
        fail(client, [device])
    with time_machine.travel(clock.now() + timedelta(hours=3 * GRACE + 3), tick=True):
        end_grace(client, rule)
    assert len(rows(Ticket)) == 2, "it failed anew, and has had its grace anew"


def test_who_cannot_be_locked_stays_for_an_agent_to_see(make, house):
    client, _contact, _agent, _other, rule = house
    device = make.device(client, "old")
    fail(client, [device])
    with time_machine.travel(clock.now() + timedelta(hours=GRACE + 1), tick=True):
        end_grace(client, rule)
    (order,) = rows(WorkOrder)
    assert (order.state, commanded()) == (OrderState.DRAFT, set())
    assert "or later" in refused()[device.id]
    assert rows(Ticket)[0].is_open


def test_without_a_contact_the_rules_author_is_asked_and_without_a_contract_nobody_is_served(
    make, house
):
    client, _contact, agent, _other, rule = house
    device = make.device(client, "android")
    fail(client, [device])
    with database.acting_as(SYSTEM):
        session = database.session()
        session.execute(AuthorisedContact.__table__.delete())
        contract = session.scalars(select(Contract)).one()
        ends_on, contract.ends_on = contract.ends_on, date.today() - timedelta(days=1)
        session.commit()
    with time_machine.travel(clock.now() + timedelta(hours=GRACE + 1), tick=True):
        end_grace(client, rule)
        assert rows(Ticket) == []
        with database.acting_as(SYSTEM):
            database.session().scalars(select(Contract)).one().ends_on = ends_on
            database.session().commit()
        lock_failing(rule.id)
    (ticket,) = rows(Ticket)
    assert ticket.requester_id == agent.user_id
    assert commanded() == {device.id}


def test_rules_of_one_client_lock_nobody_elses_devices(make, house):
    client, _contact, _agent, _other, rule = house
    neighbour = make.client()
    theirs = make.device(neighbour, "android")
    mine = make.device(client, "android")
    fail(client, [mine, theirs])
    evaluate_conformity(client_id=neighbour.id)
    with time_machine.travel(clock.now() + timedelta(hours=GRACE + 1), tick=True):
        evaluate_conformity(client_id=neighbour.id)
        end_grace(client, rule)
    assert commanded() == {mine.id}
    assert {ticket.client_id for ticket in rows(Ticket)} == {client.id}
