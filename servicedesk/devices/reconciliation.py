"""Asking engines about commands that went silent: what is unclear is looked up, never assumed."""

from __future__ import annotations

from collections import defaultdict
from datetime import timedelta
from typing import TYPE_CHECKING

from sqlalchemy import or_, select
from sqlalchemy.orm import joinedload

from servicedesk.core import clock
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
from servicedesk.devices.dispatch import expire
from servicedesk.devices.engines.contract import NotKnown, Unreachable
from servicedesk.devices.events import CommandSettled
from servicedesk.devices.instructions import is_repeatable
from servicedesk.devices.models import Device
from servicedesk.devices.settlement import record_answer, requeue

if TYPE_CHECKING:
    from collections.abc import Sequence
    from uuid import UUID

    from servicedesk.core.unit_of_work import Work
    from servicedesk.devices.engines.contract import Observation

# a call takes at most 12 s; a command that was sent and not accepted for longer has lost its process
LOST_CALL = timedelta(seconds=20)
SILENT = timedelta(seconds=60)  # accepted, but no answer: notifications get lost
FORGOTTEN = timedelta(seconds=30)  # queued, but no job took it
GRACE = timedelta(minutes=5)  # after its time is over the engine may still tell the truth
PAGE = 500


def overdue_commands(limit: int = PAGE) -> list[int]:
    """Return ids of commands that somebody must ask about, longest unasked first."""
    now = clock.now()
    state, checked = DeviceCommand.state, DeviceCommand.checked_at
    query = (
        select(DeviceCommand.id)
        .join(CommandBatch, CommandBatch.id == DeviceCommand.batch_id)
        .where(
            state.in_(("queued", "sent", "not_now", "unknown")),
            or_(
                (state == CommandState.QUEUED)
                & CommandBatch.held_at.is_(None)
                & (checked < now - FORGOTTEN),
                (state == CommandState.SENT)
                & DeviceCommand.accepted_at.is_(None)
                & (checked < now - LOST_CALL),
                (state != CommandState.QUEUED) & (checked < now - SILENT),
            ),
        )
        .order_by(checked)
        .limit(limit)
    )
    with unit_of_work(SYSTEM, "devices.overdue") as work:
        return list(work.session.scalars(query))


def reconcile(command_ids: Sequence[int]) -> None:
    """Ask the engines about these commands and act on what they say."""
    for engine_key, commands in _by_engine(command_ids).items():
        _poll(engine_key, [(c, ref) for c, _, ref in commands if ref])
        for command_id, key, ref in commands:
            if not ref:
                found = fleet_engines.engine_named(engine_key).lookup(key)
                _take_lookup(command_id, found)
    for command_id in command_ids:
        _close_if_over(command_id)


def _by_engine(command_ids: Sequence[int]) -> dict[str, list[tuple[int, UUID, str | None]]]:
    query = (
        select(DeviceCommand)
        .options(
            joinedload(DeviceCommand.device, innerjoin=True).joinedload(
                Device.engine, innerjoin=True
            )
        )
        .where(
            DeviceCommand.id.in_(command_ids),
            DeviceCommand.state.in_(
                (CommandState.SENT, CommandState.NOT_NOW, CommandState.UNKNOWN)
            ),
        )
    )
    found: dict[str, list[tuple[int, UUID, str | None]]] = defaultdict(list)
    with unit_of_work(SYSTEM, "devices.reconcile") as work:
        for row in work.session.scalars(query):
            found[row.device.engine.key].append((row.id, row.key, row.engine_ref))
    return found


def _poll(engine_key: str, commands: Sequence[tuple[int, str]]) -> None:
    if not commands:
        return
    answers = fleet_engines.engine_named(engine_key).poll([ref for _, ref in commands])
    if answers is Unreachable.UNREACHABLE:
        return
    told = {answer.engine_ref: answer for answer in answers}
    for command_id, ref in commands:
        with unit_of_work(SYSTEM, "devices.reconcile") as work:
            if ref in told:
                record_answer(work, told[ref], "poll")
            else:
                _touch(work, command_id)


def _take_lookup(command_id: int, found: Observation | NotKnown | Unreachable) -> None:
    with unit_of_work(SYSTEM, "devices.reconcile") as work:
        command = work.session.get(DeviceCommand, command_id, with_for_update=True)
        if command is None or command.state not in {CommandState.SENT, CommandState.UNKNOWN}:
            return
        command.checked_at = work.at
        if isinstance(found, NotKnown):
            _never_arrived(work, command)
        elif isinstance(found, Unreachable):
            _doubt(work, command)
        else:
            record_answer(work, found, "lookup")


def _never_arrived(work: Work, command: DeviceCommand) -> None:
    """Send again what never arrived if that is harmless; for a wipe a person decides."""
    work.session.refresh(command, ["batch"])
    if is_repeatable(command.batch.instruction):
        requeue(work, command, 0)
    else:
        _doubt(work, command)


def _doubt(work: Work, command: DeviceCommand) -> None:
    """Say honestly that it is not known whether it happened."""
    if command.state is CommandState.SENT:
        command.state = COMMAND_MOVES.check(command.state, CommandState.UNKNOWN)
        command.outcome = "unclear"
        work.publish(CommandSettled(batch_id=command.batch_id, command_id=command.id))


def _close_if_over(command_id: int) -> None:
    """Expire what can no longer happen; wake what no job took."""
    with unit_of_work(SYSTEM, "devices.reconcile") as work:
        command = work.session.get(DeviceCommand, command_id, with_for_update={"skip_locked": True})
        if command is None:
            return
        if command.state is CommandState.QUEUED and command.not_after <= work.at:
            expire(work, command)
        elif command.state is CommandState.QUEUED:
            command.checked_at = work.at
            work.enqueue(SEND_COMMANDS, command_ids=[command.id])
        elif (
            command.state in {CommandState.SENT, CommandState.NOT_NOW}
            and command.not_after + GRACE < work.at
        ):
            expire(work, command)


def _touch(work: Work, command_id: int) -> None:
    command = work.session.get(DeviceCommand, command_id, with_for_update=True)
    if command is not None:
        command.checked_at = work.at
