"""Ledgers as stories: a calendar, terms, and events told in the order in which they were learnt."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from servicedesk.sla.calendar import CalendarDefinition, Holiday, OpenInterval, compiled
from servicedesk.sla.cycles import Metric, Party, Terms, current
from servicedesk.sla.evaluation import EventKind, LedgerEvent, evaluate

MADRID = ZoneInfo("Europe/Madrid")
NINE_TO_FIVE = OpenInterval(540, 1020)
OFFICE = CalendarDefinition(
    time_zone="Europe/Madrid",
    weekly=((NINE_TO_FIVE,),) * 5 + ((), ()),
    holidays=(
        Holiday(date(2026, 12, 8), "Inmaculada"),
        Holiday(date(2026, 12, 24), "Nochebuena", 13 * 60, 24 * 60),
    ),
)
NIGHTS = CalendarDefinition(time_zone="Europe/Madrid", weekly=((OpenInterval(1320, 1800),),) * 7)
ALWAYS = CalendarDefinition(time_zone="Europe/Madrid", weekly=((OpenInterval(0, 1440),),) * 7)
DAILY = CalendarDefinition(time_zone="Europe/Madrid", weekly=((NINE_TO_FIVE,),) * 7)

HOUR, MINUTE = timedelta(hours=1), timedelta(minutes=1)
MICROSECOND = timedelta(microseconds=1)


def terms(first_response=HOUR, resolution=8 * HOUR, update=None, calendar=OFFICE, **more) -> Terms:
    """Return terms that promise what is given; None promises nothing."""
    promised = {
        Metric.FIRST_RESPONSE: first_response,
        Metric.PERIODIC_UPDATE: update,
        Metric.RESOLUTION: resolution,
    }
    targets = {metric: target for metric, target in promised.items() if target}
    return Terms(targets, compiled(calendar), **more)


TERMS = terms()
URGENT = terms(resolution=2 * HOUR, plan_id=2, priority="critical")
NEWS = terms(update=4 * HOUR)

CLIENT, THIRD = {"party": Party.CLIENT}, {"party": Party.THIRD_PARTY}
DEVICE, PLANNED = {"party": Party.DEVICE}, {"party": Party.PLANNED}
STARTED = (EventKind.STARTED, {"terms": TERMS})


def at(day: int, hour: int, minute: int = 0, month: int = 11) -> datetime:
    """Return an instant of 2026, told as people in Madrid say it."""
    return datetime(2026, month, day, hour, minute, tzinfo=MADRID).astimezone(UTC)


LATER = at(30, 12)


def told(*events: tuple) -> list[LedgerEvent]:
    """Return events in the order in which they were learnt: (when, kind[, what else])."""
    return [
        LedgerEvent(at=moment, sequence=number, kind=kind, **(rest[0] if rest else {}))
        for number, (moment, kind, *rest) in enumerate(events, start=1)
    ]


def cycles(events, metric=Metric.RESOLUTION, now=LATER):
    """Return all cycles of a metric."""
    return [cycle for cycle in evaluate(events, now) if cycle.metric is metric]


def resolution(events, now=LATER):
    """Return the newest cycle of the resolution."""
    return current(evaluate(events, now), Metric.RESOLUTION)
