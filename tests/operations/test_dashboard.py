"""The dashboard's figures against a plain recount, after anything that can happen, folded or not."""

from __future__ import annotations

import copy
import random
from dataclasses import fields
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import func, select

from servicedesk.clients.models import Contract
from servicedesk.core import clock, database
from servicedesk.core.actors import SYSTEM, Role
from servicedesk.core.errors import DomainError, NotFound
from servicedesk.sla.ageing import buckets
from servicedesk.sla.calendar import CalendarDefinition, compiled
from servicedesk.sla.cycles import OPEN_STANDINGS, Metric, Verdict
from servicedesk.sla.dashboard import dashboard
from servicedesk.sla.evidence import OUTCOMES, Evidence, counted, month_of
from servicedesk.sla.jobs import fold, watch
from servicedesk.sla.models import (
    CalendarVersion,
    PlanVersion,
    ServiceLevel,
    SlaTally,
    SlaTallyChange,
)
from servicedesk.sla.view import view_of
from servicedesk.tickets import handling, queries
from servicedesk.tickets.intake import NewTicket, open_ticket
from servicedesk.tickets.models import Impact, Queue, TicketKind, Urgency
from tests.make import NINE_TO_FIVE, PLAN
from tests.sla_figures import age, behind, bucket_of, read

if TYPE_CHECKING:
    from collections import Counter

NOW = datetime(2026, 11, 18, 11, 20, tzinfo=UTC)
MOVES = ("take", "wait_for_client", "resume", "resolve", "reopen", "cancel", "confirm")


@pytest.fixture
def news_are_promised(make, sessions):
    """A plan with periodic updates, of which a ticket has many."""
    database.use_sessions(sessions)
    promised = copy.deepcopy(PLAN)
    for by_priority in promised["targets"].values():
        for targets in by_priority.values():
            targets["periodic_update"] = {"seconds": 3 * 3600}
    session = sessions()
    session.add(
        PlanVersion(
            code="standard",
            version=2,
            name="Standard",
            effective_on=date(2020, 1, 2),
            definition=promised,
            created_at=datetime.now(UTC),
            author_name=SYSTEM.name,
        )
    )
    session.commit()


class Life:
    """Clients, people and tickets to whom anything may happen."""

    def __init__(self, make, dice: random.Random, now: datetime = NOW) -> None:
        self.dice, self.now = dice, now
        self.clients = [make.client() for _ in range(3)]
        self.contacts = [make.contact(client) for client in self.clients]
        self.agents = [make.agent() for _ in range(2)]
        self.manager = make.person(Role.ACCOUNT_MANAGER, *self.clients[:2])
        self.at = now - timedelta(days=430)
        self.tickets: list[tuple[str, object]] = []

    def go_on(self, steps: int) -> None:
        pause = (self.now - self.at) / max(steps, 1)
        for step in range(steps):
            self.at = min(self.now, self.at + pause * self.dice.uniform(0, 2))
            if step > steps * 0.8:  # so that something is still to come
                self.at = max(self.at, self.now - timedelta(hours=self.dice.randrange(1, 30)))
            with clock.told_as(self.at):
                self._step()

    def _step(self) -> None:
        self.dice.choices(
            (self._open, self._move, self._say, self._assign, self._reclassify, watch, fold),
            (24, 40, 14, 10, 6, 4, 2),
        )[0]()

    def _open(self) -> None:
        contact = self.dice.choice(self.contacts)
        new = NewTicket(
            kind=self.dice.choice([TicketKind.QUERY, TicketKind.INCIDENT]),
            subject="Something",
            description="It is so.",
            impact=self.dice.choice(list(Impact)),
            urgency=self.dice.choice(list(Urgency)),
        )
        self.tickets.append((open_ticket(contact, new).reference, contact))

    def _any(self):
        # the newest more often: old ones are mostly over
        return self.dice.choice(self.tickets[-12:] if self.dice.random() < 0.7 else self.tickets)

    def _try(self, act, *arguments, **more) -> None:
        try:
            act(*arguments, **more)
        except DomainError:
            database.session().rollback()

    def _move(self) -> None:
        if self.tickets:
            reference, contact = self._any()
            move = self.dice.choice(MOVES)
            actor = contact if move == "confirm" else self.dice.choice(self.agents)
            self._try(handling.move_ticket, actor, reference, move, words="So it is.")

    def _say(self) -> None:
        if self.tickets:
            reference, contact = self._any()
            actor = self.dice.choice([contact, *self.agents])
            self._try(handling.add_message, actor, reference, "Well.")

    def _assign(self) -> None:
        if self.tickets:
            agent = self.dice.choice([None, *self.agents])
            self._try(
                handling.assign_ticket,
                self.dice.choice(self.agents),
                self._any()[0],
                agent.user_id if agent else None,
                self.dice.choice([None, *Queue]),
            )

    def _reclassify(self) -> None:
        if self.tickets:
            impact, urgency = self.dice.choice(list(Impact)), self.dice.choice(list(Urgency))
            agent = self.dice.choice(self.agents)
            self._try(handling.reclassify_ticket, agent, self._any()[0], impact, urgency)


def questions(life: Life):
    """Yield who asks for what."""
    agent, manager, contact = life.agents[0], life.manager, life.contacts[0]
    first, months = life.clients[0], [month_of(NOW.date()), "2026-08"]
    for metric in Metric:
        for actor in (agent, manager, contact):
            yield actor, Evidence(metric=metric, month=life.dice.choice(months))
    yield agent, Evidence(client=first.reference)
    yield agent, Evidence(kind="incident", month=months[1])
    yield agent, Evidence(agent=str(agent.user_id), metric="first_response")
    yield agent, Evidence(agent="none", priority="low")
    yield manager, Evidence(agent=str(agent.user_id), queue="support")
    yield manager, Evidence(client=first.reference, kind="query")
    yield contact, Evidence(priority="medium", kind="incident")
    # what is not theirs to ask counts for nothing
    yield contact, Evidence(agent=str(agent.user_id), queue="support")


def total(ledgers, asked: Evidence) -> int:
    return behind(ledgers, asked).total()


def check(actor, asked: Evidence) -> int:
    """Compare every figure with the recount, and with the tickets it opens; return how many."""
    with database.acting_as(actor):
        found = dashboard(actor, asked)
        database.session().rollback()
    ledgers = read(actor)
    figures: list[tuple[Evidence, int]] = [
        (found.behind.but(sla=standing.value), found.open[standing]) for standing in OPEN_STANDINGS
    ]
    for number, aged in enumerate(found.ageing):
        figures += [
            (aged.behind.but(sla=standing.value), aged.by_standing[standing])
            for standing in OPEN_STANDINGS
        ]
        figures.append((aged.behind, aged.total))
        references = set(behind(ledgers, aged.behind))
        calendar = compiled(CalendarDefinition.from_json(OFFICE))
        assert {
            bucket_of(age(calendar, one.started)) for one in ledgers if one.subject in references
        } <= {number}
    rows = [row for trend in found.trend.values() for row in trend]
    for cut in (found.by_kind, found.by_priority, found.by_queue, found.by_client, found.by_agent):
        rows += cut
        assert not cut or sum(row.counted for row in cut) == total(
            ledgers, found.behind.but(metric=found.asked.metric, month=found.asked.month)
        )
    for row in rows:
        figures += [(row.behind.but(outcome=name), getattr(row, name)) for name in OUTCOMES]
        figures.append((row.behind, row.counted))
    figures += [(found.behind.but(arrived=month), count) for month, count in found.arrivals]
    arrived = found.behind.but(arrived=found.asked.month)
    figures += [
        (arrived.but(weekday=str(slot // 24 + 1), hour=str(slot % 24)), found.hours.get(slot, 0))
        for slot in range(168)
    ]
    running = nearest(ledgers, found.behind)
    assert [one.due_at for one in found.upcoming] == [due for due, *_ in running[:10]]
    assert {(one.due_at, one.subject, one.metric) for one in found.upcoming} <= set(running)
    for evidence, amount in figures:
        assert amount == total(ledgers, evidence), evidence
    counting = [one for one in figures if one[1]]
    for evidence, _ in random.Random(len(counting)).sample(counting, min(len(counting), 12)):
        opens(actor, evidence, behind(ledgers, evidence))
    return sum(amount for _, amount in figures)


OFFICE = {"time_zone": "Europe/Madrid", "weekly": NINE_TO_FIVE, "holidays": []}


def nearest(ledgers, asked: Evidence) -> list[tuple]:
    running = [
        (cycle.due_at, one.subject, cycle.metric)
        for one in ledgers
        if asked.client in {"", one.client}
        and asked.kind in {"", one.kind}
        and asked.priority in {"", one.priority}
        and asked.queue in {"", one.queue}
        and asked.agent in {"", str(one.agent_id or "none")}
        for cycle in one.cycles
        if cycle.verdict is Verdict.RUNNING
    ]
    return sorted(running)


def opens(actor, evidence: Evidence, expected: Counter[str]) -> None:
    """The list that a figure leads to has its tickets, and says how often they count."""
    wanted = queries.TicketFilter.read(evidence.as_query(), show="all")
    assert wanted.is_all_evidence
    with database.acting_as(actor):
        said = counted(actor, wanted)
        page = queries.tickets(actor, wanted, size=7)
        listed = [ticket.reference for ticket in page.items]
        while page.next:
            page = queries.tickets(actor, wanted, page.next, size=7)
            listed += [ticket.reference for ticket in page.items]
        database.session().rollback()
    assert sorted(listed) == sorted(expected)
    assert said.tickets == len(listed)
    assert said.cycles == (expected.total() if evidence.counts_cycles else None)


@pytest.mark.parametrize("seed", range(2))
def test_every_figure_is_what_a_recount_gives_and_opens_its_tickets(make, news_are_promised, seed):
    life = Life(make, random.Random(seed))
    life.go_on(150)
    with clock.told_as(NOW):
        watch()
        asked = list(questions(life))
        before = [check(*one) for one in asked[:4]]
        fold()
        session = database.session()
        assert session.scalar(select(func.count()).select_from(SlaTallyChange)) == 0
        session.rollback()
        after = [check(*one) for one in asked]
    assert before == after[:4]
    assert min(after[:9]) > 0


def test_a_ticket_with_two_late_updates_counts_twice_and_is_listed_once(make, news_are_promised):
    contact, agent = make.contact(), make.agent()
    with clock.told_as(NOW - timedelta(days=2)):
        ticket = open_ticket(
            contact, NewTicket(kind=TicketKind.QUERY, subject="Two", description="Late.")
        )
        handling.add_message(agent, ticket.reference, "We look at it.")
    for days in (1, 0):
        with clock.told_as(NOW - timedelta(days=days)):
            handling.add_message(agent, ticket.reference, "Still.")
    with clock.told_as(NOW), database.acting_as(contact):
        found = dashboard(contact, Evidence(metric="periodic_update"))
        row = found.by_metric[list(Metric).index(Metric.PERIODIC_UPDATE)]
        assert (row.met, row.breached, row.share) == (0, 2, 0)
        said = counted(contact, row.behind.but(outcome="breached"))
        assert (said.cycles, said.tickets) == (2, 1)
        database.session().rollback()


def test_another_client_is_not_there_to_be_asked_for(make):
    contact, other = make.contact(), make.client()
    with database.acting_as(contact), pytest.raises(NotFound):
        dashboard(contact, Evidence(client=other.reference))
    database.session().rollback()


def test_counters_of_all_clients_exist_for_nobody_who_sees_only_some(make):
    client = make.client()
    contact, manager = make.contact(client), make.person(Role.ACCOUNT_MANAGER, client)
    make.request(contact, "device.lock", make.device(client))
    other = make.client()
    make.request(make.contact(other), "device.lock", make.device(other))
    fold()
    for actor in (contact, manager):
        with database.acting_as(actor):
            seen = set(database.session().scalars(select(SlaTally.client_id)))
            database.session().rollback()
        assert seen == {client.id}


def test_what_counts_nothing_any_more_is_not_kept(make):
    client = make.client()
    contact, agent = make.contact(client), make.agent()
    ticket = make.request(contact, "device.lock", make.device(client))
    fold()
    handling.move_ticket(agent, ticket.reference, "resolve", words="Done.")
    fold()
    session = database.session()
    figures = set(session.scalars(select(SlaTally.figure)))
    session.rollback()
    assert not {figure for figure in figures if figure.startswith("open.")}
    assert "resolution.met" in figures


def test_buckets_of_age_leave_out_days_without_business():
    calendar = compiled(CalendarDefinition.from_json(OFFICE))
    monday = date(2026, 11, 16)
    found = buckets(calendar, monday)
    assert [(one.youngest, one.oldest) for one in found] == [
        *((0, 1), (2, 3), (4, 7), (8, 15), (16, 30), (31, None))
    ]
    # Friday is one working day ago, the weekend before it none at all
    assert found[0].came_from == date(2026, 11, 13)
    assert found[1].came_to == date(2026, 11, 12)
    assert [one.holds(date(2026, 11, 15)) for one in found[:2]] == [True, False]


def test_ages_go_by_the_calendar_of_the_day_it_is_where_the_contract_is(make):
    client = make.client()
    session = database.session()
    contract = session.scalars(select(Contract).where(Contract.client_id == client.id)).one()
    contract.time_zone = "America/Bogota"
    session.add(
        CalendarVersion(
            code="there",
            version=1,
            name="There",
            effective_on=date(2020, 1, 1),
            definition={**OFFICE, "time_zone": "America/Bogota"},
            created_at=datetime.now(UTC),
            author_name=SYSTEM.name,
        )
    )
    session.add(
        ServiceLevel(
            contract_id=contract.id,
            client_id=client.id,
            effective_on=NOW.date(),
            plan_code="standard",
            calendar_code="there",
        )
    )
    session.commit()
    contact, zones = make.contact(client), []
    for hour in (4, 5):  # 23:00 of the day before, and midnight
        with clock.told_as(NOW.replace(hour=hour, minute=0)), database.acting_as(contact):
            zones.append(view_of(contact, Evidence()).calendar.zone.key)
            session.rollback()
    assert zones == ["Europe/Madrid", "America/Bogota"]


def test_an_address_says_only_what_is_understood():
    told = {
        "agent": "x",
        "month": "2026-13",
        "hour": "24",
        "weekday": "0",
        "opened_from": "2026-02-30",
        "sla": "ended",
        "outcome": "superseded",
        "metric": "resolution",
        "client": "CLI\x00",
    }
    assert Evidence.read(told) == Evidence(metric="resolution")
    full = {field.name: "x" for field in fields(Evidence)}
    assert Evidence(**full).as_query() == full | {"show": "all"}
