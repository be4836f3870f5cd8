"""Service levels: plans, calendars, and the ledger of events from which every clock is derived."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from servicedesk.clients.models import Contract
from servicedesk.core.database import Model
from servicedesk.sla.evaluation import EventKind, Metric, Party, Verdict


class CalendarVersion(Model):
    """A business calendar as it is from a date on; a version in use is never edited."""

    __tablename__ = "calendar_version"
    __table_args__ = (UniqueConstraint("code", "version"),)
    __tenant__ = None

    id: Mapped[int] = mapped_column(primary_key=True)
    code: Mapped[str]
    version: Mapped[int]
    name: Mapped[str]
    effective_on: Mapped[date]
    definition: Mapped[dict[str, Any]]  # CalendarDefinition.to_json()


class PlanVersion(Model):
    """Targets by kind and priority, as they are from a date on."""

    __tablename__ = "plan_version"
    __table_args__ = (UniqueConstraint("code", "version"),)
    __tenant__ = None

    id: Mapped[int] = mapped_column(primary_key=True)
    code: Mapped[str]
    version: Mapped[int]
    name: Mapped[str]
    effective_on: Mapped[date]
    # {"incident": {"critical": {"first_response": 1800, "resolution": 14400}}}: business seconds
    targets: Mapped[dict[str, Any]]


class ServiceLevel(Model):
    """Which plan and calendar a contract is measured by."""

    __tablename__ = "service_level"

    contract_id: Mapped[int] = mapped_column(ForeignKey("contract.id"), primary_key=True)
    client_id: Mapped[int] = mapped_column(ForeignKey("client.id"), index=True)
    plan_code: Mapped[str]
    calendar_code: Mapped[str]

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
    )
    __audited__ = False  # derived from the append-only events

    id: Mapped[int] = mapped_column(primary_key=True)
    client_id: Mapped[int] = mapped_column(ForeignKey("client.id"), index=True)
    calendar_id: Mapped[int] = mapped_column(ForeignKey("calendar_version.id"))
    next_due_at: Mapped[datetime | None]
    is_paused: Mapped[bool] = mapped_column(default=False)
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
    at: Mapped[datetime]
    kind: Mapped[EventKind]
    party: Mapped[Party | None]
    plan_id: Mapped[int | None] = mapped_column(ForeignKey("plan_version.id"))
    calendar_id: Mapped[int | None] = mapped_column(ForeignKey("calendar_version.id"))
    target_kind: Mapped[str | None]  # row of the plan: what it is …
    target_priority: Mapped[str | None]  # … and how urgent
    actor: Mapped[str]


class SlaCycle(Model):
    """One run of one metric, as evaluated from the ledger: a cache for lists and figures."""

    __tablename__ = "sla_cycle"
    __table_args__ = (
        UniqueConstraint("ledger_id", "metric", "ordinal"),
        Index("ix_sla_cycle_client_id_stopped_at", "client_id", "stopped_at"),
    )
    __audited__ = False

    id: Mapped[int] = mapped_column(primary_key=True)
    client_id: Mapped[int] = mapped_column(ForeignKey("client.id"))
    ledger_id: Mapped[int] = mapped_column(ForeignKey("sla_ledger.id"))
    metric: Mapped[Metric]
    ordinal: Mapped[int]
    started_at: Mapped[datetime]
    target_seconds: Mapped[int]
    due_at: Mapped[datetime | None]
    stopped_at: Mapped[datetime | None]
    elapsed_seconds: Mapped[int | None]
    verdict: Mapped[Verdict]
