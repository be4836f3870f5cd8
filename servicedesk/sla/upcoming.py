"""What will breach next: the clocks that run and have not run out, the nearest first."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from sqlalchemy import ColumnElement, literal_column, null, select

from servicedesk.accounts.models import User
from servicedesk.clients.models import Client
from servicedesk.clients.visibility import of_customers
from servicedesk.core import clock, database
from servicedesk.sla.cycles import AT_RISK, WHOLE
from servicedesk.sla.models import SlaCycle, SlaLedger
from servicedesk.sla.terms import calendar_up_to, newest_version

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from servicedesk.sla.counting import Reach
    from servicedesk.sla.cycles import Metric

NEXT = 10
# the words of the partial index, so that it is used
RUNS: ColumnElement[bool] = literal_column("sla_cycle.verdict = 'running'")


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
    """Return the running clocks that run out first; one statement. Nothing is read beyond `reach`.

    They are found first: whose they are is then asked for so many and not for all that run.
    """
    found = (
        select(SlaCycle.id)
        .where(RUNS, *_narrowed(reach))
        .order_by(SlaCycle.due_at, SlaCycle.id)
        .limit(size)
    )
    query = (
        select(
            SlaCycle,
            SlaLedger.subject,
            Client.reference,
            Client.name,
            User.name if names_agents else null(),
            newest_version(SlaLedger.calendar_id),
        )
        .join(SlaLedger, SlaLedger.id == SlaCycle.ledger_id)
        .join(Client, Client.id == SlaCycle.client_id)
        .outerjoin(User, User.id == SlaCycle.agent_id)
        .where(SlaCycle.id.in_(found.scalar_subquery()))
        .order_by(SlaCycle.due_at, SlaCycle.id)
    )
    return [_told(*row) for row in database.session().execute(query)]


def _told(
    cycle: SlaCycle, subject: str, client: str, name: str, agent: str | None, newest_id: int
) -> Upcoming:
    now = clock.now()
    due_at = cycle.due_at or now
    calendar = calendar_up_to(database.session(), newest_id)
    left = calendar.between(now, due_at) if due_at > now else timedelta(0)
    target = timedelta(seconds=cycle.target_seconds)
    used = int(WHOLE * (target - left) / target) if target else WHOLE
    return Upcoming(
        subject=subject,
        client=client,
        client_name=name,
        metric=cycle.metric,
        priority=cycle.priority,
        queue=cycle.queue,
        agent_name=agent,
        due_at=due_at,
        left=left,
        used_percent=max(0, min(used, WHOLE)),
    )


def _narrowed(reach: Reach) -> list[ColumnElement[bool]]:
    found: list[ColumnElement[bool]] = []
    if reach.client_ids is not None:
        found.append(SlaCycle.client_id.in_(reach.client_ids))
    else:
        found.append(of_customers(SlaCycle.client_id))
    if reach.agent_id is not None:
        found.append(
            SlaCycle.agent_id == reach.agent_id if reach.agent_id else SlaCycle.agent_id.is_(None)
        )
    for column, value in (
        (SlaCycle.kind, reach.kind),
        (SlaCycle.priority, reach.priority),
        (SlaCycle.queue, reach.queue),
    ):
        if value:
            found.append(column == value)
    return found
