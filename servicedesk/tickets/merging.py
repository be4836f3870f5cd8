"""Two tickets about one thing become one: the other keeps its own clocks, this one's leave."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert

from servicedesk.accounts.models import User
from servicedesk.clients.visibility import visible_to
from servicedesk.core.errors import InvalidInput, NotAllowedNow
from servicedesk.core.permissions import Permission, require
from servicedesk.core.text import msgid
from servicedesk.core.unit_of_work import unit_of_work
from servicedesk.sla import clocks
from servicedesk.sla.evaluation import EventKind
from servicedesk.tickets.handling import ledger_of, locked_ticket, withdraw_orders_of
from servicedesk.tickets.models import EntryKind, Ticket, TicketState, TicketWatcher
from servicedesk.tickets.relations import relate
from servicedesk.tickets.timeline import mail_people, tell

if TYPE_CHECKING:
    from servicedesk.core.actors import Actor
    from servicedesk.core.unit_of_work import Work


def merge_ticket(actor: Actor, reference: str, into: str) -> Ticket:
    """End a ticket in favour of another open one of the same client, which goes on with it.

    Whoever asked for or watches it watches the other one from now on. Raises NotFound, Forbidden,
    NotAllowedNow (it is not open, or its devices are being commanded), InvalidInput (at `into`).
    """
    with unit_of_work(actor, "tickets.merge") as work:
        ticket, target = _locked_pair(work, reference, into.strip().upper())
        require(actor, Permission.TICKET_HANDLE)
        if not ticket.is_open:
            raise NotAllowedNow(msgid("Only an open ticket is merged into another."))
        if target is None or target.id == ticket.id or not target.is_open:
            raise InvalidInput(
                msgid("There is no other open ticket of this client with that reference."),
                field="into",
            )
        withdraw_orders_of(work, ticket)
        clocks.record(work, ledger_of(work, ticket), EventKind.MERGED, merged_into=target.reference)
        ticket.planned_for = ticket.device_wait_since = None
        ticket.merged_into_id, ticket.closed_at = target.id, work.at
        ticket.state = TicketState.MERGED
        relate(work, ticket, target)
        tell(work, ticket, EntryKind.MERGED, into=target.reference)
        tell(work, target, EntryKind.MERGED, of=ticket.reference)
        _watch_on(work, ticket, target)
        mail_people(work, ticket, "merged", other=target.reference)
    return ticket


def _locked_pair(work: Work, reference: str, into: str) -> tuple[Ticket, Ticket | None]:
    """Lock both tickets in one order, so that two opposite merges cannot wait for each other."""
    rows = work.session.scalars(
        select(Ticket)
        .where(Ticket.reference.in_((reference, into)), visible_to(work.actor, Ticket.client_id))
        .order_by(Ticket.id)
        .with_for_update()
    ).all()
    by_reference = {row.reference: row for row in rows}
    ticket = locked_ticket(work, reference)
    target = by_reference.get(into)
    return ticket, target if target and target.client_id == ticket.client_id else None


def _watch_on(work: Work, ticket: Ticket, target: Ticket) -> None:
    """Have the people of the merged ticket watch the one that goes on."""
    watching = select(TicketWatcher.user_id).where(TicketWatcher.ticket_id == ticket.id)
    people = work.session.execute(
        select(User.id, User.name).where(
            (User.id == ticket.requester_id) | User.id.in_(watching),
            User.id != target.requester_id,
        )
    ).all()
    if people:
        work.session.execute(
            insert(TicketWatcher)
            .values(
                [
                    {
                        "ticket_id": target.id,
                        "user_id": user_id,
                        "client_id": target.client_id,
                        "name": name,
                    }
                    for user_id, name in people
                ]
            )
            .on_conflict_do_nothing()
        )
