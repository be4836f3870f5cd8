"""What other pages say of planned work: which run gave an order, opened a ticket, resolves an incident."""

from __future__ import annotations

from typing import TYPE_CHECKING

from servicedesk.core.permissions import Permission, may
from servicedesk.planning import queries
from servicedesk.shell.session import current_actor

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from servicedesk.planning.models import PlannedRun


def planned_order(order_id: int) -> PlannedRun | None:
    """Return the run of a task that gave an order."""
    actor = current_actor()
    return queries.run_of_order(actor, order_id) if _reads() else None


def planned_ticket(ticket_id: int) -> PlannedRun | None:
    """Return the run of a task that a ticket is about."""
    actor = current_actor()
    return queries.run_of_ticket(actor, ticket_id) if _reads() else None


def planned_workarounds(ticket_id: int) -> Sequence[Any]:
    """Return the tasks that resolve an incident."""
    actor = current_actor()
    return queries.workarounds_of(actor, ticket_id) if _reads() else []


def _reads() -> bool:
    return may(current_actor(), Permission.PLANNING_READ)
