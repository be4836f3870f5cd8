"""A month's tickets from the raw rows, by the words of the figures' definitions."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any

from tests.figures.clockwork import Ledger, in_order, midnight, pieces
from tests.figures.rows import Fact, Rows

TURNS = {"started", "reopened", "resolved", "withdrawn", "merged"}
OPEN = {"started", "reopened"}
EVERYBODY = {"client", "third_party", "device", "planned"}
HOLDERS = ("operator", "client", "planned", "third_party", "device")
AGES = ((1, "00-01"), (3, "02-03"), (7, "04-07"), (15, "08-15"), (30, "16-30"))


class Tickets:
    """A contract's month; each method named after a figure returns what it counts."""

    def __init__(
        self, rows: Rows, contract: str, month: date, counted_at: datetime, now: datetime
    ) -> None:
        self.rows, self.contract = rows, rows.contracts[contract]
        zone = self.contract["time_zone"]
        following = date(month.year + month.month // 12, month.month % 12 + 1, 1)
        self.first = max(month, self.contract["starts_on"])
        self.last = min(following - timedelta(days=1), self.contract["ends_on"])
        self.start = midnight(self.first, zone)
        self.end = midnight(self.last + timedelta(days=1), zone)
        self.counted_at, self.now = max(counted_at, self.end), now
        self.tickets = [self.life(ticket) for ticket in rows.tickets]
        self.tickets = [life for life in self.tickets if life]

    def within(self, at: datetime | None) -> bool:
        return at is not None and self.start <= at < self.end

    def life(self, ticket: dict) -> dict | None:
        """Return what is known of a ticket at the month's end; None if it had not come, or is not ours."""
        ledger = self.rows.ledgers[ticket["ledger_id"]]
        if ledger["contract_id"] != self.contract["id"]:
            return None
        events = in_order([e for e in self.rows.events if e["ledger_id"] == ledger["id"]])
        then = [event for event in events if event["at"] < self.end]
        if not then:
            return None
        turns = [event for event in then if event["kind"] in TURNS]
        plan = self.rows.terms([event for event in then if event["plan_id"]][-1])
        last = turns[-1]
        aside = last["kind"] == "merged" or (last["kind"] == "withdrawn" and ticket["left_out_as"])
        return {
            "id": ticket["id"],
            "reference": ticket["reference"],
            "ticket": ticket,
            "events": events,
            "then": then,
            "came": events[0]["at"],
            "last": last,
            "aside": bool(aside),
            "hours": plan["hours"],
            "tags": {
                "kind": plan["of"]["target_kind"],
                "priority": plan["of"]["target_priority"],
            },
            "said": sorted(
                (e for e in self.rows.entries if e["ticket_id"] == ticket["id"] and e["is_public"]),
                key=lambda entry: (entry["at"], entry["id"]),
            ),
        }

    @property
    def ours(self) -> list[dict]:
        return [life for life in self.tickets if not life["aside"]]

    @property
    def solved(self) -> list[dict]:
        return [
            life
            for life in self.ours
            if life["last"]["kind"] == "resolved" and self.within(life["last"]["at"])
        ]

    def was_open(self, life: dict, at: datetime) -> bool:
        turns = [e for e in life["events"] if e["kind"] in TURNS and e["at"] < at]
        return bool(turns) and turns[-1]["kind"] in OPEN

    # targets

    def decided(self) -> list[tuple[dict, Any, float]]:
        """Return ticket, cycle and seconds beyond its target of all that was met or missed."""
        found = []
        for life in self.tickets:
            later = [event for event in life["events"] if event["at"] >= self.end]
            rewritten = any(e["kind"] in {"replanned", "withdrawn", "merged"} for e in later)
            then = Ledger(life["then"], self.end, self.rows.terms)
            told = then if rewritten else Ledger(life["events"], self.now, self.rows.terms)
            over = {run.key: (run.elapsed - run.target).total_seconds() for run in then.runs}
            found += [
                (life, run, max(0.0, over.get(run.key, 0.0)))
                for run in told.runs
                if run.verdict in {"met", "breached"} and self.within(run.decided_at)
            ]
        return found

    @staticmethod
    def of_run(run: Any) -> dict[str, str]:
        of = run.plan["of"]
        return {"kind": of["target_kind"], "priority": of["target_priority"]}

    def service_levels(self) -> list[Fact]:
        return [
            Fact(
                life["reference"],
                run.verdict == "met",
                tags={"metric": run.metric, **self.of_run(run)},
            )
            for life, run, _ in self.decided()
        ]

    def near_misses(self) -> list[Fact]:
        return [
            Fact(
                life["reference"],
                run.elapsed * 10 >= run.target * 9,
                tags={"metric": run.metric, **self.of_run(run)},
            )
            for life, run, _ in self.decided()
            if run.verdict == "met"
        ]

    def breach_severity(self) -> list[Fact]:
        return [
            Fact(life["reference"], measure=round(over), tags={"metric": run.metric})
            for life, run, over in self.decided()
            if run.verdict == "breached"
        ]

    def update_discipline(self) -> list[Fact]:
        return [
            Fact(life["reference"], run.verdict == "met", tags=self.of_run(run))
            for life, run, _ in self.decided()
            if run.metric == "periodic_update"
        ]

    # times

    def until(self, life: dict, at: datetime | None) -> list[Fact]:
        if not self.within(at):
            return []
        seconds = round(life["hours"].worked(life["came"], at).total_seconds())
        return [Fact(life["reference"], measure=seconds, tags=life["tags"])]

    def time_to_own(self) -> list[Fact]:
        found = []
        for life in self.ours:
            owned = [e["at"] for e in life["events"] if e["agent_id"] is not None]
            found += self.until(life, owned[0] if owned else None)
        return found

    def time_to_first_response(self) -> list[Fact]:
        found = []
        for life in self.ours:
            answers = [
                e["at"]
                for e in life["said"]
                if e["kind"] == "message" and e["author_side"] == "operator" and e["author_id"]
            ]
            found += self.until(life, answers[0] if answers else None)
        return found

    def held(self, life: dict) -> dict[str, tuple[timedelta, timedelta]]:
        """Return elapsed and business time by who had it."""
        nothing = (timedelta(0), timedelta(0))
        sums = {} if life["came"] < life["last"]["at"] else {"operator": nothing}
        span = life["came"], life["last"]["at"]
        # a wait that is learnt later counts as well: all events are known
        for begin, stop, party in pieces(life["events"], *span, EVERYBODY):
            elapsed, worked = sums.get(party or "operator", nothing)
            more = life["hours"].worked(begin, stop)
            sums[party or "operator"] = (elapsed + (stop - begin), worked + more)
        return sums

    def time_to_resolve_net(self) -> list[Fact]:
        nothing = (timedelta(0), timedelta(0))
        return [
            Fact(
                life["reference"],
                measure=round(self.held(life).get("operator", nothing)[1].total_seconds()),
                tags=life["tags"],
            )
            for life in self.solved
        ]

    def time_to_resolve_gross(self) -> list[Fact]:
        return [
            Fact(
                life["reference"],
                measure=round((life["last"]["at"] - life["came"]).total_seconds()),
                tags=life["tags"],
            )
            for life in self.solved
        ]

    def whose_time(self) -> list[Fact]:
        return [
            Fact(
                life["reference"],
                holder == "operator",
                elapsed.total_seconds(),
                {"holder": holder},
            )
            for life in self.solved
            for holder, (elapsed, _worked) in self.held(life).items()
        ]

    # volume and quality

    def volume(self) -> list[Fact]:
        found = []
        for life in self.tickets:
            came, ended = self.within(life["came"]), life["last"]
            is_open = ended["kind"] in OPEN
            solved = ended["kind"] == "resolved" and self.within(ended["at"])
            flows = []
            if came:
                flows = ["set_aside"] if life["aside"] else ["created"]
            elif self.was_open(life, self.start):
                flows = ["opening"]
            elif is_open or solved:
                flows = ["came_back"]
            if flows and flows != ["set_aside"]:
                flows.append("closing" if is_open else "resolved" if solved else "left")
            found += [
                Fact(life["reference"], flow == "resolved", tags={"flow": flow, **life["tags"]})
                for flow in flows
            ]
        return found

    def backlog(self) -> list[Fact]:
        found = []
        for life in self.ours:
            if life["last"]["kind"] in OPEN:
                day = life["came"].astimezone(life["hours"].zone).date()
                days = life["hours"].working_days(day, self.last)
                age = next((name for most, name in AGES if days <= most), "31")
                seconds = (self.end - life["came"]).total_seconds()
                tags = {"age": age, **life["tags"]}
                found.append(Fact(life["reference"], measure=seconds, tags=tags))
        return found

    def reopen_rate(self) -> list[Fact]:
        found = []
        for life in self.ours:
            soon = []
            for number, event in enumerate(life["events"]):
                if event["kind"] == "resolved" and self.within(event["at"]):
                    later = [e["at"] for e in life["events"][number:] if e["kind"] == "reopened"]
                    limit = min(life["hours"].nth_close(event["at"], 10), self.counted_at)
                    soon.append(bool(later) and later[0] <= limit)
            if soon:
                found.append(Fact(life["reference"], any(soon), tags=life["tags"]))
        return found

    def first_contact_resolution(self) -> list[Fact]:
        found = []
        for life in self.solved:
            until = life["last"]["at"]
            told = [event for event in life["events"] if event["at"] <= until]
            people = {event["agent_id"] for event in told} - {None}
            queues = {event["queue"] for event in told} - {None}
            wrote = any(
                entry["author_side"] == "client"
                and entry["at"] <= until
                and (
                    entry["kind"] == "message" or (entry["kind"] == "decided" and is_message(entry))
                )
                for entry in life["said"]
            )
            alone = not wrote and len(people) < 2 and len(queues) < 2
            found.append(Fact(life["reference"], alone, tags=life["tags"]))
        return found

    def satisfaction(self) -> list[Fact]:
        found = []
        for life in self.ours:
            scores = [s for s in life["said"] if score_of(s) and self.within(s["at"])]
            if scores:
                score = score_of(scores[-1])
                tags = {"score": str(score), "kind": life["tags"]["kind"]}
                found.append(Fact(life["reference"], score >= 4, score, tags))
        return found

    def satisfaction_response(self) -> list[Fact]:
        return [
            Fact(
                life["reference"],
                any(score_of(s) and s["at"] <= self.counted_at for s in life["said"]),
            )
            for life in self.solved
        ]

    def repeats(self) -> list[Fact]:
        incidents = []
        for life in self.tickets:
            ticket = life["ticket"]
            if life["aside"] or ticket["kind"] != "incident":
                continue
            ours = {
                d["device_id"] for d in self.rows.ticket_devices if d["ticket_id"] == life["id"]
            }
            orders = {
                o["order_id"] for o in self.rows.ticket_orders if o["ticket_id"] == life["id"]
            }
            ours |= {t["device_id"] for t in self.rows.order_targets if t["order_id"] in orders}
            incidents.append((life["came"], life["id"], ticket, ours))
        found = []
        for came, number, ticket, ours in incidents:
            if self.within(came):
                again = any(
                    (earlier, other) < (came, number)
                    and came - earlier <= timedelta(days=30)
                    and theirs & ours
                    and before["category"] == ticket["category"] is not None
                    for earlier, other, before, theirs in incidents
                )
                tags = {"category": ticket["category"]} if ticket["category"] else {}
                found.append(Fact(ticket["reference"], again, tags=tags))
        return found


def score_of(entry: dict) -> int | None:
    return entry["facts"].get("rating") if entry["kind"] in {"rated", "decided"} else None


def is_message(entry: dict) -> bool:
    return score_of(entry) is None and entry["body"] != ""
