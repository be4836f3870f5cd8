"""What else happened in a month: commands to devices, planned runs, the fleet's state, the days."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import func, select

from servicedesk.devices.commands import SETTLED, CommandBatch, CommandState, DeviceCommand
from servicedesk.devices.conformity.snapshots import FleetSnapshot, fleet_at
from servicedesk.devices.models import Device
from servicedesk.engagement.models import EngagementYear, LedgerEntry, Visit
from servicedesk.orders.models import WorkOrder
from servicedesk.planning.models import PlannedRun, PlannedTask
from servicedesk.planning.punctual import class_in_sql, is_planned

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from sqlalchemy.orm import Session

    from servicedesk.reviews.period import Period


@dataclass(frozen=True, kw_only=True, slots=True)
class CommandFacts:
    """A command that left for a device in the month, as it is known when it is counted."""

    order: str  # empty: no order asked for it
    action: str
    device: str
    platform: str
    sent_at: datetime
    state: CommandState
    answered_at: datetime | None

    @property
    def is_settled(self) -> bool:
        """Whether nothing more is expected of it."""
        return self.state in SETTLED


@dataclass(frozen=True, kw_only=True, slots=True)
class RunFacts:
    """A planned time of the month."""

    task: str
    title: str
    run_id: int
    category: str
    due_at: datetime
    started_at: datetime | None
    punctuality: str  # one of planning.punctual.CLASSES


@dataclass(frozen=True, kw_only=True, slots=True)
class DaysFacts:
    """A line of the ledger of days, with the visit it is about; empty for an amendment."""

    at: datetime
    kind: str
    quarters: int
    visit: str
    title: str


@dataclass(frozen=True, kw_only=True)
class YearFacts:
    """The contract year of the month's last day, with its ledger until the month's end."""

    year: EngagementYear | None
    entries: Sequence[DaysFacts]


def commands_of(session: Session, period: Period, counted_at: datetime) -> Sequence[CommandFacts]:
    """Return the commands that left in the month, oldest first."""
    rows = session.execute(
        select(
            func.coalesce(WorkOrder.reference, "").label("order"),
            func.coalesce(WorkOrder.action_code, CommandBatch.instruction).label("action"),
            Device.reference.label("device"),
            Device.platform,
            DeviceCommand.sent_at,
            DeviceCommand.state,
            DeviceCommand.finished_at.label("answered_at"),
        )
        .join(CommandBatch, CommandBatch.id == DeviceCommand.batch_id)
        .join(Device, Device.id == DeviceCommand.device_id)
        .outerjoin(WorkOrder, WorkOrder.batch_id == CommandBatch.id)
        .where(
            DeviceCommand.client_id == period.client_id,
            DeviceCommand.sent_at >= period.start,
            DeviceCommand.sent_at < period.end,
        )
        .order_by(DeviceCommand.id)
    )
    found = []
    for row in rows:
        known = row.answered_at is None or row.answered_at <= counted_at
        found.append(
            CommandFacts(
                order=row.order,
                action=row.action,
                device=row.device,
                platform=row.platform.value,
                sent_at=row.sent_at,
                state=row.state if known else CommandState.SENT,
                answered_at=row.answered_at if known else None,
            )
        )
    return found


def runs_of(session: Session, period: Period, counted_at: datetime) -> Sequence[RunFacts]:
    """Return the times of the client's own tasks that were planned in the month, by time."""
    rows = (
        select(
            PlannedTask.reference.label("task"),
            PlannedTask.title,
            PlannedRun.id.label("run_id"),
            PlannedTask.category,
            PlannedRun.due_at,
            PlannedRun.started_at,
            class_in_sql().label("punctuality"),
        )
        .join(PlannedRun.task)
        .where(
            PlannedRun.client_id == period.client_id,
            PlannedRun.due_at >= period.start,
            PlannedRun.due_at < period.end,
            PlannedTask.key.is_(None),
            PlannedTask.shown_to_client,
            is_planned(counted_at),
        )
        .order_by(PlannedRun.due_at, PlannedRun.id)
    )
    return [
        RunFacts(**{**row._mapping, "category": row.category.value})  # noqa: SLF001
        for row in session.execute(rows)
    ]


def fleet_of(session: Session, period: Period) -> FleetSnapshot | None:
    """Return how the fleet stood at the end of the month."""
    return fleet_at(session, period.client_id, period.last_on)


def year_of(session: Session, period: Period) -> YearFacts:
    """Return the days of the contract year that the month's last day is in."""
    year = session.scalar(
        select(EngagementYear).where(
            EngagementYear.contract_id == period.contract_id,
            EngagementYear.first_on <= period.last_on,
            EngagementYear.last_on >= period.last_on,
        )
    )
    if year is None:
        return YearFacts(year=None, entries=())
    rows = session.execute(
        select(
            LedgerEntry.at,
            LedgerEntry.kind,
            LedgerEntry.quarters,
            func.coalesce(Visit.reference, "").label("visit"),
            func.coalesce(Visit.title, "").label("title"),
        )
        .outerjoin(Visit, Visit.id == LedgerEntry.visit_id)
        .where(LedgerEntry.year_id == year.id, LedgerEntry.at < period.end)
        .order_by(LedgerEntry.id)
    )
    return YearFacts(
        year=year,
        entries=[DaysFacts(**{**row._mapping, "kind": row.kind.value}) for row in rows],  # noqa: SLF001
    )
