"""What devices tell the floors above."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from servicedesk.core.events import Event

if TYPE_CHECKING:
    from servicedesk.devices.engines.contract import Position


@dataclass(frozen=True)
class CommandSettled(Event):
    """A command reached, or left, an end: its batch may be complete."""

    batch_id: int
    command_id: int


@dataclass(frozen=True)
class DeviceLocated(Event):
    """A device has said where it is: whoever may keep it keeps it, nobody else hears it again."""

    batch_id: int
    command_id: int
    position: Position


@dataclass(frozen=True)
class InventoryChanged(Event):
    """These devices of a client have, are or may do something else than before."""

    client_id: int
    device_ids: tuple[int, ...]


@dataclass(frozen=True)
class ConformityChanged(Event):
    """These devices fail or conform anew, or what is withheld from them may be different."""

    client_id: int
    device_ids: tuple[int, ...]


@dataclass(frozen=True)
class LockDue(Event):
    """The grace of these devices is over: the rule asks for their lock, once."""

    client_id: int
    rule_id: int
    device_ids: tuple[int, ...]
