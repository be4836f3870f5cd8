"""How tickets come to be: requests with their work order, queries, incidents on devices."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from sqlalchemy import select
from sqlalchemy.orm import contains_eager
from sqlalchemy.orm.attributes import set_committed_value

from servicedesk.accounts.models import User
from servicedesk.clients.contracts import in_force
from servicedesk.clients.models import AuthorisedContact, Client, Contract
from servicedesk.clients.visibility import visible_to
from servicedesk.core.actors import Role, Side
from servicedesk.core.errors import InvalidInput
from servicedesk.core.permissions import Permission, require
from servicedesk.core.references import next_reference
from servicedesk.core.text import msgid
from servicedesk.core.unit_of_work import unit_of_work
from servicedesk.devices.catalogue import action_named
from servicedesk.devices.catalogue.desired_state import DesiredStateAction
from servicedesk.orders.checking import FIELD, targets_named, targets_reached
from servicedesk.orders.drafting import checked_parameters, draft_order
from servicedesk.sla.clocks import Subject, open_ledger
from servicedesk.tickets.attachments import attach
from servicedesk.tickets.classification import check_category, priority_of, queue_of
from servicedesk.tickets.models import (
    KIND_PREFIXES,
    EntryKind,
    IdempotencyKey,
    Impact,
    Queue,
    Ticket,
    TicketDevice,
    TicketKind,
    TicketOrder,
    Urgency,
)
from servicedesk.tickets.queries import WHOLE
from servicedesk.tickets.timeline import mail_people, tell

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from servicedesk.core.actors import Actor
    from servicedesk.core.files import Upload
    from servicedesk.core.unit_of_work import Work
    from servicedesk.orders.checking import Targets
    from servicedesk.orders.models import WorkOrder
    from servicedesk.tickets.categories import IncidentCategory

SUBJECT_LENGTH = 200
DESCRIPTION_LENGTH = 20_000


@dataclass(frozen=True, kw_only=True)
class WantedAction:
    """What a request asks to be done: a catalogue code, its targets and parameters."""

    code: str
    devices: Sequence[str] = ()  # references
    groups: Sequence[str] = ()  # names: all who are in them when it is asked
    parameters: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class NewTicket:
    """What a person fills in."""

    kind: TicketKind
    subject: str
    description: str
    impact: Impact = Impact.LOW
    urgency: Urgency = Urgency.MEDIUM
    client: str = ""  # its reference; needed from whoever acts for several clients
    action: WantedAction | None = None
    devices: Sequence[str] = ()  # what an incident or query is about
    uploads: Sequence[Upload] = ()
    category: IncidentCategory | None = None  # of an incident
    queue: Queue | None = None  # None: what its kind asks for
    idempotency_key: str | None = None
    request_hash: str = ""


class KeyUsedOtherwise(InvalidInput):
    """The idempotency key came before, with another content."""

    code = "idempotency-key-reused"
    sentence = msgid("This Idempotency-Key was used for something else.")


def open_ticket(actor: Actor, new: NewTicket) -> Ticket:
    """Open a ticket with its clocks, and for a request its drafted order, in one transaction.

    Raises Forbidden, InvalidInput (with the field), KeyUsedOtherwise. A repeated idempotency key
    with the same content returns the ticket it opened. What the API tells of a ticket (client,
    clocks, orders) is loaded with it.
    """
    with unit_of_work(actor, "tickets.open") as work:
        require(actor, Permission.TICKET_OPEN)
        if known := _known(work, new):
            return known
        _check_words(new)
        check_category(new.kind, new.category)
        targets = _targets(work, new)
        contract = _contract(work, new, targets)
        order = None
        if new.action:
            action = action_named(new.action.code)
            if targets is None:
                raise InvalidInput(msgid("Choose at least one device."), field=FIELD)
            order = draft_order(work, action, new.action.parameters, targets, contract)
        ticket = write_ticket(work, contract, new, _requester(work, contract.client), order)
        set_committed_value(ticket, "client", contract.client)
        _fill(work, ticket, new, targets, order)
    return ticket


def write_ticket(
    work: Work,
    contract: Contract,
    new: NewTicket,
    requester: tuple[int, str],
    order: WorkOrder | None,
) -> Ticket:
    """Write a checked ticket with its clocks, for its requester (id, name)."""
    priority = priority_of(new.impact, new.urgency)
    queue = new.queue or queue_of(new.kind, is_destructive=bool(order and order.needs_approval))
    subject = Subject(
        reference=next_reference(work, KIND_PREFIXES[new.kind]),
        kind=new.kind.value,
        priority=priority.value,
        queue=queue.value,
    )
    ledger = open_ledger(work, contract, subject)
    ticket = Ticket(
        client_id=contract.client_id,
        reference=subject.reference,
        kind=new.kind,
        subject=new.subject.strip(),
        description=new.description.strip(),
        impact=new.impact,
        urgency=new.urgency,
        priority=priority,
        category=new.category,
        queue=queue,
        requester_id=requester[0],
        requester_name=requester[1],
        requester_side=_side_of(work, requester[0]),
        ledger_id=ledger.id,
        created_at=work.at,
        updated_at=work.at,
    )
    work.session.add(ticket)
    work.session.flush()
    work.concerns(contract.client_id, ticket.reference)
    set_committed_value(ticket, "ledger", ledger)
    set_committed_value(ticket, "orders", [order] if order else [])
    return ticket


def _fill(
    work: Work,
    ticket: Ticket,
    new: NewTicket,
    targets: Targets | None,
    order: WorkOrder | None,
) -> None:
    """Write what hangs on the new ticket: timeline, devices, order, files, mail."""
    entry = tell(
        work, ticket, EntryKind.OPENED, on_behalf=work.actor.user_id != ticket.requester_id
    )
    if targets and order is None:  # the devices of a request are those of its order
        attach_devices(work, ticket, targets.ids)
    if order:
        attach_order(work, ticket, order)
    if new.uploads:
        work.session.flush()
        attach(work, entry, new.uploads)
    if new.idempotency_key:
        work.session.add(_key(work, ticket, new))
    mail_people(work, ticket, "opened")


def attach_devices(work: Work, ticket: Ticket, device_ids: Iterable[int]) -> None:
    """Note what devices a ticket is about."""
    work.session.add_all(
        TicketDevice(ticket_id=ticket.id, device_id=device_id, client_id=ticket.client_id)
        for device_id in device_ids
    )


def attach_order(work: Work, ticket: Ticket, order: WorkOrder) -> None:
    """Hang a drafted order on its ticket."""
    work.session.add(
        TicketOrder(order_id=order.id, ticket_id=ticket.id, client_id=ticket.client_id)
    )
    tell(work, ticket, EntryKind.ORDER_DRAFTED, order=order.reference, action=order.action_code)


def _known(work: Work, new: NewTicket) -> Ticket | None:
    if not new.idempotency_key:
        return None
    found = work.session.execute(
        select(IdempotencyKey.request_hash, Ticket)
        .join(Ticket, Ticket.id == IdempotencyKey.ticket_id)
        .options(*WHOLE)
        .where(
            IdempotencyKey.user_id == work.actor.user_id,
            IdempotencyKey.key == new.idempotency_key,
        )
    ).first()
    if found is None:
        return None
    if found[0] != new.request_hash:
        raise KeyUsedOtherwise(field="Idempotency-Key")
    ticket: Ticket = found[1]
    return ticket


def _key(work: Work, ticket: Ticket, new: NewTicket) -> IdempotencyKey:
    return IdempotencyKey(
        client_id=ticket.client_id,
        user_id=work.actor.user_id,
        key=new.idempotency_key,
        request_hash=new.request_hash,
        ticket_id=ticket.id,
        created_at=work.at,
    )


def _check_words(new: NewTicket) -> None:
    for name, value, limit in (
        ("subject", new.subject, SUBJECT_LENGTH),
        ("description", new.description, DESCRIPTION_LENGTH),
    ):
        if not value.strip():
            raise InvalidInput(msgid("This is needed."), field=name)
        if len(value) > limit:
            raise InvalidInput(msgid("This is too long."), field=name)
        if "\x00" in value:
            raise InvalidInput(msgid("This contains characters that cannot be stored."), field=name)
    if (new.kind is TicketKind.REQUEST) is (new.action is None) and new.action:
        raise InvalidInput(msgid("Only a request carries an action."), field="action")


def _targets(work: Work, new: NewTicket) -> Targets | None:
    action = action_named(new.action.code) if new.action else None
    if new.action and isinstance(action, DesiredStateAction) and action.finds_its_targets:
        if new.action.devices or new.action.groups:
            raise InvalidInput(msgid("It finds its devices itself: name none."), field=FIELD)
        named = checked_parameters(action, new.action.parameters)
        return targets_reached(work.session, work.actor, new.client, action, named)
    references = new.action.devices if new.action else new.devices
    groups = new.action.groups if new.action else ()
    if not references and not groups:
        return None
    return targets_named(work.session, work.actor, references, groups, client=new.client)


def _contract(work: Work, new: NewTicket, targets: Targets | None) -> Contract:
    """Return the contract in force of whose ticket it is: the named client, the devices', one's own."""
    query = (
        select(Contract)
        .join(Contract.client)
        .where(visible_to(work.actor, Contract.client_id))
        .options(contains_eager(Contract.client))
    )
    own = work.actor.client_ids
    if new.client:
        query = query.where(Client.reference == new.client)
    elif targets:
        query = query.where(Contract.client_id == targets.client_id)
    elif own and len(own) == 1:
        query = query.where(Contract.client_id == next(iter(own)))
    else:
        raise InvalidInput(msgid("Say for which client."), field="client")
    contract: Contract | None = work.session.scalars(in_force(query, work.at.date())).first()
    if contract is None:
        raise InvalidInput(
            msgid("There is no client of that reference with a contract in force."), field="client"
        )
    if targets and targets.client_id != contract.client_id:
        raise InvalidInput(msgid("The devices belong to another client."), field="client")
    return contract


def _requester(work: Work, client: Client) -> tuple[int, str]:
    """Return who is asked to confirm: the contact, also when the operator opens it for them."""
    actor = work.actor
    if actor.user_id is not None and (actor.is_contact or client.is_internal):
        return actor.user_id, actor.name
    contact = contact_of(work, client.id)
    if contact is None:
        raise InvalidInput(msgid("The client has no authorised contact yet."), field="client")
    return contact


def _side_of(work: Work, user_id: int) -> Side:
    """Return whose person somebody is."""
    if user_id == work.actor.user_id:
        return work.actor.side
    role = work.session.scalar(select(User.role).where(User.id == user_id))
    return Side.CLIENT if role is Role.CONTACT else Side.OPERATOR


def contact_of(work: Work, client_id: int) -> tuple[int, str] | None:
    """Return id and name of who speaks for a client, whoever was first."""
    row: Any = work.session.execute(
        select(User.id, User.name)
        .join(AuthorisedContact, AuthorisedContact.user_id == User.id)
        .where(AuthorisedContact.client_id == client_id, User.is_active)
        .order_by(User.id)
        .limit(1)
    ).first()
    return (row[0], row[1]) if row else None
