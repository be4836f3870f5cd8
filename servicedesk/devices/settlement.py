"""What was said about a command becomes its state: idempotent, in any order, evidence kept.

Of a command that asks for a position nothing an engine says is kept with its digits: where the
device is goes into one event, and whoever hears it decides whether it may be kept.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING
from uuid import uuid4

import structlog
from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert

from servicedesk.core import trace
from servicedesk.core.actors import SYSTEM
from servicedesk.core.unit_of_work import unit_of_work
from servicedesk.devices.commands import (
    COMMAND_MOVES,
    RECONCILE_COMMANDS,
    SEND_COMMANDS,
    SETTLED,
    CommandBatch,
    CommandObservation,
    CommandState,
    DeviceCommand,
)
from servicedesk.devices.effects import apply_effect
from servicedesk.devices.engines.contract import Observation, ObservedState, SubmissionOutcome
from servicedesk.devices.events import CommandSettled, DeviceLocated
from servicedesk.devices.instructions import LocateDevice
from servicedesk.devices.models import Device
from servicedesk.devices.policies.reported import record_reports

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from servicedesk.core.unit_of_work import Work
    from servicedesk.devices.engines.contract import Submission

log = structlog.get_logger("servicedesk.devices")

MAX_ATTEMPTS = 12  # calls that surely did not arrive; about half an hour with the waits between

_STATES: Mapping[ObservedState, CommandState] = {
    ObservedState.NOT_NOW: CommandState.NOT_NOW,
    ObservedState.ACKNOWLEDGED: CommandState.ACKNOWLEDGED,
    ObservedState.FAILED: CommandState.FAILED,
    ObservedState.EXPIRED: CommandState.EXPIRED,
    ObservedState.CANCELLED: CommandState.CANCELLED,
}
_REFUSALS = frozenset(
    {SubmissionOutcome.REFUSED, SubmissionOutcome.UNSUPPORTED, SubmissionOutcome.GONE}
)


def record_submission(command_id: int, submission: Submission) -> None:
    """Store what the engine said to our call. Open outcomes are states, never exceptions."""
    with unit_of_work(SYSTEM, "devices.record_submission") as work:
        command = _locked(work, command_id)
        if command is None:
            return
        command.checked_at = work.at
        if _asks_for_a_position(work, command):
            submission = replace(submission, evidence=without_digits(submission.evidence))
        _keep(
            work,
            command,
            event_id=f"submit-{command.attempts}",
            source="submit",
            at=work.at,
            state=submission.outcome.value,
            evidence=submission.evidence,
        )
        if submission.outcome in {SubmissionOutcome.ACCEPTED, SubmissionOutcome.ALREADY_ACCEPTED}:
            command.engine_ref = submission.engine_ref
            command.accepted_at = command.accepted_at or work.at
        elif command.state is not CommandState.SENT:
            return  # an answer of the device came before the answer to our call
        elif submission.outcome in _REFUSALS:
            _move(work, command, CommandState.FAILED, submission.outcome.value, submission.evidence)
        elif submission.outcome is SubmissionOutcome.NOT_SENT:
            _try_later(work, command, submission)
        else:
            _move(work, command, CommandState.UNKNOWN, "unclear", submission.evidence)
            work.enqueue(RECONCILE_COMMANDS, command_ids=[command.id])


def _try_later(work: Work, command: DeviceCommand, submission: Submission) -> None:
    """Queue again what surely did not arrive, until its time or our patience is over."""
    if command.attempts >= MAX_ATTEMPTS:
        _move(work, command, CommandState.FAILED, "unreachable", submission.evidence)
        return
    requeue(work, command, submission.retry_after)


def requeue(work: Work, command: DeviceCommand, wait_seconds: float | None = None) -> None:
    """Put a command back that certainly never reached the engine; it is sent again by itself."""
    command.state = COMMAND_MOVES.check(command.state, CommandState.QUEUED)
    command.sent_at = None
    command.checked_at = work.at
    wait = wait_seconds if wait_seconds is not None else 2.0 ** min(command.attempts, 8)
    work.enqueue(SEND_COMMANDS, at=work.at + timedelta(seconds=wait), command_ids=[command.id])


def send_again(work: Work, command: DeviceCommand, not_after: datetime) -> None:
    """Have a person's decision send a harmless command once more, under a new key.

    Under the old key the engine would only repeat its old answer. The old answers stay as evidence.
    """
    command.state = COMMAND_MOVES.check(command.state, CommandState.QUEUED)
    command.key = uuid4()
    command.not_after, command.checked_at, command.attempts = not_after, work.at, 0
    command.sent_at = command.accepted_at = command.finished_at = None
    command.engine_ref = command.outcome = command.detail = None
    work.enqueue(SEND_COMMANDS, command_ids=[command.id])


def decide(work: Work, command: DeviceCommand, state: CommandState) -> None:
    """Record what a person found out about a command whose outcome was unknown."""
    _keep(
        work,
        command,
        event_id=f"person-{work.at.isoformat()}",
        source="person",
        at=work.at,
        state=state.value,
        evidence=work.actor.name,
    )
    _move(work, command, state, "decided_by_person", work.actor.name)


def record_answer(work: Work, observation: Observation, source: str) -> bool:
    """Store an observation and move its command; return whether it moved.

    Whatever contradicts the state machine is kept as evidence and changes nothing.
    """
    command = work.session.scalar(
        select(DeviceCommand)
        .join(Device, Device.id == DeviceCommand.device_id)
        .where(
            DeviceCommand.key == observation.idempotency_key,
            Device.external_id == observation.device_external_id,
        )
        .with_for_update(of=DeviceCommand)
    )
    if command is None or command.sent_at is None:
        return False  # not ours, of another device, or never sent: nothing to believe
    trace.follow(work.session.get_one(CommandBatch, command.batch_id).trace)
    if _asks_for_a_position(work, command):
        observation = _without_place(observation)
    is_new = _keep(
        work,
        command,
        event_id=observation.event_id,
        source=source,
        at=observation.at,
        state=observation.state.value,
        evidence=observation.evidence,
    )
    command.checked_at = work.at
    if is_new and observation.reported is not None:
        record_reports(work, {command.device_id: (observation.reported, observation.at)})
    command.engine_ref = command.engine_ref or observation.engine_ref
    if observation.state is ObservedState.ACCEPTED:
        return _confirm(work, command)
    if not is_new:
        return False
    command.accepted_at = command.accepted_at or observation.at
    state = _STATES[observation.state]
    # also where the answer came in two pieces, the position last
    if observation.result is not None and state is CommandState.ACKNOWLEDGED:
        work.publish(
            DeviceLocated(
                batch_id=command.batch_id, command_id=command.id, position=observation.result
            )
        )
    if not COMMAND_MOVES.allows(command.state, state):
        return False
    _move(work, command, state, observation.code or state.value, observation.detail, observation.at)
    return True


def _asks_for_a_position(work: Work, command: DeviceCommand) -> bool:
    batch = work.session.get_one(CommandBatch, command.batch_id)
    return batch.instruction == LocateDevice.kind


def without_digits(words: str) -> str:
    """Return an engine's words with every digit covered: however it writes a place, none is left."""
    return re.sub(r"\d", "•", words)


def _without_place(observation: Observation) -> Observation:
    return replace(
        observation,
        code=without_digits(observation.code),
        detail=without_digits(observation.detail),
        evidence=without_digits(observation.evidence),
    )


def _confirm(work: Work, command: DeviceCommand) -> bool:
    """Believe the engine that it has the command: unknown becomes sent again."""
    command.accepted_at = command.accepted_at or work.at
    if command.state is CommandState.UNKNOWN:
        command.state = CommandState.SENT
        return True
    return False


def _move(
    work: Work,
    command: DeviceCommand,
    state: CommandState,
    outcome: str,
    detail: str,
    at: datetime | None = None,
) -> None:
    command.state = COMMAND_MOVES.check(command.state, state)
    command.outcome, command.detail = outcome, detail[:2000] or None
    if state in SETTLED:
        command.finished_at = max(at or work.at, command.sent_at or work.at)
    log.info("command answered", command_id=command.id, state=state.value)
    if state is CommandState.ACKNOWLEDGED:
        apply_effect(work, command)
    work.publish(CommandSettled(batch_id=command.batch_id, command_id=command.id))


def _locked(work: Work, command_id: int) -> DeviceCommand | None:
    return work.session.get(DeviceCommand, command_id, with_for_update=True)


def _keep(
    work: Work,
    command: DeviceCommand,
    *,
    event_id: str,
    source: str,
    at: datetime,
    state: str,
    evidence: str,
) -> bool:
    """Keep the evidence once; return whether it is new."""
    row = work.session.execute(
        insert(CommandObservation)
        .values(
            client_id=command.client_id,
            command_id=command.id,
            event_id=event_id or hashlib.sha256(evidence.encode()).hexdigest(),
            source=source,
            at=at,
            received_at=work.at,
            state=state,
            evidence=evidence[:8000],
        )
        .on_conflict_do_nothing()
        .returning(CommandObservation.id)
    ).first()
    return row is not None
