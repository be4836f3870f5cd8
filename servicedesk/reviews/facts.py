"""The facts that figures are counted from, as plain values."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from servicedesk.sla.evaluation import EventKind

if TYPE_CHECKING:
    from datetime import datetime

    from servicedesk.reviews.stories import Story
    from servicedesk.sla.calendar import BusinessCalendar
    from servicedesk.sla.cycles import Metric, Verdict


@dataclass(frozen=True, kw_only=True, slots=True)
class TicketFacts:
    """A ticket as far as figures ask about it; kind, priority and calendar of the month's end."""

    id: int
    ledger_id: int
    reference: str
    subject: str
    kind: str
    priority: str
    left_out_as: str  # spam or test
    story: Story
    calendar: BusinessCalendar

    @property
    def tags(self) -> dict[str, str]:
        """Return what figures are broken down by."""
        return {"kind": self.kind, "priority": self.priority}

    def is_set_aside(self, at: datetime) -> bool:
        """Whether it was merged into another, or was spam or a test, before an instant."""
        last = self.story.before(at)
        return last is EventKind.MERGED or (last is EventKind.WITHDRAWN and self.left_out_as != "")


@dataclass(frozen=True, kw_only=True, slots=True)
class Said:
    """A public message, or a contact's decision with its words or score; and who it is from."""

    at: datetime
    by_client: bool
    by_person: bool
    words: str
    score: int | None

    @property
    def is_message(self) -> bool:
        """Whether it says something that belongs to the conversation."""
        return self.score is None


@dataclass(frozen=True, kw_only=True, slots=True)
class CycleFacts:
    """A cycle that was decided in the month, or superseded in it.

    Still running: its target ran out as the day closed; it is missed unless it stops before the next
    opening.
    """

    ledger_id: int
    reference: str
    subject: str
    metric: Metric
    ordinal: int
    kind: str
    priority: str
    verdict: Verdict
    is_near_miss: bool
    target_seconds: int
    decided_at: datetime

    @property
    def tags(self) -> dict[str, str]:
        """Return what figures are broken down by."""
        return {"metric": self.metric.value, "kind": self.kind, "priority": self.priority}


@dataclass(frozen=True, kw_only=True, slots=True)
class IncidentFacts:
    """An incident with what makes it a repeat."""

    reference: str
    category: str
    started_at: datetime
    device_ids: frozenset[int]
    set_aside_at: datetime | None  # merged into another, or found to be spam or a test
