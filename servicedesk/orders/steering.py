"""Steering an order that is planned or under way: its stages, pause, going on now, cancelling the rest."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import delete

from servicedesk.core.errors import InvalidInput, NotAllowedNow
from servicedesk.core.permissions import Permission, may, require
from servicedesk.core.text import msgid
from servicedesk.core.unit_of_work import unit_of_work
from servicedesk.orders.approval import locked_order
from servicedesk.orders.drafting import write_stages
from servicedesk.orders.models import (
    OrderStage,
    OrderState,
    PauseReason,
    StageState,
    WorkOrder,
)
from servicedesk.orders.progress import pause, stages_of
from servicedesk.orders.stages import plan_of
from servicedesk.orders.withdrawal import withdraw

if TYPE_CHECKING:
    from collections.abc import Sequence

    from servicedesk.core.actors import Actor
    from servicedesk.core.unit_of_work import Work

ENDED = frozenset({OrderState.DONE, OrderState.CANCELLED})
MOST_PERCENT = 50


class UnderWay(NotAllowedNow):
    """Devices are being commanded."""

    code = "under-way"
    sentence = msgid("Its work order is under way. Cancel the order first.")


def plan_stages(
    actor: Actor, reference: str, sizes: Sequence[str], waits: Sequence[str], failure_percent: str
) -> WorkOrder:
    """Cut what has not begun into other stages.

    Raises NotFound, Forbidden, NotAllowedNow, InvalidInput at `sizes`, `waits`, `failure_percent`.
    """
    with unit_of_work(actor, "orders.plan_stages") as work:
        order = locked_order(work, reference)
        require(actor, Permission.ORDER_EXECUTE)
        begun = [stage for stage in stages_of(work, order) if stage.state is not StageState.WAITING]
        after = max((stage.until for stage in begun), default=0)
        if order.state in ENDED or after == order.target_count:
            raise NotAllowedNow
        plan = plan_of(sizes, waits, order.target_count - after)
        order.failure_percent = _percent(failure_percent)
        work.session.execute(
            delete(OrderStage).where(
                OrderStage.order_id == order.id, OrderStage.state == StageState.WAITING
            )
        )
        work.session.expire_all()
        write_stages(work, order, plan, after=after, number=len(begun) + 1)
        work.note(
            stages=[[stage.size, stage.wait_minutes] for stage in plan],
            failure_percent=order.failure_percent,
        )
    return order


def _percent(text: str) -> int:
    text = text.strip().removesuffix("%").strip()
    if not text.isascii() or not text.isdigit() or int(text) > MOST_PERCENT:
        raise InvalidInput(
            msgid("Write a whole number from 0 to %(most)s."),
            field="failure_percent",
            most=MOST_PERCENT,
        )
    return int(text)


def pause_order(actor: Actor, reference: str) -> WorkOrder:
    """Let nothing more leave for now. Raises NotFound, Forbidden, NotAllowedNow."""
    with unit_of_work(actor, "orders.pause") as work:
        order = locked_order(work, reference)
        require(actor, Permission.ORDER_EXECUTE)
        if order.state not in {OrderState.EXECUTING, OrderState.SCHEDULED}:
            raise NotAllowedNow
        pause(work, order, PauseReason.PERSON)
    return order


def go_on_now(actor: Actor, reference: str) -> WorkOrder:
    """Do not wait any longer for the next stage; it still begins only if the last one proved well.

    Raises NotFound, Forbidden, NotAllowedNow; the cancel window of a wide wipe is not cut short.
    """
    with unit_of_work(actor, "orders.go_on_now") as work:
        order = locked_order(work, reference)
        require(actor, Permission.ORDER_EXECUTE)
        if order.state is not OrderState.EXECUTING or order.next_step_at is None:
            raise NotAllowedNow
        order.next_step_at = work.at
    return order


def cancel_order(actor: Actor, reference: str) -> WorkOrder:
    """Send nothing more. What has left goes on to its outcome and is still recorded.

    A contact may cancel their own order until it has begun, and any of their company's that waits
    in its cancel window. Raises NotFound, Forbidden, NotAllowedNow.
    """
    with unit_of_work(actor, "orders.cancel") as work:
        order = locked_order(work, reference)
        if not may_withdraw(actor, order):
            require(actor, Permission.ORDER_EXECUTE)
        withdraw(work, order)
    return order


def may_withdraw(actor: Actor, order: WorkOrder) -> bool:
    """Whether a contact may cancel the order."""
    if not actor.is_contact or order.batch_id is not None:
        return False
    return order.author_id == actor.user_id or (
        order.state is OrderState.SCHEDULED and may(actor, Permission.DESTRUCTION_STOP)
    )


def withdraw_orders(work: Work, orders: Sequence[WorkOrder]) -> None:
    """Cancel what was asked for with a ticket that is withdrawn, as a step of that.

    Raises NotAllowedNow when one is on its way to the devices: that is cancelled by itself, with
    open eyes.
    """
    for order in orders:
        if order.batch_id is not None and order.state not in ENDED:
            raise UnderWay
        if order.state not in ENDED:
            withdraw(work, order)
