"""A random life of a ticket: what people, devices and the desk do to it, as it is learnt."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

if TYPE_CHECKING:
    from random import Random

    from servicedesk.clients.models import Contract

NOW = datetime(2027, 1, 20, 12, tzinfo=UTC)
MICRO = timedelta(microseconds=1)
CHANGE = datetime(2026, 3, 15, 23, tzinfo=UTC)  # midnight of the 16th in Madrid
SEASONS = ((date(2026, 2, 10), date(2026, 4, 28)), (date(2026, 10, 5), date(2026, 12, 10)))
PARTIES = ("client", "third_party", "device", "planned")
PRIORITIES = ("critical", "high", "medium", "low")
QUEUES = ("support", "security", "operations")
EDGES = tuple(date(2026, month, 1) for month in (3, 4, 5, 11, 12))


@dataclass
class Life:
    """What happens to one ticket, in the order it is learnt."""

    number: int
    contract: Contract
    kind: str
    priority: str
    calendar: str
    dice: Random
    at: datetime
    events: list[dict[str, Any]] = field(default_factory=list)
    entries: list[dict[str, Any]] = field(default_factory=list)
    state: str = "in_progress"
    resolved_at: datetime | None = None
    closed_at: datetime | None = None
    rating: int | None = None
    rated_at: datetime | None = None
    left_out_as: str | None = None
    is_merged: bool = False

    @property
    def is_open(self) -> bool:
        return self.state == "in_progress"

    def event(self, kind: str, at: datetime | None = None, **more: Any) -> None:
        terms = {"priority": self.priority, "calendar": self.calendar}
        self.events.append({"kind": kind, "at": at or self.at, **terms, **more})

    def entry(self, kind: str, side: str, *, author: bool = True, **more: Any) -> None:
        told = {"is_public": True, "body": "", "facts": {}} | more
        self.entries.append({"kind": kind, "at": self.at, "side": side, "author": author, **told})

    def pass_time(self) -> None:
        """Go on, rarely to the very edge of a month where the contract is at home."""
        steps = (0, 1, 400, 3600, 9 * 3600, 30 * 3600, 6 * 86400, 21 * 86400)
        later = self.at + timedelta(seconds=self.dice.choice(steps) * self.dice.random())
        if self.dice.random() < 0.15:
            zone = ZoneInfo(self.contract.time_zone)
            edges = [datetime.combine(day, time(), zone).astimezone(UTC) for day in EDGES]
            near = next((edge for edge in edges if edge > self.at + MICRO), later)
            later = near + self.dice.choice((-MICRO, 0 * MICRO, MICRO))
        if (
            self.at < CHANGE <= later
            and self.calendar == "office"
            and self.contract.reference == "F-MAD"
        ):
            self.calendar = "daily"
            if self.is_open:
                self.event("replanned", CHANGE)
        self.at = min(later, NOW - timedelta(days=1))

    # what people do

    def answer(self) -> None:
        self.entry("message", "operator", body="We look at it")
        self.event("responded")

    def ask(self) -> None:
        self.entry("message", "client", body="And?")

    def note(self) -> None:
        self.entry("message", "operator", is_public=False, body="For us")

    def desk_speaks(self) -> None:
        self.entry("message", "operator", author=False, body="By itself")

    def assign(self) -> None:
        self.event("assigned", queue=self.dice.choice(QUEUES), agent=self.dice.choice((0, 1, None)))

    def pause(self) -> None:
        party, at = self.dice.choice(PARTIES), self.at
        if party == "device" and self.dice.random() < 0.5:  # it is learnt later
            at = max(self.events[-1]["at"], self.at - timedelta(hours=5))
        self.event("paused", at, party=party)

    def go_on(self) -> None:
        self.event("resumed", party=self.dice.choice((*PARTIES, None)))

    def replan(self) -> None:
        self.priority = self.dice.choice(PRIORITIES)
        self.event("replanned")

    def resolve(self) -> None:
        if self.dice.random() < 0.6:
            self.answer()
        self.event("resolved")
        self.state, self.resolved_at = "resolved", self.at

    def withdraw(self) -> None:
        self.event("withdrawn")
        self.left_out_as = self.dice.choice((None, None, "spam", "test"))
        self.state, self.closed_at = "cancelled", self.at

    def merge(self) -> None:
        self.event("merged")
        self.state, self.closed_at, self.is_merged = "merged", self.at, True

    def rate(self) -> None:
        self.rating, self.rated_at = self.dice.randint(1, 5), self.at
        self.entry(
            "rated", "client", facts={"rating": self.rating}, body=self.dice.choice(("", "So"))
        )

    def decide(self) -> None:
        self.rating, self.rated_at = self.dice.randint(3, 5), self.at
        facts = {"rating": self.rating, "verdict": "solved"}
        self.entry("decided", "client", facts=facts, body="Thanks")
        self.state, self.closed_at = "closed", self.at

    def reopen(self) -> None:
        facts = {"rating": None, "verdict": "not_solved"}
        self.entry("decided", "client", facts=facts, body="Still broken")
        self.event("reopened")
        self.state, self.resolved_at, self.closed_at = "in_progress", None, None


OPEN_ACTS = (
    *(["answer"] * 5),
    *(["ask"] * 2),
    *(["pause"] * 4),
    *(["go_on"] * 3),
    *(["assign"] * 3),
    *(["resolve"] * 5),
    *("note", "desk_speaks", "replan", "withdraw", "merge"),
)
ENDED_ACTS = ("rate", "rate", "decide", "reopen", "reopen", "stay")


def live(number: int, contract: Contract, calendar: str, dice: Random) -> Life:
    """Return a random life of a ticket."""
    first, last = dice.choice(
        [s for s in SEASONS if s[0] <= contract.ends_on and s[1] >= contract.starts_on]
    )
    first, last = max(first, contract.starts_on), min(last, contract.ends_on)
    zone = ZoneInfo(contract.time_zone)
    begin = datetime.combine(first, time(), zone).astimezone(UTC)
    span = datetime.combine(last + timedelta(days=1), time(), zone).astimezone(UTC) - begin
    at = begin + dice.random() * (span - MICRO)
    if dice.random() < 0.15 and (days := [day for day in EDGES if first < day <= last]):
        at = datetime.combine(dice.choice(days), time(), zone).astimezone(UTC)
        at += dice.choice((-MICRO, 0 * MICRO))
    is_changed = contract.reference == "F-MAD" and at >= CHANGE
    life = Life(
        number=number,
        contract=contract,
        kind=dice.choice(("request", "query", "incident", "incident")),
        priority=dice.choice(PRIORITIES),
        calendar="daily" if is_changed else calendar,
        dice=dice,
        at=at,
    )
    life.event("started", queue=dice.choice(QUEUES), agent=dice.choice((0, None, None)))
    life.entry("opened", "client")
    for _ in range(dice.randint(1, 14)):
        life.pass_time()
        if life.state in {"cancelled", "merged"}:
            break
        act = dice.choice(OPEN_ACTS if life.is_open else ENDED_ACTS)
        if act == "decide" and life.state == "closed":
            act = "stay"
        if act != "stay":
            getattr(life, act)()
    return life
