"""The figures of the service levels: how what is open stands, what was kept, and what came when."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from servicedesk.core import clock
from servicedesk.sla.ageing import Bucket, buckets
from servicedesk.sla.counting import Slice, counts
from servicedesk.sla.cycles import OPEN_STANDINGS, Metric, Standing
from servicedesk.sla.evidence import (
    OPEN,
    OUTCOMES,
    Evidence,
    first_day,
    month_of,
    of_agent,
)
from servicedesk.sla.plan import KINDS, PRIORITIES, QUEUES
from servicedesk.sla.tallies import ARRIVED, figure_of, open_figure
from servicedesk.sla.upcoming import Upcoming, upcoming
from servicedesk.sla.view import View, view_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import date, datetime

    from servicedesk.core.actors import Actor
    from servicedesk.sla.counting import Count

OPEN_FIGURES = {open_figure(standing): standing for standing in OPEN_STANDINGS}


@dataclass(frozen=True, kw_only=True)
class Attained:
    """Cycles that were decided: how many were met, nearly not, or breached. `of` says of what."""

    of: str
    base: Evidence  # what stands behind the whole …
    by: str  # … and by which of its parts this is cut out
    label: str = ""  # a name, where `of` is only a number or reference
    met: int = 0
    near: int = 0  # of those met
    breached: int = 0

    @property
    def behind(self) -> Evidence:
        """Return what stands behind it."""
        return self.base.but(**{self.by: self.of})

    @property
    def counted(self) -> int:
        """Return how many were decided."""
        return self.met + self.breached

    @property
    def share(self) -> float | None:
        """Return the share that was met; None where nothing was decided."""
        return self.met / self.counted if self.counted else None


@dataclass(frozen=True, kw_only=True)
class Aged:
    """What is open of an age, by how it stands."""

    bucket: Bucket
    by_standing: Mapping[Standing, int]
    behind: Evidence

    @property
    def total(self) -> int:
        """Return how many there are."""
        return sum(self.by_standing.values())


@dataclass(frozen=True, kw_only=True)
class Dashboard:
    """The figures for an actor, as asked; `behind` is what stands behind all of them."""

    asked: Evidence  # with metric and month
    behind: Evidence
    clients: Sequence[tuple[str, str]]  # to choose from: reference, name
    agents: Sequence[tuple[str, str]]  # number, name
    months: Sequence[date]  # thirteen, the present one last
    open: Mapping[Standing, int]
    ageing: Sequence[Aged]
    upcoming: Sequence[Upcoming]
    trend: Mapping[Metric, Sequence[Attained]]  # by month
    by_kind: Sequence[Attained]
    by_priority: Sequence[Attained]
    by_queue: Sequence[Attained]
    by_client: Sequence[Attained]
    by_agent: Sequence[Attained]
    arrivals: Sequence[tuple[str, int]]  # by month
    hours: Mapping[int, int]  # by hour of the week, from Monday's first

    @property
    def month(self) -> date:
        """Return the first day of the month that is looked at."""
        return first_day(self.asked.month)

    @property
    def by_metric(self) -> Sequence[Attained]:
        """Return what was kept of each metric in the month."""
        place = self.months.index(self.month)
        return [self.trend[metric][place] for metric in Metric]


def dashboard(actor: Actor, asked: Evidence) -> Dashboard:
    """Return the figures for an actor; a fixed number of statements. Raises NotFound."""
    view = view_of(actor, asked)
    months = view.months
    found = counts(view.reach, _slices(view, months))
    cut = found["cut"]
    return Dashboard(
        asked=view.asked,
        behind=view.behind,
        clients=list(view.clients.values()),
        agents=[(str(user_id), name) for user_id, name in view.agents.items()],
        months=months,
        open=_open(found["open"]),
        ageing=_ageing(found["open"], view),
        upcoming=upcoming(view.reach, names_agents=not actor.is_contact),
        trend=_trend(found["trend"], months, view),
        by_kind=_in_order(_attained(cut, "kind", view), KINDS),
        by_priority=_in_order(_attained(cut, "priority", view), PRIORITIES),
        by_queue=[] if actor.is_contact else _in_order(_attained(cut, "queue", view), QUEUES),
        by_client=_worst_first(_attained(found["clients"], "client_id", view)),
        by_agent=_worst_first(_attained(found["agents"], "agent_id", view)),
        arrivals=_arrivals(found["arrived"], months),
        hours={count.slot: count.amount for count in found["hours"] if count.slot is not None},
    )


@dataclass(frozen=True, kw_only=True)
class Now:
    """How what is open stands at a moment, and what will breach next."""

    asked: Evidence
    at: datetime
    open: Mapping[Standing, int]
    upcoming: Sequence[Upcoming]


def standing_now(actor: Actor, asked: Evidence, size: int) -> Now:
    """Return what a screen on the wall shows. Raises NotFound."""
    view = view_of(actor, asked)
    found = counts(view.reach, [Slice(name="open", figures=tuple(OPEN_FIGURES), by=())])
    return Now(
        asked=view.behind,
        at=clock.now(),
        open=_open(found["open"]),
        upcoming=upcoming(view.reach, size),
    )


def _slices(view: View, months: Sequence[date]) -> Iterable[Slice]:
    month = first_day(view.asked.month)
    chosen: dict[str, Any] = {
        "figures": _figures(Metric(view.asked.metric)),
        "first": month,
        "last": month,
    }
    yield Slice(name="open", figures=tuple(OPEN_FIGURES), by=("on_day",))
    yield Slice(
        name="trend",
        figures=tuple(name for metric in Metric for name in _figures(metric)),
        by=("on_day",),
        first=months[0],
        last=months[-1],
    )
    yield Slice(
        name="arrived", figures=(ARRIVED,), by=("on_day",), first=months[0], last=months[-1]
    )
    yield Slice(name="hours", figures=(ARRIVED,), by=("slot",), first=month, last=month)
    yield Slice(name="cut", by=("kind", "priority", "queue"), **chosen)
    if view.actor.is_contact:
        return
    if len(view.clients) > 1 and not view.asked.client:
        yield Slice(name="clients", by=("client_id",), **chosen)
    if not view.asked.agent:
        yield Slice(name="agents", by=("agent_id",), **chosen)


def _figures(metric: Metric) -> tuple[str, ...]:
    return tuple(figure_of(metric, outcome) for outcome in OUTCOMES)


def _open(found: Iterable[Count]) -> dict[Standing, int]:
    totals = dict.fromkeys(OPEN_STANDINGS, 0)
    for count in found:
        totals[OPEN_FIGURES[count.figure]] += count.amount
    return totals


def _ageing(found: Sequence[Count], view: View) -> list[Aged]:
    aged = []
    for bucket in buckets(view.calendar, view.today):
        inside = [count for count in found if count.on_day and bucket.holds(count.on_day)]
        behind = view.behind.but(
            sla=OPEN,
            opened_from=bucket.came_from.isoformat() if bucket.came_from else "",
            opened_to=bucket.came_to.isoformat() if bucket.came_to else "",
        )
        aged.append(Aged(bucket=bucket, by_standing=_open(inside), behind=behind))
    return aged


def _trend(
    found: Iterable[Count], months: Sequence[date], view: View
) -> dict[Metric, list[Attained]]:
    totals: dict[Any, Counter[str]] = defaultdict(Counter)
    for count in found:
        metric, outcome = count.figure.split(".")
        totals[metric, count.on_day][outcome] += count.amount
    base = {metric: view.behind.but(metric=metric.value) for metric in Metric}
    return {
        metric: [
            _row(
                totals[metric.value, month],
                of=month_of(month),
                base=base[metric],
                by="month",
            )
            for month in months
        ]
        for metric in Metric
    }


def _row(amounts: Mapping[str, int], **named: Any) -> Attained:
    met, near, breached = (amounts.get(outcome, 0) for outcome in OUTCOMES)
    return Attained(met=met, near=near, breached=breached, **named)


def _attained(found: Iterable[Count], by: str, view: View) -> list[Attained]:
    """Return what was kept of the chosen metric in the month, by a column of the counters."""
    totals: dict[Any, Counter[str]] = defaultdict(Counter)
    for count in found:
        totals[getattr(count, by)][count.figure.rpartition(".")[2]] += count.amount
    return [
        _row(amounts, base=view.asked, **_named(by, value, view))
        for value, amounts in totals.items()
    ]


def _named(by: str, value: Any, view: View) -> dict[str, str]:
    if by == "client_id":
        reference, label = view.clients.get(value, ("", ""))
        return {"by": "client", "of": reference, "label": label}
    if by == "agent_id":
        return {"by": "agent", "of": of_agent(value), "label": view.agents.get(value, "")}
    return {"by": by, "of": value}


def _in_order(found: Iterable[Attained], order: Sequence[str]) -> list[Attained]:
    return sorted(found, key=lambda one: (*order, one.of).index(one.of))


def _worst_first(found: Iterable[Attained]) -> list[Attained]:
    return sorted(found, key=lambda one: (one.share or 0, -one.breached, one.label))


def _arrivals(found: Iterable[Count], months: Sequence[date]) -> list[tuple[str, int]]:
    amounts = {count.on_day: count.amount for count in found}
    return [(month_of(month), amounts.get(month, 0)) for month in months]
