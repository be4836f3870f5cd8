"""What an actor may look at: which clients and agents there are, and at what level they are counted."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from functools import cached_property
from typing import TYPE_CHECKING, Any

from sqlalchemy import Date, cast, func, select

from servicedesk.accounts.models import User
from servicedesk.clients.models import Client, Contract
from servicedesk.clients.visibility import visible_to
from servicedesk.core import clock, database
from servicedesk.core.actors import Role
from servicedesk.core.errors import NotFound
from servicedesk.sla.ageing import local_day
from servicedesk.sla.calendar import compiled
from servicedesk.sla.counting import Reach
from servicedesk.sla.cycles import Metric
from servicedesk.sla.evidence import NOBODYS, Evidence, month_of
from servicedesk.sla.models import CalendarVersion, ServiceLevel
from servicedesk.sla.standard import CALENDAR, office_hours
from servicedesk.sla.tallies import NOBODY
from servicedesk.sla.terms import calendar_up_to

if TYPE_CHECKING:
    from collections.abc import Mapping

    from servicedesk.core.actors import Actor
    from servicedesk.sla.calendar import BusinessCalendar

MONTHS = 13
AGENTS = select(User.id, User.name).where(User.role != Role.CONTACT).order_by(User.name)


@dataclass(frozen=True, kw_only=True)
class View:
    """What an actor may look at, and of it what was asked for."""

    actor: Actor
    asked: Evidence
    reach: Reach
    clients: Mapping[int, tuple[str, str]]  # reference, name; the operator's own last
    agents: Mapping[int, str]
    calendar: BusinessCalendar
    today: date

    @property
    def months(self) -> list[date]:
        """Return the first days of the last thirteen months, the present one last."""
        return months_up_to(self.today)

    @cached_property
    def behind(self) -> Evidence:
        """Return what stands behind every figure."""
        return self.asked.but(metric="", month="")


def view_of(actor: Actor, asked: Evidence) -> View:
    """Return what an actor looks at; what is not theirs to ask is left out.

    Raises NotFound for a client that is not the actor's.
    """
    clients = _clients(actor)
    chosen = next((i for i, told in clients.items() if told[0] == asked.client), None)
    if asked.client and chosen is None:
        raise NotFound
    limited = chosen is not None or actor.client_ids is not None
    calendar = _calendar(chosen if len(clients) > 1 else next(iter(clients), None))
    today = local_day(calendar, clock.now())
    offered = [month_of(month) for month in months_up_to(today)]
    asked = Evidence(
        client=asked.client,
        kind=asked.kind,
        priority=asked.priority,
        queue="" if actor.is_contact else asked.queue,
        agent="" if actor.is_contact else asked.agent,
        metric=asked.metric or Metric.RESOLUTION.value,
        month=asked.month if asked.month in offered else offered[-1],
    )
    return View(
        actor=actor,
        asked=asked,
        reach=Reach(
            client_ids=([chosen] if chosen else sorted(clients)) if limited else None,
            agent_id=_agent_id(asked.agent),
            kind=asked.kind,
            priority=asked.priority,
            queue=asked.queue,
        ),
        clients=clients,
        agents={} if actor.is_contact else _agents(),
        calendar=calendar,
        today=today,
    )


def months_up_to(today: date) -> list[date]:
    """Return the first days of the last thirteen months, the present one last."""
    found = [today.replace(day=1)]
    while len(found) < MONTHS:
        found.insert(0, (found[0] - timedelta(days=1)).replace(day=1))
    return found


def _agent_id(agent: str) -> int | None:
    if not agent:
        return None
    return NOBODY if agent == NOBODYS else int(agent)


def _clients(actor: Actor) -> dict[int, tuple[str, str]]:
    rows = database.session().execute(
        select(Client.id, Client.reference, Client.name)
        .where(visible_to(actor, Client.id))
        .order_by(Client.is_internal, Client.name)
    )
    return {client_id: (reference, name) for client_id, reference, name in rows}


def _agents() -> dict[int, str]:
    return {user_id: name for user_id, name in database.session().execute(AGENTS)}  # noqa: C416


def _calendar(client_id: int | None) -> BusinessCalendar:
    """Return the calendar of one client's contract, or the office's where several are meant."""
    code: Any = CALENDAR
    if client_id is not None:
        today = cast(func.timezone(Contract.time_zone, clock.now()), Date)
        level = (
            select(ServiceLevel.calendar_code)
            .join(Contract, Contract.id == ServiceLevel.contract_id)
            .where(ServiceLevel.client_id == client_id, ServiceLevel.effective_on <= today)
            .order_by(Contract.ends_on.desc(), ServiceLevel.effective_on.desc())
            .limit(1)
        )
        code = func.coalesce(level.scalar_subquery(), CALENDAR)
    newest = select(func.max(CalendarVersion.id)).where(CalendarVersion.code == code)
    session = database.session()
    newest_id = session.scalar(newest)
    return calendar_up_to(session, newest_id) if newest_id else compiled(office_hours())
