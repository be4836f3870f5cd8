"""From a decision to the engine: commands are written first, then each leaves at most once.

The life of a call: the command is marked *sent* and committed; the engine is called; what it said
is recorded in a second transaction. A process that dies between the two leaves a command that is
*sent* and not accepted: `reconciliation.py` asks the engine about it and never sends blindly.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any, cast

import structlog
from sqlalchemy import select, text, update
from sqlalchemy.orm import joinedload

from servicedesk.clients.contracts import contract_in_force
from servicedesk.core import trace
from servicedesk.core.actors import SYSTEM
from servicedesk.core.database import expect_rows
from servicedesk.core.restored import nothing_leaves
from servicedesk.core.unit_of_work import unit_of_work
from servicedesk.devices import brakes, fleet_engines
from servicedesk.devices.commands import (
    COMMAND_MOVES,
    RECONCILE_COMMANDS,
    SEND_COMMANDS,
    CommandBatch,
    CommandState,
    DeviceCommand,
)
from servicedesk.devices.engines.contract import EngineOrder
from servicedesk.devices.events import CommandSettled
from servicedesk.devices.instructions import (
    ApplyPolicy,
    EnrolDevice,
    Instruction,
    instruction_from_json,
)
from servicedesk.devices.models import Device
from servicedesk.devices.policies.compilation import policy_for
from servicedesk.devices.settlement import record_submission

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from sqlalchemy import CursorResult
    from sqlalchemy.orm import Session

    from servicedesk.core.unit_of_work import Work
    from servicedesk.devices.catalogue.action import ManagedAction

LOOK_AGAIN = timedelta(minutes=1)  # at what a stop keeps back
log = structlog.get_logger("servicedesk.devices")

JOB_SIZE = 100  # commands a job: large enough to be cheap, small enough to be shared

INSERT_COMMANDS = text(
    "INSERT INTO device_command (client_id, batch_id, device_id, key, state, not_after,"
    " created_at, checked_at, attempts)"
    " SELECT :client_id, :batch_id, device_id, gen_random_uuid(), 'queued', :not_after,"
    " :now, :now, 0"
    " FROM unnest(CAST(:device_ids AS bigint[])) WITH ORDINALITY AS wanted(device_id, turn)"
    " ORDER BY turn RETURNING id"
)


def open_batch(
    work: Work,
    action: ManagedAction,
    parameters: dict[str, str],
    device: Device,
    *,
    is_wide: bool = False,
) -> CommandBatch:
    """Write the batch of an execution on devices of the engine that reaches `device`."""
    instruction = action.instruction(parameters)
    batch = CommandBatch(
        client_id=device.client_id,
        created_at=work.at,
        instruction=instruction.kind,
        parameters=instruction.to_json(),
        simulated=fleet_engines.is_simulated(work.session, device.engine_id),
        is_destructive=instruction.is_destructive,
        is_wide=is_wide,
        trace=trace.current() or None,
    )
    work.session.add(batch)
    work.session.flush()
    return batch


def add_commands(
    work: Work, batch: CommandBatch, device_ids: Sequence[int], not_after: datetime
) -> None:
    """Write a command of `batch` for each device, and the jobs that send them."""
    expect_rows(work.session, len(device_ids))
    ids = work.session.scalars(
        INSERT_COMMANDS,
        {
            "client_id": batch.client_id,
            "batch_id": batch.id,
            "device_ids": list(device_ids),
            "not_after": not_after,
            "now": work.at,
        },
    ).all()
    work.note(commands=len(ids))
    for start in range(0, len(ids), JOB_SIZE):
        work.enqueue(SEND_COMMANDS, command_ids=list(ids[start : start + JOB_SIZE]))


def send_command(command_id: int) -> None:
    """Send one queued command to its engine; do nothing if it has left, is held or was withdrawn."""
    order = _mark_sent(command_id)
    if order is None:
        return
    engine_key, engine_order = order
    with trace.following(engine_order.trace):
        submission = fleet_engines.engine_named(engine_key).submit(engine_order)
        log.info(
            "engine called",
            engine=engine_key,
            command_id=command_id,
            instruction=engine_order.instruction.kind,
            outcome=submission.outcome.value,
        )
        record_submission(command_id, submission)


def _mark_sent(command_id: int) -> tuple[str, EngineOrder] | None:
    """Commit that it is about to leave, before it leaves."""
    with unit_of_work(SYSTEM, "devices.send_command") as work:
        if nothing_leaves(work.session):
            return None
        batch_id, client_id, is_destructive = work.session.execute(
            select(CommandBatch.id, CommandBatch.client_id, CommandBatch.is_destructive)
            .join(DeviceCommand, DeviceCommand.batch_id == CommandBatch.id)
            .where(DeviceCommand.id == command_id)
        ).one()
        if is_destructive:
            brakes.lock_brakes(work, client_id)
        # shared: whoever holds the batch waits for those that are leaving, and then nothing leaves
        batch = work.session.get_one(CommandBatch, batch_id, with_for_update={"read": True})
        if batch.held_at is not None:
            return None
        command = work.session.scalar(
            select(DeviceCommand)
            .options(
                joinedload(DeviceCommand.device, innerjoin=True).joinedload(
                    Device.engine, innerjoin=True
                ),
            )
            .where(DeviceCommand.id == command_id, DeviceCommand.state == CommandState.QUEUED)
            .with_for_update(of=DeviceCommand, skip_locked=True)
        )
        if command is None:
            return None
        if command.not_after <= work.at:
            # closed without holding the batch: its order is told, and may be waiting for the batch
            work.enqueue(RECONCILE_COMMANDS, command_ids=[command.id])
            return None
        if batch.is_destructive and _must_wait(work, batch, command):
            return None
        command.state = COMMAND_MOVES.check(command.state, CommandState.SENT)
        command.sent_at = command.checked_at = work.at
        command.attempts += 1
        return command.device.engine.key, engine_order_of(work.session, command, batch)


def _must_wait(work: Work, batch: CommandBatch, command: DeviceCommand) -> bool:
    """Whether the brakes keep a destructive command back; it is tried again when they allow it."""
    contract = contract_in_force(work.session, batch.client_id, work.at.date())
    try:
        wait_until = brakes.wait_at_last_door(work, batch, contract)
    except brakes.Stopped:
        wait_until = work.at + LOOK_AGAIN
    if wait_until is None:
        return False
    command.checked_at = wait_until  # nobody needs to look after it before
    work.enqueue(SEND_COMMANDS, at=wait_until, command_ids=[command.id])
    return True


def engine_order_of(session: Session, command: DeviceCommand, batch: CommandBatch) -> EngineOrder:
    """Return what the engine is told: the same key whenever it is told again."""
    return EngineOrder(
        idempotency_key=command.key,
        device_external_id=command.device.external_id,
        instruction=_instruction_for(session, command.device, batch),
        not_after=command.not_after,
        trace=batch.trace or trace.current(),
    )


def _instruction_for(session: Session, device: Device, batch: CommandBatch) -> Instruction:
    """Return the batch's instruction, with what differs from device to device filled in."""
    if batch.instruction == ApplyPolicy.kind:
        return policy_for(session, device)
    if batch.instruction == EnrolDevice.kind:
        facts = ("platform", "os_version", "manufacturer", "model", "ownership", "management")
        return EnrolDevice(facts={name: str(getattr(device, name)) for name in facts})
    return instruction_from_json(batch.instruction, batch.parameters)


def expire(work: Work, command: DeviceCommand) -> None:
    """Settle a command whose time is over."""
    command.state = COMMAND_MOVES.check(command.state, CommandState.EXPIRED)
    command.finished_at = command.checked_at = work.at
    command.outcome = "expired"
    work.publish(CommandSettled(batch_id=command.batch_id, command_id=command.id))


def withdraw_commands(work: Work, batch_id: int) -> int:
    """Cancel what has not left yet; return how many. What has left goes on to its outcome."""
    withdrawn = work.session.execute(
        update(DeviceCommand)
        .where(DeviceCommand.batch_id == batch_id, DeviceCommand.state == CommandState.QUEUED)
        .values(
            state=CommandState.CANCELLED,
            finished_at=work.at,
            checked_at=work.at,
            outcome="withdrawn",
        )
        .execution_options(synchronize_session="fetch")
    )
    return cast("CursorResult[Any]", withdrawn).rowcount


def hold(work: Work, batch_id: int) -> None:
    """Let nothing more of a batch leave; when this commits, whatever was leaving has left."""
    work.session.get_one(CommandBatch, batch_id, with_for_update=True).held_at = work.at


def let_go(work: Work, batch_id: int) -> int:
    """Send on what a hold kept back; return how many commands wait to leave."""
    work.session.get_one(CommandBatch, batch_id, with_for_update=True).held_at = None
    ids = work.session.scalars(
        select(DeviceCommand.id)
        .where(DeviceCommand.batch_id == batch_id, DeviceCommand.state == CommandState.QUEUED)
        .order_by(DeviceCommand.id)
    ).all()
    for start in range(0, len(ids), JOB_SIZE):
        work.enqueue(SEND_COMMANDS, command_ids=list(ids[start : start + JOB_SIZE]))
    return len(ids)
