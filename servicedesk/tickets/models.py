"""Tickets: what a client asks for, the conversation about it and every step on the way."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import CheckConstraint, Computed, ForeignKey, Index, UniqueConstraint, text
from sqlalchemy.dialects.postgresql import TSVECTOR
from sqlalchemy.orm import Mapped, mapped_column, relationship

from servicedesk.clients.models import Client
from servicedesk.core.actors import Side
from servicedesk.core.database import Model
from servicedesk.core.text import msgid
from servicedesk.orders.models import WorkOrder
from servicedesk.sla.cycles import Party
from servicedesk.sla.models import SlaLedger
from servicedesk.tickets.categories import IncidentCategory
from servicedesk.tickets.outcomes import ClosingVerdict, LeftOut


class TicketKind(StrEnum):
    """What the client wants of us."""

    REQUEST = "request"  # do something
    QUERY = "query"  # tell us something
    INCIDENT = "incident"  # something is broken


class Impact(StrEnum):
    """How much of the client's work is touched."""

    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"


class Urgency(StrEnum):
    """How soon it hurts."""

    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"


class Priority(StrEnum):
    """What follows from impact and urgency."""

    CRITICAL = "critical"
    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"


class Queue(StrEnum):
    """Which team looks at it."""

    OPERATIONS = "operations"
    SECURITY = "security"
    SUPPORT = "support"
    ADVICE = "advice"


class TicketState(StrEnum):
    """Where the ticket is; the moves between states are in `tickets/moves.py`."""

    NEW = "new"
    IN_PROGRESS = "in_progress"
    WAITING_CLIENT = "waiting_client"
    WAITING_THIRD_PARTY = "waiting_third_party"
    PLANNED = "planned"  # for a date agreed with the client
    RESOLVED = "resolved"
    CLOSED = "closed"
    CANCELLED = "cancelled"
    MERGED = "merged"  # another ticket goes on with it

    @property
    def is_open(self) -> bool:
        """Whether somebody still has to do something before it is resolved."""
        return self in OPEN_STATES


MOST_ESCALATED = 3
WAITING_FOR = {
    TicketState.WAITING_CLIENT: Party.CLIENT,
    TicketState.WAITING_THIRD_PARTY: Party.THIRD_PARTY,
    TicketState.PLANNED: Party.PLANNED,
}
OPEN_STATES = frozenset({TicketState.NEW, TicketState.IN_PROGRESS, *WAITING_FOR})
OVER_STATES = frozenset({TicketState.CLOSED, TicketState.CANCELLED, TicketState.MERGED})
# the words of the partial indexes, so that they are used
IS_OPEN = "state in ('new', 'in_progress', 'waiting_client', 'waiting_third_party', 'planned')"

KIND_PREFIXES = {
    TicketKind.REQUEST: "PET",
    TicketKind.QUERY: "CON",
    TicketKind.INCIDENT: "INC",
}
KIND_LABELS = {
    TicketKind.REQUEST: msgid("Request"),
    TicketKind.QUERY: msgid("Query"),
    TicketKind.INCIDENT: msgid("Incident"),
}
IMPACT_LABELS = {
    Impact.HIGH: msgid("High: the company or a whole site"),
    Impact.MEDIUM: msgid("Medium: a group of people"),
    Impact.LOW: msgid("Low: one person"),
}
URGENCY_LABELS = {
    Urgency.HIGH: msgid("High: work has stopped"),
    Urgency.MEDIUM: msgid("Medium: work is harder"),
    Urgency.LOW: msgid("Low: it can wait"),
}
PRIORITY_LABELS = {
    Priority.CRITICAL: msgid("Critical"),
    Priority.HIGH: msgid("High"),
    Priority.MEDIUM: msgid("Medium"),
    Priority.LOW: msgid("Low"),
}
QUEUE_LABELS = {
    Queue.OPERATIONS: msgid("Operations"),
    Queue.SECURITY: msgid("Security"),
    Queue.SUPPORT: msgid("Support"),
    Queue.ADVICE: msgid("Advice"),
}
# two labels a state: the agent's, and what the same state means to the contact
STATE_LABELS = {
    TicketState.NEW: (msgid("New"), msgid("Received")),
    TicketState.IN_PROGRESS: (msgid("In progress"), msgid("We are working on it")),
    TicketState.WAITING_CLIENT: (msgid("Waiting for the client"), msgid("Waiting for your answer")),
    TicketState.WAITING_THIRD_PARTY: (
        msgid("Waiting for a third party"),
        msgid("Waiting for a third party"),
    ),
    TicketState.PLANNED: (msgid("Planned for a date"), msgid("Planned for a date")),
    TicketState.RESOLVED: (msgid("Resolved"), msgid("Solved: please confirm")),
    TicketState.CLOSED: (msgid("Closed"), msgid("Closed")),
    TicketState.CANCELLED: (msgid("Cancelled"), msgid("Cancelled")),
    TicketState.MERGED: (msgid("Merged"), msgid("Joined with another ticket")),
}


class ReferenceCounter(Model):
    """The last number given to each kind of reference in each year."""

    __tablename__ = "reference_counter"
    __tenant__ = None
    __audited__ = False

    prefix: Mapped[str] = mapped_column(primary_key=True)  # PET-2026
    last: Mapped[int]


class Ticket(Model):
    """A request, query or incident of a client."""

    __tablename__ = "ticket"
    __table_args__ = (
        CheckConstraint("rating between 1 and 5", "a_rating_has_one_to_five"),
        CheckConstraint(
            "closing_verdict is null or (state = 'closed'"
            " and closing_verdict in ('solved', 'solved_but'))",
            "a_verdict_closes",
        ),
        CheckConstraint("category is null or kind = 'incident'", "incidents_have_a_category"),
        CheckConstraint(
            "left_out_as is null or state = 'cancelled'", "what_is_left_out_is_withdrawn"
        ),
        CheckConstraint(
            "(state in ('resolved', 'closed')) = (resolved_at is not null)",
            "resolved_at_says_whether_it_is_resolved",
        ),
        Index("ix_ticket_client_id_id", "client_id", "id"),
        Index(
            "ix_ticket_open",
            "id",
            postgresql_where=text(IS_OPEN),
        ),
        Index(
            "ix_ticket_open_assignee_id",
            "assignee_id",
            "id",
            postgresql_where=text(IS_OPEN),
        ),
        CheckConstraint("(state = 'planned') = (planned_for is not null)", "a_plan_has_a_date"),
        CheckConstraint("(state = 'merged') = (merged_into_id is not null)", "merged_into_one"),
        Index("ix_ticket_planned", "planned_for", postgresql_where=text("state = 'planned'")),
        Index(
            "ix_ticket_device_wait",
            "id",
            postgresql_where=text("device_wait_since is not null"),
        ),
        Index("ix_ticket_resolved", "resolved_at", postgresql_where=text("state = 'resolved'")),
        CheckConstraint("escalation between 0 and 3", "escalation_goes_up_to_three"),
        Index("ix_ticket_escalated", "id", postgresql_where=text("escalation > 0")),
        Index(
            "ix_ticket_category", "category", "id", postgresql_where=text("category is not null")
        ),
        # what clients said lately
        Index(
            "ix_ticket_client_id_rated_at",
            "client_id",
            "rated_at",
            postgresql_where=text("rated_at is not null"),
        ),
        Index("ix_ticket_search", "search", postgresql_using="gin"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    client_id: Mapped[int] = mapped_column(ForeignKey("client.id"))
    reference: Mapped[str] = mapped_column(unique=True)
    kind: Mapped[TicketKind]
    subject: Mapped[str]
    description: Mapped[str]
    impact: Mapped[Impact]
    urgency: Mapped[Urgency]
    priority: Mapped[Priority]
    category: Mapped[IncidentCategory | None]
    state: Mapped[TicketState] = mapped_column(default=TicketState.NEW)
    queue: Mapped[Queue]
    assignee_id: Mapped[int | None] = mapped_column(ForeignKey("user.id"))
    assignee_name: Mapped[str | None]
    requester_id: Mapped[int] = mapped_column(ForeignKey("user.id"))
    requester_name: Mapped[str]
    # whose person that is: the client's is asked to confirm, the operator's is not a client
    requester_side: Mapped[Side] = mapped_column(default=Side.CLIENT, server_default="client")
    ledger_id: Mapped[int] = mapped_column(ForeignKey("sla_ledger.id"), unique=True)
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]
    resolved_at: Mapped[datetime | None]
    closed_at: Mapped[datetime | None]
    close_due_at: Mapped[datetime | None]  # when it closes by itself after it was resolved
    planned_for: Mapped[datetime | None]  # the agreed date; it goes on by itself then
    device_wait_since: Mapped[datetime | None]  # since then only devices out of reach are missing
    merged_into_id: Mapped[int | None] = mapped_column(ForeignKey("ticket.id"))
    reopened_count: Mapped[int] = mapped_column(default=0)
    # how often a warning called for more attention; never changes what was promised
    escalation: Mapped[int] = mapped_column(default=0, server_default=text("0"))
    # what the client closed it with; None: it closed by itself, or is not closed
    closing_verdict: Mapped[ClosingVerdict | None]
    rating: Mapped[int | None]
    rating_comment: Mapped[str | None]
    rated_at: Mapped[datetime | None]  # of ratings before it was kept: unknown
    left_out_as: Mapped[LeftOut | None]
    version: Mapped[int] = mapped_column(default=1)
    search: Mapped[str] = mapped_column(
        TSVECTOR,
        Computed(
            "to_tsvector('spanish', subject || ' ' || description)"
            " || to_tsvector('simple', reference)",
            persisted=True,
        ),
        deferred=True,
    )

    __mapper_args__ = {"version_id_col": version}  # noqa: RUF012

    client: Mapped[Client] = relationship(lazy="raise_on_sql")
    ledger: Mapped[SlaLedger] = relationship(lazy="raise_on_sql")
    orders: Mapped[list[WorkOrder]] = relationship(
        secondary="ticket_order", lazy="raise_on_sql", order_by=WorkOrder.id, viewonly=True
    )

    @property
    def is_open(self) -> bool:
        """Whether somebody still has to do something before it is resolved."""
        return self.state.is_open


class TicketOrder(Model):
    """The work order that a ticket was drafted into."""

    __tablename__ = "ticket_order"
    __audited__ = False

    order_id: Mapped[int] = mapped_column(ForeignKey("work_order.id"), primary_key=True)
    ticket_id: Mapped[int] = mapped_column(ForeignKey("ticket.id"), index=True)
    client_id: Mapped[int] = mapped_column(ForeignKey("client.id"), index=True)


class TicketDevice(Model):
    """A device that a ticket is about and no order of it names: that is known from the order."""

    __tablename__ = "ticket_device"
    __audited__ = False

    ticket_id: Mapped[int] = mapped_column(ForeignKey("ticket.id"), primary_key=True)
    device_id: Mapped[int] = mapped_column(ForeignKey("device.id"), primary_key=True, index=True)
    client_id: Mapped[int] = mapped_column(ForeignKey("client.id"), index=True)


class TicketRelation(Model):
    """Two tickets that have to do with each other; kept once, smaller id first."""

    __tablename__ = "ticket_relation"
    __table_args__ = (CheckConstraint("first_id < second_id", "kept_once"),)

    first_id: Mapped[int] = mapped_column(ForeignKey("ticket.id"), primary_key=True)
    second_id: Mapped[int] = mapped_column(ForeignKey("ticket.id"), primary_key=True, index=True)
    client_id: Mapped[int] = mapped_column(ForeignKey("client.id"), index=True)


class TicketWatcher(Model):
    """A person who is told what happens on a ticket."""

    __tablename__ = "ticket_watcher"

    ticket_id: Mapped[int] = mapped_column(ForeignKey("ticket.id"), primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("user.id"), primary_key=True)
    client_id: Mapped[int] = mapped_column(ForeignKey("client.id"), index=True)
    name: Mapped[str]


class EntryKind(StrEnum):
    """What a line of the timeline tells."""

    OPENED = "opened"
    GRACE_OVER = "grace_over"  # a rule of conformity asks for a lock
    MESSAGE = "message"  # public, or an internal note
    ANSWERED = "answered"  # with a saved question to the fleet, as it counted then
    ASSIGNED = "assigned"
    STATE = "state"
    PRIORITY = "priority"
    RELATED = "related"
    MERGED = "merged"
    WATCHER = "watcher"
    ORDER_DRAFTED = "order_drafted"
    ORDER_APPROVED = "order_approved"
    ORDER_STARTED = "order_started"
    ORDER_FINISHED = "order_finished"
    ORDER_SCHEDULED = "order_scheduled"
    ORDER_STAGE = "order_stage"
    ORDER_PAUSED = "order_paused"
    ORDER_RESUMED = "order_resumed"
    ORDER_CANCELLED = "order_cancelled"
    RATED = "rated"
    DECIDED = "decided"  # by a contact, on whether it is solved
    CATEGORY = "category"
    BREACH_CAUSE = "breach_cause"
    ESCALATED = "escalated"  # a threshold of a clock called for more attention
    STEP = "step"  # of the operator's own checklist
    DESK_NOTE = "desk_note"  # the desk says what it knows; words to translate, with their values


class TicketEntry(Model):
    """A line of the timeline: who did or said what, when. Never changed, never deleted."""

    __tablename__ = "ticket_entry"
    __table_args__ = (Index("ix_ticket_entry_ticket_id_id", "ticket_id", "id"),)
    __audited__ = False

    id: Mapped[int] = mapped_column(primary_key=True)
    client_id: Mapped[int] = mapped_column(ForeignKey("client.id"), index=True)
    ticket_id: Mapped[int] = mapped_column(ForeignKey("ticket.id"))
    at: Mapped[datetime]
    kind: Mapped[EntryKind]
    is_public: Mapped[bool]  # internal notes exist for the operator alone, also in the database
    author_id: Mapped[int | None] = mapped_column(ForeignKey("user.id"))
    author_name: Mapped[str]
    author_side: Mapped[Side]
    body: Mapped[str] = mapped_column(default="")
    facts: Mapped[dict[str, Any]] = mapped_column(default=dict)

    attachments: Mapped[list[Attachment]] = relationship(
        lazy="raise_on_sql", order_by="Attachment.id", back_populates="entry"
    )


class Attachment(Model):
    """A file of an entry; its bytes lie outside the web root under its storage key."""

    __tablename__ = "attachment"

    id: Mapped[int] = mapped_column(primary_key=True)
    client_id: Mapped[int] = mapped_column(ForeignKey("client.id"), index=True)
    entry_id: Mapped[int] = mapped_column(ForeignKey("ticket_entry.id"), index=True)
    reference: Mapped[str] = mapped_column(unique=True)  # random: what its address carries
    name: Mapped[str]
    media_type: Mapped[str]  # from the content, never from the sender
    size: Mapped[int]  # bytes
    sha256: Mapped[str]
    created_at: Mapped[datetime]

    entry: Mapped[TicketEntry] = relationship(back_populates="attachments", lazy="raise_on_sql")


class IdempotencyKey(Model):
    """What a caller of the API already got for a key, so that a repeat changes nothing."""

    __tablename__ = "idempotency_key"
    __table_args__ = (UniqueConstraint("user_id", "key"),)
    __audited__ = False

    id: Mapped[int] = mapped_column(primary_key=True)
    client_id: Mapped[int] = mapped_column(ForeignKey("client.id"), index=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("user.id"))
    key: Mapped[str]
    request_hash: Mapped[str]
    ticket_id: Mapped[int] = mapped_column(ForeignKey("ticket.id"))
    created_at: Mapped[datetime]
