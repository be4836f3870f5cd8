"""Addresses for calendar programs: who an address acts for, and what becomes of it."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import delete, select, text

from servicedesk.accounts.models import User
from servicedesk.clients.models import AuthorisedContact
from servicedesk.core import database
from servicedesk.core.actors import GATE, SYSTEM, Role
from servicedesk.core.audit import AuditEntry
from servicedesk.core.clock import told_as
from servicedesk.core.errors import InvalidInput, NotFound
from servicedesk.planning.feeds import (
    FEEDS_PER_PERSON,
    MOST_EVENTS,
    feeds_of,
    make_feed,
    revoke_feed,
    subscribed,
    subscriber_of,
)
from servicedesk.planning.models import CalendarFeed, RunState
from servicedesk.planning.schedule import Cron
from tests.calendar_story import MADRID, NOW, once, planned, ran


@pytest.fixture(autouse=True)
def nine_o_clock():
    with told_as(NOW):
        yield


def asked(plain):
    """Ask at the door, where nobody has signed in."""
    database.session().expunge_all()
    database.session().rollback()
    with database.acting_as(GATE):
        found = subscriber_of(plain, "192.0.2.1")
        database.session().rollback()
    with database.acting_as(found.actor):
        shown = subscribed(found)
        database.session().rollback()
    return found, shown


def as_system(statement):
    with database.acting_as(SYSTEM):
        session = database.session()
        session.execute(statement)
        session.commit()


def test_an_address_shows_what_its_owner_sees(make):
    mine, other = make.client(), make.client()
    contact = make.contact(mine)
    planned(make.agent(), mine, title="mine", schedule=once(1))
    planned(make.agent(), other, title="other", schedule=once(1))
    planned(make.supervisor(), title="all", schedule=once(1))
    found, shown = asked(make_feed(contact, "Telephone"))
    assert found.actor.client_ids == contact.client_ids
    assert {one.title for one in shown} == {"mine", "all"}
    _found, shown = asked(make_feed(make.agent(), "Desk", other.reference))
    assert {one.title for one in shown} == {"other", "all"}


def test_an_address_says_nothing_once_it_is_revoked(make):
    contact = make.contact()
    plain = make_feed(contact, "Telephone")
    asked(plain)
    (feed,) = feeds_of(contact)
    with pytest.raises(NotFound):
        revoke_feed(make.contact(), feed.id)
    revoke_feed(contact, feed.id)
    revoke_feed(contact, feed.id)
    assert not feeds_of(contact)
    for word in (plain, plain[:-1], "", "x" * 43):
        with pytest.raises(NotFound):
            asked(word)


def test_an_owner_who_left_or_lost_the_client_is_a_stranger(make):
    client = make.client()
    left, moved = make.contact(client), make.contact(client)
    manager = make.person(Role.ACCOUNT_MANAGER, client)
    words = [make_feed(person, "x", client.reference) for person in (left, moved, manager)]
    for plain in words:
        asked(plain)
    as_system(text(f'UPDATE "user" SET is_active = false WHERE id = {left.user_id}'))
    as_system(delete(AuthorisedContact).where(AuthorisedContact.user_id == moved.user_id))
    as_system(text(f"DELETE FROM account_management WHERE user_id = {manager.user_id}"))
    for plain in words:
        with pytest.raises(NotFound):
            asked(plain)


def test_a_person_who_reaches_less_sees_less_at_the_same_address(make):
    first, second = make.client(), make.client()
    manager = make.person(Role.ACCOUNT_MANAGER, first, second)
    for client in (first, second):
        planned(make.agent(), client, title=client.name, schedule=once(1))
    plain = make_feed(manager, "All of mine")
    assert {one.title for one in asked(plain)[1]} == {first.name, second.name}
    as_system(text(f"DELETE FROM account_management WHERE client_id = {second.id}"))
    assert {one.title for one in asked(plain)[1]} == {first.name}


def test_nobody_makes_an_address_for_a_client_that_is_not_theirs(make):
    with pytest.raises(InvalidInput) as refused:
        make_feed(make.contact(), "x", make.client().reference)
    assert refused.value.field == "client"
    for name in ("", "  ", "x" * 81, "bell\x07"):
        with pytest.raises(InvalidInput) as refused:
            make_feed(make.contact(), name)
        assert refused.value.field == "name"


def test_there_are_only_so_many(make):
    contact = make.contact()
    for number in range(FEEDS_PER_PERSON):
        make_feed(contact, f"number {number}")
    with pytest.raises(InvalidInput):
        make_feed(contact, "one more")
    make_feed(make.contact(), "somebody else's")


def test_an_address_is_its_owners_alone_in_the_database_too(make):
    contact, supervisor = make.contact(), make.supervisor()
    make_feed(contact, "x")
    for person, count in ((contact, 1), (supervisor, 0), (make.contact(), 0)):
        with database.acting_as(person):
            database.session().expunge_all()
            found = database.session().scalars(select(CalendarFeed)).all()
            database.session().rollback()
        assert len(found) == count


def test_the_word_is_nowhere_but_in_the_hands_of_its_owner(make):
    plain = make_feed(make.contact(), "x")
    asked(plain)
    session = database.session()
    told = session.scalars(select(AuditEntry.payload)).all()
    feed = session.scalars(select(CalendarFeed)).one()
    assert any("planning.make_feed" in payload for payload in told)
    for kept in (*told, *map(str, vars(feed).values())):
        assert plain not in kept
        assert not kept.startswith("{") or feed.token_hash not in kept


def test_use_is_noted_once_a_minute(make):
    plain = make_feed(make.contact(), "x")
    times = []
    for seconds in (0, 30, 90):
        with told_as(NOW + timedelta(seconds=seconds)):
            asked(plain)
        times.append(database.session().scalars(select(CalendarFeed.last_used_at)).one())
    assert times == [NOW, NOW, NOW + timedelta(seconds=90)]


def test_it_reaches_ninety_days_back_and_half_a_year_ahead(make):
    agent, client = make.agent(), make.client()
    task = planned(agent, client, schedule=Cron(expression="0 11 1 * *", zone=MADRID))
    for days in (1, 89, 92):
        ran(task, NOW - timedelta(days=days), RunState.CANCELLED, started_at=None)
    _found, shown = asked(make_feed(agent, "x"))
    assert [one.state for one in shown] == [RunState.CANCELLED] * 2 + [None] * 5
    assert shown[-1].starts_at < NOW + timedelta(days=181)


def test_of_very_many_the_nearest_are_there(make):
    agent, client = make.agent(), make.client()
    for hour in range(9):
        planned(agent, client, schedule=Cron(expression=f"0 {hour} * * *", zone=MADRID))
    _found, shown = asked(make_feed(agent, "x"))
    assert len(shown) == MOST_EVENTS
    assert shown[-1].starts_at - NOW < timedelta(days=168)


def test_language_and_zone_are_the_owners(make):
    contact = make.contact()
    found, _shown = asked(make_feed(contact, "x"))
    assert isinstance(found.user, User)
    assert (found.user.language, found.actor.language) == ("es", "es")
