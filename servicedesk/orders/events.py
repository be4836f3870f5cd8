"""What orders tell the floors above."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from servicedesk.core.events import Event

if TYPE_CHECKING:
    from datetime import datetime


@dataclass(frozen=True)
class OrderApproved(Event):
    """A second person approved it."""

    order_id: int


@dataclass(frozen=True)
class OrderStarted(Event):
    """Its first commands are on their way, or those that failed go again."""

    order_id: int
    devices: int


@dataclass(frozen=True)
class OrderFinished(Event):
    """Every device has answered, or a person decided about the rest. `all_done`: nothing is left."""

    order_id: int
    all_done: bool


@dataclass(frozen=True)
class OrderCancelled(Event):
    """Nothing, or nothing more, will be sent."""

    order_id: int


@dataclass(frozen=True)
class OrderScheduled(Event):
    """It begins by itself at a time; until then it can be cancelled and nothing has left."""

    order_id: int
    begins_at: datetime


@dataclass(frozen=True)
class OrderPaused(Event):
    """It stands still: nothing more leaves."""

    order_id: int


@dataclass(frozen=True)
class OrderResumed(Event):
    """A person has let it go on."""

    order_id: int


@dataclass(frozen=True)
class StageStarted(Event):
    """The next part of its devices is being commanded."""

    order_id: int
    number: int
    devices: int
