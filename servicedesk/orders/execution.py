"""Execution: from a checked, approved order to commands, and what to do about those that failed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import select
from sqlalchemy.orm import joinedload

from servicedesk.core.errors import NotAllowedNow, NotFound
from servicedesk.core.permissions import Permission, require
from servicedesk.core.text import msgid
from servicedesk.core.unit_of_work import unit_of_work
from servicedesk.devices.catalogue import action_named
from servicedesk.devices.commands import CommandState, DeviceCommand
from servicedesk.devices.dispatch import queue_commands
from servicedesk.devices.instructions import is_repeatable
from servicedesk.devices.settlement import decide, send_again
from servicedesk.orders.approval import ContentChanged, locked_order, present_hash
from servicedesk.orders.checking import contract_in_force, verdicts
from servicedesk.orders.events import OrderFinished, OrderStarted
from servicedesk.orders.models import ORDER_MOVES, OrderState, OrderTarget, WorkOrder

if TYPE_CHECKING:
    from servicedesk.core.actors import Actor
    from servicedesk.core.unit_of_work import Work
    from servicedesk.devices.models import Device


class NotApproved(NotAllowedNow):
    """A destructive order without its second person."""

    code = "not-approved"
    sentence = msgid("A second person has to approve this before it is executed.")


class NoDeviceAble(NotAllowedNow):
    """Every device was refused."""

    code = "no-device-able"
    sentence = msgid("None of the devices can do this any more: nothing was sent.")


class NotSafeToRepeat(NotAllowedNow):
    """It may have happened, and doing it twice would not be harmless."""

    code = "not-safe-to-repeat"
    sentence = msgid("It may have happened already: it is not sent again without a new order.")


def execute_order(actor: Actor, reference: str) -> WorkOrder:
    """Check every device once more and queue one command for each that is able.

    The commands, their jobs and the order's new state are one transaction; nothing is sent before
    it holds. Raises NotFound, Forbidden, NotApproved, NoDeviceAble; then nothing has changed.
    """
    with unit_of_work(actor, "orders.execute") as work:
        order = locked_order(work, reference)
        require(actor, Permission.ORDER_EXECUTE)
        if order.state is OrderState.AWAITING_APPROVAL:
            raise NotApproved
        if order.state not in {OrderState.DRAFT, OrderState.APPROVED}:
            raise NotAllowedNow
        if order.needs_approval and present_hash(work, order) != order.approved_hash:
            raise ContentChanged
        able = _able_devices(work, order)
        if not able:
            raise NoDeviceAble
        action = action_named(order.action_code)
        order.state = ORDER_MOVES.check(order.state, OrderState.EXECUTING)
        order.batch_id = queue_commands(work, action, order.parameters, able).id
        order.executed_by_name, order.executed_at = actor.name, work.at
        work.publish(OrderStarted(order_id=order.id, devices=len(able)))
    return order


def _able_devices(work: Work, order: WorkOrder) -> list[Device]:
    """Judge the targets as they are now, store the verdicts, return those that can."""
    targets = work.session.scalars(
        select(OrderTarget)
        .options(joinedload(OrderTarget.device, innerjoin=True))
        .where(OrderTarget.order_id == order.id)
        .order_by(OrderTarget.device_id)
    ).all()
    devices = [target.device for target in targets]
    contract = contract_in_force(work.session, order.client_id, work.at.date())
    action = action_named(order.action_code)
    judged = verdicts(work.session, action, devices, contract, work.at.date())
    for target, verdict in zip(targets, judged, strict=True):
        target.possible = verdict.possible
        target.reason = verdict.reason.msgid if verdict.reason else None
        target.reason_values = dict(verdict.reason.values) if verdict.reason else None
    return [target.device for target in targets if target.possible]


def retry_failed(actor: Actor, reference: str) -> WorkOrder:
    """Send again to the devices that failed or let it expire, where doing it twice is harmless.

    Raises NotFound, Forbidden, NotAllowedNow, NotSafeToRepeat.
    """
    with unit_of_work(actor, "orders.retry") as work:
        order = locked_order(work, reference)
        require(actor, Permission.ORDER_EXECUTE)
        order.state = ORDER_MOVES.check(order.state, OrderState.EXECUTING)
        action = action_named(order.action_code)
        if not is_repeatable(action.sends):
            raise NotSafeToRepeat
        commands = _commands(
            work, order, {CommandState.FAILED, CommandState.EXPIRED, CommandState.UNKNOWN}
        )
        if not commands:
            raise NotAllowedNow
        for command in commands:
            send_again(work, command, work.at + action.not_after)
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


def _commands(work: Work, order: WorkOrder, states: set[CommandState]) -> list[DeviceCommand]:
    return list(
        work.session.scalars(
            select(DeviceCommand)
            .where(DeviceCommand.batch_id == order.batch_id, DeviceCommand.state.in_(states))
            .order_by(DeviceCommand.id)
            .with_for_update()
        )
    )
