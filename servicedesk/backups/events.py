"""What a restore tells the floors above."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from servicedesk.core.events import Event

if TYPE_CHECKING:
    from datetime import datetime


@dataclass(frozen=True)
class DeskRestored(Event):
    """The database is that of a backup: what it wants to do may have been done since."""

    taken_at: datetime
