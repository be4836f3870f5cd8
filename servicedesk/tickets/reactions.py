"""What tickets do when their orders move, inside the transaction that moves them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import func, select

from servicedesk.core.errors import NotAllowedNow
from servicedesk.core.text import msgid
from servicedesk.devices.commands import CommandState, DeviceCommand
from servicedesk.orders.models import WorkOrder
from servicedesk.tickets.handling import is_unfinished, make_move
from servicedesk.tickets.models import EntryKind, Ticket, TicketOrder
from servicedesk.tickets.moves import move_named
from servicedesk.tickets.timeline import tell, warn_owners

if TYPE_CHECKING:
    from servicedesk.core.unit_of_work import Work
    from servicedesk.orders.events import (
        OrderApproved,
        OrderCancelled,
        OrderFinished,
        OrderPaused,
        OrderResumed,
        OrderScheduled,
        OrderStarted,
        StageStarted,
    )


def _ticket_of(work: Work, order_id: int) -> tuple[Ticket, WorkOrder] | None:
    row = work.session.execute(
        select(Ticket, WorkOrder)
        .join(TicketOrder, TicketOrder.ticket_id == Ticket.id)
        .join(WorkOrder, WorkOrder.id == TicketOrder.order_id)
        .where(TicketOrder.order_id == order_id)
        .with_for_update(of=Ticket)
    ).first()
    return (row[0], row[1]) if row else None


def on_order_approved(work: Work, event: OrderApproved) -> None:
    """Tell who approved it."""
    if found := _ticket_of(work, event.order_id):
        ticket, order = found
        tell(work, ticket, EntryKind.ORDER_APPROVED, order=order.reference)


def on_order_started(work: Work, event: OrderStarted) -> None:
    """Tell that devices are being commanded; refuse it when nobody asks for it any more."""
    if found := _ticket_of(work, event.order_id):
        ticket, order = found
        if not ticket.is_open:
            raise NotAllowedNow(msgid("The ticket is not open any more: nothing was sent."))
        tell(work, ticket, EntryKind.ORDER_STARTED, order=order.reference, devices=event.devices)


def on_order_scheduled(work: Work, event: OrderScheduled) -> None:
    """Tell when it begins, and tell both owners that they can stop it."""
    if found := _ticket_of(work, event.order_id):
        ticket, order = found
        if not ticket.is_open:
            raise NotAllowedNow(msgid("The ticket is not open any more: nothing was sent."))
        tell(
            work,
            ticket,
            EntryKind.ORDER_SCHEDULED,
            order=order.reference,
            begins_at=event.begins_at.isoformat(),
        )
        warn_owners(work, ticket, order, event.begins_at)


def on_order_paused(work: Work, event: OrderPaused) -> None:
    """Tell that it stands still, and why."""
    if found := _ticket_of(work, event.order_id):
        ticket, order = found
        tell(
            work,
            ticket,
            EntryKind.ORDER_PAUSED,
            order=order.reference,
            reason=order.pause_reason,
        )


def on_order_resumed(work: Work, event: OrderResumed) -> None:
    """Tell that it goes on."""
    if found := _ticket_of(work, event.order_id):
        ticket, order = found
        tell(work, ticket, EntryKind.ORDER_RESUMED, order=order.reference)


def on_stage_started(work: Work, event: StageStarted) -> None:
    """Tell that the next devices are being commanded."""
    if found := _ticket_of(work, event.order_id):
        ticket, order = found
        tell(
            work,
            ticket,
            EntryKind.ORDER_STAGE,
            order=order.reference,
            number=event.number,
            devices=event.devices,
        )


def on_order_cancelled(work: Work, event: OrderCancelled) -> None:
    """Tell that nothing more is sent."""
    if found := _ticket_of(work, event.order_id):
        ticket, order = found
        tell(work, ticket, EntryKind.ORDER_CANCELLED, order=order.reference)


def on_order_finished(work: Work, event: OrderFinished) -> None:
    """Resolve the ticket with the devices' answers as evidence, or leave the rest to the agent."""
    found = _ticket_of(work, event.order_id)
    if found is None:
        return
    ticket, order = found
    counts = _counts(work, order)
    tell(work, ticket, EntryKind.ORDER_FINISHED, order=order.reference, outcomes=counts)
    if event.all_done and ticket.is_open and not is_unfinished(work, ticket):
        make_move(work, ticket, move_named("resolve"))


def _counts(work: Work, order: WorkOrder) -> dict[str, int]:
    rows = work.session.execute(
        select(DeviceCommand.state, func.count())
        .where(DeviceCommand.batch_id == order.batch_id)
        .group_by(DeviceCommand.state)
    )
    return {CommandState(row[0]).value: row[1] for row in rows}
