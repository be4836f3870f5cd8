"""Service levels: plans, calendars, and the ledger of events from which every clock is derived."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, PrimaryKeyConstraint, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from servicedesk.clients.models import Contract
from servicedesk.core.database import Model
from servicedesk.sla.cycles import Metric, Party, Standing, Verdict
from servicedesk.sla.evaluation import EventKind


class CalendarVersion(Model):
    """A business calendar as it is from a date on; the past of a calendar is never edited."""

    __tablename__ = "calendar_version"
    __table_args__ = (UniqueConstraint("code", "version"),)
    __tenant__ = None

    id: Mapped[int] = mapped_column(primary_key=True)
    code: Mapped[str]
    version: Mapped[int]
    name: Mapped[str]
    effective_on: Mapped[date]
    definition: Mapped[dict[str, Any]]  # CalendarDefinition.to_json()
    created_at: Mapped[datetime]
    author_name: Mapped[str]
    # taken back before it began, by the version of this id, which has its own: itself rules nothing
    withdrawn_by_id: Mapped[int | None]


class PlanVersion(Model):
    """Targets and thresholds, as they are for what begins from a date on."""

    __tablename__ = "plan_version"
    __table_args__ = (UniqueConstraint("code", "version"),)
    __tenant__ = None

    id: Mapped[int] = mapped_column(primary_key=True)
    code: Mapped[str]
    version: Mapped[int]
    name: Mapped[str]
    effective_on: Mapped[date]
    definition: Mapped[dict[str, Any]]  # PlanDefinition.to_json()
    created_at: Mapped[datetime]
    author_name: Mapped[str]
    withdrawn_by_id: Mapped[int | None]  # as a calendar's


class ServiceLevel(Model):
    """Which plan and calendar a contract is measured by, from a date on: exactly one at a time."""

    __tablename__ = "service_level"

    contract_id: Mapped[int] = mapped_column(ForeignKey("contract.id"), primary_key=True)
    effective_on: Mapped[date] = mapped_column(primary_key=True)
    client_id: Mapped[int] = mapped_column(ForeignKey("client.id"), index=True)
    plan_code: Mapped[str]
    calendar_code: Mapped[str]
    reason: Mapped[str] = mapped_column(default="")
    author_name: Mapped[str] = mapped_column(
        default=""
    )  # empty: what a contract has from the start
    created_at: Mapped[datetime | None]

    contract: Mapped[Contract] = relationship(lazy="raise_on_sql")


class SlaLedger(Model):
    """The clocks of one subject. What is cached here is rebuilt from its events."""

    __tablename__ = "sla_ledger"
    __table_args__ = (
        # the one indexed question of the clock: what is due next
        Index(
            "ix_sla_ledger_next_due_at",
            "next_due_at",
            postgresql_where=text("next_due_at is not null"),
        ),
        # what a dashboard lists, most urgent first
        Index(
            "ix_sla_ledger_open_due_at",
            "standing",
            "due_at",
            "id",
            postgresql_where=text("standing not in ('ended', 'merged')"),
        ),
        Index(
            "ix_sla_ledger_open_client_id",
            "client_id",
            "standing",
            "due_at",
            "id",
            postgresql_where=text("standing not in ('ended', 'merged')"),
        ),
        Index("ix_sla_ledger_contract_id_started_at", "contract_id", "started_at"),
        # the tickets behind an arrival
        Index("ix_sla_ledger_started_on", "started_on", "started_slot"),
    )
    __audited__ = False  # derived from the append-only events

    id: Mapped[int] = mapped_column(primary_key=True)
    client_id: Mapped[int] = mapped_column(ForeignKey("client.id"), index=True)
    contract_id: Mapped[int] = mapped_column(ForeignKey("contract.id"))
    subject: Mapped[str] = mapped_column(unique=True)  # the reference of what it measures
    started_at: Mapped[datetime]
    started_on: Mapped[date]  # in the zone of its first calendar, with the hour of the week …
    started_slot: Mapped[int]  # … from Monday's first hour, 0, to Sunday's last, 167
    kind: Mapped[str]
    priority: Mapped[str]
    queue: Mapped[str]
    agent_id: Mapped[int | None] = mapped_column(ForeignKey("user.id"))
    plan_id: Mapped[int] = mapped_column(ForeignKey("plan_version.id"))
    calendar_id: Mapped[int] = mapped_column(ForeignKey("calendar_version.id"))
    next_due_at: Mapped[datetime | None]  # when the clock looks at it next
    due_at: Mapped[datetime | None]  # what runs out first, or ran out first, of what is open
    standing: Mapped[Standing] = mapped_column(default=Standing.ON_TRACK)
    response_due_at: Mapped[datetime | None]
    response_verdict: Mapped[Verdict | None]
    resolution_due_at: Mapped[datetime | None]
    resolution_verdict: Mapped[Verdict | None]


class SlaEvent(Model):
    """An event in a ledger; append-only, also in the database."""

    __tablename__ = "sla_event"
    __table_args__ = (UniqueConstraint("ledger_id", "sequence"),)
    __audited__ = False

    id: Mapped[int] = mapped_column(primary_key=True)
    client_id: Mapped[int] = mapped_column(ForeignKey("client.id"), index=True)
    ledger_id: Mapped[int] = mapped_column(ForeignKey("sla_ledger.id"))
    sequence: Mapped[int]
    at: Mapped[datetime]  # when it held; what is learnt later may lie before what is known
    kind: Mapped[EventKind]
    party: Mapped[Party | None]
    plan_id: Mapped[int | None] = mapped_column(ForeignKey("plan_version.id"))
    calendar_id: Mapped[int | None] = mapped_column(ForeignKey("calendar_version.id"))
    target_kind: Mapped[str | None]  # row of the plan: what it is …
    target_priority: Mapped[str | None]  # … and how urgent
    queue: Mapped[str | None]
    agent_id: Mapped[int | None] = mapped_column(ForeignKey("user.id"))
    actor: Mapped[str]
    evidence: Mapped[dict[str, Any]] = mapped_column(default=dict)


class SlaCycle(Model):
    """One run of one metric, as evaluated from the ledger: a cache for lists and figures."""

    __tablename__ = "sla_cycle"
    __table_args__ = (
        UniqueConstraint("ledger_id", "metric", "ordinal"),
        # the tickets behind a figure, newest first
        Index(
            "ix_sla_cycle_counted",
            "metric",
            "verdict",
            "month",
            "ledger_id",
            postgresql_where=text("month is not null"),
        ),
        Index(
            "ix_sla_cycle_client_id_counted",
            "client_id",
            "metric",
            "month",
            postgresql_where=text("month is not null"),
        ),
        # the missed ones of a client, to ask why
        Index(
            "ix_sla_cycle_breached",
            "client_id",
            "ledger_id",
            postgresql_where=text("verdict = 'breached' and month is not null"),
        ),
        # what runs out next
        Index(
            "ix_sla_cycle_running_due_at",
            "due_at",
            "id",
            postgresql_where=text("verdict = 'running'"),
        ),
        Index(
            "ix_sla_cycle_running_client_id",
            "client_id",
            "due_at",
            postgresql_where=text("verdict = 'running'"),
        ),
    )
    __audited__ = False

    id: Mapped[int] = mapped_column(primary_key=True)
    client_id: Mapped[int] = mapped_column(ForeignKey("client.id"))
    ledger_id: Mapped[int] = mapped_column(ForeignKey("sla_ledger.id"))
    metric: Mapped[Metric]
    ordinal: Mapped[int]
    plan_id: Mapped[int] = mapped_column(ForeignKey("plan_version.id"))
    kind: Mapped[str]
    priority: Mapped[str]
    queue: Mapped[str]  # whose it was when it was decided, or is now
    agent_id: Mapped[int | None] = mapped_column(ForeignKey("user.id"))
    started_at: Mapped[datetime]
    target_seconds: Mapped[int]
    due_at: Mapped[datetime | None]
    stopped_at: Mapped[datetime | None]
    elapsed_seconds: Mapped[int | None]
    verdict: Mapped[Verdict]
    is_near_miss: Mapped[bool] = mapped_column(default=False)
    # of its decision, in the calendar's zone, as its first day; only what counts has one
    month: Mapped[date | None]
    warned_percent: Mapped[int] = mapped_column(default=0)  # up to where thresholds were acted on


class SlaWarning(Model):
    """A threshold that a cycle passed: once a cycle and threshold, whatever clocks run."""

    __tablename__ = "sla_warning"
    __table_args__ = (UniqueConstraint("ledger_id", "metric", "ordinal", "percent"),)
    __audited__ = False

    id: Mapped[int] = mapped_column(primary_key=True)
    client_id: Mapped[int] = mapped_column(ForeignKey("client.id"), index=True)
    ledger_id: Mapped[int] = mapped_column(ForeignKey("sla_ledger.id"))
    metric: Mapped[Metric]
    ordinal: Mapped[int]
    percent: Mapped[int]
    reached_at: Mapped[datetime]
    fired_at: Mapped[datetime]
    tell_at: Mapped[datetime | None]  # when people may be told; None: a higher one was passed too
    told_at: Mapped[datetime | None]
    outcome: Mapped[str | None]  # told, cause_gone, passed_over
    # names of whom it reached
    told_to: Mapped[list[str]] = mapped_column(default=list, server_default=text("'{}'"))


class SlaTally(Model):
    """Counters that a dashboard adds up instead of tickets, each at every level it is asked for.

    `figure` says what is counted (see `tallies.py`), `on_day` the first of its month or a day,
    `slot` the hour of the week of an arrival. All together are: client 0, agent -1 (0 is nobody),
    the empty kind with the empty priority and queue, and of arrivals slot -1.
    """

    __tablename__ = "sla_tally"
    __table_args__ = (
        # with the amount, so that a reader finds all it wants in the index
        PrimaryKeyConstraint(
            "client_id",
            "agent_id",
            "figure",
            "on_day",
            "slot",
            "kind",
            "priority",
            "queue",
            postgresql_include=["amount"],
        ),
        # the months of a client, one client after the other
        Index(
            "ix_sla_tally_by_client",
            "figure",
            "slot",
            "kind",
            "client_id",
            "on_day",
            "priority",
            "queue",
            postgresql_where=text("agent_id = -1 AND slot <= 0"),
            postgresql_include=["amount"],
        ),
        # a month of all clients, and of all agents
        Index(
            "ix_sla_tally_by_month",
            "figure",
            "on_day",
            "kind",
            "agent_id",
            "client_id",
            postgresql_where=text("slot = 0"),
            postgresql_include=["priority", "queue", "amount"],
        ),
        # what counts nothing any more is taken out
        Index("ix_sla_tally_empty", "client_id", postgresql_where=text("amount = 0")),
    )
    __audited__ = False

    client_id: Mapped[int] = mapped_column(autoincrement=False)
    agent_id: Mapped[int] = mapped_column(autoincrement=False)
    figure: Mapped[str]
    on_day: Mapped[date]
    slot: Mapped[int] = mapped_column(autoincrement=False)
    kind: Mapped[str]
    priority: Mapped[str]
    queue: Mapped[str]
    amount: Mapped[int]


class SlaTallyChange(Model):
    """What has not been added to the counters yet; written with the change it counts."""

    __tablename__ = "sla_tally_change"
    __audited__ = False

    id: Mapped[int] = mapped_column(primary_key=True)
    client_id: Mapped[int]
    agent_id: Mapped[int]
    figure: Mapped[str]
    on_day: Mapped[date]
    slot: Mapped[int]
    kind: Mapped[str]
    priority: Mapped[str]
    queue: Mapped[str]
    amount: Mapped[int]


class SlaCheck(Model):
    """A walk through all ledgers: how far it is, and what was not as the events say."""

    __tablename__ = "sla_check"
    __table_args__ = (
        Index(
            "ix_sla_check_finished",
            "id",
            postgresql_where=text("finished_at is not null and not repairs"),
        ),
    )
    __tenant__ = None
    __audited__ = False

    id: Mapped[int] = mapped_column(primary_key=True)
    repairs: Mapped[bool] = mapped_column(default=False)  # whether it set right what it found
    asked_by: Mapped[str] = mapped_column(default="")  # empty: the clock
    asked_at: Mapped[datetime]
    started_at: Mapped[datetime | None]
    seen_at: Mapped[datetime | None]  # its newest sign of life
    finished_at: Mapped[datetime | None]
    total: Mapped[int] = mapped_column(default=0)
    ledgers: Mapped[int] = mapped_column(default=0)  # looked at so far
    difference_count: Mapped[int] = mapped_column(default=0)
    differences: Mapped[list[Any]] = mapped_column(default=list)  # the first of them
