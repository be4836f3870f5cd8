"""Why a target was missed: asked when a ticket is resolved, and what its client reads about it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING

from sqlalchemy import (
    CheckConstraint,
    ColumnElement,
    ForeignKey,
    UniqueConstraint,
    and_,
    literal_column,
    select,
    tuple_,
)
from sqlalchemy.orm import Mapped, mapped_column

from servicedesk.clients.models import Client
from servicedesk.clients.visibility import visible_to
from servicedesk.core import database
from servicedesk.core.database import Model
from servicedesk.core.errors import InvalidFields, NotFound
from servicedesk.core.paging import PAGE_SIZE, Page, decode_cursor, page_of
from servicedesk.core.text import msgid
from servicedesk.sla.cycles import Metric, Verdict
from servicedesk.sla.derivation import month_of
from servicedesk.sla.models import SlaCycle
from servicedesk.tickets.models import EntryKind, Ticket
from servicedesk.tickets.timeline import tell

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from sqlalchemy import Select
    from sqlalchemy.orm import Session

    from servicedesk.core.actors import Actor
    from servicedesk.core.unit_of_work import Work
    from servicedesk.sla.cycles import Cycle

WORDS_LENGTH = 300  # two lines


class Cause(StrEnum):
    """Why a target was missed, as the monthly review groups it."""

    WORKLOAD = "workload"
    WRONG_QUEUE = "wrong_queue"
    MISSING_INFORMATION = "missing_information"
    THIRD_PARTY = "third_party"
    DEVICE_UNREACHABLE = "device_unreachable"
    ENGINE_OR_PLATFORM = "engine_or_platform"
    PLANNING_ERROR = "planning_error"
    OTHER = "other"


CAUSE_LABELS = {
    Cause.WORKLOAD: msgid("Too much work at once"),
    Cause.WRONG_QUEUE: msgid("It lay in the wrong queue"),
    Cause.MISSING_INFORMATION: msgid("Information was missing"),
    Cause.THIRD_PARTY: msgid("A third party was late"),
    Cause.DEVICE_UNREACHABLE: msgid("The device was out of reach"),
    Cause.ENGINE_OR_PLATFORM: msgid("Engine or platform did not work"),
    Cause.PLANNING_ERROR: msgid("We planned it badly"),
    Cause.OTHER: msgid("Another cause"),
}


class BreachCause(Model):
    """Why one clock of a ticket missed its target, in a word to count by and two lines to read."""

    __tablename__ = "breach_cause"
    __table_args__ = (
        UniqueConstraint("ticket_id", "metric", "ordinal"),
        CheckConstraint("char_length(words) between 1 and 300", "two_lines_of_words"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    client_id: Mapped[int] = mapped_column(ForeignKey("client.id"), index=True)
    ticket_id: Mapped[int] = mapped_column(ForeignKey("ticket.id"))
    metric: Mapped[Metric]
    ordinal: Mapped[int]
    cause: Mapped[Cause]
    words: Mapped[str]
    author_id: Mapped[int | None] = mapped_column(ForeignKey("user.id"))
    author_name: Mapped[str]
    at: Mapped[datetime]


# the words of the partial index, so that it is used
IS_BREACHED: ColumnElement[bool] = and_(
    literal_column("sla_cycle.verdict = 'breached'"), SlaCycle.month.is_not(None)
)
_OF_ITS_CYCLE = and_(
    BreachCause.ticket_id == Ticket.id,
    BreachCause.metric == SlaCycle.metric,
    BreachCause.ordinal == SlaCycle.ordinal,
)


@dataclass(frozen=True, kw_only=True)
class Explanation:
    """A cause and its words as somebody gave them."""

    cause: str = ""
    words: str = ""


@dataclass(frozen=True, kw_only=True)
class Breach:
    """A missed target of a ticket, by how much, and why if somebody has said so."""

    metric: Metric
    ordinal: int
    over: timedelta  # business time beyond the target, so far
    cause: BreachCause | None


def breaches_in(
    session: Session, ticket: Ticket, cycles: Mapping[tuple[Metric, int], Cycle]
) -> list[Breach]:
    """Return the missed targets among a ticket's cycles; nothing is asked where none was missed."""
    missed = {key: c for key, c in cycles.items() if c.verdict is Verdict.BREACHED and month_of(c)}
    if not missed:
        return []
    causes = {(one.metric, one.ordinal): one for one in causes_of(session, [ticket.id])[ticket.id]}
    return [
        Breach(metric=key[0], ordinal=key[1], over=c.elapsed - c.target, cause=causes.get(key))
        for key, c in missed.items()
    ]


def causes_of(session: Session, ticket_ids: Collection[int]) -> dict[int, list[BreachCause]]:
    """Return the causes given for missed targets, by ticket; one statement."""
    found: dict[int, list[BreachCause]] = {ticket_id: [] for ticket_id in ticket_ids}
    query = select(BreachCause).where(BreachCause.ticket_id.in_(sorted(found)))
    for cause in session.scalars(query.order_by(BreachCause.id)):
        found[cause.ticket_id].append(cause)
    return found


def tickets_without_cause(actor: Actor, client_reference: str = "") -> Select[int]:
    """Return the query for the ids of tickets with a missed target that nobody has explained.

    It is narrowed by itself, so that those of a client are found by their index.
    """
    found = (
        select(Ticket.id)
        .join(SlaCycle, SlaCycle.ledger_id == Ticket.ledger_id)
        .outerjoin(BreachCause, _OF_ITS_CYCLE)
        .where(visible_to(actor, SlaCycle.client_id), IS_BREACHED, BreachCause.id.is_(None))
        .correlate(None)
    )
    if client_reference:
        client = select(Client.id).where(Client.reference == client_reference).scalar_subquery()
        found = found.where(SlaCycle.client_id == client)
    return found


@dataclass(frozen=True, kw_only=True)
class Unexplained:
    """A missed target that nobody has explained yet."""

    ticket: Ticket
    metric: Metric
    ordinal: int
    over: timedelta | None  # unknown while its clock runs on


def breaches_without_cause(
    actor: Actor, client_reference: str, cursor: str | None = None, size: int = PAGE_SIZE
) -> Page[Unexplained]:
    """Return a page of a client's missed targets without a cause, newest tickets first.

    Raises NotFound, InvalidInput (a cursor that is none).
    """
    session = database.session()
    client_id = session.scalar(
        select(Client.id).where(Client.reference == client_reference, visible_to(actor, Client.id))
    )
    if client_id is None:
        raise NotFound
    query = (
        select(Ticket, SlaCycle)
        .join(SlaCycle, SlaCycle.ledger_id == Ticket.ledger_id)
        .outerjoin(BreachCause, _OF_ITS_CYCLE)
        .where(SlaCycle.client_id == client_id, IS_BREACHED, BreachCause.id.is_(None))
        .order_by(SlaCycle.ledger_id.desc(), SlaCycle.id.desc())
        .limit(size + 1)
    )
    if key := decode_cursor(cursor, int, int):
        query = query.where(tuple_(SlaCycle.ledger_id, SlaCycle.id) < tuple_(*key))
    rows = session.execute(query).all()
    page = page_of(rows, size, lambda row: [row[1].ledger_id, row[1].id])
    return Page(items=[_unexplained(*row) for row in page.items], next=page.next)


def _unexplained(ticket: Ticket, cycle: SlaCycle) -> Unexplained:
    used = cycle.elapsed_seconds
    over = None if used is None else timedelta(seconds=used - cycle.target_seconds)
    return Unexplained(ticket=ticket, metric=cycle.metric, ordinal=cycle.ordinal, over=over)


def explain_missing(work: Work, ticket: Ticket, given: Explanation | None) -> bool:
    """Keep a cause for every missed target of the ticket that has none; return whether any had none.

    Raises InvalidFields (at `cause`, `cause_words`) if it is needed and missing.
    """
    missing = work.session.execute(
        select(SlaCycle.metric, SlaCycle.ordinal)
        .join(Ticket, Ticket.ledger_id == SlaCycle.ledger_id)
        .outerjoin(BreachCause, _OF_ITS_CYCLE)
        .where(Ticket.id == ticket.id, IS_BREACHED, BreachCause.id.is_(None))
        .order_by(SlaCycle.id)
    ).all()
    if missing:
        cause, words = checked(given or Explanation())
        for metric, ordinal in missing:
            keep_cause(work, ticket, (metric, ordinal), cause, words)
        tell_cause(work, ticket, [metric for metric, _ordinal in missing], cause, words)
    return bool(missing)


def checked(given: Explanation) -> tuple[Cause, str]:
    """Return what was given as it is kept. Raises InvalidFields (at `cause`, `cause_words`)."""
    words, faults = " ".join(given.words.split()), {}
    if given.cause not in set(Cause):
        faults["cause"] = msgid("A target was missed: say why.")
    if not words:
        faults["cause_words"] = msgid("Say in two lines what happened: the client reads it.")
    elif len(words) > WORDS_LENGTH:
        faults["cause_words"] = msgid("This is too long.")
    elif not words.isprintable():
        faults["cause_words"] = msgid("This contains characters that cannot be stored.")
    if faults:
        raise InvalidFields(faults)
    return Cause(given.cause), words


def keep_cause(
    work: Work, ticket: Ticket, cycle: tuple[Metric, int], cause: Cause, words: str
) -> None:
    """Write why a target was missed, or write it anew."""
    metric, ordinal = cycle
    kept = work.session.scalar(
        select(BreachCause).where(
            BreachCause.ticket_id == ticket.id,
            BreachCause.metric == metric,
            BreachCause.ordinal == ordinal,
        )
    )
    if kept is None:
        kept = BreachCause(
            client_id=ticket.client_id, ticket_id=ticket.id, metric=metric, ordinal=ordinal
        )
        work.session.add(kept)
    kept.cause, kept.words, kept.at = cause, words, work.at
    kept.author_id, kept.author_name = work.actor.user_id, work.actor.name


def tell_cause(
    work: Work, ticket: Ticket, metrics: Sequence[Metric], cause: Cause, words: str
) -> None:
    """Say on the timeline, to the client too, why targets were missed."""
    names = list(dict.fromkeys(metric.value for metric in metrics))
    tell(work, ticket, EntryKind.BREACH_CAUSE, body=words, cause=cause.value, metrics=names)


def is_breached(session: Session, ticket: Ticket, metric: str, ordinal: int) -> bool:
    """Whether a clock of the ticket has missed its target and counts."""
    named: ColumnElement[bool] = and_(
        SlaCycle.ledger_id == ticket.ledger_id,
        SlaCycle.metric == metric,
        SlaCycle.ordinal == ordinal,
    )
    return session.scalar(select(SlaCycle.id).where(named, IS_BREACHED)) is not None
