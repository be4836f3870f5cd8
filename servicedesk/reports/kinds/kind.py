"""What every kind of report is: named columns and filters over one query, narrowed to the actor."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from sqlalchemy import Select, select

from servicedesk.clients.models import Client
from servicedesk.clients.visibility import of_customers, visible_to
from servicedesk.core.permissions import Permission, may
from servicedesk.core.text import msgid
from servicedesk.reports.columns import Column

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from servicedesk.core.actors import Actor
    from servicedesk.reports.columns import Asked, Filter

CLIENT = "client"
REACH_ONE = 1


def client_column() -> Column:
    """Return the column of the client, for who has several."""
    return Column(code=CLIENT, label=msgid("Client"), value=Client.name, joins=(CLIENT,))


def join_client(client_id: Any) -> Callable[[Select[Any]], Select[Any]]:
    """Return the join of the client of a row."""
    return lambda query: query.outerjoin(Client, Client.id == client_id)


@dataclass(frozen=True, kw_only=True)
class Lines:
    """Where the rows of a kind come from."""

    source: Any
    client_id: Any
    order: tuple[Any, ...]
    at: Any = None  # what the period narrows


class ReportKind:
    """A kind of report. A subclass names what it has."""

    code: ClassVar[str]
    label: ClassVar[str]
    description: ClassVar[str]
    permission: ClassVar[Permission]
    # whether a client asking for the same is told the same, so that ours may be sent to it
    is_same_for_client: ClassVar[bool] = True
    period: ClassVar[str | None] = None  # msgid: of which event; None: as it is now
    columns: ClassVar[tuple[Column, ...]]
    filters: ClassVar[tuple[Filter, ...]] = ()
    joins: ClassVar[Mapping[str, Callable[[Select[Any]], Select[Any]]]] = {}
    lines: ClassVar[Lines]

    def is_for(self, actor: Actor) -> bool:
        """Whether the actor may ask for it."""
        return may(actor, Permission.REPORT_MAKE) and may(actor, self.permission)

    def columns_for(self, actor: Actor) -> Sequence[Column]:
        """Return the columns that exist for the actor."""
        one = actor.client_ids is not None and len(actor.client_ids) <= REACH_ONE
        return [
            column
            for column in self.columns
            if not (column.for_operator and actor.is_contact)
            and not (column.code == CLIENT and one)
        ]

    def filters_for(self, actor: Actor) -> Sequence[Filter]:
        """Return the filters that exist for the actor."""
        return [one for one in self.filters if not (one.for_operator and actor.is_contact)]

    def query(self, asked: Asked) -> Select[Any]:
        """Return the rows that are asked for, in their order; joins only what they need."""
        chosen = [one for one in self.filters if asked.filters.get(one.code)]
        parts: list[Column | Filter] = [*asked.columns, *chosen]
        needed = {name for part in parts for name in part.joins}
        query: Select[Any] = self.narrowed(self.rows(asked), asked)
        for name, join in self.joins.items():
            if name in needed:
                query = join(query)
        for one in chosen:
            query = query.where(one.condition(asked.filters[one.code]))
        values = [column.value.label(f"c{n}") for n, column in enumerate(asked.columns)]
        return query.add_columns(*values).order_by(*self.lines.order)

    def rows(self, asked: Asked) -> Select[Any]:
        """Return the query without columns, within the period."""
        query: Select[Any] = select().select_from(self.lines.source)
        if asked.since is not None and asked.until is not None and self.lines.at is not None:
            query = query.where(self.lines.at >= asked.since, self.lines.at < asked.until)
        return query

    def narrowed(self, query: Select[Any], asked: Asked) -> Select[Any]:
        """Return the query for the clients that are asked for, of those the actor reaches."""
        query = query.where(visible_to(asked.actor, self.lines.client_id))
        if asked.client_id is not None:
            return query.where(self.lines.client_id == asked.client_id)
        return query if asked.actor.is_contact else query.where(of_customers(self.lines.client_id))
