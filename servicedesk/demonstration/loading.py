"""Loading the demonstration: people, clients, fleets and their history, from one seed."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta
from random import Random
from typing import TYPE_CHECKING

from sqlalchemy import text

from servicedesk.accounts.administration import create_account
from servicedesk.accounts.models import Credential, User
from servicedesk.accounts.passwords import hash_password
from servicedesk.clients.actors import actor_for
from servicedesk.clients.administration import (
    ClientFacts,
    assign_manager,
    create_client,
    create_contact,
)
from servicedesk.clients.models import COMPATIBLE_BLOCKS, Modality
from servicedesk.clients.terms import ContractTerms
from servicedesk.core import clock, database
from servicedesk.core.actors import SYSTEM, Role
from servicedesk.core.unit_of_work import unit_of_work
from servicedesk.demonstration.accounts import ACCOUNTS, PASSWORD
from servicedesk.demonstration.agreements import agree_levels, plan_summer
from servicedesk.demonstration.conformity import make_rules, report_fleet
from servicedesk.demonstration.engagement import spend_days
from servicedesk.demonstration.fleet import make_fleet
from servicedesk.demonstration.history import Cast, tell
from servicedesk.demonstration.planning import Planners, plan_work
from servicedesk.demonstration.policies import make_policies
from servicedesk.demonstration.questions import ask_the_fleet
from servicedesk.demonstration.reports import save_reports
from servicedesk.demonstration.reviews import review_months
from servicedesk.demonstration.snapshots import remember_fleets
from servicedesk.devices.models import EngineAccount

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import date, datetime

    from servicedesk.clients.models import Client
    from servicedesk.core.actors import Actor

SEED = 20_260


@dataclass(frozen=True, kw_only=True)
class Company:
    """A client of the story."""

    facts: ClientFacts
    contact: tuple[str, str]  # mail, name
    modality: Modality
    devices: int
    tickets_a_day: float


COMPANIES = (
    Company(
        facts=ClientFacts(
            name="Norte Distribución, S. A.",
            tax_id="A48100101",
            sector="Logística y distribución",
            city="Bilbao",
        ),
        contact=("contacto@norte.example", "Lucía Ferrer"),
        modality=Modality.ADVANCED_MANAGED,
        devices=760,
        tickets_a_day=0.62,
    ),
    Company(
        facts=ClientFacts(
            name="Clínicas Levante, S. L.",
            tax_id="B46200202",
            sector="Sanidad",
            city="València",
        ),
        contact=("contacto@levante.example", "Pau Climent"),
        modality=Modality.MANAGED,
        devices=320,
        tickets_a_day=0.32,
    ),
    Company(
        facts=ClientFacts(
            name="Sur Instalaciones, S. L.",
            tax_id="B41300303",
            sector="Instalaciones y mantenimiento",
            city="Sevilla",
        ),
        contact=("contacto@sur.example", "Rocío Vargas"),
        modality=Modality.SELF_MANAGED,
        devices=130,
        tickets_a_day=0.14,
    ),
)


def load(say: Callable[[str], None], public_url: str, now: datetime) -> None:
    """Make the demonstration on an empty desk."""
    dice, beginning = Random(SEED), now - timedelta(days=430)
    # nobody waits for the disk while a story is told; nothing of it would be missed
    database.session().execute(text("SET synchronous_commit = off"))
    database.session().commit()
    with clock.told_as(beginning):
        people = _people(public_url)
        supervisor = people["supervisor@desk.example"]
        clients = [_company(company, supervisor, people, public_url, now) for company in COMPANIES]
        agree_levels(supervisor, clients[0][0], clients[1][0])
    plan_summer(supervisor, now)
    say("people, clients, and what they are measured by")
    casts = []
    for company, (client, contact) in zip(COMPANIES, clients, strict=True):
        casts.append(
            Cast(
                contact=contact,
                agents=(people["agente@desk.example"], people["agente2@desk.example"]),
                devices=make_fleet(SYSTEM, client, company.devices, dice, now),
                tickets_a_day=company.tickets_a_day,
            )
        )
        say(f"{client.name}: {company.devices} devices")
    say(f"{tell(casts, dice, now)} tickets of thirteen months")
    for client, _contact in clients:
        report_fleet(SYSTEM, client, dice, now)
    client, contact = clients[0]
    make_rules(casts[0].agents[0], client, now)
    ask_the_fleet(contact, casts[0].agents[0], client, now)
    say("inventories and rules of conformity")
    make_policies(casts[0].agents[0], casts[0].contact, clients[0][0], dice, now)
    say("policies, and what devices have of them")
    planners = Planners(supervisor=supervisor, agent=casts[0].agents[0], second=casts[0].agents[1])
    tasks = plan_work(planners, [client for client, _contact in clients], dice, now)
    say(f"{tasks} planned tasks with their runs")
    manager = people["gestor@desk.example"].user_id
    if manager is not None:
        spend_days(_actor(manager), supervisor, [client for client, _contact in clients], now)
        say("the account manager's days")
    remember_fleets([client for client, _contact in clients], Random(SEED), now)
    say("how the fleets stood at the ends of months")
    save_reports(contact, supervisor, client, now)
    if manager is not None:
        say(f"{review_months(_actor(manager), clients, now)} monthly reviews")
    _forget_errands()


def _people(public_url: str) -> dict[str, Actor]:
    """Make the operator's people, with the password everybody is told."""
    hashed = hash_password(PASSWORD)
    actors: dict[str, Actor] = {}
    with unit_of_work(SYSTEM, "demonstration.engine") as work:
        work.session.add(EngineAccount(key="sandbox", name="Sandbox (simulado)", is_simulated=True))
    for account in ACCOUNTS:
        if account.role is Role.CONTACT:
            continue
        user = create_account(
            SYSTEM,
            email=account.email,
            name=account.name,
            role=account.role,
            public_url=public_url,
        )
        _set_password(user.id, hashed)
        actors[account.email] = _actor(user.id)
    return actors


def _company(
    company: Company,
    supervisor: Actor,
    people: dict[str, Actor],
    public_url: str,
    now: datetime,
) -> tuple[Client, Actor]:
    today = now.date()
    client = create_client(supervisor, company.facts, _terms(company, today))
    email, name = company.contact
    user = create_contact(
        supervisor, client.reference, email=email, name=name, public_url=public_url
    )
    _set_password(user.id, hash_password(PASSWORD))
    manager = people["gestor@desk.example"].user_id
    if manager is not None:
        assign_manager(supervisor, client.reference, manager)
    return client, _actor(user.id)


def _terms(company: Company, today: date) -> ContractTerms:
    start = today.replace(day=1) - timedelta(days=420)
    return ContractTerms(
        modality=company.modality,
        starts_on=start,
        ends_on=start + timedelta(days=3 * 365),
        blocks=COMPATIBLE_BLOCKS[company.modality],
    )


def _set_password(user_id: int, hashed: str) -> None:
    with unit_of_work(SYSTEM, "demonstration.password") as work:
        credential = work.session.get_one(Credential, user_id)
        credential.password_hash, credential.password_changed_at = hashed, work.at


def _actor(user_id: int) -> Actor:
    with unit_of_work(SYSTEM, "demonstration.look") as work:
        user = work.session.get_one(User, user_id)
        return replace(actor_for(user, "demonstration"), language=user.language)


def _forget_errands() -> None:
    """Drop the mails and jobs of the past: nobody is told today of what was settled last year."""
    session = database.session()
    session.rollback()
    bind = session.get_bind()
    with bind.connect() as connection:  # type: ignore[union-attr]  # the owner's own connection
        connection.execute(text("DELETE FROM outgoing_mail"))
        connection.execute(text("DELETE FROM procrastinate_jobs WHERE status = 'todo'"))
        connection.execute(text("ANALYZE"))
        connection.commit()
