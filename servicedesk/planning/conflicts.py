"""Which planned work gets in each other's way: pure, over what a calendar shows.

Told are: two tasks at the same time on the same devices; a change of the whole service during
anything else; and steps for people on a day on which nobody works.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, NamedTuple

from servicedesk.planning.models import Category, WorkKind

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from datetime import date, datetime

MOST_PAIRS = 2000  # of spans that are looked at; a calendar so full needs no list to say so


class Why(StrEnum):
    """Why two tasks, or a task and a day, do not go together."""

    SAME_DEVICES = "same_devices"
    SERVICE_CHANGE = "service_change"
    HOLIDAY = "holiday"


@dataclass(frozen=True, kw_only=True)
class Reach:
    """Whom a task concerns: no client means the whole service."""

    task_id: int
    category: Category
    work_kind: WorkKind
    client_id: int | None = None
    group_ids: frozenset[int] = frozenset()
    device_ids: frozenset[int] = frozenset()

    @property
    def is_service_change(self) -> bool:
        """Whether a new version comes under everybody's feet."""
        return self.client_id is None and self.category is Category.INFRASTRUCTURE_CHANGE


class Span(NamedTuple):
    """One time of a task: from its due time to its window's end, or an instant without one."""

    reach: Reach
    starts_at: datetime
    ends_at: datetime
    on: date

    def meets(self, other: Span) -> bool:
        """Whether both have an instant in common; of windows that only touch it is none."""
        if self.starts_at == other.starts_at:
            return True
        return self.starts_at < other.ends_at and other.starts_at < self.ends_at


@dataclass(frozen=True, kw_only=True)
class Conflict:
    """Two tasks that meet, or one that falls on a holiday: when first, until when, and how often."""

    why: Why
    first_id: int
    second_id: int | None
    starts_at: datetime
    ends_at: datetime
    days: frozenset[date]
    count: int = 1
    holiday: str = ""


def meetings(spans: Iterable[Span]) -> Iterator[tuple[Span, Span]]:
    """Yield the spans of different tasks that meet in time, at most `MOST_PAIRS`."""
    running: list[Span] = []
    found = 0
    for span in sorted(spans, key=lambda one: (one.starts_at, one.reach.task_id)):
        # all begin no later: they meet it if they last, or begin with it
        running = [
            one
            for one in running
            if one.ends_at > span.starts_at or one.starts_at == span.starts_at
        ]
        for other in running:
            if other.reach.task_id != span.reach.task_id:
                yield other, span
                found += 1
                if found == MOST_PAIRS:
                    return
        running.append(span)


def why_not(first: Reach, second: Reach, shares: Callable[[Reach, Reach], bool]) -> Why | None:
    """Return why two tasks do not go together at one time; None if they do.

    `shares` says whether two tasks of one client reach a device in common.
    """
    if first.is_service_change or second.is_service_change:
        return Why.SERVICE_CHANGE
    if first.client_id is None or first.client_id != second.client_id:
        return None
    both_act = first.work_kind is WorkKind.ACTION and second.work_kind is WorkKind.ACTION
    return Why.SAME_DEVICES if both_act and shares(first, second) else None


def share_plainly(first: Reach, second: Reach) -> bool:
    """Whether two tasks name a group or a device both."""
    return bool(first.group_ids & second.group_ids or first.device_ids & second.device_ids)


def conflicts(
    spans: Sequence[Span],
    pairs: Iterable[tuple[Span, Span]],
    shares: Callable[[Reach, Reach], bool],
    holidays: Mapping[date, str],
) -> list[Conflict]:
    """Return what does not go together, each pair of tasks once, in the order of time."""
    met: dict[tuple[int, int, Why], list[tuple[Span, Span]]] = defaultdict(list)
    for first, second in pairs:
        if why := why_not(first.reach, second.reach, shares):
            low, high = sorted((first.reach.task_id, second.reach.task_id))
            met[low, high, why].append((first, second))
    found = [_told(why, together) for (_low, _high, why), together in met.items()]
    found += _on_holidays(spans, holidays)
    return sorted(found, key=lambda one: (one.starts_at, one.first_id))


def _told(why: Why, together: Sequence[tuple[Span, Span]]) -> Conflict:
    first, second = together[0]
    return Conflict(
        why=why,
        first_id=first.reach.task_id,
        second_id=second.reach.task_id,
        starts_at=max(first.starts_at, second.starts_at),
        ends_at=min(max(first.ends_at, second.starts_at), max(second.ends_at, second.starts_at)),
        days=frozenset(one.on for pair in together for one in pair),
        count=len(together),
    )


def _on_holidays(spans: Sequence[Span], holidays: Mapping[date, str]) -> Iterator[Conflict]:
    """Yield steps for people that fall on a day on which nobody works, the first time of each."""
    by_task: dict[int, list[Span]] = defaultdict(list)
    for span in spans:
        if span.reach.work_kind is WorkKind.CHECKLIST and span.on in holidays:
            by_task[span.reach.task_id].append(span)
    for task_id, fallen in by_task.items():
        first = min(fallen, key=lambda one: one.starts_at)
        yield Conflict(
            why=Why.HOLIDAY,
            first_id=task_id,
            second_id=None,
            starts_at=first.starts_at,
            ends_at=first.ends_at,
            days=frozenset(one.on for one in fallen),
            count=len(fallen),
            holiday=holidays[first.on],
        )
