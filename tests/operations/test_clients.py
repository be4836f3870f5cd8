from __future__ import annotations

from contextlib import contextmanager
from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest
from sqlalchemy import event, select

from servicedesk.accounts import administration as accounts
from servicedesk.accounts import people, sign_in
from servicedesk.accounts.models import User
from servicedesk.clients import administration, queries
from servicedesk.clients.actors import actor_for, person_for_session
from servicedesk.clients.administration import ClientFacts
from servicedesk.clients.events import ContractSigned
from servicedesk.clients.models import (
    Client,
    Contract,
    FunctionalBlock,
    Modality,
)
from servicedesk.clients.terms import BlockNotInModality, ContractTerms
from servicedesk.clients.visibility import visible_to
from servicedesk.core import database, events
from servicedesk.core.actors import GATE, SYSTEM, Actor, Role
from servicedesk.core.errors import Forbidden, InvalidInput, NotFound
from servicedesk.core.mail import OutgoingMail
from servicedesk.core.unit_of_work import unit_of_work

URL, HERE = "https://desk.example", "192.0.2.7"
TODAY = date(2026, 3, 2)
TERMS = ContractTerms(
    modality=Modality.ADVANCED_MANAGED,
    starts_on=date(2025, 9, 15),
    ends_on=date(2028, 9, 14),
    blocks=frozenset(FunctionalBlock),
)

pytestmark = pytest.mark.usefixtures("sessions")


def operator(email, role=Role.SUPERVISOR, name="Eva Gil"):
    with unit_of_work(SYSTEM, "tests.person") as work:
        user = people.add_account(work, email=email, name=name, role=role, language="es")
    return fresh(user.id)


def fresh(user_id):
    """Ask again who a person is, as each request does."""
    with database.acting_as(GATE):
        actor = actor_for(database.session().get(User, user_id), HERE)
        done()
    return actor


def done():
    database.session().expunge_all()
    database.session().rollback()


@contextmanager
def statements_sent():
    engine, seen = database.session().get_bind(), []

    def hear(_connection, _cursor, statement, *_rest):
        seen.append(statement)

    event.listen(engine, "before_cursor_execute", hear)
    try:
        yield seen
    finally:
        event.remove(engine, "before_cursor_execute", hear)


@pytest.fixture
def supervisor():
    return operator("jefa@desk.example")


@pytest.fixture
def norte(supervisor):
    return administration.create_client(supervisor, ClientFacts(name="Norte"), TERMS)


@pytest.fixture
def levante(supervisor):
    return administration.create_client(supervisor, ClientFacts(name="Levante"), TERMS)


def contact_of(supervisor, client, email):
    user = administration.create_contact(
        supervisor, client.reference, email=email, name="Iker Sanz", public_url=URL, phone="600 1"
    )
    return fresh(user.id)


def seen_by(actor):
    with database.acting_as(actor):
        names = [line.client.name for line in queries.clients(actor, TODAY).lines]
        done()
    return names


# reach


def test_a_contact_reaches_their_client_only(supervisor, norte, levante):
    contact = contact_of(supervisor, norte, "contacto@norte.example")

    assert contact.client_ids == {norte.id}
    assert seen_by(contact) == ["Norte"]
    assert seen_by(supervisor) == ["Levante", "Norte"]
    with database.acting_as(contact):
        with pytest.raises(NotFound):
            queries.client_view(contact, levante.reference, TODAY)
        done()


def test_an_account_manager_reaches_what_they_look_after_from_the_next_request(
    supervisor, norte, levante
):
    manager = operator("gestor@desk.example", Role.ACCOUNT_MANAGER)
    assert (manager.client_ids, seen_by(manager)) == (frozenset(), [])

    administration.assign_manager(supervisor, norte.reference, manager.user_id)
    administration.assign_manager(supervisor, levante.reference, manager.user_id)
    administration.assign_manager(supervisor, levante.reference, manager.user_id)

    assert seen_by(fresh(manager.user_id)) == ["Levante", "Norte"]
    administration.unassign_manager(supervisor, norte.reference, manager.user_id)
    assert seen_by(fresh(manager.user_id)) == ["Levante"]


def test_the_wall_holds_when_the_filter_is_forgotten(supervisor, norte, levante):
    contact = contact_of(supervisor, norte, "contacto@norte.example")
    contact_of(supervisor, levante, "contacto@levante.example")

    with database.acting_as(contact):
        names = set(database.session().scalars(select(Client.name)))
        contracts = {c.client_id for c in database.session().scalars(select(Contract))}
        emails = set(database.session().scalars(select(User.email)))
        done()

    assert (names, contracts) == ({"Norte"}, {norte.id})
    assert "contacto@levante.example" not in emails


@pytest.mark.parametrize(
    ("reach", "sql"),
    [
        (None, "true"),
        (frozenset(), "false"),
        ({7}, "contract.client_id = 7"),
        ({9, 7}, "contract.client_id IN (7, 9)"),
    ],
)
def test_the_condition_is_as_narrow_as_the_reach(reach, sql):
    actor = Actor(role=Role.AGENT, name="x", client_ids=reach)
    bind = database.session().get_bind()

    condition = visible_to(actor, Contract.client_id)

    assert str(condition.compile(bind, compile_kwargs={"literal_binds": True})) == sql


def test_a_session_gives_person_and_reach_in_one_statement(supervisor, norte):
    contact = contact_of(supervisor, norte, "contacto@norte.example")
    cookie = sign_in.session_id(contact.user_id, 1)

    with database.acting_as(GATE):
        person_for_session(cookie, HERE)
        done()
        with statements_sent() as seen:
            user, actor = person_for_session(cookie, HERE)
        database.session().rollback()

    assert (user.email, actor) == ("contacto@norte.example", contact)
    taking_the_role, asking = seen
    assert "set_config" in taking_the_role
    assert asking.startswith("SELECT")


def test_an_account_manager_is_no_contact_of_a_client(supervisor, norte):
    manager = operator("gestor@desk.example", Role.ACCOUNT_MANAGER)
    administration.assign_manager(supervisor, norte.reference, manager.user_id)

    with database.acting_as(GATE):
        _, actor = person_for_session(sign_in.session_id(manager.user_id, 1), HERE)
        done()

    assert actor == fresh(manager.user_id)
    assert actor.client_ids == {norte.id}


# clients and contracts


def test_a_client_comes_with_its_contract_and_packages_above_hear_of_it(supervisor, monkeypatch):
    heard = []
    monkeypatch.setitem(events._reactions, ContractSigned, [lambda _work, fact: heard.append(fact)])

    client = administration.create_client(
        supervisor,
        ClientFacts(name="  Transportes   Norte ", tax_id="B12345674", sector="Logística"),
        TERMS,
    )

    with database.acting_as(supervisor):
        view = queries.client_view(supervisor, client.reference, TODAY)
        done()
    assert view.client.name == "Transportes Norte"
    assert view.current.contract.engagement_days == Decimal(16)
    assert view.current.contract.blocks == [block.value for block in FunctionalBlock]
    assert (view.current.year.number, view.current.year.last_on) == (1, date(2026, 9, 14))
    assert heard == [ContractSigned(client_id=client.id, contract_id=view.current.contract.id)]


def test_editing_a_contract_to_a_lesser_modality_refuses_and_changes_nothing(supervisor, norte):
    reference = contract_of(supervisor, norte).reference

    with pytest.raises(BlockNotInModality):
        administration.edit_contract(
            supervisor, reference, replace(TERMS, modality=Modality.SELF_MANAGED)
        )

    assert contract_of(supervisor, norte).modality is Modality.ADVANCED_MANAGED


def test_editing_a_contract_keeps_what_was_asked(supervisor, norte):
    wanted = replace(
        TERMS,
        modality=Modality.MANAGED,
        blocks=frozenset({FunctionalBlock.LOCATION, FunctionalBlock.DEVICE_SECURITY}),
        engagement_days=Decimal("8.5"),
        time_zone="Atlantic/Canary",
    )

    administration.edit_contract(supervisor, contract_of(supervisor, norte).reference, wanted)

    kept = contract_of(supervisor, norte)
    assert (kept.modality, kept.blocks) == (Modality.MANAGED, ["device_security", "location"])
    assert (kept.engagement_days, kept.time_zone) == (Decimal("8.5"), "Atlantic/Canary")


def contract_of(actor, client):
    with database.acting_as(actor):
        contract = queries.client_view(actor, client.reference, TODAY).current.contract
        done()
    return contract


@pytest.mark.parametrize("facts", [{"name": " "}, {"name": "x" * 121}, {"city": "a\x00b"}])
def test_a_client_of_wrong_facts_is_not_added(supervisor, facts):
    with pytest.raises(InvalidInput) as refusal:
        administration.create_client(supervisor, ClientFacts(**({"name": "N"} | facts)), TERMS)

    assert refusal.value.field == next(iter(facts))
    assert seen_by(supervisor) == []


def test_the_list_goes_on_where_it_stopped(supervisor, monkeypatch):
    monkeypatch.setattr(queries, "PAGE", 2)
    for name in ("delta", "Alfa", "beta", "Beta", "gamma"):
        administration.create_client(supervisor, ClientFacts(name=name), TERMS)
    seen, after = [], None
    with database.acting_as(supervisor):
        while True:
            page = queries.clients(supervisor, TODAY, after=after)
            seen += [line.client.name for line in page.lines]
            after = page.next
            if after is None:
                break
        found = queries.clients(supervisor, TODAY, words="ET").lines
        nothing = queries.clients(supervisor, TODAY, words="%").lines
        done()

    assert seen == ["Alfa", "beta", "Beta", "delta", "gamma"]
    assert [line.client.name for line in found] == ["beta", "Beta"]
    assert nothing == []


# people


def test_a_contact_is_welcomed_with_a_link_in_their_language(supervisor, norte):
    administration.create_contact(
        supervisor,
        norte.reference,
        email="contact@norte.example",
        name="Jane Doe",
        public_url=URL,
        language="en",
    )

    with database.acting_as(SYSTEM):
        mail = database.session().scalars(select(OutgoingMail)).one()
        done()
    assert (mail.template, mail.recipient, mail.language) == (
        "first_password",
        "contact@norte.example",
        "en",
    )
    assert mail.context["link"].startswith(f"{URL}/password/link/")


def test_a_contact_whose_address_is_taken_leaves_nothing_behind(supervisor, norte):
    with pytest.raises(InvalidInput) as refusal:
        contact_of(supervisor, norte, "Jefa@desk.example")

    assert refusal.value.field == "email"
    with database.acting_as(supervisor):
        assert queries.client_view(supervisor, norte.reference, TODAY).contacts == []
        done()


def test_only_an_active_account_manager_can_look_after_a_client(supervisor, norte):
    agent = operator("agente@desk.example", Role.AGENT)
    closed = operator("gestor@desk.example", Role.ACCOUNT_MANAGER)
    accounts.deactivate_account(supervisor, closed.user_id)

    for user_id in (agent.user_id, closed.user_id, 0):
        with pytest.raises(InvalidInput):
            administration.assign_manager(supervisor, norte.reference, user_id)


@pytest.mark.parametrize("role", [Role.AGENT, Role.ACCOUNT_MANAGER])
def test_nobody_else_administers_clients(supervisor, norte, role):
    other = operator("otro@desk.example", role)
    contract = contract_of(supervisor, norte)
    acts = [
        lambda: administration.create_client(other, ClientFacts(name="N"), TERMS),
        lambda: administration.edit_client(other, norte.reference, ClientFacts(name="N")),
        lambda: administration.edit_contract(other, contract.reference, TERMS),
        lambda: contact_of(other, norte, "x@norte.example"),
        lambda: administration.assign_manager(other, norte.reference, other.user_id),
        lambda: administration.unassign_manager(other, norte.reference, other.user_id),
        lambda: queries.assignable_managers(other),
    ]

    for act in acts:
        with pytest.raises(Forbidden):
            act()
