"""The account manager's days: years of a contract with their balance, visits, amendments, the ledger."""

from __future__ import annotations

from datetime import date, datetime
from enum import StrEnum

from sqlalchemy import CheckConstraint, ForeignKey, Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from servicedesk.clients.models import Client, Contract
from servicedesk.core.database import Model
from servicedesk.core.text import msgid
from servicedesk.engagement.budget import Budget
from servicedesk.tickets.models import Ticket

LONGEST_QUARTERS = 20  # five days: what takes longer is several visits


class VisitKind(StrEnum):
    """What a visit is for."""

    POLICY_ADVICE = "policy_advice"
    SERVICE_REVIEW = "service_review"
    PROJECT = "project"
    INCIDENT = "incident"
    TRAINING = "training"


class VisitState(StrEnum):
    """Where a visit is."""

    PLANNED = "planned"
    DONE = "done"
    CANCELLED = "cancelled"


class EntryKind(StrEnum):
    """What a line of the ledger does to the balance."""

    RESERVE = "reserve"
    CONSUME = "consume"  # of what is reserved
    GIVE_BACK = "give_back"  # of what is reserved
    CORRECT = "correct"  # reverses what was consumed: it is reserved again
    AMEND = "amend"  # both sides agreed to more days


class AmendmentState(StrEnum):
    """How far the two sides are."""

    OFFERED = "offered"  # neither has agreed
    CLIENT_NEXT = "client_next"
    OPERATOR_NEXT = "operator_next"
    AGREED = "agreed"
    DECLINED = "declined"
    WITHDRAWN = "withdrawn"


KIND_LABELS = {
    VisitKind.POLICY_ADVICE: msgid("Policy advice"),
    VisitKind.SERVICE_REVIEW: msgid("Service review"),
    VisitKind.PROJECT: msgid("Project"),
    VisitKind.INCIDENT: msgid("Incident support"),
    VisitKind.TRAINING: msgid("Training"),
}
STATE_LABELS = {
    VisitState.PLANNED: msgid("Planned visit"),
    VisitState.DONE: msgid("Visit done"),
    VisitState.CANCELLED: msgid("Visit cancelled"),
}
ENTRY_LABELS = {
    EntryKind.RESERVE: msgid("Reserved"),
    EntryKind.CONSUME: msgid("Consumed"),
    EntryKind.GIVE_BACK: msgid("Given back"),
    EntryKind.CORRECT: msgid("Corrected"),
    EntryKind.AMEND: msgid("Days added"),
}
AMENDMENT_LABELS = {
    AmendmentState.OFFERED: msgid("Both sides have to agree"),
    AmendmentState.CLIENT_NEXT: msgid("The client has to agree"),
    AmendmentState.OPERATOR_NEXT: msgid("A supervisor has to agree"),
    AmendmentState.AGREED: msgid("Agreed by both sides"),
    AmendmentState.DECLINED: msgid("Declined by the client"),
    AmendmentState.WITHDRAWN: msgid("Withdrawn by the operator"),
}
# the words of the partial index, so that it is used
IS_TO_ASK = "state = 'planned' and asked_at is null"


class EngagementYear(Model):
    """A contract year with its balance, which the ledger's trigger alone writes.

    The days the contract gives are taken over when the year is opened; only amendments add to them.
    """

    __tablename__ = "engagement_year"
    __table_args__ = (
        UniqueConstraint("contract_id", "number"),
        CheckConstraint(
            "reserved_quarters + consumed_quarters <= granted_quarters + added_quarters",
            "no_more_than_there_is",
        ),
        CheckConstraint(
            "granted_quarters >= 0 and added_quarters >= 0 and reserved_quarters >= 0"
            " and consumed_quarters >= 0",
            "never_below_nothing",
        ),
    )
    __audited__ = False  # it follows from the ledger

    id: Mapped[int] = mapped_column(primary_key=True)
    client_id: Mapped[int] = mapped_column(ForeignKey("client.id"), index=True)
    contract_id: Mapped[int] = mapped_column(ForeignKey("contract.id"))
    number: Mapped[int]
    first_on: Mapped[date]
    last_on: Mapped[date]
    granted_quarters: Mapped[int]
    added_quarters: Mapped[int] = mapped_column(server_default=text("0"))
    reserved_quarters: Mapped[int] = mapped_column(server_default=text("0"))
    consumed_quarters: Mapped[int] = mapped_column(server_default=text("0"))

    contract: Mapped[Contract] = relationship(lazy="raise_on_sql")

    @property
    def budget(self) -> Budget:
        """Return the balance as a value."""
        return Budget(
            total_quarters=self.granted_quarters + self.added_quarters,
            reserved_quarters=self.reserved_quarters,
            consumed_quarters=self.consumed_quarters,
        )


class Visit(Model):
    """Time of the account manager with a client: planned, then done or cancelled.

    What it has in the ledger (`reserved_quarters`, `consumed_quarters`) the ledger's trigger writes.
    """

    __tablename__ = "engagement_visit"
    __table_args__ = (
        CheckConstraint(
            "planned_quarters between 1 and 20", "it_takes_from_a_quarter_to_five_days"
        ),
        CheckConstraint("ends_at > starts_at", "it_ends_after_it_starts"),
        CheckConstraint(
            "reserved_quarters >= 0 and consumed_quarters >= 0", "it_holds_no_less_than_nothing"
        ),
        CheckConstraint(
            "(state = 'planned') = (settled_at is null)", "what_is_settled_has_its_time"
        ),
        Index("ix_engagement_visit_client_id_starts_at", "client_id", "starts_at"),
        Index("ix_engagement_visit_starts_at", "starts_at", "id"),
        Index("ix_engagement_visit_to_ask", "ask_at", postgresql_where=text(IS_TO_ASK)),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    client_id: Mapped[int] = mapped_column(ForeignKey("client.id"))
    contract_id: Mapped[int] = mapped_column(ForeignKey("contract.id"))
    year_id: Mapped[int] = mapped_column(ForeignKey("engagement_year.id"), index=True)
    reference: Mapped[str] = mapped_column(unique=True)
    uid: Mapped[str] = mapped_column(unique=True)  # the same in every invitation
    sequence: Mapped[int] = mapped_column(default=0)  # rises with every news to the attendees
    kind: Mapped[VisitKind]
    title: Mapped[str]
    starts_at: Mapped[datetime]
    ends_at: Mapped[datetime]
    planned_quarters: Mapped[int]
    reserved_quarters: Mapped[int] = mapped_column(server_default=text("0"))
    consumed_quarters: Mapped[int] = mapped_column(server_default=text("0"))
    is_on_site: Mapped[bool]
    place: Mapped[str]  # the address, or how to join from afar
    attendees: Mapped[list[str]]
    state: Mapped[VisitState] = mapped_column(default=VisitState.PLANNED)
    note: Mapped[str] = mapped_column(default="")  # why it was moved, cancelled or corrected
    minutes: Mapped[str] = mapped_column(default="")
    manager_id: Mapped[int] = mapped_column(ForeignKey("user.id"))
    manager_name: Mapped[str]
    created_at: Mapped[datetime]
    settled_at: Mapped[datetime | None]
    settled_by_name: Mapped[str | None]
    ask_at: Mapped[datetime]  # from when on its outcome is missed
    asked_at: Mapped[datetime | None]
    version: Mapped[int] = mapped_column(default=1)

    client: Mapped[Client] = relationship(lazy="raise_on_sql")
    contract: Mapped[Contract] = relationship(lazy="raise_on_sql")
    year: Mapped[EngagementYear] = relationship(lazy="raise_on_sql")

    __mapper_args__ = {"version_id_col": version}  # noqa: RUF012  SQLAlchemy's own way

    @property
    def quarters(self) -> int:
        """Return what it takes: what it took, or what is planned."""
        return self.consumed_quarters or self.planned_quarters

    @property
    def is_planned(self) -> bool:
        """Whether its outcome is still open."""
        return self.state is VisitState.PLANNED


class Amendment(Model):
    """More days for a contract year: it counts when both sides have agreed."""

    __tablename__ = "engagement_amendment"
    __table_args__ = (
        CheckConstraint("quarters between 1 and 400", "it_adds_something"),
        CheckConstraint(
            "(operator_agreed_by_id is null) = (operator_agreed_at is null)"
            " and (client_agreed_by_id is null) = (client_agreed_at is null)",
            "an_agreement_has_person_and_time",
        ),
        CheckConstraint(
            "ended_at is null or operator_agreed_at is null or client_agreed_at is null",
            "it_ends_once",
        ),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    client_id: Mapped[int] = mapped_column(ForeignKey("client.id"), index=True)
    contract_id: Mapped[int] = mapped_column(ForeignKey("contract.id"))
    year_id: Mapped[int] = mapped_column(ForeignKey("engagement_year.id"), index=True)
    reference: Mapped[str] = mapped_column(unique=True)
    quarters: Mapped[int]
    reason: Mapped[str]
    proposed_by_id: Mapped[int] = mapped_column(ForeignKey("user.id"))
    proposed_by_name: Mapped[str]
    proposed_at: Mapped[datetime]
    operator_agreed_by_id: Mapped[int | None] = mapped_column(ForeignKey("user.id"))
    operator_agreed_by_name: Mapped[str | None]
    operator_agreed_at: Mapped[datetime | None]
    client_agreed_by_id: Mapped[int | None] = mapped_column(ForeignKey("user.id"))
    client_agreed_by_name: Mapped[str | None]
    client_agreed_at: Mapped[datetime | None]
    ended_by_name: Mapped[str | None]
    ended_side: Mapped[AmendmentState | None]  # declined or withdrawn
    ended_reason: Mapped[str | None]
    ended_at: Mapped[datetime | None]

    @property
    def state(self) -> AmendmentState:
        """Return how far the two sides are."""
        if self.ended_side is not None:
            return self.ended_side
        if self.operator_agreed_at and self.client_agreed_at:
            return AmendmentState.AGREED
        if self.operator_agreed_at:
            return AmendmentState.CLIENT_NEXT
        return AmendmentState.OPERATOR_NEXT if self.client_agreed_at else AmendmentState.OFFERED

    @property
    def is_pending(self) -> bool:
        """Whether somebody still has to say yes or no."""
        return self.ended_at is None and not (self.operator_agreed_at and self.client_agreed_at)


class LedgerEntry(Model):
    """A line of a year's ledger: never changed, never deleted; its insert moves the balance."""

    __tablename__ = "engagement_entry"
    __table_args__ = (
        CheckConstraint("quarters >= 1", "it_moves_something"),
        CheckConstraint(
            "(kind = 'amend') = (amendment_id is not null)"
            " and (kind = 'amend') = (visit_id is null)"
            " and (kind = 'correct') = (reverses_id is not null)",
            "it_names_what_it_is_about",
        ),
        CheckConstraint("kind <> 'correct' or reason <> ''", "a_correction_says_why"),
        Index("ix_engagement_entry_year_id_id", "year_id", "id"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    client_id: Mapped[int] = mapped_column(ForeignKey("client.id"))
    year_id: Mapped[int] = mapped_column(ForeignKey("engagement_year.id"))
    kind: Mapped[EntryKind]
    quarters: Mapped[int]
    visit_id: Mapped[int | None] = mapped_column(ForeignKey("engagement_visit.id"), index=True)
    amendment_id: Mapped[int | None] = mapped_column(
        ForeignKey("engagement_amendment.id"), unique=True
    )
    reverses_id: Mapped[int | None] = mapped_column(ForeignKey("engagement_entry.id"), unique=True)
    reason: Mapped[str]
    at: Mapped[datetime]
    author_id: Mapped[int | None] = mapped_column(ForeignKey("user.id"))
    author_name: Mapped[str]


class VisitDocument(Model):
    """A file that belongs to a visit: slides, signed minutes."""

    __tablename__ = "engagement_document"

    id: Mapped[int] = mapped_column(primary_key=True)
    client_id: Mapped[int] = mapped_column(ForeignKey("client.id"))
    visit_id: Mapped[int] = mapped_column(ForeignKey("engagement_visit.id"), index=True)
    reference: Mapped[str] = mapped_column(unique=True)
    name: Mapped[str]
    media_type: Mapped[str]
    size: Mapped[int]
    sha256: Mapped[str]
    created_at: Mapped[datetime]
    author_name: Mapped[str]


class ActionPoint(Model):
    """What was agreed that somebody does by a day; the ticket is where it is done."""

    __tablename__ = "engagement_action"

    id: Mapped[int] = mapped_column(primary_key=True)
    client_id: Mapped[int] = mapped_column(ForeignKey("client.id"))
    visit_id: Mapped[int] = mapped_column(ForeignKey("engagement_visit.id"), index=True)
    words: Mapped[str]
    owner: Mapped[str]
    due_on: Mapped[date]
    ticket_id: Mapped[int] = mapped_column(ForeignKey("ticket.id"), index=True)
    created_at: Mapped[datetime]
    author_name: Mapped[str]

    ticket: Mapped[Ticket] = relationship(lazy="raise_on_sql")


class BudgetWarning(Model):
    """That a share of a year's days is taken: told once each."""

    __tablename__ = "engagement_warning"
    __table_args__ = (UniqueConstraint("year_id", "percent"),)
    __audited__ = False

    id: Mapped[int] = mapped_column(primary_key=True)
    client_id: Mapped[int] = mapped_column(ForeignKey("client.id"))
    year_id: Mapped[int] = mapped_column(ForeignKey("engagement_year.id"))
    percent: Mapped[int]
    at: Mapped[datetime]
    told_at: Mapped[datetime | None]
    told_to: Mapped[list[str]] = mapped_column(server_default=text("'{}'"))
