"""The main job without pages: ask, check, execute, answer, resolve, confirm."""

from __future__ import annotations

import pytest
from sqlalchemy import select, text

from servicedesk.core import audit, database
from servicedesk.core.actors import SYSTEM
from servicedesk.core.unit_of_work import unit_of_work
from servicedesk.devices.commands import CommandState, DeviceCommand
from servicedesk.devices.dispatch import send_command
from servicedesk.devices.engines.contract import ObservedState, SubmissionOutcome
from servicedesk.devices.models import Device, DeviceState
from servicedesk.devices.reconciliation import reconcile
from servicedesk.devices.settlement import record_answer
from servicedesk.orders.approval import OwnApproval, approve_order
from servicedesk.orders.execution import NotApproved, execute_order
from servicedesk.orders.models import OrderState, OrderTarget, WorkOrder
from servicedesk.sla.cycles import Verdict
from servicedesk.sla.models import SlaLedger
from servicedesk.tickets.closing import rate_ticket
from servicedesk.tickets.handling import move_ticket
from servicedesk.tickets.models import EntryKind, Ticket, TicketEntry, TicketState


def order_of(_ticket: Ticket) -> WorkOrder:
    with database.acting_as(SYSTEM):
        return (
            database.session()
            .scalars(select(WorkOrder).join_from(WorkOrder, OrderTarget).distinct())
            .one()
        )


def commands() -> list[DeviceCommand]:
    with database.acting_as(SYSTEM):
        session = database.session()
        session.rollback()
        session.expire_all()
        return list(session.scalars(select(DeviceCommand).order_by(DeviceCommand.id)))


def again(row):
    with database.acting_as(SYSTEM):
        session = database.session()
        session.rollback()
        return session.get_one(type(row), row.id, populate_existing=True)


def answer(make, state: ObservedState, *orders) -> None:
    for order in orders or make.engine.submitted:
        with unit_of_work(SYSTEM, "test.answer") as work:
            record_answer(work, make.engine.observation(order, state), "notification")


def send_all() -> None:
    for command in commands():
        send_command(command.id)


def test_a_lock_of_three_devices_of_which_one_cannot_resolves_the_ticket(make):
    client = make.client()
    contact, agent = make.contact(client), make.agent()
    devices = [make.device(client, kind) for kind in ("ios", "android", "old")]

    ticket = make.request(contact, "device.lock", *devices, parameters={"message": "Lost"})
    order = order_of(ticket)
    assert order.state is OrderState.DRAFT
    move_ticket(agent, ticket.reference, "take")
    execute_order(agent, order.reference)
    assert [command.state for command in commands()] == [CommandState.QUEUED] * 2
    send_all()
    assert len(make.engine.submitted) == 2
    answer(make, ObservedState.ACKNOWLEDGED)

    assert again(order).state is OrderState.DONE
    assert again(ticket).state is TicketState.RESOLVED
    with database.acting_as(SYSTEM):
        ledger = database.session().get_one(SlaLedger, ticket.ledger_id)
        assert ledger.resolution_verdict is Verdict.MET
        kinds = [
            e.kind for e in database.session().scalars(select(TicketEntry).order_by(TicketEntry.id))
        ]
        assert not audit.verify(database.session())
        database.session().rollback()
    assert EntryKind.ORDER_FINISHED in kinds
    move_ticket(contact, ticket.reference, "confirm")
    rate_ticket(contact, ticket.reference, 5)
    assert again(ticket).state is TicketState.CLOSED


def test_a_full_wipe_is_refused_to_its_own_author_and_by_the_database(make):
    client = make.client()
    agent, other = make.agent(), make.agent()
    make.contact(client)
    device = make.device(client, "android")
    ticket = make.request(agent, "device.full_wipe", device)
    order = order_of(ticket)
    assert order.state is OrderState.AWAITING_APPROVAL
    with pytest.raises(NotApproved):
        execute_order(other, order.reference)
    with pytest.raises(OwnApproval):
        approve_order(agent, order.reference)
    with database.acting_as(SYSTEM):
        with pytest.raises(Exception, match="its_author_never_approves"):
            database.session().execute(
                text(
                    "UPDATE work_order SET approved_by_id = author_id, approved_at = now(),"
                    " proved_at = now(),"
                    " approved_hash = content_hash, state = 'approved'"
                )
            )
        database.session().rollback()
        with pytest.raises(Exception, match="what_cannot_be_undone"):
            database.session().execute(text("UPDATE work_order SET state = 'executing'"))
        database.session().rollback()
    make.approve(other, order)
    execute_order(agent, order.reference)
    send_all()
    answer(make, ObservedState.ACKNOWLEDGED)
    assert again(device).state is DeviceState.WIPED
    assert isinstance(again(device), Device)


def test_an_unclear_wipe_is_looked_up_and_never_sent_again(make):
    client = make.client()
    contact, agent = make.contact(client), make.agent()
    ticket = make.request(contact, "device.full_wipe", make.device(client, "android"))
    order = order_of(ticket)
    make.approve(agent, order)
    execute_order(agent, order.reference)
    make.engine.answers = [SubmissionOutcome.UNCLEAR]
    send_all()
    assert [command.state for command in commands()] == [CommandState.UNKNOWN]
    reconcile([commands()[0].id])
    assert [command.state for command in commands()] == [CommandState.UNKNOWN]
    assert len(make.engine.submitted) == 1
    assert again(order).state is OrderState.NEEDS_DECISION
