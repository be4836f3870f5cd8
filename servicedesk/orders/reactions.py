"""What orders do when devices answer, inside the transaction of the answer."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import func, select

from servicedesk.devices.commands import CommandState, DeviceCommand
from servicedesk.orders.events import OrderFinished
from servicedesk.orders.models import ORDER_MOVES, OrderState, WorkOrder

if TYPE_CHECKING:
    from servicedesk.core.unit_of_work import Work
    from servicedesk.devices.events import CommandSettled

_OPEN = (CommandState.QUEUED, CommandState.SENT, CommandState.NOT_NOW)
_LISTENING = frozenset({OrderState.EXECUTING, OrderState.NEEDS_DECISION})


def on_command_settled(work: Work, event: CommandSettled) -> None:
    """Finish the order when its last device has answered; ask for a decision if some did not do it."""
    # answers arrive side by side: the lock makes the last one see all the others
    order = work.session.scalar(
        select(WorkOrder).where(WorkOrder.batch_id == event.batch_id).with_for_update()
    )
    if order is None or order.state not in _LISTENING:
        return
    work.session.flush()
    rows = work.session.execute(
        select(DeviceCommand.state, func.count())
        .where(DeviceCommand.batch_id == event.batch_id)
        .group_by(DeviceCommand.state)
    )
    counts = {row[0]: row[1] for row in rows}
    if any(counts.get(state) for state in _OPEN):
        return
    did_all = set(counts) == {CommandState.ACKNOWLEDGED}
    state = OrderState.DONE if did_all else OrderState.NEEDS_DECISION
    if state is order.state:
        return
    order.state = ORDER_MOVES.check(order.state, state)
    order.finished_at = work.at if did_all else None
    work.concerns(order.client_id, order.reference)
    work.publish(OrderFinished(order_id=order.id, all_done=did_all))
