"""The devices a ticket is about: of a request those of its order, of the others those it names."""

from __future__ import annotations

import importlib.util

import pytest
from alembic.migration import MigrationContext
from alembic.operations import Operations
from sqlalchemy import create_engine, select, text

from servicedesk.core import database
from servicedesk.tickets.intake import NewTicket, open_ticket
from servicedesk.tickets.models import TicketDevice, TicketKind
from servicedesk.tickets.queries import NAMED_DEVICES, ticket_view, tickets_of_device
from tests.desk_on_loopback import ROOT


def incident(actor, *devices, kind=TicketKind.INCIDENT):
    references = [device.reference for device in devices]
    return open_ticket(
        actor, NewTicket(kind=kind, subject="Broken", description="It is.", devices=references)
    )


def about(actor, ticket) -> tuple[list[str], int]:
    with database.acting_as(actor):
        view = ticket_view(actor, ticket.reference)
        database.session().rollback()
    return list(view.devices), view.device_count


def tickets_about(actor, device) -> list[str]:
    with database.acting_as(actor):
        found = [ticket.reference for ticket in tickets_of_device(actor, device.id)]
        database.session().rollback()
    return found


def kept() -> set[tuple[int, int]]:
    session = database.session()
    session.rollback()
    rows = session.execute(select(TicketDevice.ticket_id, TicketDevice.device_id))
    found = {(row[0], row[1]) for row in rows}
    session.rollback()
    return found


def test_a_ticket_shows_its_devices_and_a_device_its_tickets_whatever_kind_it_is(make):
    client = make.client()
    contact, agent = make.contact(client), make.agent()
    first, second, third = make.fleet(client, 3)
    asked = make.request(contact, "device.lock", first, second)
    broken = incident(contact, second, third)
    in_words = incident(contact, third, kind=TicketKind.REQUEST)  # a request without an action
    for actor in (contact, agent):
        assert about(actor, asked) == ([first.reference, second.reference], 2)
        assert about(actor, broken) == ([second.reference, third.reference], 2)
        assert about(actor, in_words) == ([third.reference], 1)
        assert tickets_about(actor, first) == [asked.reference]
        assert tickets_about(actor, second) == [broken.reference, asked.reference]
        assert tickets_about(actor, third) == [in_words.reference, broken.reference]
    stranger = make.contact(make.client())
    assert tickets_about(stranger, second) == []
    assert kept() == {(broken.id, second.id), (broken.id, third.id), (in_words.id, third.id)}


def test_a_ticket_about_many_names_some_and_counts_all(make):
    client = make.client()
    contact = make.contact(client)
    devices = make.fleet(client, NAMED_DEVICES + 5)
    ticket = make.request(contact, "device.push_message", *devices, parameters={"text": "Hello"})
    names, count = about(contact, ticket)
    assert names == [device.reference for device in devices[:NAMED_DEVICES]]
    assert count == NAMED_DEVICES + 5


@pytest.fixture
def migration(database_address):
    """Return a call for one step of the migration that took the rows away."""
    (path,) = (ROOT / "migrations" / "versions").glob("*_wide.py")
    spec = importlib.util.spec_from_file_location("wide", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    engine = create_engine(database_address)

    def step(name: str) -> None:
        with engine.begin() as connection:
            context = MigrationContext.configure(connection)
            with Operations.context(context):
                getattr(module, name)()

    yield step
    engine.dispose()


def test_the_migration_takes_away_only_what_the_order_tells(make, migration):
    client = make.client()
    contact = make.contact(client)
    first, second, third = make.fleet(client, 3)
    asked = make.request(contact, "device.lock", first, second)
    broken = incident(contact, third)
    migration("_keep_devices_twice")  # as it was before
    before = {(asked.id, first.id), (asked.id, second.id), (broken.id, third.id)}
    assert kept() == before
    session = database.session()
    session.execute(
        text(
            "INSERT INTO ticket_device (ticket_id, device_id, client_id)"
            f" VALUES ({asked.id}, {third.id}, {client.id})"
        )
    )
    session.commit()
    shown = about(contact, asked)
    migration("_keep_devices_once")
    assert kept() == {(asked.id, third.id), (broken.id, third.id)}
    assert about(contact, asked) == shown
