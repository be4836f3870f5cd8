"""For whom a ticket waits: a third party, an agreed date, devices out of reach; and merged ones."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select, text

from servicedesk.core import clock, database
from servicedesk.core.actors import Role
from servicedesk.core.errors import Forbidden, InvalidInput, NotAllowedNow, NotFound
from servicedesk.devices.commands import DeviceCommand
from servicedesk.devices.dispatch import send_command
from servicedesk.orders.execution import execute_order
from servicedesk.orders.models import OrderState, WorkOrder
from servicedesk.sla import clocks
from servicedesk.sla.cycles import Metric, Party, Standing, Verdict, current
from servicedesk.sla.models import SlaCycle, SlaLedger
from servicedesk.tickets.agreed_dates import resume_planned
from servicedesk.tickets.device_waits import note_device_waits
from servicedesk.tickets.handling import add_message, move_ticket
from servicedesk.tickets.merging import merge_ticket
from servicedesk.tickets.models import Ticket, TicketState, TicketWatcher

MONDAY = datetime(2026, 11, 16, 9, tzinfo=UTC)  # ten in Madrid; nine to five is worked
HOUR = timedelta(hours=1)


@pytest.fixture
def cast(make):
    client = make.client()
    return client, make.contact(client), make.agent()


def asked(make, cast, *kinds: str) -> Ticket:
    client, contact, _agent = cast
    devices = [make.device(client, kind) for kind in kinds or ("ios",)]
    with clock.told_as(MONDAY):
        return make.request(contact, "device.lock", *devices)


def read(query):
    session = database.session()
    session.rollback()
    session.expunge_all()
    found = session.scalars(query).all()
    session.expunge_all()
    session.rollback()
    return found


def fresh(ticket: Ticket) -> Ticket:
    return read(select(Ticket).where(Ticket.id == ticket.id))[0]


def ledger(ticket: Ticket) -> SlaLedger:
    return read(select(SlaLedger).where(SlaLedger.id == ticket.ledger_id))[0]


def resolution(ticket: Ticket, now: datetime):
    found = current(clocks.evaluated(database.session(), ticket.ledger_id, now), Metric.RESOLUTION)
    database.session().rollback()
    return found


def test_a_third_party_is_waited_for_until_somebody_goes_on(make, cast):
    _client, _contact, agent = cast
    ticket = asked(make, cast)
    due = ledger(ticket).resolution_due_at
    with clock.told_as(MONDAY + HOUR):
        move_ticket(agent, ticket.reference, "wait_for_third_party", words="The maker looks at it.")
    assert fresh(ticket).state is TicketState.WAITING_THIRD_PARTY
    assert ledger(ticket).standing is Standing.PAUSED
    assert ledger(ticket).resolution_due_at is None
    assert resolution(ticket, MONDAY + 2 * HOUR).waiting_for is Party.THIRD_PARTY
    with clock.told_as(MONDAY + 3 * HOUR):
        move_ticket(agent, ticket.reference, "resume")
    assert ledger(ticket).resolution_due_at == due + 2 * HOUR


def test_what_the_client_says_does_not_end_the_wait_for_somebody_else(make, cast):
    _client, contact, agent = cast
    ticket = asked(make, cast)
    with clock.told_as(MONDAY):
        move_ticket(agent, ticket.reference, "wait_for_third_party", words="The maker looks at it.")
    with clock.told_as(MONDAY + HOUR):
        add_message(contact, ticket.reference, "Any news?")
    assert fresh(ticket).state is TicketState.WAITING_THIRD_PARTY
    assert ledger(ticket).standing is Standing.PAUSED


def test_a_planned_ticket_goes_on_at_the_agreed_moment_however_late_it_is_noticed(make, cast):
    _client, _contact, agent = cast
    ticket = asked(make, cast)
    due, agreed = ledger(ticket).resolution_due_at, MONDAY + 4 * HOUR
    with clock.told_as(MONDAY + HOUR):
        move_ticket(agent, ticket.reference, "plan", words="On Monday at two.", until=agreed)
    assert fresh(ticket).planned_for == agreed
    paused = clocks.ledger_events(database.session(), ticket.ledger_id)[-1]
    database.session().rollback()
    assert datetime.fromisoformat(paused.evidence["until"]) == agreed
    with clock.told_as(MONDAY + 2 * HOUR):
        assert resume_planned() == 0
    with clock.told_as(agreed + 2 * HOUR):
        assert resume_planned() == 1
        assert resume_planned() == 0
    assert (fresh(ticket).state, fresh(ticket).planned_for) == (TicketState.IN_PROGRESS, None)
    assert ledger(ticket).resolution_due_at == due + 3 * HOUR


@pytest.mark.parametrize("until", [None, MONDAY - HOUR, MONDAY + timedelta(days=400)])
def test_a_plan_needs_a_date_to_come(make, cast, until):
    _client, _contact, agent = cast
    ticket = asked(make, cast)
    with clock.told_as(MONDAY), pytest.raises(InvalidInput) as refused:
        move_ticket(agent, ticket.reference, "plan", words="Some day.", until=until)
    assert refused.value.field == "until"
    assert fresh(ticket).state is TicketState.NEW


def sent_to_silent_devices(make, cast, *kinds: str) -> Ticket:
    """A lock that the engine has, and devices that were last seen an hour before it."""
    ticket = asked(make, cast, *kinds)
    with clock.told_as(MONDAY + HOUR):
        seen(MONDAY)
        execute_order(cast[2], read(select(WorkOrder))[0].reference)
        for command in read(select(DeviceCommand).order_by(DeviceCommand.id)):
            send_command(command.id)
    return ticket


def seen(at: datetime, device_id: int | None = None) -> None:
    session = database.session()
    session.rollback()
    where = "" if device_id is None else "WHERE id = :id"
    session.execute(
        text(f"UPDATE device SET last_contact_at = :at {where}"), {"at": at, "id": device_id}
    )
    session.commit()


def noted_at(moment: datetime) -> int:
    with clock.told_as(moment):
        return note_device_waits()


def test_time_is_the_devices_while_nothing_but_devices_out_of_reach_is_missing(make, cast):
    ticket = sent_to_silent_devices(make, cast)
    due = ledger(ticket).resolution_due_at
    assert noted_at(MONDAY + HOUR + timedelta(minutes=3)) == 0  # it may just be slow
    noticed = MONDAY + HOUR + timedelta(minutes=10)
    assert noted_at(noticed) == 1
    assert noted_at(noticed + HOUR) == 0
    cycle = resolution(ticket, noticed + HOUR)
    assert (cycle.waiting_for, cycle.verdict) == (Party.DEVICE, Verdict.PAUSED)
    contact = noticed + 2 * HOUR
    seen(contact)
    assert noted_at(contact + timedelta(minutes=40)) == 1  # learnt late, counted from the contact
    assert fresh(ticket).device_wait_since is None
    assert ledger(ticket).resolution_due_at == due + 2 * HOUR


def test_the_evidence_of_a_wait_is_kept_with_it(make, cast):
    ticket = sent_to_silent_devices(make, cast)
    noted_at(MONDAY + 2 * HOUR)
    events = clocks.ledger_events(database.session(), ticket.ledger_id)
    database.session().rollback()
    evidence = events[-1].evidence
    assert evidence["device_count"] == 1
    assert evidence["order"] == read(select(WorkOrder))[0].reference
    assert datetime.fromisoformat(evidence["last_contact_at"]) == MONDAY


def test_one_device_that_was_there_and_did_not_answer_is_not_the_devices_time(make, cast):
    ticket = sent_to_silent_devices(make, cast, "ios", "android")
    first = read(select(DeviceCommand).order_by(DeviceCommand.id))[0]
    seen(MONDAY + HOUR + timedelta(minutes=1), first.device_id)
    assert noted_at(MONDAY + 2 * HOUR) == 0
    assert ledger(ticket).standing is not Standing.PAUSED


def test_a_second_order_that_waits_for_a_person_makes_it_the_operators_time(make, cast):
    client, contact, _agent = cast
    ticket = sent_to_silent_devices(make, cast)
    with clock.told_as(MONDAY):
        make.request(contact, "device.lock", make.device(client, "ios"))
    orders = read(select(WorkOrder).order_by(WorkOrder.id))
    assert orders[-1].state is OrderState.DRAFT
    session = database.session()
    session.execute(
        text("UPDATE ticket_order SET ticket_id = :t WHERE order_id = :o"),
        {"t": ticket.id, "o": orders[-1].id},
    )
    session.commit()
    assert noted_at(MONDAY + 2 * HOUR) == 0


def test_what_was_sent_and_resolved_meanwhile_leaves_no_open_wait(make, cast):
    _client, _contact, agent = cast
    ticket = sent_to_silent_devices(make, cast)
    noted_at(MONDAY + 2 * HOUR)
    with clock.told_as(MONDAY + 3 * HOUR):
        move_ticket(agent, ticket.reference, "resolve", words="Found by other means.")
    assert fresh(ticket).device_wait_since is None
    cycle = resolution(ticket, MONDAY + 4 * HOUR)
    assert (cycle.verdict, cycle.elapsed) == (Verdict.MET, 2 * HOUR)
    assert noted_at(MONDAY + 4 * HOUR) == 0


def test_a_merged_ticket_leaves_the_figures_and_its_people_follow_the_other(make, cast):
    client, contact, agent = cast
    ticket = asked(make, cast)
    other_contact = make.person(Role.CONTACT, client)
    with clock.told_as(MONDAY):
        other = make.request(other_contact, "device.lock", make.device(client, "ios"))
        merge_ticket(agent, ticket.reference, other.reference.lower())
    merged = fresh(ticket)
    assert (merged.state, merged.merged_into_id) == (TicketState.MERGED, other.id)
    assert ledger(ticket).standing is Standing.MERGED
    verdicts = {
        c.verdict for c in read(select(SlaCycle).where(SlaCycle.ledger_id == merged.ledger_id))
    }
    assert verdicts == {Verdict.WITHDRAWN}
    assert {w.user_id for w in read(select(TicketWatcher))} == {contact.user_id}
    states = [order.state for order in read(select(WorkOrder).order_by(WorkOrder.id))]
    assert states == [OrderState.CANCELLED, OrderState.DRAFT]
    assert ledger(other).standing is Standing.ON_TRACK


def test_a_ticket_is_merged_only_into_an_open_one_of_its_client_by_the_operator(make, cast):
    client, contact, agent = cast
    ticket = asked(make, cast)
    elsewhere = make.client()
    with clock.told_as(MONDAY):
        theirs = make.request(make.contact(elsewhere), "device.lock", make.device(elsewhere, "ios"))
        own = make.request(contact, "device.lock", make.device(client, "ios"))
        for wrong in (theirs.reference, ticket.reference, "PET-2026-999999", ""):
            with pytest.raises(InvalidInput):
                merge_ticket(agent, ticket.reference, wrong)
        with pytest.raises(Forbidden):
            merge_ticket(contact, ticket.reference, own.reference)
        with pytest.raises(NotFound):
            merge_ticket(make.contact(elsewhere), ticket.reference, own.reference)
        move_ticket(agent, own.reference, "resolve", words="Done.")
        with pytest.raises(InvalidInput):
            merge_ticket(agent, ticket.reference, own.reference)
        with pytest.raises(NotAllowedNow):
            merge_ticket(agent, own.reference, ticket.reference)
