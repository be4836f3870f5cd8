"""What is read of the days: balances, a client's year, visits; every read keeps to the actor's own."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import Date, Select, cast, func, select, tuple_
from sqlalchemy.orm import contains_eager, joinedload

from servicedesk.clients.contract_year import contract_year_of
from servicedesk.clients.models import Client, Contract
from servicedesk.clients.visibility import of_customers, visible_to
from servicedesk.core import clock, database
from servicedesk.core.errors import NotFound
from servicedesk.core.paging import PAGE_SIZE, Page, decode_cursor, page_of
from servicedesk.core.permissions import Permission, require
from servicedesk.engagement.budget import QUARTERS_A_DAY
from servicedesk.engagement.models import (
    ActionPoint,
    Amendment,
    EngagementYear,
    LedgerEntry,
    Visit,
    VisitDocument,
    VisitState,
)

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date, datetime

    from sqlalchemy import ColumnElement

    from servicedesk.core.actors import Actor
    from servicedesk.engagement.budget import Budget

MOST_VISITS = 500  # in one look at a calendar


@dataclass(frozen=True, kw_only=True)
class DaysLine:
    """How many days a client has left in the contract year of today."""

    client: Client
    contract: Contract
    year: EngagementYear

    @property
    def budget(self) -> Budget:
        """Return the balance."""
        return self.year.budget


@dataclass(frozen=True, kw_only=True)
class YearView:
    """All of one contract year: what the page, the paper and the API tell."""

    client: Client
    contract: Contract
    year: EngagementYear
    today: date  # where the contract is at home
    numbers: Sequence[int]  # the years there are to look at
    visits: Sequence[Visit]  # by their day
    entries: Sequence[LedgerEntry]  # in the order they were written
    amendments: Sequence[Amendment]  # newest first

    @property
    def coming(self) -> list[Visit]:
        """Return what is planned, the next one first."""
        return [visit for visit in self.visits if visit.is_planned]

    @property
    def pending(self) -> list[Amendment]:
        """Return what somebody still has to say yes or no to."""
        return [amendment for amendment in self.amendments if amendment.is_pending]


@dataclass(frozen=True, kw_only=True)
class VisitView:
    """A visit with what hangs on it."""

    visit: Visit
    entries: Sequence[LedgerEntry]
    documents: Sequence[VisitDocument]
    actions: Sequence[ActionPoint]


def days_left(actor: Actor, cursor: str | None = None, size: int = PAGE_SIZE) -> Page[DaysLine]:
    """Return the balance of today for each of the actor's clients, by name; one statement."""
    require(actor, Permission.ENGAGEMENT_READ)
    by_name = func.lower(Client.name)
    today = _today_at(Contract.time_zone)
    newest = (
        select(Contract.id)
        .where(Contract.client_id == Client.id, Contract.starts_on <= today)
        .where(Contract.ends_on >= today)
        .order_by(Contract.starts_on.desc())
        .limit(1)
        .correlate(Client)
        .scalar_subquery()
    )
    query = (
        select(Client, Contract, EngagementYear, today)
        .join(Contract, Contract.id == newest)
        .outerjoin(
            EngagementYear,
            (EngagementYear.contract_id == Contract.id)
            & (EngagementYear.first_on <= today)
            & (EngagementYear.last_on >= today),
        )
        .where(visible_to(actor, Client.id), of_customers(Client.id))
        .order_by(by_name, Client.id)
        .limit(size + 1)
    )
    if key := decode_cursor(cursor, str, int):
        query = query.where(tuple_(by_name, Client.id) > tuple_(key[0], key[1]))
    lines = [
        DaysLine(client=client, contract=contract, year=year or unopened(contract, day))
        for client, contract, year, day in database.session().execute(query)
    ]
    return page_of(lines, size, lambda line: [line.client.name.lower(), line.client.id])


def _today_at(zone: Any) -> ColumnElement[date]:
    return cast(func.timezone(zone, clock.now()), Date)


def unopened(contract: Contract, day: date) -> EngagementYear:
    """Return the year of a day in whose ledger nothing stands yet; it is not kept."""
    year = contract_year_of(contract.starts_on, day)
    return EngagementYear(
        client_id=contract.client_id,
        contract_id=contract.id,
        number=year.number,
        first_on=year.first_on,
        last_on=year.last_on,
        granted_quarters=int(contract.engagement_days * QUARTERS_A_DAY),
        added_quarters=0,
        reserved_quarters=0,
        consumed_quarters=0,
    )


def year_view(
    actor: Actor, client_reference: str, number: int | None = None, contract: str = ""
) -> YearView:
    """Return a contract year of a client, the one of today unless another is named.

    Raises NotFound, Forbidden.
    """
    require(actor, Permission.ENGAGEMENT_READ)
    client, of, today = _contract(actor, client_reference, contract)
    session = database.session()
    opened = {
        year.number: year
        for year in session.scalars(
            select(EngagementYear).where(EngagementYear.contract_id == of.id)
        )
    }
    current = contract_year_of(of.starts_on, max(of.starts_on, min(today, of.ends_on))).number
    numbers = sorted({*opened, current})
    wanted = current if number is None else number
    if wanted not in numbers:
        raise NotFound
    year = opened.get(wanted) or unopened(of, max(of.starts_on, min(today, of.ends_on)))
    return YearView(
        client=client,
        contract=of,
        year=year,
        today=today,
        numbers=numbers,
        visits=_of_year(Visit, year, Visit.starts_at, Visit.id),
        entries=_of_year(LedgerEntry, year, LedgerEntry.id),
        amendments=_of_year(Amendment, year, Amendment.id.desc()),
    )


def _of_year(model: Any, year: EngagementYear, *order: Any) -> Sequence[Any]:
    session = database.session()
    if year not in session:  # nothing stands in it yet
        return ()
    rows = select(model).where(model.year_id == year.id).order_by(*order)
    return session.scalars(rows).all()


def _contract(actor: Actor, client_reference: str, reference: str) -> tuple[Client, Contract, date]:
    """Return the contract meant: the named one, the one in force, or else the newest."""
    today = _today_at(Contract.time_zone)
    query = (
        select(Client, Contract, today)
        .join(Contract, Contract.client_id == Client.id)
        .where(
            Client.reference == client_reference.replace("\x00", ""),
            visible_to(actor, Client.id),
            of_customers(Client.id),
        )
        .order_by(
            ((Contract.starts_on <= today) & (Contract.ends_on >= today)).desc(),
            Contract.starts_on.desc(),
        )
        .limit(1)
    )
    if reference:
        query = query.where(Contract.reference == reference.replace("\x00", ""))
    found = database.session().execute(query).first()
    if found is None:
        raise NotFound
    return found[0], found[1], found[2]


def visit_view(actor: Actor, reference: str) -> VisitView:
    """Return a visit with its lines in the ledger, documents and action points. Raises NotFound."""
    require(actor, Permission.ENGAGEMENT_READ)
    session = database.session()
    visit = session.scalar(
        _visits(actor)
        .options(joinedload(Visit.year, innerjoin=True))
        .where(Visit.reference == reference.replace("\x00", ""))
    )
    if visit is None:
        raise NotFound
    return VisitView(
        visit=visit,
        entries=session.scalars(
            select(LedgerEntry).where(LedgerEntry.visit_id == visit.id).order_by(LedgerEntry.id)
        ).all(),
        documents=session.scalars(
            select(VisitDocument)
            .where(VisitDocument.visit_id == visit.id)
            .order_by(VisitDocument.id)
        ).all(),
        actions=session.scalars(
            select(ActionPoint)
            .options(joinedload(ActionPoint.ticket, innerjoin=True))
            .where(ActionPoint.visit_id == visit.id)
            .order_by(ActionPoint.due_on, ActionPoint.id)
        ).all(),
    )


def visits_between(
    actor: Actor, start: datetime, end: datetime, client_id: int | None = None
) -> Sequence[Visit]:
    """Return what is or was to be between two instants, with client and contract, by time.

    Of all the actor's clients, or of one. At most `MOST_VISITS`; cancelled ones are left out.
    """
    require(actor, Permission.ENGAGEMENT_READ)
    wanted = (
        _visits(actor)
        .where(Visit.starts_at < end, Visit.ends_at > start, Visit.state != VisitState.CANCELLED)
        .order_by(Visit.starts_at, Visit.id)
        .limit(MOST_VISITS)
    )
    if client_id is not None:
        wanted = wanted.where(Visit.client_id == client_id)
    return database.session().scalars(wanted).all()


def visits_to_confirm(actor: Actor, size: int = PAGE_SIZE) -> Sequence[Visit]:
    """Return planned visits that are over, the oldest first."""
    require(actor, Permission.ENGAGEMENT_READ)
    wanted = (
        _visits(actor)
        .where(Visit.state == VisitState.PLANNED, Visit.ends_at <= clock.now())
        .order_by(Visit.starts_at, Visit.id)
        .limit(size)
    )
    return database.session().scalars(wanted).all()


def visits(
    actor: Actor, client: str = "", cursor: str | None = None, size: int = PAGE_SIZE
) -> Page[Visit]:
    """Return a page of visits, newest booking first. Raises InvalidInput."""
    require(actor, Permission.ENGAGEMENT_READ)
    query = _visits(actor).order_by(Visit.id.desc()).limit(size + 1)
    if client:
        query = query.where(Client.reference == client.replace("\x00", ""))
    if key := decode_cursor(cursor, int):
        query = query.where(Visit.id < key[0])
    return page_of(database.session().scalars(query).all(), size, lambda visit: [visit.id])


def pending_amendments(actor: Actor, size: int = PAGE_SIZE) -> Sequence[tuple[Amendment, Client]]:
    """Return offers of days that somebody still has to say yes or no to, the oldest first."""
    require(actor, Permission.ENGAGEMENT_READ)
    found = database.session().execute(
        select(Amendment, Client)
        .join(Client, Client.id == Amendment.client_id)
        .where(
            visible_to(actor, Amendment.client_id),
            Amendment.ended_at.is_(None),
            Amendment.client_agreed_at.is_(None) | Amendment.operator_agreed_at.is_(None),
        )
        .order_by(Amendment.id)
        .limit(size)
    )
    return [(amendment, client) for amendment, client in found]


def amendment_of(actor: Actor, reference: str) -> tuple[Amendment, Client]:
    """Return an offer with its client. Raises NotFound."""
    require(actor, Permission.ENGAGEMENT_READ)
    found = (
        database.session()
        .execute(
            select(Amendment, Client)
            .join(Client, Client.id == Amendment.client_id)
            .where(
                Amendment.reference == reference.replace("\x00", ""),
                visible_to(actor, Amendment.client_id),
            )
        )
        .one_or_none()
    )
    if found is None:
        raise NotFound
    return found[0], found[1]


def _visits(actor: Actor) -> Select[Visit]:
    return (
        select(Visit)
        .join(Visit.client)
        .join(Visit.contract)
        .options(contains_eager(Visit.client), contains_eager(Visit.contract))
        .where(visible_to(actor, Visit.client_id))
    )
