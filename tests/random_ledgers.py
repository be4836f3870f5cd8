"""Random ledgers on random calendars, told to the clocks and to counting minute by minute."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import strategies as st

from servicedesk.sla import calendar
from servicedesk.sla.calendar import CalendarDefinition, Holiday, OpenInterval, compiled
from servicedesk.sla.cycles import Metric, Party, Terms, WorkingDays
from servicedesk.sla.evaluation import EventKind, LedgerEvent
from tests.minute_by_minute import MinuteByMinute, instant, opened_on
from tests.sla_story import ALWAYS, MINUTE, NIGHTS, OFFICE

# the last week-ends of March and October are those of the changing clocks; Bogotá never changes
BASES = [datetime(2026, month, day, tzinfo=UTC) for month, day in ((3, 27), (10, 23), (7, 6))]
ZONES = ["Europe/Madrid", "Atlantic/Canary", "America/Bogota"]
STEPS = [0, 0, 0, 1, 7, 45, 60, 240, 431, 960]
TARGETS = [1, 30, 60, 240, 480, 1000]
QUARTERS = 7 * 24 * 4


@pytest.fixture(autouse=True, scope="module")
def few_years():
    """Compile what the stories need of each calendar: there are very many of them."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(calendar, "FIRST_YEAR", 2025)
        patch.setattr(calendar, "YEARS_AHEAD", 5)
        yield


@st.composite
def weeks(draw):
    """Opening hours: the usual kinds, or any intervals, also over midnight and Sunday's."""
    if draw(st.booleans()):
        return draw(st.sampled_from([OFFICE.weekly, NIGHTS.weekly, ALWAYS.weekly]))
    marks = draw(st.lists(st.integers(0, QUARTERS - 1), min_size=2, max_size=24, unique=True))
    marks = sorted(marks)[: len(marks) // 2 * 2]
    week: list[list[OpenInterval]] = [[] for _ in range(7)]
    for opens, closes in zip(marks[::2], marks[1::2], strict=True):
        day, start = divmod(opens * 15, 1440)
        length = min((closes - opens) * 15, 1440)
        week[day].append(OpenInterval(start, start + length))
    return tuple(tuple(day) for day in week)


@st.composite
def calendars(draw, base, zone):
    """A calendar with some days closed."""
    days = draw(st.lists(st.integers(0, 8), max_size=2, unique=True))
    holidays = tuple(Holiday((base + timedelta(days=day)).date(), "Closed") for day in days)
    return CalendarDefinition(time_zone=zone, weekly=draw(weeks()), holidays=holidays)


def promises(week):
    """Targets of some metrics, in minutes; in working days where no night is worked."""
    amounts = st.sampled_from(TARGETS)
    if week == OFFICE.weekly:
        amounts |= st.sampled_from([("days", 1), ("days", 2)])
    return st.fixed_dictionaries(
        {}, optional={metric.value: amounts for metric in Metric}
    ) | st.fixed_dictionaries({metric.value: amounts for metric in Metric})


@dataclass(frozen=True)
class Story:
    """A ledger, told to both: `events` are (minute, kind, party or name of terms)."""

    base: datetime
    zone: str
    plans: dict[str, tuple[CalendarDefinition, dict]]
    events: tuple[tuple[int, str, str], ...]
    now: int

    def terms(self, name: str) -> Terms:
        definition, promised = self.plans[name]
        return Terms(
            {Metric(metric): _target(promise) for metric, promise in promised.items()},
            compiled(definition, self.base),
            name=name,
            priority=name,
        )

    def ledger(self) -> list[LedgerEvent]:
        known = {name: self.terms(name) for name in self.plans}
        return [
            LedgerEvent(
                at=instant(self.base, minute),
                sequence=number,
                kind=EventKind(kind),
                party=Party(what) if kind in {"paused", "resumed"} and what else None,
                terms=known.get(what),
            )
            for number, (minute, kind, what) in enumerate(self.events)
        ]

    def at(self, minute: int) -> datetime:
        return instant(self.base, minute)

    def counted(self):
        plans = {
            name: (opened_on(definition, self.base), promised)
            for name, (definition, promised) in self.plans.items()
        }
        return MinuteByMinute(self.base, self.zone, plans, self.events, self.now).cycles


def _target(promise):
    return MINUTE * promise if isinstance(promise, int) else WorkingDays(days=promise[1])


PARTIES = ["client", "third_party", "device"]  # the fourth is kept for a pause that is added
WHILE_OPEN = [("paused", p) for p in PARTIES] * 2 + [("resumed", p) for p in [*PARTIES, ""]] * 2
WHILE_OPEN += [("responded", "")] * 3 + [("replanned", "A"), ("replanned", "B")]
WHILE_OPEN += [("resolved", "")] * 2 + [("withdrawn", ""), ("merged", "")]
WHILE_CLOSED = [("reopened", "")] * 3 + [("responded", "")]


@st.composite
def stories(draw):
    """Any ledger that can come about, looked at any time after its beginning."""
    base, zone = draw(st.sampled_from(BASES)), draw(st.sampled_from(ZONES))
    plans = {}
    for name in "AB":
        definition = draw(calendars(base, zone))
        plans[name] = (definition, draw(promises(definition.weekly)))
    minute = draw(st.integers(0, 3000))
    events, is_open = [(minute, "started", "A")], True
    for _ in range(draw(st.integers(0, 12))):
        minute += draw(st.sampled_from(STEPS))
        kind, what = draw(st.sampled_from(WHILE_OPEN if is_open else WHILE_CLOSED))
        events.append((minute, kind, what))
        if kind in {"withdrawn", "merged"}:
            break
        is_open = {"resolved": False, "reopened": True}.get(kind, is_open)
    now = draw(st.integers(events[0][0], minute)) | draw(st.sampled_from([0, 1]))
    if draw(st.booleans()):
        now = minute + draw(st.sampled_from([*STEPS, 2500]))
    return Story(base, zone, plans, tuple(events), max(now, events[0][0]))
