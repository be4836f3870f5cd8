"""What follows from what was reported: priority and queue."""

from __future__ import annotations

from typing import TYPE_CHECKING

from servicedesk.core.errors import InvalidInput
from servicedesk.core.text import msgid
from servicedesk.tickets.models import Impact, Priority, Queue, TicketKind, Urgency

if TYPE_CHECKING:
    from collections.abc import Mapping

    from servicedesk.tickets.categories import IncidentCategory

_PRIORITIES: Mapping[tuple[Impact, Urgency], Priority] = {
    (Impact.HIGH, Urgency.HIGH): Priority.CRITICAL,
    (Impact.HIGH, Urgency.MEDIUM): Priority.HIGH,
    (Impact.HIGH, Urgency.LOW): Priority.MEDIUM,
    (Impact.MEDIUM, Urgency.HIGH): Priority.HIGH,
    (Impact.MEDIUM, Urgency.MEDIUM): Priority.MEDIUM,
    (Impact.MEDIUM, Urgency.LOW): Priority.LOW,
    (Impact.LOW, Urgency.HIGH): Priority.MEDIUM,
    (Impact.LOW, Urgency.MEDIUM): Priority.LOW,
    (Impact.LOW, Urgency.LOW): Priority.LOW,
}
_QUEUES: Mapping[TicketKind, Queue] = {
    TicketKind.REQUEST: Queue.OPERATIONS,
    TicketKind.QUERY: Queue.ADVICE,
    TicketKind.INCIDENT: Queue.SUPPORT,
}


def priority_of(impact: Impact, urgency: Urgency) -> Priority:
    """Return the priority of an impact and an urgency."""
    return _PRIORITIES[impact, urgency]


def queue_of(kind: TicketKind, *, is_destructive: bool = False) -> Queue:
    """Return the team that looks at it first; what cannot be undone goes to security."""
    return Queue.SECURITY if is_destructive else _QUEUES[kind]


def check_category(kind: TicketKind, category: IncidentCategory | None) -> None:
    """Raise InvalidInput at `category` if something else than an incident has one."""
    if category is not None and kind is not TicketKind.INCIDENT:
        raise InvalidInput(msgid("Only an incident has a category."), field="category")
