"""What orders do when devices answer, inside the transaction of the answer."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import select

from servicedesk.devices.commands import DeviceCommand
from servicedesk.orders.models import OrderState, PauseReason, WorkOrder
from servicedesk.orders.progress import (
    FAILURES,
    OPEN,
    failures_of,
    has_failed_too_often,
    pause,
    settle,
)

if TYPE_CHECKING:
    from servicedesk.core.unit_of_work import Work
    from servicedesk.devices.events import CommandSettled

_LISTENING = frozenset({OrderState.EXECUTING, OrderState.PAUSED, OrderState.NEEDS_DECISION})


def on_command_settled(work: Work, event: CommandSettled) -> None:
    """Finish the order when its last device has answered; stop it when too many failed."""
    # answers arrive side by side: the lock makes the last one see all the others
    order = work.session.scalar(
        select(WorkOrder).where(WorkOrder.batch_id == event.batch_id).with_for_update()
    )
    if order is None or order.state not in _LISTENING:
        return
    work.session.flush()
    is_bad_news = _failed(work, event.command_id) and order.state is OrderState.EXECUTING
    if is_bad_news and has_failed_too_often(work, order, failures_of(work, order)):
        pause(work, order, PauseReason.FAILURES)
    elif not _has_open(work, order):
        settle(work, order)


def _failed(work: Work, command_id: int) -> bool:
    """Whether it was no success: most answers of a wide order are, and cost no counting."""
    return work.session.get_one(DeviceCommand, command_id).state in FAILURES


def _has_open(work: Work, order: WorkOrder) -> bool:
    """Whether a device is still to answer; looks no further than the first."""
    return (
        work.session.scalar(
            select(DeviceCommand.id)
            .where(DeviceCommand.batch_id == order.batch_id, DeviceCommand.state.in_(OPEN))
            .limit(1)
        )
        is not None
    )
