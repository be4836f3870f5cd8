"""What devices tell the floors above."""

from __future__ import annotations

from dataclasses import dataclass

from servicedesk.core.events import Event


@dataclass(frozen=True)
class CommandSettled(Event):
    """A command reached, or left, an end: its batch may be complete."""

    batch_id: int
    command_id: int
