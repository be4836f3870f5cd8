"""The operator's own client: made once, for nobody outside, and in no figure of all clients."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import date
from threading import Barrier

import pytest
from sqlalchemy import select

from servicedesk.clients import administration, choices, queries
from servicedesk.clients.contracts import contract_in_force
from servicedesk.clients.house import NAME, operator_house
from servicedesk.clients.models import Client, Contract
from servicedesk.core import clock, database
from servicedesk.core.actors import SYSTEM, Role
from servicedesk.core.errors import NotAllowedNow, NotFound
from servicedesk.core.unit_of_work import unit_of_work
from servicedesk.sla.dashboard import dashboard, standing_now
from servicedesk.sla.evidence import Evidence, counted
from servicedesk.sla.jobs import fold
from servicedesk.sla.models import ServiceLevel
from servicedesk.sla.queries import agreements
from servicedesk.sla.recounting import check_counters, set_counters_right
from servicedesk.sla.what_if.queries import contracts_to_choose
from servicedesk.tickets.handling import move_ticket
from servicedesk.tickets.intake import NewTicket, open_ticket
from servicedesk.tickets.models import TicketKind
from servicedesk.tickets.queries import TicketFilter, tickets

TODAY = date(2026, 11, 24)


def ask(actor, client="") -> str:
    new = NewTicket(kind=TicketKind.INCIDENT, subject="It is slow", description="It is.")
    return open_ticket(
        actor, NewTicket(**{**new.__dict__, "client": client.reference if client else ""})
    ).reference


def the_house(_=None) -> Client:
    with unit_of_work(SYSTEM, "tests.house") as work:
        return operator_house(work)


@pytest.fixture
def house(make):
    return the_house()


def done():
    database.session().expunge_all()
    database.session().rollback()


def test_it_is_made_once_with_a_contract_that_goes_on_and_is_measured(make, house):
    assert the_house().id == house.id
    session = database.session()
    assert (house.name, house.is_internal) == (NAME, True)
    contract = contract_in_force(session, house.id, date(2199, 1, 1))
    assert contract.is_without_end
    assert contract_in_force(session, house.id, clock.now().date()).id == contract.id
    level = session.scalars(select(ServiceLevel).where(ServiceLevel.client_id == house.id)).one()
    assert (level.plan_code, level.calendar_code) == ("standard", "office")
    done()


def test_two_processes_that_need_it_at_once_make_one(make):
    together = Barrier(6)

    def need(_) -> int:
        together.wait()
        try:
            return the_house().id
        finally:
            make.sessions.remove()

    with ThreadPoolExecutor(6) as pool:
        assert len(set(pool.map(need, range(6)))) == 1
    session = database.session()
    assert len(session.scalars(select(Client).where(Client.is_internal)).all()) == 1
    assert len(session.scalars(select(Contract)).all()) == 1
    done()


def test_nobody_outside_gets_at_it(make, house):
    supervisor, agent = make.supervisor(), make.agent()
    manager = make.person(Role.ACCOUNT_MANAGER, make.client())
    with pytest.raises(NotAllowedNow):
        administration.assign_manager(supervisor, house.reference, manager.user_id)
    with pytest.raises(NotAllowedNow):
        administration.create_contact(
            supervisor, house.reference, email="a@b.example", name="A", public_url="https://x"
        )
    with database.acting_as(manager), pytest.raises(NotFound):
        queries.client(manager, house.reference)
    done()
    with database.acting_as(manager):  # nor without any filter
        found = database.session().scalars(select(Client.id)).all()
        done()
    assert house.id not in found
    for person in (supervisor, agent):
        assert queries.client(person, house.reference).id == house.id


def test_lists_of_clients_leave_it_out_unless_it_is_asked_for(make, house):
    client, supervisor = make.client(name="Zeta"), make.supervisor()
    listed = [line.client.id for line in queries.clients(supervisor, TODAY).lines]
    assert listed == [client.id]
    named = queries.clients(supervisor, TODAY, words="operación").lines
    assert [line.client.id for line in named] == [house.id]
    offered = [row.reference for row in choices.clients_to_choose(supervisor)]
    assert offered == [client.reference]
    offered = [row.reference for row in choices.clients_to_choose(supervisor, with_house=True)]
    assert offered == [client.reference, house.reference]
    assert choices.client_meant(supervisor).id == client.id
    assert choices.client_meant(supervisor, house.reference).id == house.id
    assert [one.client.id for one in agreements(supervisor).items] == [client.id]
    alone = agreements(supervisor, client=house.reference).items
    assert [one.client.id for one in alone] == [house.id]
    assert [row.name for row in contracts_to_choose(supervisor)] == ["Zeta"]
    done()


@pytest.mark.parametrize("folded", [False, True])
def test_figures_of_all_clients_do_not_count_it_and_its_own_do(make, house, folded):
    client, supervisor, agent = make.client(), make.supervisor(), make.agent()
    contact = make.contact(client)
    for actor, whose, times in ((contact, "", 2), (agent, house, 3)):
        for _ in range(times):
            ask(actor, whose)
        move_ticket(agent, ask(actor, whose), "resolve", words="Done.")
    if folded:
        fold()

    def figures(asked: Evidence) -> tuple:
        found = dashboard(supervisor, asked)
        month = found.by_metric[-1]
        return (
            sum(found.open.values()),
            sum(aged.total for aged in found.ageing),
            found.arrivals[-1][1],
            sum(found.hours.values()),
            month.counted,
            sum(one.counted for one in found.by_agent),
            {one.subject[:3] and one.client for one in found.upcoming},
            sum(standing_now(supervisor, asked, 9).open.values()),
            counted(supervisor, asked.but(sla="open")).tickets,
            len(tickets(supervisor, TicketFilter(**asked.but(sla="open").as_query())).items),
        )

    assert figures(Evidence()) == (2, 2, 3, 3, 1, 1, {client.reference}, 2, 2, 2)
    own = Evidence(client=house.reference)
    assert figures(own) == (3, 3, 4, 4, 1, 1, {house.reference}, 3, 3, 3)
    cut = dashboard(supervisor, Evidence(kind="incident"))
    assert sum(cut.open.values()) == 2
    by_client = dashboard(supervisor, Evidence()).by_client
    assert {one.of for one in by_client} == {client.reference}
    chosen_from = [reference for reference, _name in dashboard(supervisor, Evidence()).clients]
    assert chosen_from == [client.reference, house.reference], "it can be chosen, last"
    done()


def test_counters_made_anew_leave_it_out_of_the_totals_too(make, house):
    agent, supervisor = make.agent(), make.supervisor()
    ask(agent, house)
    ask(make.contact(make.client()))
    fold()
    with database.acting_as(SYSTEM):
        session = database.session()
        assert check_counters(session) == []
        assert check_counters(session, house.id) == []
        assert set_counters_right(session) == 0
        session.rollback()
    assert sum(dashboard(supervisor, Evidence()).open.values()) == 1


def test_the_operators_people_work_on_its_tickets_and_nobody_is_asked_outside(make, house):
    agent = make.agent()
    reference = ask(agent, house)
    assert reference in [ticket.reference for ticket in tickets(agent, TicketFilter()).items]
    ticket = tickets(agent, TicketFilter()).items[0]
    assert (ticket.requester_id, ticket.client_id) == (agent.user_id, house.id)
    with pytest.raises(NotAllowedNow):
        move_ticket(agent, reference, "wait_for_client", words="Which one?")
    move_ticket(agent, reference, "resolve", words="Done.")
    move_ticket(agent, reference, "confirm")
