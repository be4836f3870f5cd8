"""Reading the counters: what was folded at the level that is asked for, and what was not yet.

Everything that is asked together is one statement, so that all of it is of one moment: a fold that
commits meanwhile can neither be missed nor counted twice.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple

from sqlalchemy import TextClause, text

from servicedesk.core import database
from servicedesk.sla.tallies import ARRIVED

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import date

COLUMNS = ("on_day", "slot", "client_id", "agent_id", "kind", "priority", "queue")
TYPES = {"on_day": "date", "kind": "text", "priority": "text", "queue": "text"}
CUT = frozenset({"kind", "priority", "queue"})
# figures of all clients leave the operator's own out: see `tallies.LEVELS`
OF_CUSTOMERS = "client_id NOT IN (SELECT id FROM client WHERE is_internal)"


@dataclass(frozen=True, kw_only=True)
class Reach:
    """Whose counters are read; None and empty text mean everything there is."""

    client_ids: Sequence[int] | None = None
    agent_id: int | None = None
    kind: str = ""
    priority: str = ""
    queue: str = ""

    @property
    def narrowed(self) -> dict[str, Any]:
        """Return what it is narrowed by, by name."""
        found: dict[str, Any] = {}
        if self.client_ids is not None:
            found["clients"] = list(self.client_ids)
        if self.agent_id is not None:
            found["agent"] = self.agent_id
        cut = {"kind": self.kind, "priority": self.priority, "queue": self.queue}
        return found | {name: value for name, value in cut.items() if value}


class Shape(NamedTuple):
    """What a slice's part of the statement depends on, whatever its values."""

    name: str
    by: tuple[str, ...]
    has_days: bool
    is_one_day: bool
    is_arrivals: bool


@dataclass(frozen=True, kw_only=True)
class Slice:
    """Some figures of the days from `first` to `last`, added up but for the columns in `by`."""

    name: str
    figures: tuple[str, ...]
    by: tuple[str, ...]
    first: date | None = None
    last: date | None = None

    @property
    def shape(self) -> Shape:
        """Return what its part of the statement depends on."""
        has_days = self.first is not None
        is_one_day = has_days and self.first == self.last
        return Shape(self.name, self.by, has_days, is_one_day, ARRIVED in self.figures)


class Count(NamedTuple):
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
    wanted = tuple(slices)
    told = reach.narrowed
    asked = tuple(told)
    for one in wanted:
        told |= {f"{one.name}_figures": list(one.figures)}
        if one.first is not None:
            told |= {f"{one.name}_first": one.first, f"{one.name}_last": one.last}
    found: dict[str, list[Count]] = defaultdict(list)
    statement = _statement(asked, tuple(one.shape for one in wanted))
    for row in database.session().execute(statement, told).all():
        found[row[0]].append(Count._make(row[1:]))
    return found


@lru_cache(maxsize=256)
def _statement(asked: tuple[str, ...], shapes: tuple[Shape, ...]) -> TextClause:
    """Return the statement; values are never part of it. Made once for each way to ask.

    Only names of this module's own go into it. As text, since to build it costs as much as to run it.
    """
    own = " AND ".join(_own(asked))
    slices = " UNION ALL ".join(_slice(asked, shape) for shape in shapes)
    return text(
        f"WITH pending AS (SELECT * FROM sla_tally_change WHERE {own}) {slices}"  # noqa: S608
    )


def _slice(asked: tuple[str, ...], shape: Shape) -> str:
    name, by = shape.name, shape.by
    counted = f"figure = ANY(:{name}_figures)"
    if shape.has_days:
        counted += f" AND on_day BETWEEN :{name}_first AND :{name}_last"
    level = " AND ".join(_level(asked, shape))
    kept = [column for column in COLUMNS if column in by]
    shown = ", ".join(
        column if column in by else f"NULL::{TYPES.get(column, 'bigint')}" for column in COLUMNS
    )
    told = ", ".join(["figure", "amount", *kept])
    # figures last: where groups are sorted, they are the slowest to compare
    groups = ", ".join([*kept, "figure"])
    return (
        f"SELECT '{name}', figure, sum(amount)::bigint, {shown} FROM ("  # noqa: S608
        f"SELECT {told} FROM sla_tally WHERE {level} AND {counted} UNION ALL "
        f"SELECT {told} FROM pending WHERE {counted}) counted"
        f" GROUP BY {groups} HAVING sum(amount) <> 0"
    )


def _level(asked: tuple[str, ...], shape: Shape) -> Iterable[str]:
    """Yield the conditions that find the counters of one level: see `models.SlaTally`."""
    by = shape.by
    if "clients" in asked:
        yield "client_id = ANY(CAST(:clients AS bigint[]))"
    elif "client_id" in by:
        yield f"client_id > 0 AND {OF_CUSTOMERS}"
    else:
        yield "client_id = 0"
    if "agent_id" in by:
        yield "agent_id >= 0"
    elif "agent" in asked:
        yield "agent_id = :agent"
    else:
        # one month is not looked for client by client: told like this, the index for that does not fit
        yield "agent_id < 0" if shape.is_one_day and not shape.is_arrivals else "agent_id = -1"
    if shape.is_arrivals:
        yield "slot >= 0" if "slot" in by else "slot = -1"
    else:
        yield "slot = 0"
    if CUT & {*asked, *by}:
        yield "kind > ''"
        yield from _cut(asked)
    else:
        yield "kind = ''"


def _own(asked: tuple[str, ...]) -> Iterable[str]:
    """Yield the conditions on what counts by its own client, agent, kind, priority and queue."""
    yield "client_id = ANY(CAST(:clients AS bigint[]))" if "clients" in asked else OF_CUSTOMERS
    if "agent" in asked:
        yield "agent_id = :agent"
    yield from _cut(asked)


def _cut(asked: tuple[str, ...]) -> Iterable[str]:
    return (f"{column} = :{column}" for column in asked if column in CUT)
