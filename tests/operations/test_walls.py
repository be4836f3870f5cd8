"""Walls between tenants below the application: what a forgotten filter would show."""

from __future__ import annotations

import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import ProgrammingError

from servicedesk.core import database
from servicedesk.core.actors import GATE
from servicedesk.schema import METADATA
from servicedesk.tickets.handling import add_message
from servicedesk.tickets.models import Ticket, TicketEntry

# tables of the whole house, and those that nobody but their own functions touches
SHARED = {
    "user",
    "credential",
    "one_time_link",
    "sign_in_attempt",
    "api_token",
    "engine_account",
    "calendar_version",
    "plan_version",
    "reference_counter",
    "backup_record",
    "outgoing_mail",
    "restoration",
    "audit_entry",
    "audit_head",
    "clock_lease",
    "sla_check",
    "engine_contact",
    "silence",
}


def rows_as(actor, statement) -> list:
    with database.acting_as(actor):
        session = database.session()
        found = session.execute(statement).all()
        session.rollback()
        return found


def test_a_query_without_any_filter_shows_a_contact_only_their_own_rows(make):
    mine, theirs = make.client(), make.client()
    contact, other = make.contact(mine), make.contact(theirs)
    make.request(other, "device.full_wipe", make.device(theirs, "android"))
    ticket = make.request(contact, "device.lock", make.device(mine, "ios"))
    seen = rows_as(contact, select(Ticket.reference))
    assert seen == [(ticket.reference,)]
    for table in METADATA.sorted_tables:
        if table.name in SHARED:
            continue
        column = "id" if table.name == "client" else "client_id"
        rows = rows_as(contact, text(f'SELECT DISTINCT {column} FROM "{table.name}"'))
        assert {row[0] for row in rows} <= {mine.id}, table.name


def test_without_a_tenant_set_nothing_is_seen(make):
    contact = make.contact(make.client())
    nobody = type(contact)(role=contact.role, name="nobody", client_ids=frozenset())
    for table in ("client", "ticket", "device", "contract"):
        assert rows_as(nobody, text(f"SELECT * FROM {table}")) == []


def test_internal_notes_do_not_exist_for_a_contact_even_in_the_database(make):
    client = make.client()
    contact, agent = make.contact(client), make.agent()
    ticket = make.request(contact, "device.lock", make.device(client, "ios"))
    add_message(agent, ticket.reference, "only for us", is_public=False)
    bodies = [row[0] for row in rows_as(contact, select(TicketEntry.body))]
    assert "only for us" not in bodies
    assert "only for us" in [row[0] for row in rows_as(agent, select(TicketEntry.body))]


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT * FROM audit_entry",
        "SELECT * FROM outgoing_mail",
        "SELECT * FROM restoration",
        "SELECT * FROM backup_record",
        "SELECT desk_settle_held_jobs(true)",
        "SELECT * FROM one_time_link",
        "SELECT * FROM procrastinate_jobs",
        "UPDATE device SET name = 'x'",
        "INSERT INTO command_batch (client_id) VALUES (1)",
        "DELETE FROM ticket",
        "DELETE FROM device_position",
        "UPDATE position_look SET looked_by_name = 'nobody'",
    ],
)
def test_a_contact_has_no_right_to(make, statement):
    contact = make.contact(make.client())
    with database.acting_as(contact):
        with pytest.raises(ProgrammingError, match="permission denied"):
            database.session().execute(text(statement))
        database.session().rollback()


def test_nobody_signed_in_sees_no_client(make):
    make.client()
    with database.acting_as(GATE):
        with pytest.raises(ProgrammingError, match="permission denied"):
            database.session().execute(text("SELECT * FROM client"))
        database.session().rollback()


def test_a_contact_changes_no_other_person(make):
    client = make.client()
    contact, agent = make.contact(client), make.agent()
    with database.acting_as(contact):
        session = database.session()
        changed = session.execute(
            text("UPDATE \"user\" SET session_version = session_version + 1, name = 'x'")
        )
        assert changed.rowcount == 1
        session.rollback()
    assert agent.user_id


def test_every_tenant_table_has_a_wall(make, sessions):
    walled = {
        row[0]
        for row in sessions().execute(
            text("SELECT relname FROM pg_class WHERE relrowsecurity AND relkind = 'r'")
        )
    }
    assert {table.name for table in METADATA.sorted_tables} - SHARED <= walled
