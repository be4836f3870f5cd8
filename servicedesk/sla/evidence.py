"""What stands behind a figure: what an address asks for, as conditions on ledgers and their cycles."""

from __future__ import annotations

import re
from dataclasses import dataclass, fields, replace
from datetime import date, timedelta
from typing import TYPE_CHECKING, Self

from sqlalchemy import ColumnElement, and_, func, literal_column, select

from servicedesk.clients.models import Client
from servicedesk.clients.visibility import of_customers, visible_to
from servicedesk.core import database
from servicedesk.sla.cycles import OPEN_STANDINGS, Metric, Standing, Verdict
from servicedesk.sla.models import SlaCycle, SlaLedger
from servicedesk.sla.plan import KINDS, PRIORITIES, QUEUES

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from sqlalchemy import ScalarSelect

    from servicedesk.core.actors import Actor

OPEN = "open"  # any of the open standings
NOBODYS = "none"
OUTCOMES = ("met", "near", "breached")
MONTH = re.compile(r"(20\d\d)-(0[1-9]|1[0-2])")
DAY = re.compile(r"20\d\d-\d\d-\d\d")
REFERENCE_LENGTH = 40
HOURS, WEEKDAYS = 24, 7
# the words of the partial index, so that it is used
IS_OPEN: ColumnElement[bool] = literal_column("sla_ledger.standing not in ('ended', 'merged')")


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """What a figure counts; empty text means everything.

    Where cycles are counted (`metric`, `outcome`, `month`), kind, priority, queue and agent are
    theirs: what they were when the cycle was decided.
    """

    client: str = ""  # reference
    kind: str = ""
    priority: str = ""
    queue: str = ""
    agent: str = ""  # a person's number, or NOBODYS
    sla: str = ""  # how it stands now: an open standing, or OPEN
    metric: str = ""
    outcome: str = ""  # near ones are met, too
    month: str = ""  # in which it was decided: 2026-11
    arrived: str = ""  # month of arrival …
    weekday: str = ""  # … from Monday, 1, to Sunday, 7 …
    hour: str = ""  # … and hour of arrival, 0 to 23
    opened_from: str = ""  # first and last day of arrival: 2026-11-30
    opened_to: str = ""

    @classmethod
    def read(cls, told: Mapping[str, str], **more: str) -> Self:
        """Return what an address tells, without what is not understood."""
        known = {
            name: value
            for name, is_known in UNDERSTOOD.items()
            if (value := told.get(name, "")) and is_known(value)
        }
        return cls(**known, **more)

    def as_words(self) -> dict[str, str]:
        """Return what is set, by name."""
        named = {field.name: str(getattr(self, field.name)) for field in fields(Evidence)}
        return {name: value for name, value in named.items() if value}

    def as_query(self) -> dict[str, str]:
        """Return what is set, for the address of a list of tickets in every state."""
        return {**self.as_words(), "show": "all"}

    def but(self, **changes: str) -> Self:
        """Return it with something else asked for."""
        return replace(self, **changes)

    @property
    def counts_cycles(self) -> bool:
        """Whether cycles are counted, of which a ticket may have several."""
        return bool(self.metric or self.outcome or self.month)

    @property
    def counts_ledgers(self) -> bool:
        """Whether it asks how or when something stands or came, which only its ledger says."""
        return bool(
            self.sla
            or self.arrived
            or self.weekday
            or self.hour
            or self.opened_from
            or self.opened_to
        )


def _is_day(value: str) -> bool:
    try:
        return bool(DAY.fullmatch(value) and date.fromisoformat(value))
    except ValueError:
        return False


def _number_below(limit: int, first: int = 0) -> Callable[[str], bool]:
    return {str(number) for number in range(first, first + limit)}.__contains__


def _is_reference(value: str) -> bool:
    return len(value) <= REFERENCE_LENGTH and value.isprintable()


def _is_agent(value: str) -> bool:
    return value == NOBODYS or (value.isascii() and value.isdigit() and len(value) <= 18)  # noqa: PLR2004


UNDERSTOOD: Mapping[str, Callable[[str], bool]] = {
    "client": _is_reference,
    "kind": KINDS.__contains__,
    "priority": PRIORITIES.__contains__,
    "queue": QUEUES.__contains__,
    "agent": _is_agent,
    "sla": {OPEN, *OPEN_STANDINGS}.__contains__,
    "metric": set(Metric).__contains__,
    "outcome": OUTCOMES.__contains__,
    "month": lambda value: bool(MONTH.fullmatch(value)),
    "arrived": lambda value: bool(MONTH.fullmatch(value)),
    "weekday": _number_below(WEEKDAYS, first=1),
    "hour": _number_below(HOURS),
    "opened_from": _is_day,
    "opened_to": _is_day,
}


def month_of(day: date) -> str:
    """Return the month of a day as addresses say it."""
    return f"{day.year}-{day.month:02d}"


def first_day(month: str) -> date:
    """Return the first day of a month that an address says."""
    return date.fromisoformat(f"{month}-01")


def ledgers_behind(actor: Actor, asked: Evidence) -> ScalarSelect[int]:
    """Return the ids of the ledgers behind a figure that the actor sees."""
    if asked.counts_cycles:
        return select(SlaCycle.ledger_id).where(_cycles(actor, asked)).scalar_subquery()
    return select(SlaLedger.id).where(_ledgers(actor, asked)).scalar_subquery()


def newest_behind(
    actor: Actor, asked: Evidence, before: int | None, size: int
) -> ScalarSelect[int]:
    """Return the ids of so many ledgers behind a figure, the newest below `before`.

    Cycles lie in their index by ledger. Of ledgers the few that match are sorted: `+ 0` keeps the
    planner from walking down all of them in their order until enough match.
    """
    if asked.counts_cycles:
        found = select(SlaCycle.ledger_id).where(_cycles(actor, asked)).distinct()
        column, order = SlaCycle.ledger_id, SlaCycle.ledger_id.desc()
    else:
        found = select(SlaLedger.id).where(_ledgers(actor, asked))
        column, order = SlaLedger.id, (SlaLedger.id + 0).desc()
    if before is not None:
        found = found.where(column < before)
    return found.order_by(order).limit(size).scalar_subquery()


@dataclass(frozen=True, kw_only=True)
class Counted:
    """How much stands behind a figure; `cycles` is None where tickets were counted at once."""

    tickets: int
    cycles: int | None = None


def counted(actor: Actor, asked: Evidence) -> Counted:
    """Return how many tickets, and cycles of them, stand behind a figure; one statement."""
    session = database.session()
    if not asked.counts_cycles:
        query = select(func.count()).select_from(SlaLedger).where(_ledgers(actor, asked))
        return Counted(tickets=session.scalar(query) or 0)
    both = select(func.count(), func.count(SlaCycle.ledger_id.distinct()))
    cycles, found = session.execute(both.where(_cycles(actor, asked))).one()
    return Counted(tickets=found, cycles=cycles)


def _ledgers(actor: Actor, asked: Evidence) -> ColumnElement[bool]:
    return and_(*_whose(actor, asked, SlaLedger), *_standing(asked.sla), *_arrival(asked))


def _cycles(actor: Actor, asked: Evidence) -> ColumnElement[bool]:
    found: list[ColumnElement[bool]] = [
        *_whose(actor, asked, SlaCycle),
        SlaCycle.month.is_not(None),
    ]
    if asked.metric:
        found.append(SlaCycle.metric == Metric(asked.metric))
    if asked.outcome:
        verdict = Verdict.BREACHED if asked.outcome == "breached" else Verdict.MET
        found.append(SlaCycle.verdict == verdict)
    if asked.outcome == "near":
        found.append(SlaCycle.is_near_miss.is_(True))
    if asked.month:
        found.append(SlaCycle.month == first_day(asked.month))
    if asked.counts_ledgers:  # of these cycles, those of what stands or came like this
        theirs = and_(*_standing(asked.sla), *_arrival(asked))
        found.append(SlaCycle.ledger_id.in_(select(SlaLedger.id).where(theirs)))
    return and_(*found)


def _whose(
    actor: Actor, asked: Evidence, of: type[SlaLedger | SlaCycle]
) -> list[ColumnElement[bool]]:
    found = [visible_to(actor, of.client_id)]
    if asked.client:
        client = select(Client.id).where(Client.reference == asked.client).scalar_subquery()
        found.append(of.client_id == client)
    elif actor.client_ids is None:
        found.append(of_customers(of.client_id))
    for column, value in (
        (of.kind, asked.kind),
        (of.priority, asked.priority),
        (of.queue, asked.queue),
    ):
        if value:
            found.append(column == value)
    if asked.agent and not actor.is_contact:  # who handles what is not the client's to know
        nobody = asked.agent == NOBODYS
        found.append(of.agent_id.is_(None) if nobody else of.agent_id == int(asked.agent))
    return found


def _standing(sla: str) -> list[ColumnElement[bool]]:
    if not sla:
        return []
    return [IS_OPEN] if sla == OPEN else [IS_OPEN, SlaLedger.standing == Standing(sla)]


def _arrival(asked: Evidence) -> list[ColumnElement[bool]]:
    found: list[ColumnElement[bool]] = []
    if asked.arrived:  # what was merged came, but is counted with what it was merged into
        first = first_day(asked.arrived)
        after = (first + timedelta(days=31)).replace(day=1)
        found += [
            SlaLedger.started_on >= first,
            SlaLedger.started_on < after,
            SlaLedger.standing != Standing.MERGED,
        ]
    if asked.weekday or asked.hour:
        found.append(SlaLedger.started_slot.in_(_slots(asked.weekday, asked.hour)))
    if asked.opened_from:
        found.append(SlaLedger.started_on >= date.fromisoformat(asked.opened_from))
    if asked.opened_to:
        found.append(SlaLedger.started_on <= date.fromisoformat(asked.opened_to))
    return found


def _slots(weekday: str, hour: str) -> list[int]:
    days = [int(weekday) - 1] if weekday else range(WEEKDAYS)
    hours = [int(hour)] if hour else range(HOURS)
    return [day * HOURS + at for day in days for at in hours]


def of_agent(agent_id: int) -> str:
    """Return how an address names an agent; zero is nobody."""
    return str(agent_id) if agent_id else NOBODYS
