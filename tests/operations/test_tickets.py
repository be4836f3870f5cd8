"""What a ticket's moves mean for its orders, its clocks and the people concerned."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select, text

from servicedesk.core import clock, database
from servicedesk.core.actors import Role
from servicedesk.core.errors import Forbidden, InvalidInput, NotAllowedNow, NotFound
from servicedesk.orders.execution import execute_order
from servicedesk.orders.models import OrderState, WorkOrder
from servicedesk.orders.steering import UnderWay
from servicedesk.sla.cycles import Verdict
from servicedesk.sla.jobs import watch
from servicedesk.sla.models import SlaLedger
from servicedesk.tickets.closing import rate_ticket
from servicedesk.tickets.handling import (
    add_message,
    assign_ticket,
    move_ticket,
    reclassify_ticket,
)
from servicedesk.tickets.models import Impact, Priority, Ticket, TicketState, Urgency
from servicedesk.tickets.quiet_days import close_quiet_tickets

MONDAY = datetime(2026, 11, 16, 9, tzinfo=UTC)  # ten in Madrid


@pytest.fixture
def cast(make):
    client = make.client()
    return client, make.contact(client), make.agent()


def fresh(row):
    session = database.session()
    session.rollback()
    found = session.get_one(type(row), row.id, populate_existing=True)
    session.rollback()
    return found


def only_order() -> WorkOrder:
    session = database.session()
    session.expunge_all()
    session.rollback()
    found = session.scalars(select(WorkOrder)).one()
    session.expunge_all()
    session.rollback()
    return found


def ledger(ticket) -> SlaLedger:
    session = database.session()
    session.rollback()
    found = session.get_one(SlaLedger, ticket.ledger_id, populate_existing=True)
    session.rollback()
    return found


def test_withdrawing_a_ticket_withdraws_its_order(make, cast):
    client, contact, agent = cast
    ticket = make.request(contact, "device.lock", make.device(client, "ios"))
    move_ticket(contact, ticket.reference, "cancel")
    order = only_order()
    assert order.state is OrderState.CANCELLED
    with pytest.raises(NotAllowedNow):
        execute_order(agent, order.reference)


def test_a_ticket_whose_order_is_under_way_is_not_withdrawn_behind_its_back(make, cast):
    client, contact, agent = cast
    ticket = make.request(contact, "device.lock", make.device(client, "ios"))
    execute_order(agent, only_order().reference)
    with pytest.raises(UnderWay):
        move_ticket(contact, ticket.reference, "cancel")


def test_nothing_is_executed_for_a_resolved_ticket(make, cast):
    client, contact, agent = cast
    ticket = make.request(contact, "device.lock", make.device(client, "ios"))
    move_ticket(agent, ticket.reference, "resolve", words="Not needed any more.")
    with pytest.raises(NotAllowedNow):
        execute_order(agent, only_order().reference)
    assert only_order().state is OrderState.DRAFT


def test_the_clock_stops_while_the_client_is_asked_and_goes_on_with_their_answer(make, cast):
    client, contact, agent = cast
    with clock.told_as(MONDAY):
        ticket = make.request(contact, "device.lock", make.device(client, "ios"))
        due = ledger(ticket).resolution_due_at
        move_ticket(agent, ticket.reference, "wait_for_client", words="Which one?")
    assert ledger(ticket).resolution_due_at is None
    assert ledger(ticket).response_verdict is Verdict.MET
    with clock.told_as(MONDAY + timedelta(hours=2)):
        add_message(contact, ticket.reference, "This one.")
    assert fresh(ticket).state is TicketState.IN_PROGRESS
    assert ledger(ticket).resolution_due_at == due + timedelta(hours=2)


def test_an_internal_note_is_no_response(make, cast):
    client, contact, agent = cast
    ticket = make.request(contact, "device.lock", make.device(client, "ios"))
    add_message(agent, ticket.reference, "among us", is_public=False)
    assert ledger(ticket).response_verdict is Verdict.RUNNING
    add_message(agent, ticket.reference, "Good morning.")
    assert ledger(ticket).response_verdict is Verdict.MET


def test_another_priority_replans_from_the_real_start(make, cast):
    client, contact, agent = cast
    with clock.told_as(MONDAY):
        ticket = make.request(contact, "device.lock", make.device(client, "ios"))
        before = ledger(ticket).resolution_due_at
    with clock.told_as(MONDAY + timedelta(minutes=30)):
        reclassify_ticket(agent, ticket.reference, Impact.HIGH, Urgency.HIGH)
    assert fresh(ticket).priority is Priority.CRITICAL
    assert ledger(ticket).resolution_due_at == MONDAY + timedelta(hours=4) < before


def test_what_runs_out_is_marked_once(make, cast):
    client, contact, _agent = cast
    with clock.told_as(MONDAY):
        ticket = make.request(contact, "device.lock", make.device(client, "ios"))
    with clock.told_as(MONDAY + timedelta(days=10)):
        watch()
        assert ledger(ticket).resolution_verdict is Verdict.BREACHED
        assert ledger(ticket).next_due_at is None


def test_a_resolved_ticket_closes_after_five_quiet_working_days(make, cast):
    client, contact, agent = cast
    with clock.told_as(MONDAY):
        ticket = make.request(contact, "device.lock", make.device(client, "ios"))
        move_ticket(agent, ticket.reference, "resolve", words="Done.")
    with clock.told_as(MONDAY + timedelta(days=6)):
        assert close_quiet_tickets() == 0
    with clock.told_as(MONDAY + timedelta(days=8)):
        assert close_quiet_tickets() == 1
    assert fresh(ticket).state is TicketState.CLOSED
    with clock.told_as(MONDAY + timedelta(days=9)):
        move_ticket(contact, ticket.reference, "reopen", words="It is back.")
    assert fresh(ticket).reopened_count == 1


def test_each_move_needs_its_right_and_its_state(make, cast):
    client, contact, agent = cast
    ticket = make.request(contact, "device.lock", make.device(client, "ios"))
    with pytest.raises(Forbidden):
        move_ticket(contact, ticket.reference, "resolve", words="x")
    with pytest.raises(NotAllowedNow):
        move_ticket(contact, ticket.reference, "confirm")
    with pytest.raises(InvalidInput):
        move_ticket(agent, ticket.reference, "resolve")
    with pytest.raises(NotAllowedNow):
        rate_ticket(contact, ticket.reference, 5)
    with pytest.raises(Forbidden):
        add_message(contact, ticket.reference, "x", is_public=False)
    with pytest.raises(InvalidInput):
        assign_ticket(agent, ticket.reference, contact.user_id)


def test_for_another_client_the_ticket_does_not_exist(make, cast):
    client, contact, _agent = cast
    ticket = make.request(contact, "device.lock", make.device(client, "ios"))
    stranger = make.contact()
    manager = make.person(Role.ACCOUNT_MANAGER, make.client())
    for actor in (stranger, manager):
        with pytest.raises(NotFound):
            add_message(actor, ticket.reference, "hello")


def test_an_account_manager_talks_but_commands_no_device(make, cast):
    client, contact, _agent = cast
    manager = make.person(Role.ACCOUNT_MANAGER, client)
    ticket = make.request(contact, "device.lock", make.device(client, "ios"))
    add_message(manager, ticket.reference, "I look after it.")
    with pytest.raises(Forbidden):
        execute_order(manager, only_order().reference)
    with pytest.raises(Forbidden):
        make.request(manager, "device.lock", make.device(client, "ios"), client=client)


def test_people_are_told_by_mail_but_not_of_what_they_wrote_themselves(make, cast):
    client, contact, agent = cast
    ticket = make.request(contact, "device.lock", make.device(client, "ios"))
    add_message(agent, ticket.reference, "Good morning.")
    assign_ticket(agent, ticket.reference, agent.user_id)
    add_message(contact, ticket.reference, "Thank you.")
    session = database.session()
    session.rollback()
    mails = session.execute(
        text("SELECT recipient, context->>'news' FROM outgoing_mail ORDER BY id")
    ).all()
    session.rollback()
    assert [tuple(mail) for mail in mails] == [
        (contact.email, "opened"),
        (contact.email, "message"),
        (agent.email, "message"),
    ]


def test_bad_parameters_name_their_field(make, cast):
    client, contact, _agent = cast
    with pytest.raises(InvalidInput) as refused:
        make.request(
            contact,
            "device.lock",
            make.device(client, "ios"),
            parameters={"phone_number": "call me"},
        )
    assert refused.value.field == "action.parameters.phone_number"
    session = database.session()
    session.rollback()
    assert session.scalars(select(Ticket)).all() == []
    session.rollback()
