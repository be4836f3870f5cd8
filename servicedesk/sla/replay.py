"""What would have been: a ledger told again under other terms, beside what was.

Nothing but the terms changes: who answered, who waited for whom and until when, and what was
replanned into which priority stay as they were. So each cycle has its twin: the same metric, from
and until the same instants.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import TYPE_CHECKING

from servicedesk.sla.cycles import COUNTED, WHOLE, Metric, Target, Verdict, WorkingDays
from servicedesk.sla.derivation import month_of
from servicedesk.sla.evaluation import evaluate

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import date, datetime

    from servicedesk.sla.calendar import BusinessCalendar
    from servicedesk.sla.cycles import Cycle, Terms
    from servicedesk.sla.evaluation import LedgerEvent
    from servicedesk.sla.plan import PlanDefinition

Cell = tuple[str, str, Metric]  # kind, priority, metric
TwinKey = tuple[Metric, "datetime", "datetime | None", int]


@dataclass(frozen=True, kw_only=True)
class Draft:
    """What is tried instead of what was agreed; an empty draft changes nothing.

    `targets` are single targets in place of the plan's, None where nothing shall be promised; the
    factor is applied to the plan's own targets only.
    """

    plan: PlanDefinition | None = None
    calendar: BusinessCalendar | None = None
    factor_percent: int = WHOLE
    targets: Mapping[Cell, Target | None] = field(default_factory=dict)

    def terms(self, agreed: Terms) -> Terms:
        """Return what the draft measures by where `agreed` did: its row of the same priority."""
        row = (agreed.kind, agreed.priority)
        promised = dict(self.plan.targets_of(*row) if self.plan else agreed.targets)
        targets = {metric: scaled(told, self.factor_percent) for metric, told in promised.items()}
        for metric in Metric:
            if (*row, metric) in self.targets:
                targets.pop(metric, None)
                if told := self.targets[*row, metric]:
                    targets[metric] = told
        return replace(agreed, targets=targets, calendar=self.calendar or agreed.calendar)


def scaled(target: Target, percent: int) -> Target:
    """Return so many per cent of a target; working days stay whole, and at least one."""
    if isinstance(target, WorkingDays):
        return WorkingDays(days=max(1, (target.days * percent + WHOLE // 2) // WHOLE))
    return target * percent / WHOLE


class Change(StrEnum):
    """What the draft does to a verdict."""

    WORSE = "worse"  # it would be a breach
    BETTER = "better"  # it would be none
    DROPPED = "dropped"  # it was met, and would not be promised


@dataclass(frozen=True, kw_only=True)
class Pair:
    """A cycle as it was and as it would be; None on the side that does not promise it."""

    cell: Cell  # the same on both sides
    was: Cycle | None
    would: Cycle | None

    @property
    def change(self) -> Change | None:
        """Return what happens to the verdict; None if nothing does."""
        was, would = _verdict(self.was), _verdict(self.would)
        if (was is Verdict.BREACHED) is not (would is Verdict.BREACHED):
            return Change.BETTER if was is Verdict.BREACHED else Change.WORSE
        return Change.DROPPED if was is Verdict.MET and would is None else None

    def is_of(self, first_month: date, last_month: date) -> bool:
        """Whether it was decided in these months; if it was not promised: whether it would be."""
        decided = self.was or self.would
        month = month_of(decided) if decided else None
        return month is not None and first_month <= month <= last_month


def replay(events: Sequence[LedgerEvent], draft: Draft, now: datetime) -> list[Pair]:
    """Return the cycles of a ledger, but for superseded ones, as they were and as they would be."""
    was = _twins(evaluate(events, now))
    would = _twins(evaluate(replayed(events, draft), now))
    return [
        Pair(
            cell=(cycle.terms.kind, cycle.terms.priority, cycle.metric),
            was=was.get(key),
            would=would.get(key),
        )
        for key, cycle in (would | was).items()
    ]


def replayed(events: Iterable[LedgerEvent], draft: Draft) -> list[LedgerEvent]:
    """Return the same events with the draft's terms wherever terms were agreed."""
    return [
        replace(event, terms=draft.terms(event.terms)) if event.terms else event for event in events
    ]


def _twins(cycles: Iterable[Cycle]) -> dict[TwinKey, Cycle]:
    """Return cycles by what both sides have in common, those of one instant numbered."""
    found: dict[TwinKey, Cycle] = {}
    seen: Counter[tuple[object, ...]] = Counter()
    for cycle in cycles:
        if cycle.verdict is not Verdict.SUPERSEDED:
            key = (cycle.metric, cycle.started_at, cycle.stopped_at)
            found[*key, seen[key]] = cycle
            seen[key] += 1
    return found


def _verdict(cycle: Cycle | None) -> Verdict | None:
    return cycle.verdict if cycle else None


@dataclass(kw_only=True)
class Count:
    """How many cycles were decided how; `open` ones are not decided yet."""

    met: int = 0
    near: int = 0
    breached: int = 0
    open: int = 0

    @property
    def decided(self) -> int:
        """Return how many count."""
        return self.met + self.breached

    @property
    def attainment(self) -> float | None:
        """Return the share that was met; None where nothing was decided."""
        return self.met / self.decided if self.decided else None

    def take(self, cycle: Cycle | None) -> None:
        """Count a cycle in."""
        if cycle is None:
            return
        self.met += cycle.verdict is Verdict.MET
        self.near += cycle.is_near_miss
        self.breached += cycle.verdict is Verdict.BREACHED
        self.open += cycle.is_open and cycle.verdict not in COUNTED

    def add(self, other: Count) -> None:
        """Count in what another has counted."""
        self.met += other.met
        self.near += other.near
        self.breached += other.breached
        self.open += other.open


@dataclass(kw_only=True)
class Comparison:
    """The figures of both sides, and how many verdicts change how."""

    was: Count = field(default_factory=Count)
    would: Count = field(default_factory=Count)
    changes: Counter[str] = field(default_factory=Counter)

    @property
    def difference(self) -> float | None:
        """Return by how much the attainment would change; None where a side has none."""
        before, after = self.was.attainment, self.would.attainment
        return None if before is None or after is None else after - before

    def take(self, pair: Pair) -> None:
        """Count a pair in."""
        self.was.take(pair.was)
        self.would.take(pair.would)
        if pair.change:
            self.changes[pair.change.value] += 1

    def add(self, other: Comparison) -> None:
        """Count in what another has counted."""
        self.was.add(other.was)
        self.would.add(other.would)
        self.changes.update(other.changes)
