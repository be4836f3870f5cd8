"""An engine that does what a test tells it, and remembers every call."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from servicedesk.devices.engines.contract import (
    Cancellation,
    DeviceReport,
    EngineHealth,
    EngineOrder,
    NotKnown,
    Observation,
    ObservedState,
    Submission,
    SubmissionOutcome,
    Unreachable,
)
from servicedesk.devices.engines.sandbox.translation import capability

if TYPE_CHECKING:
    from collections.abc import Iterator
    from uuid import UUID


class EngineDouble:
    """Implements the contract; `answers` is what submit says, in order, then "accepted"."""

    key = "sandbox"
    capability = staticmethod(capability)

    def __init__(self) -> None:
        self.answers: list[SubmissionOutcome] = []
        self.submitted: list[EngineOrder] = []
        self.known: dict[UUID, Observation] = {}
        self.is_away = False
        self.reports: list[DeviceReport] | None = None  # what it tells of its devices

    @property
    def most_submissions(self) -> int:
        counts = Counter(order.idempotency_key for order in self.submitted)
        return max(counts.values(), default=0)

    def submit(self, order: EngineOrder) -> Submission:
        self.submitted.append(order)
        outcome = self.answers.pop(0) if self.answers else SubmissionOutcome.ACCEPTED
        if outcome in {SubmissionOutcome.ACCEPTED, SubmissionOutcome.ALREADY_ACCEPTED}:
            self.known[order.idempotency_key] = self.observation(order, ObservedState.ACCEPTED)
        ref = f"ref-{order.idempotency_key}"
        return Submission(outcome=outcome, evidence=outcome.value, engine_ref=ref)

    def observation(self, order: EngineOrder, state: ObservedState, event: str = "") -> Observation:
        return Observation(
            event_id=event or f"{order.idempotency_key}-{state.value}",
            engine_ref=f"ref-{order.idempotency_key}",
            idempotency_key=order.idempotency_key,
            device_external_id=order.device_external_id,
            state=state,
            at=datetime.now(UTC),
            code=state.value,
            detail="",
            evidence="{}",
        )

    def lookup(self, key: UUID) -> Observation | NotKnown | Unreachable:
        if self.is_away:
            return Unreachable.UNREACHABLE
        return self.known.get(key) or NotKnown()

    def poll(self, refs: list[str]) -> list[Observation] | Unreachable:
        if self.is_away:
            return Unreachable.UNREACHABLE
        return [o for o in self.known.values() if o.engine_ref in refs]

    def receive(self, headers: object, body: bytes) -> tuple[Observation, ...]:
        raise AssertionError

    def cancel(self, ref: str) -> Cancellation:
        raise AssertionError

    def inventory(self) -> Iterator[DeviceReport] | Unreachable:
        return Unreachable.UNREACHABLE if self.reports is None else iter(self.reports)

    def health(self) -> EngineHealth:
        return EngineHealth(reachable=not self.is_away, detail="double", milliseconds=0.1)
