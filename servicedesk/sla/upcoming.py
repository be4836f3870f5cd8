"""What will breach next: the clocks that run and have not run out, the nearest first."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from sqlalchemy import ColumnElement, bindparam, literal_column, null, select

from servicedesk.accounts.models import User
from servicedesk.clients.models import Client
from servicedesk.clients.visibility import of_customers
from servicedesk.core import clock, database
from servicedesk.sla.cycles import AT_RISK, WHOLE
from servicedesk.sla.models import SlaCycle, SlaLedger
from servicedesk.sla.terms import calendar_up_to, newest_version

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from sqlalchemy import Row, Select

    from servicedesk.sla.counting import Reach
    from servicedesk.sla.cycles import Metric

NEXT = 10
# the words of the partial index, so that it is used
RUNS: ColumnElement[bool] = literal_column("sla_cycle.verdict = 'running'")
NARROWED: Mapping[str, ColumnElement[bool]] = {
    "clients": SlaCycle.client_id.in_(bindparam("clients", expanding=True)),
    "agent": SlaCycle.agent_id.is_not_distinct_from(bindparam("agent")),
    "kind": SlaCycle.kind == bindparam("kind"),
    "priority": SlaCycle.priority == bindparam("priority"),
    "queue": SlaCycle.queue == bindparam("queue"),
}


@dataclass(frozen=True, kw_only=True)
class Upcoming:
    """A clock that runs: of what, of whom, and how much business time is left."""

    subject: str
    client: str  # reference
    client_name: str
    metric: Metric
    priority: str
    queue: str
    agent_name: str | None
    due_at: datetime
    left: timedelta
    used_percent: int

    @property
    def short_name(self) -> str:
        """Return the client's name without its legal form."""
        return self.client_name.split(",")[0]

    @property
    def is_at_risk(self) -> bool:
        """Whether so much is used that somebody should look."""
        return self.used_percent >= AT_RISK


def upcoming(reach: Reach, size: int = NEXT, *, names_agents: bool = True) -> Sequence[Upcoming]:
    """Return the running clocks that run out first; one statement. Nothing is read beyond `reach`."""
    narrowed = reach.narrowed
    if "agent" in narrowed:
        narrowed = {**narrowed, "agent": reach.agent_id or None}  # a cycle of nobody names none
    statement = _statement(tuple(narrowed), size, names_agents)
    return [_told(row) for row in database.session().execute(statement, narrowed)]


@lru_cache(maxsize=256)
def _statement(asked: tuple[str, ...], size: int, names_agents: bool) -> Select[*tuple[Any, ...]]:  # noqa: FBT001
    """Return the statement; what it is narrowed to is told when it runs.

    Clocks are found first: whose they are is then asked for so many and not for all that run. Made
    once for each way to ask, since to build it costs as much as to run it.
    """
    unasked = [] if "clients" in asked else [of_customers(SlaCycle.client_id)]
    found = (
        select(SlaCycle.id)
        .where(RUNS, *(NARROWED[name] for name in asked), *unasked)
        .order_by(SlaCycle.due_at, SlaCycle.id)
        .limit(size)
    )
    return (
        select(
            SlaCycle.metric,
            SlaCycle.priority,
            SlaCycle.queue,
            SlaCycle.due_at,
            SlaCycle.target_seconds,
            SlaLedger.subject,
            Client.reference.label("client"),
            Client.name.label("client_name"),
            (User.name if names_agents else null()).label("agent_name"),
            newest_version(SlaLedger.calendar_id).label("newest_calendar_id"),
        )
        .join(SlaLedger, SlaLedger.id == SlaCycle.ledger_id)
        .join(Client, Client.id == SlaCycle.client_id)
        .outerjoin(User, User.id == SlaCycle.agent_id)
        .where(SlaCycle.id.in_(found.scalar_subquery()))
        .order_by(SlaCycle.due_at, SlaCycle.id)
    )


def _told(row: Row[Any]) -> Upcoming:
    now = clock.now()
    due_at = row.due_at or now
    calendar = calendar_up_to(database.session(), row.newest_calendar_id)
    left = calendar.between(now, due_at) if due_at > now else timedelta(0)
    target = timedelta(seconds=row.target_seconds)
    used = int(WHOLE * (target - left) / target) if target else WHOLE
    return Upcoming(
        subject=row.subject,
        client=row.client,
        client_name=row.client_name,
        metric=row.metric,
        priority=row.priority,
        queue=row.queue,
        agent_name=row.agent_name,
        due_at=due_at,
        left=left,
        used_percent=max(0, min(used, WHOLE)),
    )
