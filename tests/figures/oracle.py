"""All figures of a contract's month from the raw rows: devices, plans and days, and what follows."""

from __future__ import annotations

import statistics
from datetime import datetime, timedelta
from typing import Any

from tests.figures.rows import Fact
from tests.figures.tickets import HOLDERS, Tickets


class Month(Tickets):
    """A contract's month; each method named after a figure returns what it counts."""

    # devices, plans, days

    def conformity(self) -> list[Fact]:
        known = [
            row
            for row in self.rows.snapshots
            if row["client_id"] == self.contract["client_id"]
            and self.last.replace(day=1) <= row["on_day"] <= self.last
        ]
        if not known:
            return []
        newest = max(known, key=lambda row: row["on_day"])
        return [
            Fact(device, standing == "conforming", tags={"standing": standing})
            for standing, column in (
                ("conforming", "conforming_devices"),
                ("failing", "failing_devices"),
                ("unknown", "unknown_devices"),
                ("without_rules", "free_devices"),
            )
            for device in newest[column] or ()
        ]

    def sent(self) -> list[tuple[str, str, datetime | None, Any, dict[str, str]]]:
        """Return order, state as known, answer, departure and tags of what left in the month."""
        found = []
        for command in self.rows.commands:
            if command["client_id"] == self.contract["client_id"] and self.within(
                command["sent_at"]
            ):
                batch = self.rows.batches[command["batch_id"]]
                orders = [o for o in self.rows.orders if o["batch_id"] == batch["id"]]
                action = orders[0]["action_code"] if orders else batch["instruction"]
                platform = self.rows.devices[command["device_id"]]["platform"]
                state, answer = command["state"], command["finished_at"]
                if answer and answer > self.counted_at:
                    state, answer = "sent", None
                reference = orders[0]["reference"] if orders else ""
                tags = {"action": action, "platform": platform}
                found.append((reference, state, answer, command["sent_at"], tags))
        return found

    def action_success(self) -> list[Fact]:
        return [
            Fact(order, state == "acknowledged", tags=tags)
            for order, state, *_, tags in self.sent()
        ]

    def time_to_acknowledge(self) -> list[Fact]:
        return [
            Fact(order, measure=round((answer - sent).total_seconds()), tags=tags)
            for order, state, answer, sent, tags in self.sent()
            if state == "acknowledged"
        ]

    def punctuality(self) -> list[Fact]:
        found = []
        for run in self.rows.runs:
            task = self.rows.tasks[run["task_id"]]
            if (
                run["client_id"] == self.contract["client_id"]
                and self.within(run["due_at"])
                and task["key"] is None
                and task["shown_to_client"]
                and run["asked_by_name"] is None
                and not (run["state"] == "cancelled" and run["finished_at"] <= run["due_at"])
                and self.has_come(run)
            ):
                tags = {"category": task["category"], "punctuality": self.how(run)}
                name = f"{task['reference']}/{run['id']}"
                found.append(Fact(name, tags["punctuality"] == "punctual", tags=tags))
        return found

    def has_come(self, run: dict) -> bool:
        waited = self.counted_at - run["due_at"] > timedelta(minutes=5)
        return bool(run["started_at"] or run["finished_at"]) or waited

    @staticmethod
    def how(run: dict) -> str:
        begun, state = run["started_at"], run["state"]
        made_up = state == "skipped" and run["reason"] is not None
        if state == "missed" or made_up or (state == "cancelled" and not begun):
            return "missed"
        if state == "skipped":
            return "left_out"
        return "punctual" if begun and begun - run["due_at"] <= timedelta(minutes=5) else "late"

    def activation(self) -> list[Fact]:
        return []

    def year(self) -> dict | None:
        found = [
            year
            for year in self.rows.years
            if year["contract_id"] == self.contract["id"]
            and year["first_on"] <= self.last <= year["last_on"]
        ]
        return found[0] if found else None

    def engagement(self) -> list[Fact]:
        year = self.year()
        return [
            Fact(
                self.rows.visits.get(line["visit_id"], ""),
                self.within(line["at"]),
                line["quarters"],
                {"kind": line["kind"]},
            )
            for line in self.rows.lines
            if year and line["year_id"] == year["id"] and line["at"] < self.end
        ]

    # what follows from what is counted

    def told(self, code: str, facts: list[Fact]) -> dict[str, Any]:
        """Return a figure's amount, and the like of each tag."""
        follows = getattr(self, f"follows_{code}", None)
        return follows(facts) if follows else plainly(SHAPES[code], facts)

    def follows_whose_time(self, facts: list[Fact]) -> dict[str, Any]:
        whole = sum(fact.measure for fact in facts)
        sums = {h: sum(f.measure for f in facts if f.tags["holder"] == h) for h in HOLDERS}
        return {
            "amount": share(sums["operator"], whole),
            "n": len({fact.reference for fact in facts}),
            "rows": {("holder", h): share(sums[h], whole) for h in HOLDERS} if facts else {},
        }

    def follows_volume(self, facts: list[Fact]) -> dict[str, Any]:
        by_flow = {flow: [f for f in facts if f.tags["flow"] == flow] for flow in FLOWS}
        came = by_flow["created"]
        rows = {("flow", flow): len(found) for flow, found in by_flow.items()}
        for tag in ("kind", "priority"):
            for fact in came:
                rows[tag, fact.tags[tag]] = rows.get((tag, fact.tags[tag]), 0) + 1
        return {"amount": share(len(by_flow["resolved"]), len(came)), "n": len(came), "rows": rows}

    def follows_breach_severity(self, facts: list[Fact]) -> dict[str, Any]:
        told = plainly("duration", facts, ("metric",))
        return told | {"amount": sum(fact.measure for fact in facts)}

    def follows_conformity(self, facts: list[Fact]) -> dict[str, Any]:
        told = plainly("share", facts, ("standing",))
        no_rule = all(fact.tags["standing"] == "without_rules" for fact in facts)
        return told | ({"amount": None} if no_rule else {})

    def follows_engagement(self, facts: list[Fact]) -> dict[str, Any]:
        """Go through the lines one by one, with a purse for each thing."""
        year = self.year()
        granted = year["granted_quarters"] if year else int(self.contract["engagement_days"] * 4)
        purse = {"left": granted, "reserved": 0, "consumed": 0, "added": 0}
        opening, before = granted, dict(purse)
        for fact in sorted(facts, key=lambda one: one.counts):  # the earlier months' first
            if not fact.counts:
                spend(purse, fact)
                opening, before = purse["left"] + purse["reserved"], dict(purse)
        for fact in facts:
            if fact.counts:
                spend(purse, fact)
        rows = {
            "opening": opening,
            "added": purse["added"] - before["added"],
            "consumed": purse["consumed"] - before["consumed"],
            "reserved": purse["reserved"],
            "left": purse["left"],
        }
        return {
            "amount": purse["left"],
            "n": len(facts),
            "rows": {("days", name): amount for name, amount in rows.items()},
        }


FLOWS = ("opening", "created", "came_back", "resolved", "left", "closing", "set_aside")
SHAPES = {
    "service_levels": ("share", "metric", "kind", "priority"),
    "near_misses": ("share", "metric", "kind", "priority"),
    "update_discipline": ("share", "kind", "priority"),
    "time_to_own": ("duration", "kind", "priority"),
    "time_to_first_response": ("duration", "kind", "priority"),
    "time_to_resolve_net": ("duration", "kind", "priority"),
    "time_to_resolve_gross": ("duration", "kind", "priority"),
    "backlog": ("count", "age", "kind", "priority"),
    "reopen_rate": ("share", "kind", "priority"),
    "first_contact_resolution": ("share", "kind", "priority"),
    "satisfaction": ("share", "score", "kind"),
    "satisfaction_response": ("share",),
    "repeats": ("share", "category"),
    "action_success": ("share", "action", "platform"),
    "time_to_acknowledge": ("duration", "action", "platform"),
    "punctuality": ("share", "category", "punctuality"),
    "activation": ("share",),
}


def spend(purse: dict[str, int], line: Fact) -> None:
    amount = int(line.measure)
    moves = {
        "reserve": ("left", "reserved"),
        "consume": ("reserved", "consumed"),
        "give_back": ("reserved", "left"),
        "correct": ("consumed", "reserved"),
    }
    if line.tags["kind"] == "amend":
        purse["added"] += amount
        purse["left"] += amount
    else:
        source, goal = moves[line.tags["kind"]]
        purse[source] -= amount
        purse[goal] += amount


def plainly(shape: Any, facts: list[Fact], tags: tuple[str, ...] = ()) -> dict[str, Any]:
    name, *by = (shape, *tags) if isinstance(shape, str) else shape
    told = ONE[name](facts) | {"n": len(facts)}
    told["rows"] = {
        (tag, value): ONE[name]([fact for fact in facts if fact.tags.get(tag) == value])["amount"]
        for tag in by
        for value in {fact.tags[tag] for fact in facts if tag in fact.tags}
    }
    return told


def one_share(facts: list[Fact]) -> dict[str, Any]:
    part = len([fact for fact in facts if fact.counts])
    return {"amount": share(part, len(facts)), "part": part}


def one_count(facts: list[Fact]) -> dict[str, Any]:
    return {"amount": len(facts)}


def one_duration(facts: list[Fact]) -> dict[str, Any]:
    measures = [fact.measure for fact in facts]
    if not measures:
        return {"amount": None, "mean": None, "median": None, "percentile_90": None, "total": 0}
    return {
        "amount": statistics.median(measures),
        "mean": statistics.fmean(measures),
        "median": statistics.median(measures),
        "percentile_90": ninetieth(measures),
        "total": sum(measures),
    }


ONE = {"share": one_share, "count": one_count, "duration": one_duration}


def ninetieth(measures: list[float]) -> float:
    """Return the smallest measure that at least nine tenths do not exceed."""
    return next(
        m for m in sorted(measures) if sum(x <= m for x in measures) * 10 >= len(measures) * 9
    )


def share(part: float, whole: float) -> float | None:
    return part / whole if whole else None
