"""What-ifs: the past of a contract told again under a draft, and which verdicts would change."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy import ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column, relationship

from servicedesk.clients.models import Client, Contract
from servicedesk.core.database import Model
from servicedesk.core.text import msgid
from servicedesk.sla.cycles import Metric, Verdict
from servicedesk.sla.replay import Change

STALLED = timedelta(minutes=1)  # without progress: whoever counted has gone


class WhatIfState(StrEnum):
    """Where the counting is."""

    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"


UNFINISHED = (WhatIfState.QUEUED, WhatIfState.RUNNING)
WHAT_IF_STATE_LABELS = {
    WhatIfState.QUEUED: msgid("Waits for a worker"),
    WhatIfState.RUNNING: msgid("Counting"),
    WhatIfState.DONE: msgid("Counted"),
    WhatIfState.FAILED: msgid("Could not be counted"),
    WhatIfState.CANCELLED: msgid("Cancelled"),
}
CHANGE_LABELS = {
    Change.WORSE: msgid("Would breach"),
    Change.BETTER: msgid("Would no longer breach"),
    Change.DROPPED: msgid("Would not be promised"),
}


class WhatIf(Model):
    """A question to a contract's past, and how far its answer is.

    `last_ledger_id`, `done` and `result` move together, in the transaction of a piece of the work:
    whoever goes on after a worker that died begins where it was.
    """

    __tablename__ = "sla_what_if"

    id: Mapped[int] = mapped_column(primary_key=True)
    client_id: Mapped[int] = mapped_column(ForeignKey("client.id"), index=True)
    contract_id: Mapped[int] = mapped_column(ForeignKey("contract.id"))
    reference: Mapped[str] = mapped_column(unique=True)
    asked_by_id: Mapped[int | None] = mapped_column(ForeignKey("user.id"))
    asked_by_name: Mapped[str]
    asked_at: Mapped[datetime]  # the answer is as of this instant
    first_month: Mapped[date]
    last_month: Mapped[date]
    definition: Mapped[dict[str, Any]]  # Wish.to_json()
    state: Mapped[WhatIfState] = mapped_column(default=WhatIfState.QUEUED)
    done: Mapped[int] = mapped_column(default=0)
    total: Mapped[int | None]  # tickets; None until somebody has begun
    last_ledger_id: Mapped[int] = mapped_column(default=0)
    result: Mapped[list[Any]] = mapped_column(default=list)
    started_at: Mapped[datetime | None]
    progress_at: Mapped[datetime]
    finished_at: Mapped[datetime | None]
    fault: Mapped[str | None]  # why it failed: a sentence to translate

    client: Mapped[Client] = relationship(lazy="raise_on_sql")
    contract: Mapped[Contract] = relationship(lazy="raise_on_sql")

    @property
    def is_unfinished(self) -> bool:
        """Whether somebody has still to count."""
        return self.state in UNFINISHED

    def is_stalled(self, now: datetime) -> bool:
        """Whether nobody has counted for so long that whoever did must have gone."""
        return self.is_unfinished and now - self.progress_at > STALLED


class WhatIfChange(Model):
    """A verdict that would be another; `subject` is the reference of the ticket."""

    __tablename__ = "sla_what_if_change"
    __table_args__ = (Index("ix_sla_what_if_change_what_if_id_id", "what_if_id", "id"),)
    __audited__ = False

    id: Mapped[int] = mapped_column(primary_key=True)
    client_id: Mapped[int] = mapped_column(ForeignKey("client.id"), index=True)
    what_if_id: Mapped[int] = mapped_column(ForeignKey("sla_what_if.id"))
    subject: Mapped[str]
    metric: Mapped[Metric]
    kind: Mapped[str]
    priority: Mapped[str]
    change: Mapped[Change]
    was: Mapped[Verdict | None]  # None: not promised
    was_used_seconds: Mapped[int | None]
    was_target_seconds: Mapped[int | None]
    would: Mapped[Verdict | None]
    would_used_seconds: Mapped[int | None]
    would_target_seconds: Mapped[int | None]
