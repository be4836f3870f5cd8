"""Saved questions to the fleet, and queries that are answered with them."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from servicedesk.core import database
from servicedesk.core.actors import SYSTEM, Role
from servicedesk.core.audit import AuditEntry
from servicedesk.core.errors import Forbidden, InvalidInput, NotAllowedNow, NotFound
from servicedesk.core.mail import OutgoingMail
from servicedesk.devices import questions as kept
from servicedesk.devices.models import DeviceState
from servicedesk.devices.queries import FleetFilter, fleet_count, fleet_counts
from servicedesk.devices.questions import (
    create_question,
    delete_question,
    question_named,
    questions,
    questions_to_choose,
    rename_question,
)
from servicedesk.sla.evaluation import EventKind
from servicedesk.sla.models import SlaEvent
from servicedesk.tickets.handling import answer_ticket, move_ticket
from servicedesk.tickets.intake import NewTicket, open_ticket
from servicedesk.tickets.models import EntryKind, TicketEntry, TicketKind
from servicedesk.tickets.queries import ticket_view
from tests.operations.test_fleet_state import counted

ANDROID = FleetFilter(platform="android")


@pytest.fixture
def people(make):
    client = make.client()
    make.fleet(client, 3)
    make.device(client, "ios")
    return client, make.contact(client), make.agent()


def query_of(contact, kind=TicketKind.QUERY):
    return open_ticket(contact, NewTicket(kind=kind, subject="How many?", description="Please."))


def entries_of(actor, ticket, kind=EntryKind.ANSWERED):
    with database.acting_as(actor):
        found = database.session().scalars(
            select(TicketEntry).where(TicketEntry.ticket_id == ticket.id, TicketEntry.kind == kind)
        )
        entries = found.all()
        database.session().rollback()
    return entries


def test_everybody_who_sees_a_fleet_keeps_questions_about_it(make, people):
    client, contact, agent = people
    manager = make.person(Role.ACCOUNT_MANAGER, client)
    for actor in (contact, agent, manager, make.supervisor()):
        question = create_question(actor, client.reference, f"  by  {actor.name}", ANDROID)
        assert question.name == f"by {actor.name}"
        with database.acting_as(actor):
            found = question_named(actor, question.reference)
            assert found.wanted == FleetFilter(platform="android", client=client.reference)
            assert fleet_count(actor, found.wanted) == 3
        assert rename_question(actor, question.reference, "x " + actor.name).name[:2] == "x "
    with database.acting_as(contact):
        assert len(questions(contact).items) == len(questions_to_choose(contact, client.id)) == 4
    delete_question(contact, question.reference)
    with pytest.raises(NotFound), database.acting_as(contact):
        question_named(contact, question.reference)
    with database.acting_as(SYSTEM):
        acts = database.session().scalars(
            select(AuditEntry.act)
            .where(AuditEntry.subject == question.reference)
            .order_by(AuditEntry.id)
        )
        assert acts.all() == ["questions.create", "questions.rename", "questions.delete"]


def test_a_question_of_another_client_does_not_exist(make, people):
    client, contact, _agent = people
    question = create_question(contact, "", "Ours", ANDROID)
    for stranger in (make.contact(), make.person(Role.ACCOUNT_MANAGER)):
        for act in (
            lambda who: rename_question(who, question.reference, "Mine"),
            lambda who: delete_question(who, question.reference),
            lambda who: create_question(who, client.reference, "Mine", ANDROID),
        ):
            with pytest.raises(NotFound):
                act(stranger)
        with database.acting_as(stranger):
            assert questions(stranger).items == []
            assert questions_to_choose(stranger, client.id) == []


@pytest.mark.parametrize(
    ("name", "wanted", "field"),
    [
        ("", ANDROID, "name"),
        ("x" * 121, ANDROID, "name"),
        ("a\x00b", ANDROID, "name"),
        ("Taken", ANDROID, "name"),
        ("New", FleetFilter(platform="windows"), "filter"),
        ("New", FleetFilter(version="1.5"), "filter"),
        ("New", FleetFilter(group="Nowhere"), "group"),
        ("New", FleetFilter(client="CLI-9999"), "client"),
    ],
)
def test_what_cannot_be_kept_is_refused_at_its_field(people, name, wanted, field):
    _client, contact, _agent = people
    create_question(contact, "", "Taken", ANDROID)
    with pytest.raises(InvalidInput) as refused:
        create_question(contact, "", name, wanted)
    assert refused.value.field == field


def test_whoever_has_several_clients_says_which(make, people):
    client, _contact, agent = people
    make.client()
    with pytest.raises(InvalidInput) as refused:
        create_question(agent, "", "Whose?", ANDROID)
    assert refused.value.field == "client"
    # the same name at two clients is two questions
    other = make.client()
    for reference in (client.reference, other.reference):
        create_question(agent, reference, "Android", ANDROID)


def test_two_questions_of_a_client_do_not_share_a_name(people):
    _client, contact, _agent = people
    first = create_question(contact, "", "First", ANDROID)
    second = create_question(contact, "", "Second", ANDROID)
    assert rename_question(contact, first.reference, "First").name == "First"
    with pytest.raises(InvalidInput):
        rename_question(contact, second.reference, "First")


def test_there_is_an_end_to_questions(people, monkeypatch):
    _client, contact, _agent = people
    monkeypatch.setattr(kept, "MOST_QUESTIONS", 2)
    for name in ("One", "Two"):
        create_question(contact, "", name, ANDROID)
    with pytest.raises(NotAllowedNow):
        create_question(contact, "", "Three", ANDROID)


def test_an_answer_keeps_its_figure_and_counts_anew(make, people):
    client, contact, agent = people
    question = create_question(agent, client.reference, "Android", ANDROID)
    ticket = query_of(contact)
    entry = answer_ticket(agent, ticket.reference, question.reference, " Here they are. ")
    assert (entry.body, entry.is_public) == ("Here they are.", True)
    assert entry.facts == {
        "question": "Android",
        "reference": question.reference,
        "filter": {"platform": "android", "client": client.reference},
        "devices": 3,
    }
    make.fleet(client, 2)
    make.fleet(make.client(), 5)
    delete_question(contact, question.reference)  # what was answered stays, and is asked on
    for actor in (contact, agent):
        with database.acting_as(actor):
            view = ticket_view(actor, ticket.reference)
            assert view.counts_now == {entry.id: 5}
            (kept_entry,) = [e for e in view.entries if e.kind is EntryKind.ANSWERED]
            assert kept_entry.facts["devices"] == 3


@pytest.mark.parametrize("role", [Role.AGENT, Role.ACCOUNT_MANAGER, Role.SUPERVISOR])
def test_an_answer_is_a_first_response_and_told_by_mail(make, people, role):
    client, contact, _agent = people
    person = make.person(role, *([client] if role is Role.ACCOUNT_MANAGER else []))
    question = create_question(person, client.reference, "Android", ANDROID)
    ticket = query_of(contact)
    answer_ticket(person, ticket.reference, question.reference)
    with database.acting_as(SYSTEM):
        session = database.session()
        kinds = session.scalars(
            select(SlaEvent.kind).where(SlaEvent.ledger_id == ticket.ledger_id)
        ).all()
        assert EventKind.RESPONDED in kinds
        mail = session.scalars(
            select(OutgoingMail)
            .where(OutgoingMail.recipient == contact.email)
            .order_by(OutgoingMail.id.desc())
            .limit(1)
        ).one()
        assert mail.context["news"] == "answered"
        assert (mail.context["question"], mail.context["devices"]) == ("Android", 3)


def test_who_may_not_answer_and_what_is_not_answered(make, people):
    client, contact, agent = people
    question = create_question(agent, client.reference, "Android", ANDROID)
    ticket = query_of(contact)
    with pytest.raises(Forbidden):
        answer_ticket(contact, ticket.reference, question.reference)
    with pytest.raises(NotFound):
        answer_ticket(make.person(Role.ACCOUNT_MANAGER), ticket.reference, question.reference)
    foreign = create_question(agent, make.client().reference, "Foreign", ANDROID)
    for reference in (foreign.reference, "PRG-2026-999999", "\x00"):
        with pytest.raises(InvalidInput) as refused:
            answer_ticket(agent, ticket.reference, reference)
        assert refused.value.field == "question"
    incident = query_of(contact, TicketKind.INCIDENT)
    with pytest.raises(NotAllowedNow):
        answer_ticket(agent, incident.reference, question.reference)
    move_ticket(contact, ticket.reference, "cancel")
    with pytest.raises(NotAllowedNow):
        answer_ticket(agent, ticket.reference, question.reference)
    assert entries_of(agent, ticket) == []


def test_many_filters_are_counted_in_one_statement(make, people, sessions):
    client, contact, _agent = people
    make.device(client, "personal", state=DeviceState.PENDING)
    filters = [ANDROID, FleetFilter(), FleetFilter(state="pending"), FleetFilter(seen="silent")]
    with database.acting_as(contact), counted(sessions) as statements:
        assert fleet_counts(contact, []) == []
        assert fleet_counts(contact, filters) == [4, 5, 1, 0]
    assert len([s for s in statements if "set_config" not in s]) == 1
