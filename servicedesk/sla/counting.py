"""Reading the counters: what was folded at the level that is asked for, and what was not yet.

Everything that is asked together is one statement, so that all of it is of one moment: a fold that
commits meanwhile can neither be missed nor counted twice.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    and_,
    cast,
    func,
    literal,
    null,
    select,
    true,
    union_all,
)

from servicedesk.core import database
from servicedesk.sla.models import SlaTally, SlaTallyChange
from servicedesk.sla.tallies import ARRIVED, EVERY_AGENT, EVERY_CLIENT, EVERY_KIND, EVERY_SLOT

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import date

    from sqlalchemy import CTE, Select

COLUMNS = ("on_day", "slot", "client_id", "agent_id", "kind", "priority", "queue")


@dataclass(frozen=True, kw_only=True)
class Reach:
    """Whose counters are read; None and empty text mean everything there is."""

    client_ids: Sequence[int] | None = None
    agent_id: int | None = None
    kind: str = ""
    priority: str = ""
    queue: str = ""


@dataclass(frozen=True, kw_only=True)
class Slice:
    """Some figures of the days from `first` to `last`, added up but for the columns in `by`."""

    name: str
    figures: Sequence[str]
    by: Sequence[str]
    first: date | None = None
    last: date | None = None
    client_ids: Sequence[int] = ()  # where clients are kept apart: which


@dataclass(frozen=True, kw_only=True)
class Count:
    """How often something was counted; what was not kept apart is None."""

    figure: str
    amount: int
    on_day: date | None
    slot: int | None
    client_id: int | None
    agent_id: int | None
    kind: str | None
    priority: str | None
    queue: str | None


def counts(reach: Reach, slices: Iterable[Slice]) -> Mapping[str, list[Count]]:
    """Return what the slices count, by their names; one statement.

    Nobody else's counters are read: give the clients of an actor who does not see all of them.
    """
    pending = (
        select(SlaTallyChange.figure, SlaTallyChange.amount, *_columns(SlaTallyChange))
        .where(*_narrowed(reach, SlaTallyChange))
        .cte("pending")
    )
    found: dict[str, list[Count]] = defaultdict(list)
    asked = union_all(*(_slice(reach, one, pending) for one in slices))
    for name, *values in database.session().execute(asked):
        found[name].append(Count(**dict(zip(("figure", "amount", *COLUMNS), values, strict=True))))
    return found


def _slice(reach: Reach, wanted: Slice, pending: CTE) -> Select[Any]:
    folded = select(SlaTally.figure, SlaTally.amount, *_columns(SlaTally)).where(
        *_level(reach, wanted), *_counted(wanted, SlaTally)
    )
    unfolded = select(pending).where(*_counted(wanted, pending.c))
    both = union_all(folded, unfolded).subquery()
    kept = [both.c[name] for name in COLUMNS if name in wanted.by]
    amount = func.sum(both.c.amount)
    return (
        select(
            literal(wanted.name),
            both.c.figure,
            cast(amount, BigInteger),
            *(
                both.c[name] if name in wanted.by else cast(null(), both.c[name].type)
                for name in COLUMNS
            ),
        )
        .group_by(both.c.figure, *kept)
        .having(amount != 0)
    )


def _columns(of: Any) -> list[Any]:
    return [getattr(of, name) for name in COLUMNS]


def _counted(wanted: Slice, of: Any) -> list[ColumnElement[bool]]:
    found = [of.figure.in_(wanted.figures)]
    if wanted.first is not None:
        found.append(of.on_day.between(wanted.first, wanted.last))
    return found


def _level(reach: Reach, wanted: Slice) -> list[ColumnElement[bool]]:
    """Return the conditions that find the counters of one level."""
    fine = (
        {"kind", "priority", "queue"} & {*wanted.by} or reach.kind or reach.priority or reach.queue
    )
    arrivals = ARRIVED in wanted.figures
    agent_id = EVERY_AGENT if reach.agent_id is None else reach.agent_id
    return [
        _clients(reach, wanted),
        SlaTally.agent_id != EVERY_AGENT
        if "agent_id" in wanted.by
        else SlaTally.agent_id == agent_id,
        SlaTally.slot == EVERY_SLOT
        if arrivals and "slot" not in wanted.by
        else SlaTally.slot != EVERY_SLOT,
        and_(SlaTally.kind != EVERY_KIND, *_rows(reach, SlaTally))
        if fine
        else SlaTally.kind == EVERY_KIND,
    ]


def _clients(reach: Reach, wanted: Slice) -> ColumnElement[bool]:
    if "client_id" in wanted.by:
        return SlaTally.client_id.in_(wanted.client_ids)
    if reach.client_ids is None:
        return SlaTally.client_id == EVERY_CLIENT
    return SlaTally.client_id.in_(reach.client_ids)


def _narrowed(reach: Reach, of: Any) -> list[ColumnElement[bool]]:
    """Return the conditions on what counts by its own client, agent, kind, priority and queue."""
    clients = true() if reach.client_ids is None else of.client_id.in_(reach.client_ids)
    agent = true() if reach.agent_id is None else of.agent_id == reach.agent_id
    return [clients, agent, *_rows(reach, of)]


def _rows(reach: Reach, of: Any) -> list[ColumnElement[bool]]:
    named = (
        (of.kind, reach.kind),
        (of.priority, reach.priority),
        (of.queue, reach.queue),
    )
    return [column == value for column, value in named if value]
