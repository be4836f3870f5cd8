"""Ending an order before its end: what has not left stays, what has left goes on to its outcome."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import func, select

from servicedesk.devices.commands import CommandState, DeviceCommand
from servicedesk.devices.dispatch import withdraw_commands
from servicedesk.orders.events import OrderCancelled
from servicedesk.orders.models import ORDER_MOVES, OrderState

if TYPE_CHECKING:
    from servicedesk.core.unit_of_work import Work
    from servicedesk.orders.models import WorkOrder


def withdraw(work: Work, order: WorkOrder) -> None:
    """Cancel an order as a step. Raises NotAllowedNow."""
    order.state = ORDER_MOVES.check(order.state, OrderState.CANCELLED)
    order.end_pause()
    order.finished_at, order.next_step_at = work.at, None
    if order.batch_id is not None:
        work.note(withdrawn=withdraw_commands(work, order.batch_id))
        work.note(already_sent=_sent(work, order.batch_id))
    work.publish(OrderCancelled(order_id=order.id))


def _sent(work: Work, batch_id: int) -> int:
    return (
        work.session.scalar(
            select(func.count())
            .select_from(DeviceCommand)
            .where(
                DeviceCommand.batch_id == batch_id, DeviceCommand.state != CommandState.CANCELLED
            )
        )
        or 0
    )
