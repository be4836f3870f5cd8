"""The second person: approves what cannot be undone, never what they asked for themselves."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import select

from servicedesk.clients.visibility import visible_to
from servicedesk.core.errors import Forbidden, NotAllowedNow, NotFound
from servicedesk.core.permissions import Permission, require
from servicedesk.core.text import msgid
from servicedesk.core.unit_of_work import unit_of_work
from servicedesk.devices.commands import CommandState, DeviceCommand
from servicedesk.devices.dispatch import withdraw_commands
from servicedesk.orders.events import OrderApproved, OrderCancelled
from servicedesk.orders.models import (
    ORDER_MOVES,
    OrderState,
    OrderTarget,
    WorkOrder,
    content_hash,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from servicedesk.core.actors import Actor
    from servicedesk.core.unit_of_work import Work


class OwnApproval(Forbidden):
    """The author wants to approve."""

    code = "own-approval"
    sentence = msgid("You asked for this yourself: somebody else has to approve it.")


class ContentChanged(NotAllowedNow):
    """The order is not what it was when it was drafted."""

    code = "content-changed"
    sentence = msgid("The order was changed after it was drafted: it cannot be approved.")


class UnderWay(NotAllowedNow):
    """Devices are being commanded."""

    code = "under-way"
    sentence = msgid("Its work order is under way. Cancel the order first.")


ENDED = frozenset({OrderState.DONE, OrderState.CANCELLED})


def locked_order(work: Work, reference: str) -> WorkOrder:
    """Return the order under lock. Raises NotFound, also for another client's."""
    order = work.session.scalars(
        select(WorkOrder)
        .where(WorkOrder.reference == reference, visible_to(work.actor, WorkOrder.client_id))
        .with_for_update()
    ).one_or_none()
    if order is None:
        raise NotFound
    work.concerns(order.client_id, order.reference)
    return order


def present_hash(work: Work, order: WorkOrder) -> str:
    """Return the hash of what the order would do now, from its rows."""
    ids = work.session.scalars(
        select(OrderTarget.device_id).where(OrderTarget.order_id == order.id)
    ).all()
    return content_hash(order.client_id, order.action_code, order.parameters, list(ids))


def approve_order(actor: Actor, reference: str) -> WorkOrder:
    """Approve an order as it stands. Raises NotFound, Forbidden, OwnApproval, NotAllowedNow."""
    with unit_of_work(actor, "orders.approve") as work:
        order = locked_order(work, reference)
        require(actor, Permission.ORDER_APPROVE)
        if order.author_id == actor.user_id:
            raise OwnApproval
        if order.state not in {OrderState.AWAITING_APPROVAL, OrderState.DRAFT}:
            raise NotAllowedNow
        if present_hash(work, order) != order.content_hash:
            raise ContentChanged
        order.state = ORDER_MOVES.check(order.state, OrderState.APPROVED)
        order.approved_by_id, order.approved_by_name = actor.user_id, actor.name
        order.approved_at, order.approved_hash = work.at, order.content_hash
        work.publish(OrderApproved(order_id=order.id))
    return order


def cancel_order(actor: Actor, reference: str) -> WorkOrder:
    """Send nothing more. What has left goes on to its outcome and is still recorded.

    A contact may cancel their own order until it is executed. Raises NotFound, Forbidden,
    NotAllowedNow.
    """
    with unit_of_work(actor, "orders.cancel") as work:
        order = locked_order(work, reference)
        if not (actor.is_contact and order.author_id == actor.user_id and order.batch_id is None):
            require(actor, Permission.ORDER_EXECUTE)
        _withdraw(work, order)
    return order


def withdraw_orders(work: Work, orders: Sequence[WorkOrder]) -> None:
    """Cancel what was asked for with a ticket that is withdrawn, as a step of that.

    Raises NotAllowedNow when one is on its way to the devices: that is cancelled by itself, with
    open eyes.
    """
    for order in orders:
        if order.batch_id is not None and order.state not in ENDED:
            raise UnderWay
        if order.state not in ENDED:
            _withdraw(work, order)


def _withdraw(work: Work, order: WorkOrder) -> None:
    order.state = ORDER_MOVES.check(order.state, OrderState.CANCELLED)
    order.finished_at = work.at
    if order.batch_id is not None:
        work.note(withdrawn=withdraw_commands(work, order.batch_id))
        work.note(already_sent=_sent(work, order.batch_id))
    work.publish(OrderCancelled(order_id=order.id))


def _sent(work: Work, batch_id: int) -> int:
    return len(
        work.session.scalars(
            select(DeviceCommand.id).where(
                DeviceCommand.batch_id == batch_id, DeviceCommand.state != CommandState.CANCELLED
            )
        ).all()
    )
