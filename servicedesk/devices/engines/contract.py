"""What every MDM engine's connector implements, and the values that cross its door.

No engine answers a command at once: `submit` says whether the engine has it, and the outcome comes
later as an `Observation`, by notification, by look-up or by poll, in any order and more than once.
Faults of the outside are values here, never exceptions.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from datetime import datetime
    from uuid import UUID

    from servicedesk.devices.instructions import Instruction


@dataclass(frozen=True, kw_only=True)
class DeviceFacts:
    """What decides whether an engine can do a thing to a device."""

    external_id: str
    platform: str
    os_version: str
    manufacturer: str
    model: str
    ownership: str
    management: str
    supervised: bool
    last_contact_at: datetime | None


@dataclass(frozen=True)
class Capability:
    """Whether an engine can; `reason` is a msgid when it cannot."""

    possible: bool
    reason: str = ""


CAPABLE = Capability(possible=True)


@dataclass(frozen=True, kw_only=True)
class EngineOrder:
    """One instruction to one device, under a key that is the same at every try."""

    idempotency_key: UUID
    device_external_id: str
    instruction: Instruction
    not_after: datetime
    trace: str = ""  # sent with the call where the engine takes such a thing, to find it in its log


class SubmissionOutcome(StrEnum):
    """What is known after a call."""

    ACCEPTED = "accepted"
    ALREADY_ACCEPTED = "already_accepted"
    NOT_SENT = "not_sent"  # it surely did not arrive: may be tried again
    UNCLEAR = "unclear"  # it may have arrived: look it up first
    REFUSED = "refused"
    UNSUPPORTED = "unsupported"
    GONE = "gone"  # the engine does not know the device


@dataclass(frozen=True, kw_only=True)
class Submission:
    """The engine's answer to a call, with its own words as evidence."""

    outcome: SubmissionOutcome
    evidence: str
    engine_ref: str | None = None
    retry_after: float | None = None  # seconds


class ObservedState(StrEnum):
    """How an engine's word about a command reads in ours."""

    ACCEPTED = "accepted"  # the engine has it, the device has not answered
    NOT_NOW = "not_now"
    ACKNOWLEDGED = "acknowledged"
    FAILED = "failed"
    EXPIRED = "expired"
    CANCELLED = "cancelled"


@dataclass(frozen=True, kw_only=True)
class Position:
    """Where a device said it was; degrees, accuracy in metres. Printing it says nothing."""

    latitude: float = field(repr=False)
    longitude: float = field(repr=False)
    accuracy: float = field(repr=False)
    taken_at: str  # ISO 8601


@dataclass(frozen=True, kw_only=True)
class Observation:
    """Something said about a command; `event_id` is the same when it is said twice."""

    event_id: str
    engine_ref: str
    idempotency_key: UUID
    device_external_id: str
    state: ObservedState
    at: datetime
    code: str
    detail: str
    evidence: str = field(repr=False)
    result: Position | None = None
    reported: Mapping[str, Any] | None = None  # what the device has: section → key → fingerprint


class Unreachable(StrEnum):
    """The engine did not give an answer that could be understood; ask again later."""

    UNREACHABLE = "unreachable"


@dataclass(frozen=True)
class NotKnown:
    """The engine answered that it never got a command of that key."""


class Cancellation(StrEnum):
    """What became of the wish to withdraw a command."""

    CANCELLED = "cancelled"
    TOO_LATE = "too_late"
    UNREACHABLE = "unreachable"


@dataclass(frozen=True)
class ReportedApp:
    """An app as an engine knows it."""

    identifier: str
    name: str = ""
    version: str = ""


@dataclass(frozen=True, kw_only=True)
class DeviceReport:
    """A device as the engine knows it; None and empty words where it does not say."""

    external_id: str
    last_contact_at: datetime | None
    is_enrolled: bool
    os_version: str = ""
    has_passcode: bool | None = None
    is_encrypted: bool | None = None
    is_compromised: bool | None = None
    apps: tuple[ReportedApp, ...] | None = None
    policy: Mapping[str, Any] | None = None  # what it has: section → key → fingerprint


@dataclass(frozen=True, kw_only=True)
class EngineHealth:
    """Whether the engine answers; for people."""

    reachable: bool
    detail: str
    milliseconds: float


class BadNotification(Exception):
    """A notification that is not the engine's: wrong signature, too old, or not understood."""


class Engine(Protocol):
    """A connector. Its methods wait for the engine's HTTP answer, never for a device."""

    key: str

    def capability(self, device: DeviceFacts, instruction_kind: str) -> Capability:
        """Say whether the engine can do that to that device. Asks nobody."""

    def submit(self, order: EngineOrder) -> Submission:
        """Tell the engine once."""

    def lookup(self, key: UUID) -> Observation | NotKnown | Unreachable:
        """Ask whether the engine knows a command, and how it is."""

    def poll(self, refs: Sequence[str]) -> Sequence[Observation] | Unreachable:
        """Ask how commands are."""

    def receive(self, headers: Mapping[str, str], body: bytes) -> tuple[Observation, ...]:
        """Take a notification in. Raises BadNotification."""

    def cancel(self, ref: str) -> Cancellation:
        """Withdraw a command that no device has got yet."""

    def inventory(self) -> Iterator[DeviceReport] | Unreachable:
        """Ask which devices the engine has, what they are and when they were last in touch.

        What cannot be understood is left out, and the walk ends where the engine gives no answer.
        """

    def health(self) -> EngineHealth:
        """Ask whether the engine is there."""
