"""Decisions of the service levels that take tickets, contracts and the database to show."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from servicedesk.clients.models import Contract
from servicedesk.core import clock, database
from servicedesk.core.actors import SYSTEM, Role
from servicedesk.sla.cycles import Metric, Verdict
from servicedesk.sla.models import PlanVersion, ServiceLevel, SlaCycle, SlaLedger
from servicedesk.sla.plan import PlanDefinition
from servicedesk.sla.terms import terms_for
from servicedesk.tickets.handling import add_message, move_ticket
from servicedesk.tickets.models import Ticket

MONDAY = datetime(2026, 11, 16, 9, tzinfo=UTC)  # ten in Madrid


@pytest.fixture
def cast(make):
    client = make.client()
    return client, make.contact(client), make.agent()


def opened(make, contact, client):
    with clock.told_as(MONDAY):
        return make.request(contact, "device.lock", make.device(client, "ios"))


def kept(ticket) -> tuple[SlaLedger, list[SlaCycle], Ticket]:
    session = database.session()
    session.expunge_all()
    session.rollback()
    query = select(SlaCycle).where(SlaCycle.ledger_id == ticket.ledger_id)
    rows = session.scalars(query.order_by(SlaCycle.metric, SlaCycle.ordinal)).all()
    found = (
        session.get_one(SlaLedger, ticket.ledger_id),
        list(rows),
        session.get_one(Ticket, ticket.id),
    )
    session.rollback()
    return found


def test_reopened_is_counted_as_a_reopen_and_the_first_verdict_stays(make, cast):
    client, contact, agent = cast
    ticket = opened(make, contact, client)
    with clock.told_as(MONDAY + timedelta(hours=1)):
        move_ticket(agent, ticket.reference, "resolve", words="Done.")
    with clock.told_as(MONDAY + timedelta(days=1)):
        move_ticket(contact, ticket.reference, "reopen", words="It is back.")
    _, rows, present = kept(ticket)
    resolutions = [row for row in rows if row.metric is Metric.RESOLUTION]
    assert [(row.ordinal, row.verdict) for row in resolutions] == [
        (1, Verdict.MET),
        (2, Verdict.RUNNING),
    ]
    assert resolutions[0].month == date(2026, 11, 1)
    assert present.reopened_count == 1


def test_a_response_is_a_public_message_by_a_person_of_the_operator(make, cast):
    client, contact, agent = cast
    manager = make.person(Role.ACCOUNT_MANAGER, client)
    for person, counts, options in (
        (agent, True, {}),
        (manager, True, {}),
        (make.supervisor(), True, {}),
        (agent, False, {"is_public": False}),  # an internal note
        (contact, False, {}),  # the client's own words
        (SYSTEM, False, {}),  # an automatic acknowledgement
    ):
        ticket = opened(make, contact, client)  # which is acknowledged by a mail: no response
        with clock.told_as(MONDAY + timedelta(minutes=10)):
            assert kept(ticket)[0].response_verdict is Verdict.RUNNING
            add_message(person, ticket.reference, "Good morning.", **options)
        verdict = Verdict.MET if counts else Verdict.RUNNING
        assert kept(ticket)[0].response_verdict is verdict, (person.role, options)


def test_asking_the_client_answers_and_waits_in_one_step(make, cast):
    client, contact, agent = cast
    ticket = opened(make, contact, client)
    with clock.told_as(MONDAY + timedelta(minutes=10)):
        move_ticket(agent, ticket.reference, "wait_for_client", words="Which one?")
    ledger, _, _ = kept(ticket)
    assert (ledger.response_verdict, ledger.resolution_verdict) == (Verdict.MET, Verdict.PAUSED)


def test_several_plans_cannot_match_exactly_one_rules_a_contract_on_a_day(make, cast):
    """The database refuses a second one when it is made; a later one rules from its date on."""
    client, _, _ = cast
    with database.acting_as(SYSTEM):
        session = database.session()
        contract = session.scalars(select(Contract).where(Contract.client_id == client.id)).one()
        faster = PlanDefinition(
            targets={("request", "low"): {Metric.RESOLUTION: timedelta(hours=1)}}
        )
        session.add(
            PlanVersion(
                code="faster",
                version=1,
                name="Faster",
                effective_on=date(2020, 1, 1),
                definition=faster.to_json(),
                created_at=MONDAY,
                author_name=SYSTEM.name,
            )
        )
        level = {"contract_id": contract.id, "client_id": client.id, "calendar_code": "office"}
        begins = date(2026, 12, 1)
        session.add(ServiceLevel(**level, effective_on=begins, plan_code="faster"))
        session.commit()
        midnight = datetime(2026, 12, 1, tzinfo=ZoneInfo(contract.time_zone))
        before, after = (
            terms_for(session, contract, moment, "request", "low")
            for moment in (midnight - timedelta(microseconds=1), midnight)
        )
        assert (before.name, after.name) == ("Standard v1", "Faster v1")
        assert after.targets == {Metric.RESOLUTION: timedelta(hours=1)}
        session.rollback()
        session.expunge_all()
        session.add(ServiceLevel(**level, effective_on=begins, plan_code="standard"))
        with pytest.raises(IntegrityError):
            session.commit()
        session.rollback()
