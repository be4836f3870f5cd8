"""Tickets that the desk opens, tells about and resolves by itself; and what other floors hear."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import delete, select

from servicedesk.clients.models import Client
from servicedesk.core import clock, database, events
from servicedesk.core.actors import SYSTEM, Side
from servicedesk.core.errors import Forbidden, InvalidInput
from servicedesk.core.mail import OutgoingMail
from servicedesk.core.text import Text, msgid
from servicedesk.core.unit_of_work import unit_of_work
from servicedesk.orders.execution import execute_order
from servicedesk.orders.models import WorkOrder
from servicedesk.tickets import queries
from servicedesk.tickets.checklist import TicketStep
from servicedesk.tickets.closing import close_with_verdict, rate_ticket
from servicedesk.tickets.desk_tickets import note_from_desk, open_for_desk, resolve_from_desk
from servicedesk.tickets.events import TicketCancelled, TicketReopened, TicketResolved
from servicedesk.tickets.handling import add_message, move_ticket
from servicedesk.tickets.intake import NewTicket
from servicedesk.tickets.models import EntryKind, Ticket, TicketEntry, TicketKind, TicketState
from servicedesk.tickets.moves import possible_moves
from servicedesk.tickets.quiet_days import close_quiet_tickets
from servicedesk.tickets.ticking import tick_step, write_steps
from tests.operations.test_ticket_steps import all_obey
from tests.operations.test_waits import fresh, read

FAILED = msgid("The planned run %(run)s failed again: %(why)s")
NEW = NewTicket(kind=TicketKind.INCIDENT, subject="A run failed", description="See below.")


@pytest.fixture
def cast(make):
    client = make.client()
    return client, make.contact(client), make.agent()


def opened(client: Client | None, **more) -> Ticket:
    with unit_of_work(SYSTEM, "tests.open") as work:
        ticket = open_for_desk(work, client_id=client.id if client else None, new=NEW, **more)
    return fresh(ticket)


def person(actor) -> tuple[int, str]:
    return actor.user_id, actor.name


def mails() -> list[tuple[str, str, bool]]:
    found = read(select(OutgoingMail).order_by(OutgoingMail.id))
    return [(mail.recipient, mail.context["news"], mail.context["for_client"]) for mail in found]


def forget_mails() -> None:
    with database.acting_as(SYSTEM):
        database.session().execute(delete(OutgoingMail))
        database.session().commit()


def entries(ticket: Ticket) -> list[TicketEntry]:
    query = select(TicketEntry).where(TicketEntry.ticket_id == ticket.id)
    return read(query.order_by(TicketEntry.id))


@pytest.fixture
def heard():
    """What other floors hear of tickets, in order."""
    found = []

    def hear(work, event) -> None:
        found.append((type(event).__name__, event.reference))

    kinds = (TicketResolved, TicketReopened, TicketCancelled)
    for kind in kinds:
        events.subscribe(kind, hear)
    yield found
    for kind in kinds:
        events._reactions[kind].remove(hear)


def test_without_somebody_named_the_clients_contact_is_who_asks_and_is_told(make, cast):
    client, contact, _agent = cast
    devices = make.fleet(client, 2)
    ticket = opened(client, steps=["Look", "Mend"], devices=[device.id for device in devices])
    assert (ticket.requester_id, ticket.requester_side) == (contact.user_id, Side.CLIENT)
    assert ticket.ledger_id
    assert mails() == [(contact.email, "opened_by_desk", True)]
    first, second = entries(ticket)
    assert (first.kind, first.author_side, first.is_public) == (
        EntryKind.OPENED,
        Side.SYSTEM,
        True,
    )
    assert second.facts["count"] == 2
    assert len(read(select(TicketStep))) == 2
    assert queries.ticket_view(contact, ticket.reference).device_count == 2
    database.session().rollback()


def test_what_an_operators_person_asks_for_is_mailed_to_them_and_no_contact(make, cast):
    client, contact, agent = cast
    owner = make.supervisor()
    ticket = opened(client, requester=person(owner))
    assert (ticket.requester_id, ticket.requester_side) == (owner.user_id, Side.OPERATOR)
    assert mails() == [(owner.email, "opened_by_desk", False)]
    forget_mails()
    add_message(agent, ticket.reference, "I look at it.")
    move_ticket(agent, ticket.reference, "resolve", words="Done.")
    assert mails() == [(owner.email, "message", False), (owner.email, "resolve", False)]
    with database.acting_as(contact):
        assert queries.tickets_to_confirm(contact) == [], "they did not ask: nothing to confirm"
        database.session().rollback()
    forget_mails()
    move_ticket(owner, ticket.reference, "reopen", words="No.")
    move_ticket(agent, ticket.reference, "wait_for_client", words="Which one is it?")
    asked = {mail for mail in mails() if mail[1] == "wait_for_client"}
    assert asked == {
        (owner.email, "wait_for_client", False),
        (contact.email, "wait_for_client", True),
    }
    with database.acting_as(contact):
        waiting = queries.tickets_to_confirm(contact)
        database.session().rollback()
    assert [one.reference for one in waiting] == [ticket.reference]
    add_message(contact, ticket.reference, "This one.")
    assert fresh(ticket).state is TicketState.IN_PROGRESS


def test_a_ticket_of_an_operators_person_is_confirmed_by_them_or_closes_by_itself(make, cast):
    client, contact, agent = cast
    owner = make.supervisor()
    confirmed, quiet = (opened(client, requester=person(owner)) for _ in range(2))
    for ticket in (confirmed, quiet):
        move_ticket(agent, ticket.reference, "resolve", words="Done.")
        seen = queries.ticket_view(contact, ticket.reference).ticket
        assert possible_moves(contact, seen) == [], "it is not theirs to decide"
        database.session().rollback()
        for name in ("confirm", "reopen"):
            with pytest.raises(Forbidden):
                move_ticket(contact, ticket.reference, name, words="x")
        with pytest.raises(Forbidden):
            close_with_verdict(contact, ticket.reference, "solved")
    view = queries.ticket_view(owner, confirmed.reference)
    assert "confirm" in {move.name for move in possible_moves(owner, view.ticket)}
    database.session().rollback()
    move_ticket(owner, confirmed.reference, "confirm")
    assert fresh(confirmed).state is TicketState.CLOSED
    with clock.told_as(clock.now() + timedelta(days=12)):
        assert close_quiet_tickets() == 1
    assert fresh(quiet).state is TicketState.CLOSED
    with pytest.raises(Forbidden):
        rate_ticket(contact, quiet.reference, 4)
    assert fresh(quiet).closing_verdict is None


def test_without_a_client_it_is_the_operators_own(make):
    owner = make.supervisor()
    ticket, again = (opened(None, requester=person(owner)) for _ in range(2))
    house = read(select(Client).where(Client.is_internal))[0]
    assert ticket.client_id == again.client_id == house.id
    view = queries.ticket_view(owner, ticket.reference)
    moves = {move.name for move in possible_moves(owner, view.ticket)}
    assert "resolve" in moves
    assert "wait_for_client" not in moves
    database.session().rollback()


def test_nothing_is_opened_without_a_contract_or_anybody_to_ask(make):
    alone = make.client()
    with pytest.raises(InvalidInput, match="no authorised contact"):
        opened(alone)
    with pytest.raises(InvalidInput), clock.told_as(clock.now() + timedelta(days=4000)):
        opened(alone, requester=person(make.agent()))
    assert read(select(Ticket)) == []


def test_the_desk_notes_what_it_knows_in_words_to_translate(make, cast):
    client, contact, agent = cast
    ticket = opened(client)
    with unit_of_work(agent, "tests.note") as work:  # whoever sets it off: the desk says it
        why = Text(msgid("Nothing to do."))
        note_from_desk(work, ticket, Text(FAILED, {"run": "Closed", "why": why}))
    note = entries(ticket)[-1]
    assert (note.kind, note.is_public, note.author_side) == (
        EntryKind.DESK_NOTE,
        False,
        Side.SYSTEM,
    )
    assert str(Text.from_json(note.facts)) == "The planned run Closed failed again: Nothing to do."
    seen = queries.ticket_view(contact, ticket.reference).entries
    assert EntryKind.DESK_NOTE not in {entry.kind for entry in seen}
    database.session().rollback()


def resolve(ticket: Ticket) -> bool:
    with unit_of_work(SYSTEM, "tests.resolve") as work:
        return resolve_from_desk(
            work, work.session.get_one(Ticket, ticket.id), Text(msgid("Nothing to do."))
        )


def test_the_desk_resolves_what_is_open_and_says_why(cast, heard):
    client, contact, agent = cast
    ticket = opened(client)
    forget_mails()
    assert resolve(ticket)
    after = fresh(ticket)
    assert after.state is TicketState.RESOLVED
    assert after.close_due_at
    why, state = entries(ticket)[-2:]
    assert (why.kind, why.is_public, state.kind) == (EntryKind.DESK_NOTE, True, EntryKind.STATE)
    assert mails() == [(contact.email, "resolve", True)]
    assert heard == [("TicketResolved", ticket.reference)]
    assert not resolve(ticket), "it is over"
    assert len(entries(ticket)) == 3
    waiting = opened(client)
    move_ticket(agent, waiting.reference, "wait_for_client", words="Which?")
    assert resolve(waiting)


def test_the_desk_leaves_alone_what_has_open_steps_or_orders(make, cast):
    client, contact, agent = cast
    with_steps, with_order = (
        opened(client),
        make.request(contact, "device.lock", make.device(client)),
    )
    write_steps(agent, with_steps.reference, ["Ring them up"])
    assert not resolve(with_steps)
    assert not resolve(with_order)
    assert fresh(with_steps).state is TicketState.NEW
    assert EntryKind.DESK_NOTE not in {entry.kind for entry in entries(with_steps)}
    tick_step(agent, with_steps.reference, 1)
    assert resolve(with_steps)


def test_other_floors_hear_of_every_way_a_ticket_is_resolved_reopened_or_withdrawn(
    make, cast, heard
):
    client, contact, agent = cast
    ticket = make.request(contact, "device.lock", make.device(client))
    execute_order(agent, read(select(WorkOrder))[0].reference)
    all_obey(make.engine)
    assert heard == [("TicketResolved", ticket.reference)]
    move_ticket(contact, ticket.reference, "reopen", words="It is not.")
    move_ticket(agent, ticket.reference, "resolve", words="Now.")
    move_ticket(contact, ticket.reference, "reopen", words="It is not.")
    move_ticket(contact, ticket.reference, "cancel")
    assert [kind for kind, _reference in heard[1:]] == [
        "TicketReopened",
        "TicketResolved",
        "TicketReopened",
        "TicketCancelled",
    ]
