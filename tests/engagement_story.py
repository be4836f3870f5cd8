"""Visits of tests: plans that are right unless a test says otherwise."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, time, timedelta
from typing import TYPE_CHECKING

from sqlalchemy import select

from servicedesk.clients.models import Contract
from servicedesk.core import database
from servicedesk.core.actors import SYSTEM
from servicedesk.engagement.models import EngagementYear, LedgerEntry, Visit, VisitKind
from servicedesk.engagement.plans import VisitPlan

if TYPE_CHECKING:
    from servicedesk.clients.models import Client


def plan(day: date | None = None, quarters: int = 4, **more: object) -> VisitPlan:
    wanted = VisitPlan(
        kind=VisitKind.SERVICE_REVIEW,
        title="Quarterly review",
        day=day or date.today() + timedelta(days=7),
        at=time(10),
        quarters=quarters,
        is_on_site=True,
        place="Calle Mayor 1, Bilbao",
        attendees=("ana@client.example",),
    )
    return replace(wanted, **more)


def looking(query):
    """Return the rows of a query as the desk itself sees them, detached."""
    with database.acting_as(SYSTEM):
        session = database.session()
        session.expunge_all()
        session.rollback()
        found = session.scalars(query).all()
        session.expunge_all()
        session.rollback()
    return found


def contract_of(client: Client) -> Contract:
    return looking(select(Contract).where(Contract.client_id == client.id))[0]


def years(client: Client) -> list[EngagementYear]:
    wanted = select(EngagementYear).where(EngagementYear.client_id == client.id)
    return list(looking(wanted.order_by(EngagementYear.first_on)))


def entries(client: Client) -> list[LedgerEntry]:
    return list(
        looking(
            select(LedgerEntry).where(LedgerEntry.client_id == client.id).order_by(LedgerEntry.id)
        )
    )


def visit_named(reference: str) -> Visit:
    return looking(select(Visit).where(Visit.reference == reference))[0]


def with_contract(make, client: Client, **terms: object) -> Contract:
    """Have a client's contract say something else, as its row does."""
    with database.acting_as(SYSTEM):
        session = make.sessions()
        contract = session.scalars(select(Contract).where(Contract.client_id == client.id)).one()
        for name, value in terms.items():
            setattr(contract, name, value)
        session.commit()
        session.expunge_all()
        session.rollback()
    return contract
