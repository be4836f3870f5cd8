"""What a list of tickets is narrowed to: by what they are, by words, and by what a figure counts."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import ColumnElement, func, literal_column, select

from servicedesk.clients.models import Client
from servicedesk.clients.visibility import visible_to
from servicedesk.sla.evidence import NOBODYS, UNDERSTOOD, Evidence, ledgers_behind
from servicedesk.tickets.breaches import tickets_without_cause
from servicedesk.tickets.models import IS_OPEN, OVER_STATES, Ticket
from servicedesk.tickets.outcomes import SATISFIED_RATING

if TYPE_CHECKING:
    from sqlalchemy import Select

    from servicedesk.core.actors import Actor

# as constants, so that the planner sees the words and knows how rare they are
SPANISH: ColumnElement[Any] = literal_column("'spanish'::regconfig")
SIMPLE: ColumnElement[Any] = literal_column("'simple'::regconfig")
REFERENCE = re.compile(r"(PET|CON|INC)-\d{4}-\d+", re.IGNORECASE)

OWN = ("assignee", "escalated", "category", "unexplained", "rated", "q")  # and of no figure
BEHIND_FIGURES = frozenset(UNDERSTOOD) - {"client", "kind", "priority", "queue"}


@dataclass(frozen=True, kw_only=True)
class TicketFilter(Evidence):
    """What a list is narrowed to; empty text means everything."""

    show: str = "open"  # open, resolved, done, all, or a state
    assignee: str = ""  # me, none
    escalated: str = ""  # 1: only those
    category: str = ""  # of incidents
    unexplained: str = ""  # 1: with a missed target that has no cause; for the operator's people
    rated: str = ""  # low: scored by its client, and not well
    q: str = ""

    def as_query(self) -> dict[str, str]:
        """Return what differs from the default, for an address."""
        own = {name: getattr(self, name) for name in OWN}
        shown = {} if self.show == "open" else {"show": self.show}
        return self.as_words() | {name: value for name, value in own.items() if value} | shown

    def hidden_parts(self) -> dict[str, str]:
        """Return what is set and no field of the list's form asks for."""
        return {name: value for name, value in self.as_words().items() if name in BEHIND_FIGURES}

    @property
    def is_evidence(self) -> bool:
        """Whether it asks for what stands behind a figure."""
        return self.counts_cycles or self.counts_ledgers

    @property
    def narrows(self) -> bool:
        """Whether it asks for more than figures count by."""
        return any(getattr(self, name) for name in OWN)

    @property
    def is_all_evidence(self) -> bool:
        """Whether it asks for all that stands behind a figure, and nothing else."""
        return self.is_evidence and self.show == "all" and not self.narrows


def narrowed(query: Select[Any], actor: Actor, wanted: TicketFilter) -> Select[Any]:
    """Return a query of tickets narrowed to what the actor sees of what is wanted."""
    query = _shown(query.where(visible_to(actor, Ticket.client_id)), wanted.show)
    if wanted.is_evidence:
        query = query.where(Ticket.ledger_id.in_(ledgers_behind(actor, wanted)))
    else:
        query = _of_whom(query, actor, wanted)
    if wanted.assignee == "me":
        query = query.where(Ticket.assignee_id == actor.user_id)
    elif wanted.assignee == "none":
        query = query.where(Ticket.assignee_id.is_(None))
    if wanted.escalated:
        query = query.where(Ticket.escalation > 0)
    if wanted.category:
        query = query.where(Ticket.category == wanted.category)
    if wanted.unexplained and not actor.is_contact:
        query = query.where(Ticket.id.in_(tickets_without_cause(actor, wanted.client)))
    if wanted.rated:
        query = query.where(Ticket.rating < SATISFIED_RATING)
    return _matching(query, wanted.q.strip()[:200])


def _of_whom(query: Select[Any], actor: Actor, wanted: TicketFilter) -> Select[Any]:
    for column, value in (
        (Ticket.kind, wanted.kind),
        (Ticket.priority, wanted.priority),
        (Ticket.queue, wanted.queue),
    ):
        if value:
            query = query.where(column == value)
    if wanted.agent and not actor.is_contact:  # who handles what is not the client's to know
        agent_id = None if wanted.agent == NOBODYS else int(wanted.agent)
        query = query.where(Ticket.assignee_id == agent_id)
    if wanted.client:
        client = select(Client.id).where(Client.reference == wanted.client).scalar_subquery()
        query = query.where(Ticket.client_id == client)
    return query


def _shown(query: Select[Any], show: str) -> Select[Any]:
    if show == "open":
        # the words of the partial index, so that it is used
        return query.where(literal_column(f"ticket.{IS_OPEN}"))
    if show == "done":
        return query.where(Ticket.state.in_(OVER_STATES))
    return query if show == "all" else query.where(Ticket.state == show)


def _matching(query: Select[Any], q: str) -> Select[Any]:
    if not q:
        return query
    q = q.replace("\x00", "")
    if REFERENCE.fullmatch(q):
        return query.where(Ticket.reference == q.upper())
    words = func.websearch_to_tsquery(SPANISH, q).op("||")(func.websearch_to_tsquery(SIMPLE, q))
    return query.where(Ticket.search.bool_op("@@")(words))
