"""The raw rows that figures are counted from, and what a counted thing is."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Engine, text

from tests.figures.clockwork import Hours


@dataclass
class Fact:
    """A thing that is counted."""

    reference: str
    counts: bool = True
    measure: float | None = None
    tags: dict[str, str] = field(default_factory=dict)

    def plain(self) -> tuple:
        return (self.reference, self.counts, self.measure, tuple(sorted(self.tags.items())))


class Rows:
    """Every row of the tables that are read, as mappings."""

    def __init__(self, engine: Engine) -> None:
        with engine.connect() as connection:

            def table(name: str) -> list[dict[str, Any]]:
                rows = connection.execute(text(f'SELECT * FROM "{name}"'))
                return [dict(row._mapping) for row in rows]

            self.contracts = {row["reference"]: row for row in table("contract")}
            self.tickets = table("ticket")
            self.ledgers = {row["id"]: row for row in table("sla_ledger")}
            self.entries = table("ticket_entry")
            self.events = table("sla_event")
            self.hours = {row["id"]: Hours(row["definition"]) for row in table("calendar_version")}
            (self.plan,) = (row["definition"]["targets"] for row in table("plan_version"))
            self.devices = {row["id"]: row for row in table("device")}
            self.ticket_devices = table("ticket_device")
            self.orders = table("work_order")
            self.order_targets = table("order_target")
            self.ticket_orders = table("ticket_order")
            self.batches = {row["id"]: row for row in table("command_batch")}
            self.commands = table("device_command")
            self.tasks = {row["id"]: row for row in table("planned_task")}
            self.runs = table("planned_run")
            self.snapshots = table("fleet_snapshot")
            self.years = table("engagement_year")
            self.lines = table("engagement_entry")
            self.visits = {row["id"]: row["reference"] for row in table("engagement_visit")}

    def terms(self, event: dict) -> dict:
        targets = self.plan[event["target_kind"]][event["target_priority"]]
        return {"targets": targets, "hours": self.hours[event["calendar_id"]], "of": event}
