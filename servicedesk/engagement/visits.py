"""Booking visits and changing them; what it means for the ledger is done in the same transaction."""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import uuid4

from sqlalchemy import select
from sqlalchemy.orm import joinedload

from servicedesk.clients.choices import client_named
from servicedesk.clients.contracts import contract_in_force
from servicedesk.clients.visibility import visible_to
from servicedesk.core.actors import Role
from servicedesk.core.errors import Conflict, Forbidden, InvalidInput, NotAllowedNow, NotFound
from servicedesk.core.permissions import Permission, may, require
from servicedesk.core.references import next_reference
from servicedesk.core.text import msgid
from servicedesk.core.unit_of_work import unit_of_work
from servicedesk.engagement.contract_time import ask_time, end_of, instant_of
from servicedesk.engagement.invitations import Change, call_off, invite
from servicedesk.engagement.ledger import give_back, locked_again, locked_year, reserve
from servicedesk.engagement.models import Visit
from servicedesk.engagement.plans import NOTE_LENGTH, checked_plan, line
from servicedesk.engagement.warnings import people_of

if TYPE_CHECKING:
    from datetime import date

    from servicedesk.clients.models import Client, Contract
    from servicedesk.core.actors import Actor
    from servicedesk.core.unit_of_work import Work
    from servicedesk.engagement.models import EngagementYear
    from servicedesk.engagement.plans import VisitPlan

FIRST_YEAR, LAST_YEAR = 1990, 2999  # days that somebody may mean, whatever a contract covers


def book_visit(actor: Actor, client_reference: str, plan: VisitPlan) -> Visit:
    """Plan a visit: its time is reserved in the contract year of its day, attendees are invited.

    One in the past is for what was done without a plan. Raises Forbidden, InvalidInput with the
    field, or BudgetExhausted.
    """
    require(actor, Permission.ENGAGEMENT_EDIT)
    plan = checked_plan(plan)
    with unit_of_work(actor, "engagement.book_visit") as work:
        return book(work, client_named(work.session, actor, client_reference), plan)


def book(work: Work, client: Client, plan: VisitPlan) -> Visit:
    """Plan a visit as a step of what it is for; `plan` is checked and its client the actor's.

    Raises Forbidden, InvalidInput with the field, or BudgetExhausted.
    """
    contract = contract_on(work, client, plan.day)
    year = locked_year(work, contract, plan.day)
    manager_id, manager_name = _manager(work, client)
    visit = Visit(
        client_id=client.id,
        reference=next_reference(work, "VIS"),
        uid=str(uuid4()),
        sequence=0,
        manager_id=manager_id,
        manager_name=manager_name,
        created_at=work.at,
    )
    _put_in(visit, contract, year, plan)
    visit.client = client
    work.session.add(visit)
    work.session.flush()
    work.concerns(client.id, visit.reference)
    reserve(work, visit, year, plan.quarters)
    invite(work, visit, Change.BOOKED)
    return visit


def change_visit(
    actor: Actor, reference: str, plan: VisitPlan, *, version: int, note: str = ""
) -> Visit:
    """Move a planned visit or say something else of it; its time moves with it, whole or not at all.

    Raises NotFound, Forbidden, Conflict, NotAllowedNow, InvalidInput with the field, BudgetExhausted.
    """
    plan, note = checked_plan(plan), line(note, "note", NOTE_LENGTH)
    with unit_of_work(actor, "engagement.change_visit") as work:
        visit = locked_visit(work, reference, version)
        must_be_planned(visit)
        old_attendees, moved = list(visit.attendees), visit.starts_at
        contract = contract_on(work, visit.client, plan.day)
        here, there = _locked_years(work, visit, contract, plan.day)
        if here.id == there.id:
            _resize(work, visit, there, plan.quarters, note)
            _put_in(visit, contract, there, plan)
        else:
            give_back(work, visit, visit.reserved_quarters, note)
            _put_in(visit, contract, there, plan)
            work.session.flush()
            reserve(work, visit, there, plan.quarters, note)
        visit.note = note or visit.note
        visit.sequence += 1
        if visit.starts_at != moved:
            visit.asked_at = None
        work.session.flush()
        gone = [who for who in old_attendees if who not in visit.attendees]
        call_off(work, visit, gone)
        invite(work, visit, Change.CHANGED)
    return visit


def locked_visit(work: Work, reference: str, version: int | None = None) -> Visit:
    """Return one of the actor's visits for changing it. Raises NotFound, Forbidden, Conflict."""
    query = (
        select(Visit)
        .where(
            Visit.reference == reference.replace("\x00", ""),
            visible_to(work.actor, Visit.client_id),
        )
        .options(
            joinedload(Visit.client, innerjoin=True),
            joinedload(Visit.contract, innerjoin=True),
            joinedload(Visit.year, innerjoin=True),
        )
    )
    if may(work.actor, Permission.ENGAGEMENT_EDIT):  # who only reads has no right to a lock
        query = query.with_for_update(of=Visit)
    visit = work.session.scalar(query)
    if visit is None:
        raise NotFound
    require(work.actor, Permission.ENGAGEMENT_EDIT)
    work.concerns(visit.client_id, visit.reference)
    if version is not None and version != visit.version:
        raise Conflict
    return visit


def must_be_planned(visit: Visit) -> None:
    """Raise NotAllowedNow for a visit that is done or cancelled."""
    if not visit.is_planned:
        raise NotAllowedNow(msgid("This visit is settled already."))


def contract_on(work: Work, client: Client, day: date) -> Contract:
    """Return the contract that covers a day. Raises InvalidInput at `day`."""
    if not FIRST_YEAR <= day.year <= LAST_YEAR:
        raise InvalidInput(msgid("Choose another date."), field="day")
    contract = contract_in_force(work.session, client.id, day)
    if contract is None or client.is_internal:
        raise InvalidInput(msgid("No contract of this client covers that day."), field="day")
    return contract


def _locked_years(
    work: Work, visit: Visit, contract: Contract, day: date
) -> tuple[EngagementYear, EngagementYear]:
    """Return the year a visit is in and the one it goes to, locked in the order of their time."""
    if day < visit.year.first_on:
        there = locked_year(work, contract, day)
        return locked_again(work, visit.year_id), there
    here = locked_again(work, visit.year_id)
    return here, locked_year(work, contract, day)


def _resize(work: Work, visit: Visit, year: EngagementYear, quarters: int, note: str) -> None:
    if quarters > visit.reserved_quarters:
        reserve(work, visit, year, quarters - visit.reserved_quarters, note)
    elif quarters < visit.reserved_quarters:
        give_back(work, visit, visit.reserved_quarters - quarters, note)


def _put_in(visit: Visit, contract: Contract, year: EngagementYear, plan: VisitPlan) -> None:
    visit.contract_id, visit.year_id = contract.id, year.id
    visit.contract, visit.year = contract, year
    visit.kind, visit.title, visit.place = plan.kind, plan.title, plan.place
    visit.is_on_site, visit.attendees = plan.is_on_site, list(plan.attendees)
    visit.planned_quarters = plan.quarters
    visit.starts_at = instant_of(contract, plan.day, plan.at)
    visit.ends_at = end_of(contract, visit.starts_at, plan.quarters)
    visit.ask_at = ask_time(contract, visit.ends_at)


def _manager(work: Work, client: Client) -> tuple[int, str]:
    """Return in whose name a visit is: who books it, or the client's account manager."""
    actor = work.actor
    if actor.role is not Role.ACCOUNT_MANAGER:
        managers = people_of(work, client.id, with_supervisors=False)
        if managers:
            return managers[0].id, managers[0].name
    if actor.user_id is None:
        raise Forbidden
    return actor.user_id, actor.name
