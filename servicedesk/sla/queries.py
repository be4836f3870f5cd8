"""What is read about calendars, plans and who is measured by them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar
from zoneinfo import ZoneInfo

from sqlalchemy import func, or_, select
from sqlalchemy.dialects.postgresql import distinct_on

from servicedesk.clients.models import Client, Contract
from servicedesk.clients.visibility import of_customers, visible_to
from servicedesk.core import clock, database
from servicedesk.core.errors import NotFound
from servicedesk.core.paging import PAGE_SIZE, Page, decode_cursor, encode_cursor, page_of
from servicedesk.core.permissions import Permission, require
from servicedesk.sla.models import CalendarVersion, PlanVersion, ServiceLevel
from servicedesk.sla.replanning import local_day
from servicedesk.sla.standard import HOME
from servicedesk.sla.versioning import live_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import date, datetime

    from sqlalchemy import Subquery
    from sqlalchemy.orm import Session

    from servicedesk.core.actors import Actor

V = TypeVar("V", CalendarVersion, PlanVersion)


@dataclass(frozen=True, kw_only=True)
class VersionLine:
    """A calendar or plan in a list: the version that holds, those that come, how many use it."""

    code: str
    name: str
    current: Any  # a version, None while none has begun
    coming: Sequence[Any]
    contracts: int


@dataclass(frozen=True, kw_only=True)
class Use:
    """A contract that is measured by something, or will be; `until` is the first day without."""

    contract: Contract
    client: Client
    since: date
    until: date | None


def calendars(actor: Actor, cursor: str | None = None) -> Page[VersionLine]:
    """Return a page of calendars by code; three statements. Raises Forbidden."""
    require(actor, Permission.SLA_ADMINISTER)
    return _lines(CalendarVersion, cursor)


def plans(actor: Actor, cursor: str | None = None) -> Page[VersionLine]:
    """Return a page of plans by code; three statements. Raises Forbidden."""
    require(actor, Permission.SLA_ADMINISTER)
    return _lines(PlanVersion, cursor)


def _lines(model: type[V], cursor: str | None) -> Page[VersionLine]:
    session, now = database.session(), clock.now()
    wanted = (
        select(model.code)
        .where(model.withdrawn_by_id.is_(None))
        .distinct()
        .order_by(model.code)
        .limit(PAGE_SIZE + 1)
    )
    if key := decode_cursor(cursor, str):
        wanted = wanted.where(model.code > key[0])
    page = page_of(session.scalars(wanted).all(), PAGE_SIZE, lambda code: [code])
    versions = _live(session, model, page.items)
    used = _uses(now)
    column = used.c.calendar_code if model is CalendarVersion else used.c.plan_code
    counted = session.execute(
        select(column, func.count(used.c.contract_id.distinct()))
        .where(column.in_(page.items))
        .group_by(column)
    )
    counts: dict[str, int] = {code: count for code, count in counted}  # noqa: C416  rows, not pairs
    return Page(
        [_line(code, versions[code], now, counts.get(code, 0)) for code in page.items], page.next
    )


def _line(code: str, versions: Sequence[V], now: datetime, contracts: int) -> VersionLine:
    current = version_on(versions, day_of(versions, now))
    return VersionLine(
        code=code,
        name=(current or versions[0]).name,
        current=current,
        coming=coming_after(versions, current),
        contracts=contracts,
    )


def day_of(versions: Sequence[CalendarVersion] | Sequence[PlanVersion], at: datetime) -> date:
    """Return the day at an instant where versions rule: a calendar in its zone, a plan at home."""
    definition = versions[0].definition
    return at.astimezone(ZoneInfo(definition.get("time_zone", HOME))).date()


def version_on(versions: Sequence[V], day: date) -> V | None:
    """Return the version that rules on a day, None before the first; they come in order."""
    return next((one for one in reversed(versions) if one.effective_on <= day), None)


def coming_after(versions: Sequence[V], current: V | None) -> list[V]:
    """Return the versions that are to come; of several from one day only the last will rule."""
    return [one for one in versions if current is None or one.version > current.version]


def _uses(now: datetime) -> Subquery:
    """Return each contract's levels that hold or are to come, with the day they end."""
    until = func.lead(ServiceLevel.effective_on).over(
        partition_by=ServiceLevel.contract_id, order_by=ServiceLevel.effective_on
    )
    every = (
        select(
            ServiceLevel.contract_id,
            ServiceLevel.plan_code,
            ServiceLevel.calendar_code,
            ServiceLevel.effective_on.label("since"),
            until.label("until"),
            local_day(now).label("today"),
        )
        .join(Contract, Contract.id == ServiceLevel.contract_id)
        .subquery()
    )
    holds = or_(every.c.until.is_(None), every.c.until > every.c.today)
    return select(every).where(holds).subquery()


def _live(session: Session, model: type[V], codes: Iterable[str]) -> dict[str, list[V]]:
    """Return by code the versions that were not taken back, in order."""
    found: dict[str, list[V]] = {code: [] for code in codes}
    rows = session.scalars(
        select(model)
        .where(model.code.in_(found), model.withdrawn_by_id.is_(None))
        .order_by(model.code, model.version)
    )
    for version in rows:
        found[version.code].append(version)
    return found


def calendar_versions(actor: Actor, code: str) -> list[CalendarVersion]:
    """Return all versions of a calendar in order. Raises Forbidden, NotFound."""
    return _versions(actor, CalendarVersion, code)


def plan_versions(actor: Actor, code: str) -> list[PlanVersion]:
    """Return all versions of a plan in order. Raises Forbidden, NotFound."""
    return _versions(actor, PlanVersion, code)


def _versions(actor: Actor, model: type[V], code: str) -> list[V]:
    require(actor, Permission.SLA_ADMINISTER)
    query = select(model).where(model.code == code).order_by(model.version)
    found = list(database.session().scalars(query))
    if not live_of(found):
        raise NotFound
    return found


@dataclass(frozen=True, kw_only=True)
class Written:
    """A version in the history of its calendar or plan; `taken_back` is what withdrew it."""

    version: Any
    taken_back: Any


def history_of(versions: Sequence[V]) -> list[Written]:
    """Return the versions, newest first, each with what took it back."""
    by_id = {version.id: version for version in versions}
    return [
        Written(version=version, taken_back=by_id.get(version.withdrawn_by_id or 0))
        for version in reversed(versions)
        if version.withdrawn_by_id != version.id
    ]


def users_of(
    actor: Actor, version: CalendarVersion | PlanVersion, cursor: str | None = None
) -> Page[Use]:
    """Return the contracts that are or will be measured by a calendar or plan, a page of them."""
    require(actor, Permission.SLA_ADMINISTER)
    used = _uses(clock.now())
    is_calendar = isinstance(version, CalendarVersion)
    column = used.c.calendar_code if is_calendar else used.c.plan_code
    query = (
        select(Contract, Client, used.c.since, used.c.until)
        .join(used, used.c.contract_id == Contract.id)
        .join(Client, Client.id == Contract.client_id)
        .where(column == version.code, visible_to(actor, Contract.client_id))
        .order_by(Contract.reference, used.c.since)
        .limit(PAGE_SIZE + 1)
    )
    if key := decode_cursor(cursor, str, str):
        from_there = (Contract.reference > key[0]) | (
            (Contract.reference == key[0]) & (func.text(used.c.since) > key[1])
        )
        query = query.where(from_there)
    rows = database.session().execute(query).all()
    uses = [
        Use(contract=contract, client=client, since=since, until=until)
        for contract, client, since, until in rows
    ]
    return page_of(uses, PAGE_SIZE, lambda use: [use.contract.reference, use.since.isoformat()])


def names_to_choose(actor: Actor) -> tuple[list[tuple[str, str]], list[tuple[str, str]]]:
    """Return code and name of all plans, and of all calendars, by name; two statements."""
    require(actor, Permission.SLA_ADMINISTER)
    session = database.session()
    return _names(session, PlanVersion), _names(session, CalendarVersion)


def _names(session: Session, model: type[V]) -> list[tuple[str, str]]:
    newest = (
        select(model.code, model.name)
        .where(model.withdrawn_by_id.is_(None))
        .ext(distinct_on(model.code))
        .order_by(model.code, model.version.desc())
    )
    rows = session.execute(newest).all()
    return sorted(((code, name) for code, name in rows), key=lambda row: row[1].casefold())


@dataclass(frozen=True, kw_only=True)
class Agreement:
    """By what a contract was, is and will be measured."""

    contract: Contract
    client: Client
    today: date  # the contract's day
    levels: Sequence[ServiceLevel]  # in the order of their dates
    plans: Mapping[str, Sequence[PlanVersion]]
    calendars: Mapping[str, Sequence[CalendarVersion]]

    @property
    def current(self) -> ServiceLevel | None:
        """Return what holds today."""
        return next((one for one in reversed(self.levels) if one.effective_on <= self.today), None)

    @property
    def coming(self) -> list[ServiceLevel]:
        """Return what is to hold from a later day on."""
        return [one for one in self.levels if one.effective_on > self.today]

    @property
    def plan(self) -> PlanVersion | None:
        """Return the version of the plan that a ticket of today would get."""
        level = self.current
        return version_on(self.plans[level.plan_code], self.today) if level else None

    @property
    def calendar(self) -> CalendarVersion | None:
        """Return the version of the calendar that rules today."""
        level = self.current
        return version_on(self.calendars[level.calendar_code], self.today) if level else None

    @property
    def coming_calendars(self) -> list[CalendarVersion]:
        """Return the versions of its calendar that are to come."""
        level = self.current
        if level is None:
            return []
        return coming_after(self.calendars[level.calendar_code], self.calendar)

    @property
    def coming_plans(self) -> list[PlanVersion]:
        """Return the versions of its plan that are to come."""
        level = self.current
        return coming_after(self.plans[level.plan_code], self.plan) if level else []


def agreement(actor: Actor, reference: str) -> Agreement:
    """Return what a contract is measured by; four statements. Raises NotFound."""
    require(actor, Permission.CLIENT_READ)
    session = database.session()
    found = session.execute(
        select(Contract, Client)
        .join(Client, Client.id == Contract.client_id)
        .where(Contract.reference == reference, visible_to(actor, Contract.client_id))
    ).one_or_none()
    if found is None:
        raise NotFound
    return _agreements(session, [(found[0], found[1])])[0]


def agreements(
    actor: Actor, cursor: str | None = None, size: int = PAGE_SIZE, client: str = ""
) -> Page[Agreement]:
    """Return what the actor's contracts are measured by, by reference; four statements."""
    require(actor, Permission.CLIENT_READ)
    session = database.session()
    query = (
        select(Contract, Client)
        .join(Client, Client.id == Contract.client_id)
        .where(visible_to(actor, Contract.client_id))
        .order_by(Contract.reference)
        .limit(size + 1)
    )
    query = query.where(Client.reference == client if client else of_customers(Contract.client_id))
    if key := decode_cursor(cursor, str):
        query = query.where(Contract.reference > key[0])
    rows = [(contract, owner) for contract, owner in session.execute(query)]
    goes_on = encode_cursor([rows[size - 1][0].reference]) if len(rows) > size else None
    return Page(_agreements(session, rows[:size]), goes_on)


def _agreements(session: Session, rows: Sequence[tuple[Contract, Client]]) -> list[Agreement]:
    levels: dict[int, list[ServiceLevel]] = {contract.id: [] for contract, _ in rows}
    found = session.scalars(
        select(ServiceLevel)
        .where(ServiceLevel.contract_id.in_(levels))
        .order_by(ServiceLevel.contract_id, ServiceLevel.effective_on)
    )
    for level in found:
        levels[level.contract_id].append(level)
    all_levels = [level for some in levels.values() for level in some]
    plans_by_code = _live(session, PlanVersion, {level.plan_code for level in all_levels})
    by_code = _live(session, CalendarVersion, {level.calendar_code for level in all_levels})
    now = clock.now()
    return [
        Agreement(
            contract=contract,
            client=client,
            today=now.astimezone(ZoneInfo(contract.time_zone)).date(),
            levels=levels[contract.id],
            plans=plans_by_code,
            calendars=by_code,
        )
        for contract, client in rows
    ]
