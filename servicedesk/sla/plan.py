"""Plans: targets by kind and priority, and who is told how far a target is used."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from servicedesk.core.text import msgid
from servicedesk.sla.cycles import Metric, Target, WorkingDays

if TYPE_CHECKING:
    from collections.abc import Mapping

# the rows and places a plan speaks of; the packages above classify by the same words
KINDS = ("incident", "request", "query")
PRIORITIES = ("critical", "high", "medium", "low")
QUEUES = ("operations", "security", "support", "advice")

LONGEST = timedelta(hours=2000)
MOST_DAYS = 250
MOST_PERCENT = 400


class PlanError(ValueError):
    """A plan that cannot be worked with; the message says why, `where` names the place."""

    def __init__(self, sentence: str, where: str = "") -> None:
        """Keep the sentence and the place, such as `incident.high.resolution` or `thresholds.2`."""
        super().__init__(sentence)
        self.sentence = sentence
        self.where = where


class Recipient(StrEnum):
    """Whom a threshold reaches."""

    ASSIGNEE = "assignee"
    QUEUE = "queue"  # everybody who works in the ticket's queue
    SUPERVISORS = "supervisors"
    ACCOUNT_MANAGERS = "account_managers"  # those of the client


RECIPIENT_LABELS = {
    Recipient.ASSIGNEE: msgid("Whoever has the ticket"),
    Recipient.QUEUE: msgid("Every agent"),
    Recipient.SUPERVISORS: msgid("Supervisors"),
    Recipient.ACCOUNT_MANAGERS: msgid("The client's account managers"),
}


@dataclass(frozen=True, kw_only=True)
class Threshold:
    """What happens, once a cycle, when so much of its target is used."""

    percent: int
    reaches: frozenset[Recipient]
    metrics: frozenset[Metric] = frozenset(Metric)
    priorities: frozenset[str] = frozenset(PRIORITIES)
    raises: bool = False  # the ticket's escalation goes up by one
    queue: str = ""  # the ticket goes to this queue, to nobody in particular

    def is_for(self, metric: Metric, priority: str) -> bool:
        """Whether it speaks of this metric of a ticket of this priority."""
        return metric in self.metrics and priority in self.priorities

    def to_json(self) -> dict[str, Any]:
        """Return it as JSON knows it."""
        return {
            "percent": self.percent,
            "reaches": sorted(self.reaches),
            "metrics": sorted(self.metrics),
            "priorities": sorted(self.priorities),
            "raises": self.raises,
            "queue": self.queue,
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Threshold:
        """Read what `to_json` wrote."""
        return cls(
            percent=data["percent"],
            reaches=frozenset(Recipient(name) for name in data["reaches"]),
            metrics=frozenset(Metric(name) for name in data["metrics"]),
            priorities=frozenset(data["priorities"]),
            raises=data["raises"],
            queue=data["queue"],
        )


Row = tuple[str, str]  # kind, priority


@dataclass(frozen=True, kw_only=True)
class PlanDefinition:
    """Exactly one target a row and metric, the thresholds, and when people may be disturbed."""

    targets: Mapping[Row, Mapping[Metric, Target]]
    thresholds: tuple[Threshold, ...] = ()
    notice_calendar: str = ""  # the calendar's code in whose hours people are told; empty: always
    round_the_clock: frozenset[str] = field(
        default_factory=frozenset
    )  # priorities told at any hour

    def __post_init__(self) -> None:
        """Refuse what has no meaning. Raises PlanError."""
        if not any(self.targets.values()):
            raise PlanError(msgid("A plan needs at least one target."))
        for (kind, priority), by_metric in self.targets.items():
            for metric, target in by_metric.items():
                check_target(target, f"{kind}.{priority}.{metric}")
        _check_thresholds(self.thresholds)

    def targets_of(self, kind: str, priority: str) -> Mapping[Metric, Target]:
        """Return the targets of a row; empty if the plan promises nothing there."""
        return self.targets.get((kind, priority), {})

    def to_json(self) -> dict[str, Any]:
        """Return the plan as JSON knows it."""
        targets: dict[str, dict[str, Any]] = {}
        for (kind, priority), by_metric in self.targets.items():
            targets.setdefault(kind, {})[priority] = {
                metric.value: plain_target(target) for metric, target in by_metric.items()
            }
        return {
            "targets": targets,
            "thresholds": [threshold.to_json() for threshold in self.thresholds],
            "notice_calendar": self.notice_calendar,
            "round_the_clock": sorted(self.round_the_clock),
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> PlanDefinition:
        """Read what `to_json` wrote. Raises PlanError."""
        return cls(
            targets={
                (kind, priority): {
                    Metric(name): target_from_plain(told) for name, told in by_metric.items()
                }
                for kind, by_priority in data["targets"].items()
                for priority, by_metric in by_priority.items()
            },
            thresholds=tuple(Threshold.from_json(told) for told in data["thresholds"]),
            notice_calendar=data["notice_calendar"],
            round_the_clock=frozenset(data["round_the_clock"]),
        )


def check_target(target: Target, where: str = "") -> None:
    """Refuse a target that nobody could mean. Raises PlanError."""
    if isinstance(target, WorkingDays):
        if not 1 <= target.days <= MOST_DAYS:
            raise PlanError(msgid("Give 1 to 250 working days."), where)
    elif not timedelta(0) < target <= LONGEST:
        raise PlanError(msgid("Give more than nothing and at most 2,000 hours."), where)


def _check_thresholds(thresholds: tuple[Threshold, ...]) -> None:
    told: set[tuple[int, Metric, str]] = set()
    for number, threshold in enumerate(thresholds):
        where = f"thresholds.{number}"
        if not 1 <= threshold.percent <= MOST_PERCENT:
            raise PlanError(msgid("Give 1 to 400 per cent."), where)
        if not threshold.reaches and not threshold.raises and not threshold.queue:
            raise PlanError(msgid("Say whom it reaches or what it does."), where)
        if threshold.queue and threshold.queue not in QUEUES:
            raise PlanError(msgid("There is no such queue."), where)
        for metric in threshold.metrics:
            for priority in threshold.priorities:
                if (threshold.percent, metric, priority) in told:
                    raise PlanError(
                        msgid("Another threshold says something for the same moment."), where
                    )
                told.add((threshold.percent, metric, priority))


def plain_target(target: Target) -> dict[str, int]:
    """Return a target as JSON knows it."""
    if isinstance(target, WorkingDays):
        return {"working_days": target.days}
    return {"seconds": int(target.total_seconds())}


def target_from_plain(told: Mapping[str, int]) -> Target:
    """Read what `plain_target` wrote."""
    if "working_days" in told:
        return WorkingDays(days=told["working_days"])
    return timedelta(seconds=told["seconds"])
