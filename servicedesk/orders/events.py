"""What orders tell the floors above."""

from __future__ import annotations

from dataclasses import dataclass

from servicedesk.core.events import Event


@dataclass(frozen=True)
class OrderApproved(Event):
    """A second person approved it."""

    order_id: int


@dataclass(frozen=True)
class OrderStarted(Event):
    """Its commands are on their way."""

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
