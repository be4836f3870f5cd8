"""From stage to stage: begin, go on when enough devices did it, stand still when too many failed."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from sqlalchemy import func, select, text

from servicedesk.clients.contracts import contract_in_force
from servicedesk.core import clock, trace
from servicedesk.core.actors import SYSTEM
from servicedesk.core.errors import NotAllowedNow
from servicedesk.core.text import msgid
from servicedesk.core.unit_of_work import unit_of_work
from servicedesk.devices.brakes import lock_brakes, standing_stop
from servicedesk.devices.catalogue import action_named
from servicedesk.devices.commands import CommandBatch, CommandState, DeviceCommand
from servicedesk.devices.dispatch import add_commands, hold, open_batch
from servicedesk.devices.models import Device
from servicedesk.orders.checking import COLUMNS, verdict_columns, verdicts
from servicedesk.orders.configuration import change_desired, let_go_policies
from servicedesk.orders.events import OrderFinished, OrderPaused, OrderStarted, StageStarted
from servicedesk.orders.models import (
    ORDER_MOVES,
    OrderStage,
    OrderState,
    OrderTarget,
    PauseReason,
    StageState,
    WorkOrder,
)
from servicedesk.orders.stages import STAGED_FROM, allowed_failures, is_proven

if TYPE_CHECKING:
    from collections.abc import Sequence

    from servicedesk.core.unit_of_work import Work
    from servicedesk.devices.compatibility import Verdict

FAILURES = (CommandState.FAILED, CommandState.EXPIRED, CommandState.UNKNOWN)
OPEN = (CommandState.QUEUED, CommandState.SENT, CommandState.NOT_NOW)


class NoDeviceAble(NotAllowedNow):
    """Every device was refused."""

    code = "no-device-able"
    sentence = msgid("None of the devices can do this any more: nothing was sent.")


def begin(work: Work, order: WorkOrder) -> None:
    """Command the devices of the first stage that has any.

    What changes the devices' policy changes it first, for all of them; each is told when its stage
    comes. Raises NoDeviceAble, or what the change refuses.
    """
    change_desired(work, order)
    if not _start_next_stage(work, order):
        raise NoDeviceAble


def _start_next_stage(work: Work, order: WorkOrder) -> int:
    """Start the first waiting stage with a device that can; return how many it commands."""
    for stage in stages_of(work, order):
        if stage.state is not StageState.WAITING:
            continue
        able = _able_devices(work, order, stage)
        if not able:
            stage.state = StageState.DONE
            continue
        _command(work, order, stage, able)
        return len(able)
    order.next_step_at = None
    return 0


def _command(work: Work, order: WorkOrder, stage: OrderStage, able: Sequence[Any]) -> None:
    action = action_named(order.action_code)
    is_first = order.batch_id is None
    if order.batch_id is None:
        device = work.session.get_one(Device, able[0].id)
        batch = open_batch(work, action, order.parameters, device, is_wide=order.is_wide)
        order.batch_id = batch.id
    else:
        batch = work.session.get_one(CommandBatch, order.batch_id)
    ids = [device.id for device in able]
    if action.changes_policy:
        let_go_policies(work, ids)
    add_commands(work, batch, ids, work.at + action.not_after)
    stages = stages_of(work, order)
    for earlier in stages:
        if earlier.number < stage.number:
            earlier.state = StageState.DONE
    stage.state, stage.started_at, stage.commanded = StageState.RUNNING, work.at, len(able)
    has_more = any(later.state is StageState.WAITING for later in stages)
    order.next_step_at = work.at + timedelta(minutes=stage.wait_minutes) if has_more else None
    order.state = (
        order.state
        if order.state is OrderState.EXECUTING
        else ORDER_MOVES.check(order.state, OrderState.EXECUTING)
    )
    if is_first:
        work.publish(OrderStarted(order_id=order.id, devices=len(able)))
    else:
        work.publish(StageStarted(order_id=order.id, number=stage.number, devices=len(able)))


def stages_of(work: Work, order: WorkOrder) -> Sequence[OrderStage]:
    """Return the order's stages in their turn."""
    return work.session.scalars(
        select(OrderStage).where(OrderStage.order_id == order.id).order_by(OrderStage.number)
    ).all()


UPDATE_VERDICTS = text(
    "UPDATE order_target SET possible = new.possible, reason = new.reason,"
    " reason_values = new.reason_values"
    " FROM unnest(CAST(:ids AS bigint[]), CAST(:possible AS boolean[]), CAST(:reasons AS text[]),"
    " CAST(:reason_values AS jsonb[])) AS new(id, possible, reason, reason_values)"
    " WHERE order_target.order_id = :order_id AND order_target.device_id = new.id"
)


def _able_devices(work: Work, order: WorkOrder, stage: OrderStage) -> list[Any]:
    """Judge the stage's devices as they are now, store what changed, return those that can."""
    rows = work.session.execute(
        select(*COLUMNS, OrderTarget.possible, OrderTarget.reason, OrderTarget.reason_values)
        .join(OrderTarget, OrderTarget.device_id == Device.id)
        .where(
            OrderTarget.order_id == order.id,
            OrderTarget.position >= stage.first,
            OrderTarget.position < stage.until,
        )
        .order_by(OrderTarget.position)
    ).all()
    contract = contract_in_force(work.session, order.client_id, work.at.date())
    action = action_named(order.action_code)
    judged = verdicts(work.session, action, rows, contract, work.at.date(), rule_id=order.rule_id)
    changed = [
        (row, verdict)
        for row, verdict in zip(rows, judged, strict=True)
        if (row.possible, row.reason, row.reason_values) != _as_stored(verdict)
    ]
    if changed:
        work.session.execute(
            UPDATE_VERDICTS,
            {
                "order_id": order.id,
                "ids": [row.id for row, _verdict in changed],
                **verdict_columns([verdict for _row, verdict in changed]),
            },
        )
    return [row for row, verdict in zip(rows, judged, strict=True) if verdict.possible]


def _as_stored(verdict: Verdict) -> tuple[bool, str | None, dict[str, Any] | None]:
    if verdict.reason is None:
        return verdict.possible, None, None
    return verdict.possible, verdict.reason.msgid, dict(verdict.reason.values)


def due_orders(limit: int = 100) -> list[int]:
    """Return ids of orders that may begin or go on, longest due first."""
    with unit_of_work(SYSTEM, "orders.due") as work:
        return list(
            work.session.scalars(
                select(WorkOrder.id)
                .where(WorkOrder.next_step_at <= clock.now())
                .order_by(WorkOrder.next_step_at)
                .limit(limit)
            )
        )


def advance(order_id: int) -> None:
    """Begin an order whose time has come, or start its next stage if the last one proved well."""
    with unit_of_work(SYSTEM, "orders.advance") as work:
        order = work.session.get(WorkOrder, order_id, with_for_update={"skip_locked": True})
        if order is None or order.next_step_at is None or order.next_step_at > work.at:
            return
        trace.follow(order.trace)
        work.concerns(order.client_id, order.reference)
        if _is_stopped(work, order):
            pause(work, order, PauseReason.STOP)
        elif order.state is OrderState.SCHEDULED:
            _begin_or_hand_back(work, order)
        elif order.state is OrderState.EXECUTING:
            _go_on(work, order)


def give_up(order_id: int) -> None:
    """Cancel an order whose time has come when nobody asks for it any more."""
    with unit_of_work(SYSTEM, "orders.give_up") as work:
        order = work.session.get_one(WorkOrder, order_id, with_for_update=True)
        work.concerns(order.client_id, order.reference)
        if order.state is OrderState.SCHEDULED:
            order.state = ORDER_MOVES.check(order.state, OrderState.CANCELLED)
            order.finished_at = work.at
        order.next_step_at = None


def _is_stopped(work: Work, order: WorkOrder) -> bool:
    if not action_named(order.action_code).is_destructive:
        return False
    lock_brakes(work, order.client_id)
    return standing_stop(work.session, order.client_id) is not None


def _begin_or_hand_back(work: Work, order: WorkOrder) -> None:
    change_desired(work, order)
    if _start_next_stage(work, order):
        return
    # nobody is there to be told by an error: the order ends with its refusals on it
    order.state = ORDER_MOVES.check(order.state, OrderState.CANCELLED)
    order.finished_at = work.at


def _go_on(work: Work, order: WorkOrder) -> None:
    counts = counts_of(work, order)
    failed = sum(counts.get(state, 0) for state in FAILURES)
    did_it, commanded = counts.get(CommandState.ACKNOWLEDGED, 0), sum(counts.values())
    if has_failed_too_often(work, order, failed):
        pause(work, order, PauseReason.FAILURES)
    elif is_proven(did_it, failed - order.forgiven, commanded, order.failure_percent):
        if not _start_next_stage(work, order):
            settle(work, order)
    elif not any(counts.get(state) for state in OPEN):
        # all have answered, too few did it, and yet not enough to stop by the threshold
        pause(work, order, PauseReason.FAILURES)


def counts_of(work: Work, order: WorkOrder) -> dict[CommandState, int]:
    """Return how many commands of an order are in which state."""
    rows = work.session.execute(
        select(DeviceCommand.state, func.count())
        .where(DeviceCommand.batch_id == order.batch_id)
        .group_by(DeviceCommand.state)
    )
    return {row[0]: row[1] for row in rows}


def failures_of(work: Work, order: WorkOrder) -> int:
    """Return how many of an order's devices did not do it."""
    return (
        work.session.scalar(
            select(func.count())
            .select_from(DeviceCommand)
            .where(DeviceCommand.batch_id == order.batch_id, DeviceCommand.state.in_(FAILURES))
        )
        or 0
    )


def has_failed_too_often(work: Work, order: WorkOrder, failed: int) -> bool:
    """Whether more devices failed than a wide order bears."""
    if order.target_count <= STAGED_FROM:
        return False  # all were commanded at once: a person decides about the rest
    commanded = sum(stage.commanded for stage in stages_of(work, order))
    return failed - order.forgiven > allowed_failures(order.failure_percent, commanded)


def pause(work: Work, order: WorkOrder, reason: PauseReason) -> None:
    """Let nothing more of an order leave, from the commit on."""
    order.state = ORDER_MOVES.check(order.state, OrderState.PAUSED)
    order.pause_reason, order.paused_at = reason, work.at
    order.paused_by_name, order.next_step_at = work.actor.name, None
    if order.batch_id is not None:
        hold(work, order.batch_id)
    work.publish(OrderPaused(order_id=order.id))


def settle(work: Work, order: WorkOrder) -> None:
    """Finish an order whose last device has answered; ask for a decision if some did not do it."""
    stages = stages_of(work, order)
    if any(stage.state is StageState.WAITING for stage in stages):
        return
    counts = counts_of(work, order)
    if any(counts.get(state) for state in OPEN):
        return
    did_all = set(counts) == {CommandState.ACKNOWLEDGED}
    state = OrderState.DONE if did_all else OrderState.NEEDS_DECISION
    if state is order.state:
        return
    order.state = ORDER_MOVES.check(order.state, state)
    order.end_pause()
    for stage in stages:
        stage.state = StageState.DONE
    order.next_step_at, order.finished_at = None, work.at if did_all else None
    work.concerns(order.client_id, order.reference)
    work.publish(OrderFinished(order_id=order.id, all_done=did_all))
