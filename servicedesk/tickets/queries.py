"""What people look at: lists of tickets, one ticket with its story, and counts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import CompoundSelect, Select, func, literal_column, select
from sqlalchemy.orm import contains_eager, joinedload, selectinload

from servicedesk.accounts.models import User
from servicedesk.clients.visibility import visible_to
from servicedesk.core import clock, database
from servicedesk.core.actors import Role, Side
from servicedesk.core.errors import NotFound
from servicedesk.core.paging import PAGE_SIZE, Page, decode_cursor, page_of
from servicedesk.devices.models import Device
from servicedesk.devices.queries import FleetFilter, fleet_counts
from servicedesk.orders.models import OrderTarget
from servicedesk.sla.clocks import Clock, clocks_in, ledger_events
from servicedesk.sla.cycles import Verdict
from servicedesk.sla.evidence import newest_behind
from servicedesk.sla.models import SlaLedger, SlaWarning
from servicedesk.tickets.breaches import Breach, breaches_in
from servicedesk.tickets.checklist import TicketStep, steps_of
from servicedesk.tickets.models import (
    IS_OPEN,
    EntryKind,
    Ticket,
    TicketDevice,
    TicketEntry,
    TicketOrder,
    TicketRelation,
    TicketState,
    TicketWatcher,
)
from servicedesk.tickets.narrowing import TicketFilter as TicketFilter
from servicedesk.tickets.narrowing import narrowed

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from servicedesk.core.actors import Actor

# what a ticket's page tells of it; its devices may be thousands and are asked for by themselves
WHOLE = (
    joinedload(Ticket.client, innerjoin=True),
    joinedload(Ticket.ledger, innerjoin=True),
    selectinload(Ticket.orders),
)
NAMED_DEVICES = 20
LIVE_ANSWERS = 20  # older ones show what they counted then, and lead to their list


def tickets(
    actor: Actor, wanted: TicketFilter, cursor: str | None = None, size: int = PAGE_SIZE
) -> Page[Ticket]:
    """Return a page of tickets, newest first, with client and clocks. Raises InvalidInput."""
    key = decode_cursor(cursor, int)
    if wanted.is_all_evidence:
        return _tickets_behind(actor, wanted, key[0] if key else None, size)
    # behind a figure of long ago, the newest tickets are walked over: the found ones are sorted
    order = Ticket.id + 0 if wanted.is_evidence else Ticket.id
    query = narrowed(_with_clocks(), actor, wanted).order_by(order.desc()).limit(size + 1)
    if key:
        query = query.where(Ticket.id < key[0])
    found = database.session().scalars(query).all()
    return page_of(found, size, lambda ticket: [ticket.id])


def _tickets_behind(
    actor: Actor, wanted: TicketFilter, before: int | None, size: int
) -> Page[Ticket]:
    """Return a page of all tickets behind a figure: found by their ledgers, which have the indexes."""
    ledgers = newest_behind(actor, wanted, before, size + 1)
    query = _with_clocks().where(Ticket.ledger_id.in_(ledgers), visible_to(actor, Ticket.client_id))
    found = database.session().scalars(query.order_by(Ticket.ledger_id.desc())).all()
    return page_of(found, size, lambda ticket: [ticket.ledger_id])


def _with_clocks() -> Select[Ticket]:
    """Return the query for tickets with client and clocks."""
    return (
        select(Ticket)
        .join(Ticket.client)
        .join(Ticket.ledger)
        .options(contains_eager(Ticket.client), contains_eager(Ticket.ledger))
    )


def tickets_by_due(actor: Actor, wanted: TicketFilter, size: int = PAGE_SIZE) -> Sequence[Ticket]:
    """Return the open tickets that are escalated or run out first, with client and clocks."""
    query = (
        narrowed(_with_clocks(), actor, wanted)
        .order_by(
            Ticket.escalation.desc(), SlaLedger.resolution_due_at.asc().nulls_last(), Ticket.id
        )
        .limit(size)
    )
    return database.session().scalars(query).all()


@dataclass(frozen=True, kw_only=True)
class TicketView:
    """A ticket with everything its page shows."""

    ticket: Ticket
    entries: Sequence[TicketEntry]
    counts_now: Mapping[int, int]  # by entry: what a question to the fleet counts at this moment
    clocks: Sequence[Clock]  # the newest of each metric
    breaches: Sequence[Breach]  # every missed target, with why if that is known
    warnings: Sequence[SlaWarning]  # what they warned the operator of, oldest first
    steps: Sequence[TicketStep]  # the operator's own checklist; nothing for a contact
    watchers: Sequence[TicketWatcher]
    related: Sequence[Ticket]
    merged_into: str | None  # the reference of the ticket that goes on with it
    devices: Sequence[str]  # references of the first few
    device_count: int


def ticket_named(actor: Actor, reference: str) -> Ticket:
    """Return a ticket with its client, clocks, orders and devices. Raises NotFound."""
    found = (
        database.session()
        .scalars(
            select(Ticket)
            .where(Ticket.reference == reference, visible_to(actor, Ticket.client_id))
            .options(*WHOLE)
        )
        .one_or_none()
    )
    if found is None:
        raise NotFound
    return found


def ticket_view(actor: Actor, reference: str) -> TicketView:
    """Return what a ticket's page shows to this actor. Raises NotFound."""
    ticket = ticket_named(actor, reference)
    session = database.session()
    devices = session.execute(
        select(Device.reference, func.count().over())
        .where(Device.id.in_(_device_ids(ticket)))
        .order_by(Device.id)
        .limit(NAMED_DEVICES)
    ).all()
    shown, cycles = clocks_in(ledger_events(session, ticket.ledger_id), clock.now())
    entries = session.scalars(
        _entries(actor, ticket).options(selectinload(TicketEntry.attachments))
    ).all()
    return TicketView(
        ticket=ticket,
        entries=entries,
        counts_now=counts_now(actor, entries),
        clocks=shown,
        breaches=breaches_in(session, ticket, cycles),
        warnings=_warnings(actor, ticket),
        steps=steps_for(actor, ticket),
        watchers=session.scalars(
            select(TicketWatcher).where(TicketWatcher.ticket_id == ticket.id)
        ).all(),
        related=_related(actor, ticket),
        merged_into=session.scalar(
            select(Ticket.reference).where(Ticket.id == ticket.merged_into_id)
        )
        if ticket.merged_into_id
        else None,
        devices=[row[0] for row in devices],
        device_count=devices[0][1] if devices else 0,
    )


def steps_for(actor: Actor, ticket: Ticket) -> Sequence[TicketStep]:
    """Return the checklist, which is the operator's own: nothing for a contact."""
    return [] if actor.is_contact else steps_of(database.session(), ticket.id)


def _warnings(actor: Actor, ticket: Ticket) -> Sequence[SlaWarning]:
    if actor.is_contact:  # whom the operator tells, and of what, is its own affair
        return []
    query = select(SlaWarning).where(SlaWarning.ledger_id == ticket.ledger_id)
    return database.session().scalars(query.order_by(SlaWarning.id)).all()


def _device_ids(ticket: Ticket) -> CompoundSelect[Any]:
    """Return the devices a ticket is about: those it names, and those of its orders."""
    return (
        select(TicketDevice.device_id)
        .where(TicketDevice.ticket_id == ticket.id)
        .union_all(
            select(OrderTarget.device_id)
            .join(TicketOrder, TicketOrder.order_id == OrderTarget.order_id)
            .where(TicketOrder.ticket_id == ticket.id)
        )
    )


def _entries(actor: Actor, ticket: Ticket) -> Select[TicketEntry]:
    query = select(TicketEntry).where(TicketEntry.ticket_id == ticket.id).order_by(TicketEntry.id)
    return query.where(TicketEntry.is_public) if actor.is_contact else query


def entries_of(actor: Actor, ticket: Ticket) -> Sequence[TicketEntry]:
    """Return the lines of the timeline that this actor sees."""
    return database.session().scalars(_entries(actor, ticket)).all()


def counts_now(actor: Actor, entries: Sequence[TicketEntry]) -> dict[int, int]:
    """Return what the newest answers by a question to the fleet count now; one statement."""
    answers = [entry for entry in entries if entry.kind is EntryKind.ANSWERED][-LIVE_ANSWERS:]
    filters = [FleetFilter.read(entry.facts["filter"]) for entry in answers]
    asked_once = list(dict.fromkeys(filters))
    counts = dict(zip(asked_once, fleet_counts(actor, asked_once), strict=True))
    return {entry.id: counts[asked] for entry, asked in zip(answers, filters, strict=True)}


def _related(actor: Actor, ticket: Ticket) -> Sequence[Ticket]:
    pairs = select(TicketRelation.first_id, TicketRelation.second_id).where(
        (TicketRelation.first_id == ticket.id) | (TicketRelation.second_id == ticket.id)
    )
    ids = {other for pair in database.session().execute(pairs) for other in pair} - {ticket.id}
    if not ids:
        return []
    return (
        database.session()
        .scalars(select(Ticket).where(Ticket.id.in_(ids), visible_to(actor, Ticket.client_id)))
        .all()
    )


def counts(actor: Actor) -> dict[str, int]:
    """Return how many tickets wait for whom: the figures of a home page."""
    mine = Ticket.assignee_id == actor.user_id
    late = SlaLedger.resolution_verdict == Verdict.BREACHED
    row = database.session().execute(
        select(
            func.count().label("open"),
            func.count().filter(Ticket.assignee_id.is_(None)).label("unassigned"),
            func.count().filter(mine).label("mine"),
            func.count().filter(late).label("late"),
            func.count().filter(Ticket.escalation > 0).label("escalated"),
            func.count().filter(Ticket.state == TicketState.WAITING_CLIENT).label("waiting"),
        )
        .select_from(Ticket)
        .join(SlaLedger, SlaLedger.id == Ticket.ledger_id)
        .where(
            visible_to(actor, Ticket.client_id),
            literal_column(f"ticket.{IS_OPEN}"),
        )
    )
    return dict(row.mappings().one())


def tickets_to_confirm(actor: Actor, size: int = 5) -> Sequence[Ticket]:
    """Return what waits for the client: solved tickets to confirm and questions to answer.

    What an operator's person asked for is not the client's to confirm.
    """
    waits = (Ticket.state == TicketState.WAITING_CLIENT) | (
        (Ticket.state == TicketState.RESOLVED) & (Ticket.requester_side == Side.CLIENT)
    )
    return (
        database.session()
        .scalars(
            select(Ticket)
            .where(visible_to(actor, Ticket.client_id), waits)
            .order_by(Ticket.id.desc())
            .limit(size)
        )
        .all()
    )


def tickets_of_device(actor: Actor, device_id: int, size: int = 20) -> Sequence[Ticket]:
    """Return the newest tickets about a device."""
    ids = (
        select(TicketDevice.ticket_id)
        .where(TicketDevice.device_id == device_id)
        .union_all(
            select(TicketOrder.ticket_id)
            .join(OrderTarget, OrderTarget.order_id == TicketOrder.order_id)
            .where(OrderTarget.device_id == device_id)
        )
    )
    return (
        database.session()
        .scalars(
            select(Ticket)
            .where(Ticket.id.in_(ids), visible_to(actor, Ticket.client_id))
            .order_by(Ticket.id.desc())
            .limit(size)
        )
        .all()
    )


def ticket_of_order(actor: Actor, order_id: int) -> Ticket | None:
    """Return the ticket an order was drafted for."""
    return database.session().scalar(
        select(Ticket)
        .join(TicketOrder, TicketOrder.ticket_id == Ticket.id)
        .where(TicketOrder.order_id == order_id, visible_to(actor, Ticket.client_id))
    )


def people_who_may_take() -> Sequence[Any]:
    """Return id and name of the people a ticket can be given to."""
    return (
        database.session()
        .execute(
            select(User.id, User.name)
            .where(User.is_active, User.role.in_((Role.AGENT, Role.SUPERVISOR)))
            .order_by(User.name)
        )
        .all()
    )
