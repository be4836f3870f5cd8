"""From a decision to the engine: commands are written first, then each leaves at most once.

The life of a call: the command is marked *sent* and committed; the engine is called; what it said
is recorded in a second transaction. A process that dies between the two leaves a command that is
*sent* and not accepted: `reconciliation.py` asks the engine about it and never sends blindly.
"""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING

from sqlalchemy import insert, select
from sqlalchemy.orm import joinedload

from servicedesk.core.actors import SYSTEM
from servicedesk.core.unit_of_work import unit_of_work
from servicedesk.devices import fleet_engines
from servicedesk.devices.commands import (
    COMMAND_MOVES,
    SEND_COMMANDS,
    CommandBatch,
    CommandState,
    DeviceCommand,
)
from servicedesk.devices.engines.contract import EngineOrder
from servicedesk.devices.events import CommandSettled
from servicedesk.devices.instructions import instruction_from_json
from servicedesk.devices.models import Device
from servicedesk.devices.settlement import record_submission

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from servicedesk.core.unit_of_work import Work
    from servicedesk.devices.catalogue.action import ManagedAction

JOB_SIZE = 100  # commands a job: large enough to be cheap, small enough to be shared


def queue_commands(
    work: Work, action: ManagedAction, parameters: dict[str, str], devices: Sequence[Device]
) -> CommandBatch:
    """Write a batch with one command a device, and the jobs that will send them."""
    instruction = action.instruction(parameters)
    batch = CommandBatch(
        client_id=devices[0].client_id,
        created_at=work.at,
        instruction=instruction.kind,
        parameters=instruction.to_json(),
        simulated=fleet_engines.is_simulated(work.session, devices[0].engine_id),
    )
    work.session.add(batch)
    work.session.flush()
    add_commands(work, batch, devices, work.at + action.not_after)
    return batch


def add_commands(
    work: Work, batch: CommandBatch, devices: Sequence[Device], not_after: datetime
) -> None:
    """Write the commands of `batch` and the jobs that send them."""
    rows = [
        {
            "client_id": batch.client_id,
            "batch_id": batch.id,
            "device_id": device.id,
            "key": uuid.uuid4(),
            "state": CommandState.QUEUED,
            "not_after": not_after,
            "created_at": work.at,
            "checked_at": work.at,
            "attempts": 0,
        }
        for device in devices
    ]
    ids = list(
        work.session.scalars(
            insert(DeviceCommand).returning(DeviceCommand.id, sort_by_parameter_order=True), rows
        )
    )
    work.note(commands=len(ids))
    for start in range(0, len(ids), JOB_SIZE):
        work.enqueue(SEND_COMMANDS, command_ids=ids[start : start + JOB_SIZE])


def send_command(command_id: int) -> None:
    """Send one queued command to its engine; do nothing if it has left or was withdrawn."""
    order = _mark_sent(command_id)
    if order is None:
        return
    engine_key, engine_order = order
    submission = fleet_engines.engine_named(engine_key).submit(engine_order)
    record_submission(command_id, submission)


def _mark_sent(command_id: int) -> tuple[str, EngineOrder] | None:
    """Commit that it is about to leave, before it leaves."""
    with unit_of_work(SYSTEM, "devices.send_command") as work:
        command = work.session.scalar(
            select(DeviceCommand)
            .options(
                joinedload(DeviceCommand.batch, innerjoin=True),
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
            expire(work, command)
            return None
        command.state = COMMAND_MOVES.check(command.state, CommandState.SENT)
        command.sent_at = command.checked_at = work.at
        command.attempts += 1
        return command.device.engine.key, engine_order_of(command)


def engine_order_of(command: DeviceCommand) -> EngineOrder:
    """Return what the engine is told: the same key whenever it is told again."""
    return EngineOrder(
        idempotency_key=command.key,
        device_external_id=command.device.external_id,
        instruction=instruction_from_json(command.batch.instruction, command.batch.parameters),
        not_after=command.not_after,
    )


def expire(work: Work, command: DeviceCommand) -> None:
    """Settle a command whose time is over."""
    command.state = COMMAND_MOVES.check(command.state, CommandState.EXPIRED)
    command.finished_at = command.checked_at = work.at
    command.outcome = "expired"
    work.publish(CommandSettled(batch_id=command.batch_id, command_id=command.id))


def withdraw_commands(work: Work, batch_id: int) -> int:
    """Cancel what has not left yet; return how many. What has left goes on to its outcome."""
    commands = work.session.scalars(
        select(DeviceCommand)
        .where(DeviceCommand.batch_id == batch_id, DeviceCommand.state == CommandState.QUEUED)
        .with_for_update()
    ).all()
    for command in commands:
        command.state = CommandState.CANCELLED
        command.finished_at = command.checked_at = work.at
        command.outcome = "withdrawn"
    return len(commands)
