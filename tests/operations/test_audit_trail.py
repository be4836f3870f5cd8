"""The audit trail: whatever is bent is found."""

from __future__ import annotations

import pytest
from sqlalchemy import create_engine, text

from servicedesk.core import audit, database
from servicedesk.tickets.handling import move_ticket


@pytest.fixture
def story(make):
    client = make.client()
    contact, agent = make.contact(client), make.agent()
    ticket = make.request(contact, "device.lock", make.device(client, "ios"))
    move_ticket(agent, ticket.reference, "take")
    move_ticket(agent, ticket.reference, "resolve", words="Done.")
    return ticket


def faults(anchors=None) -> list[audit.Fault]:
    session = database.session()
    session.rollback()
    session.expire_all()
    found = audit.verify(session, anchors)
    session.rollback()
    return found


def test_an_untouched_trail_holds_and_tells_before_and_after(story):
    assert faults() == []
    session = database.session()
    entry = session.scalars(
        text("SELECT payload FROM audit_entry WHERE act = 'tickets.resolve'")
    ).one()
    session.rollback()
    assert '"state":["in_progress","resolved"]' in entry


@pytest.mark.parametrize(
    "tampering",
    [
        "UPDATE audit_entry SET payload = replace(payload, 'resolve', 'cancel') WHERE payload LIKE '%resolve%'",
        "UPDATE audit_entry SET actor = 'somebody else' WHERE number = 2",
        "UPDATE audit_entry SET at = at - interval '1 hour' WHERE number = 1",
        "DELETE FROM audit_entry WHERE number = 2",
        "DELETE FROM audit_entry WHERE number = (SELECT max(number) FROM audit_entry)",
        "UPDATE audit_entry SET number = CASE number WHEN 1 THEN -1 ELSE number END",
        "UPDATE audit_head SET number = number + 1",
    ],
)
def test_tampering_is_found(story, database_address, tampering):
    owner = create_engine(database_address)
    with owner.begin() as connection:
        connection.execute(text("ALTER TABLE audit_entry DISABLE TRIGGER append_only"))
        connection.execute(text(tampering))
    owner.dispose()
    assert faults() != []


def test_a_cut_tail_with_its_head_is_found_by_an_anchor_kept_elsewhere(story, database_address):
    session = database.session()
    anchors = {int(chain): head for chain, head in audit.heads(session).items()}
    session.rollback()
    owner = create_engine(database_address)
    with owner.begin() as connection:
        connection.execute(text("ALTER TABLE audit_entry DISABLE TRIGGER append_only"))
        connection.execute(
            text(
                "DELETE FROM audit_entry e USING (SELECT chain, max(number) AS last"
                " FROM audit_entry GROUP BY chain) m WHERE e.chain = m.chain AND number = last"
            )
        )
        connection.execute(
            text(
                "UPDATE audit_head h SET number = e.number, hash = e.hash FROM audit_entry e"
                " WHERE e.chain = h.chain AND e.number = (SELECT max(number) FROM audit_entry x"
                " WHERE x.chain = h.chain)"
            )
        )
    owner.dispose()
    assert faults(anchors) != []


def test_the_trail_cannot_be_changed_through_the_application(story):
    session = database.session()
    with pytest.raises(Exception, match=r"permission denied|append-only"):
        session.execute(text("UPDATE audit_entry SET actor = 'x'"))
    session.rollback()
