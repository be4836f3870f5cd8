"""Execution: from a checked, approved order to commands, and what to do about those that failed."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from sqlalchemy import func, select

from servicedesk.clients.contracts import contract_in_force
from servicedesk.core import trace
from servicedesk.core.errors import NotAllowedNow, NotFound
from servicedesk.core.permissions import Permission, require
from servicedesk.core.text import msgid
from servicedesk.core.unit_of_work import unit_of_work
from servicedesk.devices.brakes import allowance, lock_brakes, standing_stop
from servicedesk.devices.catalogue import action_named
from servicedesk.devices.commands import CommandState, DeviceCommand
from servicedesk.devices.dispatch import let_go
from servicedesk.devices.instructions import is_repeatable
from servicedesk.devices.settlement import decide, send_again
from servicedesk.orders.approval import ContentChanged, locked_order, present_hash
from servicedesk.orders.events import OrderFinished, OrderResumed, OrderScheduled, OrderStarted
from servicedesk.orders.models import (
    ORDER_MOVES,
    OrderState,
    OrderTarget,
    WorkOrder,
)
from servicedesk.orders.progress import FAILURES, begin, failures_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from servicedesk.core.actors import Actor
    from servicedesk.core.unit_of_work import Work


class NotApproved(NotAllowedNow):
    """A destructive order without its second person."""

    code = "not-approved"
    sentence = msgid("A second person has to approve this before it is executed.")


class ClientStopped(NotAllowedNow):
    """Somebody has stopped everything destructive of the client."""

    code = "stopped"
    sentence = msgid(
        "Everything destructive of this client is stopped until two people release it."
    )


class LimitReached(NotAllowedNow):
    """The hour's or the day's limit of wipes."""

    code = "limit-reached"
    sentence = msgid(
        "The limit of wipes of this client is reached: %(left)s may leave now, more from %(more_at)s."
    )


class NotSafeToRepeat(NotAllowedNow):
    """It may have happened, and doing it twice would not be harmless."""

    code = "not-safe-to-repeat"
    sentence = msgid("It may have happened already: it is not sent again without a new order.")


def execute_order(actor: Actor, reference: str) -> WorkOrder:
    """Check every device once more and command those of the first stage that are able.

    What is wide and destructive only begins after its cancel window. The commands, their jobs and
    the order's new state are one transaction; nothing is sent before it holds. Raises NotFound,
    Forbidden, NotApproved, ClientStopped, LimitReached, NoDeviceAble; then nothing has changed.
    """
    with unit_of_work(actor, "orders.execute") as work:
        order = locked_order(work, reference)
        execute(work, order)
    return order


def execute(work: Work, order: WorkOrder) -> None:
    """Execute an order that the caller has to itself, as a step of whatever caused it."""
    require(work.actor, Permission.ORDER_EXECUTE)
    if order.state is OrderState.AWAITING_APPROVAL:
        raise NotApproved
    if order.state not in {OrderState.DRAFT, OrderState.APPROVED}:
        raise NotAllowedNow
    if order.needs_approval and present_hash(work, order) != order.approved_hash:
        raise ContentChanged
    order.executed_by_name, order.executed_at = work.actor.name, work.at
    order.trace = trace.current() or None
    if not action_named(order.action_code).is_destructive:
        begin(work, order)
    elif order.is_wide:
        _check_stop(work, order)
        _schedule(work, order)
    else:
        _check_stop(work, order)
        _check_limits(work, order)
        begin(work, order)


def _check_stop(work: Work, order: WorkOrder) -> None:
    lock_brakes(work, order.client_id)
    if standing_stop(work.session, order.client_id) is not None:
        raise ClientStopped


def _check_limits(work: Work, order: WorkOrder) -> None:
    contract = contract_in_force(work.session, order.client_id, work.at.date())
    if contract is None:
        return  # every verdict refuses it
    allowed = allowance(work.session, contract, work.at, sent=False)
    wanted = work.session.scalar(
        select(func.count())
        .select_from(OrderTarget)
        .where(OrderTarget.order_id == order.id, OrderTarget.possible)
    )
    if (wanted or 0) > allowed.left:
        more_at = allowed.more_at.strftime("%H:%M UTC") if allowed.more_at else "—"
        raise LimitReached(left=max(0, allowed.left), more_at=more_at)


def _schedule(work: Work, order: WorkOrder) -> None:
    """Have it begin by itself when its cancel window is over."""
    contract = contract_in_force(work.session, order.client_id, work.at.date())
    window = timedelta(minutes=contract.cancel_window_minutes if contract else 30)
    order.state = ORDER_MOVES.check(order.state, OrderState.SCHEDULED)
    order.next_step_at = work.at + window
    work.publish(OrderScheduled(order_id=order.id, begins_at=order.next_step_at))


def resume_order(actor: Actor, reference: str) -> WorkOrder:
    """Let a paused order go on; failures so far are accepted and counted no more.

    Raises NotFound, Forbidden, NotAllowedNow, ClientStopped.
    """
    with unit_of_work(actor, "orders.resume") as work:
        order = locked_order(work, reference)
        require(actor, Permission.ORDER_EXECUTE)
        if order.state is not OrderState.PAUSED:
            raise NotAllowedNow
        if action_named(order.action_code).is_destructive:
            _check_stop(work, order)
        if order.batch_id is None:
            order.end_pause()
            _schedule(work, order)  # the cancel window begins anew
            return order
        order.forgiven = failures_of(work, order)
        order.end_pause()
        order.state = ORDER_MOVES.check(order.state, OrderState.EXECUTING)
        waiting = let_go(work, order.batch_id)
        order.next_step_at = work.at  # the clock looks whether the next stage may begin
        work.note(forgiven=order.forgiven, waiting=waiting)
        work.publish(OrderResumed(order_id=order.id))
    return order


def retry_failed(actor: Actor, reference: str) -> WorkOrder:
    """Send again to the devices that failed or let it expire, where doing it twice is harmless.

    Raises NotFound, Forbidden, NotAllowedNow, NotSafeToRepeat.
    """
    with unit_of_work(actor, "orders.retry") as work:
        order = locked_order(work, reference)
        require(actor, Permission.ORDER_EXECUTE)
        if order.batch_id is None:
            raise NotAllowedNow
        action = action_named(order.action_code)
        if not is_repeatable(action.sends):
            raise NotSafeToRepeat
        commands = _commands(work, order, FAILURES)
        if not commands:
            raise NotAllowedNow
        for command in commands:
            send_again(work, command, work.at + action.not_after)
        was_paused = order.state is OrderState.PAUSED
        order.end_pause()
        order.state = ORDER_MOVES.check(order.state, OrderState.EXECUTING)
        if was_paused:
            let_go(work, order.batch_id)
            order.next_step_at = work.at
        order.forgiven = 0
        work.note(retried=len(commands))
        work.publish(OrderStarted(order_id=order.id, devices=len(commands)))
    return order


def accept_rest(actor: Actor, reference: str) -> WorkOrder:
    """Leave the devices that did not do it as they are: the order is over.

    Raises NotFound, Forbidden, NotAllowedNow.
    """
    with unit_of_work(actor, "orders.accept_rest") as work:
        order = locked_order(work, reference)
        require(actor, Permission.ORDER_EXECUTE)
        if order.state is not OrderState.NEEDS_DECISION:
            raise NotAllowedNow
        order.state = ORDER_MOVES.check(order.state, OrderState.DONE)
        order.finished_at = work.at
        work.publish(OrderFinished(order_id=order.id, all_done=False))
    return order


def settle_unknown(actor: Actor, reference: str, command_id: int, *, happened: bool) -> None:
    """Record what a person found out about a command whose outcome is unknown.

    Raises NotFound, Forbidden, NotAllowedNow.
    """
    with unit_of_work(actor, "orders.settle_unknown") as work:
        order = locked_order(work, reference)
        require(actor, Permission.ORDER_EXECUTE)
        command = work.session.scalar(
            select(DeviceCommand)
            .where(DeviceCommand.id == command_id, DeviceCommand.batch_id == order.batch_id)
            .with_for_update()
        )
        if command is None:
            raise NotFound
        if command.state is not CommandState.UNKNOWN:
            raise NotAllowedNow
        work.note(happened=happened, device=command.device_id)
        decide(work, command, CommandState.ACKNOWLEDGED if happened else CommandState.FAILED)


def _commands(work: Work, order: WorkOrder, states: Sequence[CommandState]) -> list[DeviceCommand]:
    return list(
        work.session.scalars(
            select(DeviceCommand)
            .where(DeviceCommand.batch_id == order.batch_id, DeviceCommand.state.in_(states))
            .order_by(DeviceCommand.id)
            .with_for_update()
        )
    )
