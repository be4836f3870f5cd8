"""Reports: what somebody asked for, each time it was made, and when it comes by itself."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from sqlalchemy import ARRAY, BigInteger, CheckConstraint, ForeignKey, Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from servicedesk.clients.models import Client
from servicedesk.core.actors import Side
from servicedesk.core.database import Model
from servicedesk.core.text import Text, msgid
from servicedesk.reports.periods import Period

if TYPE_CHECKING:
    from collections.abc import Mapping

KEPT = timedelta(days=30)  # a file
FORGOTTEN = timedelta(days=180)  # that there was one
SILENT = timedelta(minutes=5)  # without a sign of life: whoever made it has gone


class Format(StrEnum):
    """What kind of file it becomes."""

    CSV = "csv"
    XLSX = "xlsx"
    PDF = "pdf"


FORMAT_LABELS: Mapping[str, str] = {
    Format.XLSX: msgid("Excel (XLSX)"),
    Format.CSV: msgid("CSV"),
    Format.PDF: msgid("PDF"),
}


class RunState(StrEnum):
    """How far the making of a file is."""

    WAITING = "waiting"
    WORKING = "working"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"


UNFINISHED = (RunState.WAITING, RunState.WORKING)
RUN_STATE_LABELS = {
    RunState.WAITING: msgid("Waits for a worker"),
    RunState.WORKING: msgid("Being made"),
    RunState.DONE: msgid("Ready"),
    RunState.FAILED: msgid("Could not be made"),
    RunState.CANCELLED: msgid("Cancelled"),
}


class Rhythm(StrEnum):
    """How often a report comes."""

    DAILY = "daily"
    WEEKLY = "weekly"
    MONTHLY = "monthly"


RHYTHM_LABELS: Mapping[str, str] = {
    Rhythm.DAILY: msgid("Every day"),
    Rhythm.WEEKLY: msgid("Every week"),
    Rhythm.MONTHLY: msgid("Every month"),
}


class Report(Model):
    """What somebody wants to read; it can be made again and again."""

    __tablename__ = "report"
    __table_args__ = (
        CheckConstraint("cardinality(columns) between 1 and 25", "it_has_columns"),
        CheckConstraint(
            "author_side <> 'client' or client_id is not null", "a_client_asks_for_one"
        ),
        Index("ix_report_author_id", "author_id", "id"),
        Index("ix_report_client_id", "client_id", "id"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    client_id: Mapped[int | None] = mapped_column(ForeignKey("client.id"))  # None: all one sees
    reference: Mapped[str] = mapped_column(unique=True)
    title: Mapped[str]
    is_saved: Mapped[bool] = mapped_column(default=False)  # kept under its title, to be used again
    kind: Mapped[str]
    columns: Mapped[list[str]]
    filters: Mapped[dict[str, Any]]
    period: Mapped[Period | None]  # None: the kind is as it is now
    first_on: Mapped[date | None]  # of a period of one's own
    last_on: Mapped[date | None]
    format: Mapped[Format]
    language: Mapped[str]
    time_zone: Mapped[str]
    author_id: Mapped[int] = mapped_column(ForeignKey("user.id"))
    author_name: Mapped[str]
    author_side: Mapped[Side]
    created_at: Mapped[datetime]
    version: Mapped[int] = mapped_column(default=1)

    __mapper_args__ = {"version_id_col": version}  # noqa: RUF012

    client: Mapped[Client | None] = relationship(lazy="raise_on_sql")


class ReportRun(Model):
    """One making of a report: what it was asked with, how far it is, and its file.

    `claim` names the worker that makes it: one that was thought dead and is not finds another there
    and gives up.
    """

    __tablename__ = "report_run"
    __table_args__ = (
        UniqueConstraint("report_id", "due_at"),
        CheckConstraint("(state = 'done') = (sha256 is not null)", "what_is_done_has_a_file"),
        CheckConstraint(
            "(state in ('waiting', 'working')) = (finished_at is null)", "what_is_over_has_its_time"
        ),
        Index("ix_report_run_report_id_id", "report_id", "id"),
        Index("ix_report_run_client_id", "client_id"),
        Index(
            "ix_report_run_unfinished",
            "author_id",
            postgresql_where=text("state in ('waiting', 'working')"),
        ),
        Index(
            "ix_report_run_with_file",
            "expires_at",
            postgresql_where=text("sha256 is not null and removed_at is null"),
        ),
    )
    __audited__ = False  # itself a record; what people do with it is noted in the audit trail

    id: Mapped[int] = mapped_column(primary_key=True)
    report_id: Mapped[int] = mapped_column(ForeignKey("report.id", ondelete="CASCADE"))
    client_id: Mapped[int | None] = mapped_column(ForeignKey("client.id"))
    key: Mapped[str] = mapped_column(unique=True)  # nobody guesses it: its address, and its file
    reference: Mapped[str]  # of its report, which who was sent it does not see
    title: Mapped[str]
    kind: Mapped[str]
    format: Mapped[Format]
    is_personal: Mapped[bool]  # one of its columns tells of people
    # whose rows are in it; None: those of all clients
    reach: Mapped[list[int] | None] = mapped_column(ARRAY(BigInteger))
    author_id: Mapped[int] = mapped_column(ForeignKey("user.id"))
    author_side: Mapped[Side]
    reader_ids: Mapped[list[int]] = mapped_column(ARRAY(BigInteger), default=list)
    asked_at: Mapped[datetime]
    due_at: Mapped[datetime | None]  # it came by itself
    first_on: Mapped[date | None]
    last_on: Mapped[date | None]
    state: Mapped[RunState] = mapped_column(default=RunState.WAITING)
    claim: Mapped[str | None]
    rows_done: Mapped[int] = mapped_column(default=0)
    rows_total: Mapped[int | None]
    started_at: Mapped[datetime | None]
    seen_at: Mapped[datetime | None]
    finished_at: Mapped[datetime | None]
    size: Mapped[int | None]  # bytes
    sha256: Mapped[str | None]
    expires_at: Mapped[datetime | None]
    removed_at: Mapped[datetime | None]  # since when the file is gone
    fault: Mapped[dict[str, Any] | None]  # Text.to_json(): why there is none

    report: Mapped[Report] = relationship(lazy="raise_on_sql")

    @property
    def is_unfinished(self) -> bool:
        """Whether somebody has still to make it."""
        return self.state in UNFINISHED

    @property
    def has_file(self) -> bool:
        """Whether there is something to download."""
        return self.state is RunState.DONE and self.removed_at is None

    @property
    def problem(self) -> Text | None:
        """Return why there is no file."""
        return Text.from_json(self.fault) if self.fault else None


class ReportSchedule(Model):
    """When a saved report comes by itself, and to whom."""

    __tablename__ = "report_schedule"
    __table_args__ = (
        CheckConstraint("hour between 0 and 23", "an_hour_of_the_day"),
        CheckConstraint("weekday between 0 and 6", "a_day_of_the_week"),
        CheckConstraint("month_day between 0 and 31", "a_day_of_the_month"),
        CheckConstraint("next_due_at is null or stopped_at is null", "what_is_stopped_is_not_due"),
        Index(
            "ix_report_schedule_next_due_at",
            "next_due_at",
            postgresql_where=text("next_due_at is not null"),
        ),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    report_id: Mapped[int] = mapped_column(ForeignKey("report.id", ondelete="CASCADE"), unique=True)
    client_id: Mapped[int | None] = mapped_column(ForeignKey("client.id"), index=True)
    author_id: Mapped[int] = mapped_column(ForeignKey("user.id"))
    author_side: Mapped[Side]
    rhythm: Mapped[Rhythm]
    weekday: Mapped[int | None]  # Monday is 0
    month_day: Mapped[int | None]  # 0: the first working day
    hour: Mapped[int]
    time_zone: Mapped[str]
    recipient_ids: Mapped[list[int]] = mapped_column(ARRAY(BigInteger))
    next_due_at: Mapped[datetime | None]
    stopped_at: Mapped[datetime | None]
    stopped_why: Mapped[str | None]  # msgid

    report: Mapped[Report] = relationship(lazy="raise_on_sql")
