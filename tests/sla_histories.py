"""Random histories of a subject's clocks, as nobody would write them down by hand."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

from hypothesis import strategies as st

from servicedesk.sla.calendar import CalendarDefinition, Holiday, OpenInterval, compiled
from servicedesk.sla.cycles import Metric, Party, Terms, WorkingDays
from servicedesk.sla.evaluation import EventKind, LedgerEvent
from servicedesk.sla.plan import Recipient, Threshold
from servicedesk.sla.receipt import CalendarUsed, Heading, PlanUsed, Records

LUNCH = (OpenInterval(8 * 60, 14 * 60), OpenInterval(15 * 60, 19 * 60))
OFFICE = CalendarDefinition(
    time_zone="Europe/Madrid",
    weekly=(LUNCH,) * 4 + ((OpenInterval(8 * 60, 15 * 60),), (), ()),
    holidays=(Holiday(date(2026, 12, 8), "Inmaculada"),),
)
NIGHTS = CalendarDefinition(time_zone="Europe/Madrid", weekly=((OpenInterval(1320, 1800),),) * 7)
ALWAYS = CalendarDefinition(time_zone="Atlantic/Canary", weekly=((OpenInterval(0, 1440),),) * 7)
DEFINITIONS = {1: OFFICE, 2: NIGHTS, 3: ALWAYS}
HOUR = timedelta(hours=1)
TARGETS = {
    "high": {
        Metric.FIRST_RESPONSE: HOUR,
        Metric.PERIODIC_UPDATE: 2 * HOUR,
        Metric.RESOLUTION: 4 * HOUR,
    },
    "low": {Metric.FIRST_RESPONSE: 4 * HOUR, Metric.RESOLUTION: WorkingDays(days=3)},
}
FIRST = datetime(2026, 10, 20, 7, tzinfo=UTC)
HEADING = Heading(subject="INC-2026-000001", client="CLI-0001", contract="CTR-0001")
PLANS = {1: PlanUsed(code="standard", version=1, name="Standard")}


def terms(priority: str, calendar_id: int) -> Terms:
    return Terms(
        TARGETS[priority],
        compiled(DEFINITIONS[calendar_id]),
        plan_id=1,
        calendar_id=calendar_id,
        newest_calendar_id=calendar_id,
        kind="incident",
        priority=priority,
        thresholds=(Threshold(percent=50, reaches=frozenset({Recipient.QUEUE})),),
    )


steps = st.one_of(
    st.just(timedelta(0)),
    st.timedeltas(timedelta(0), timedelta(hours=3)),
    st.timedeltas(timedelta(0), timedelta(days=6)),
)
happenings = st.sampled_from(
    [
        *((EventKind.PAUSED, party) for party in Party),
        *((EventKind.RESUMED, party) for party in Party),
        (EventKind.RESPONDED, None),
        (EventKind.ASSIGNED, None),
        (EventKind.RESOLVED, None),
        (EventKind.REOPENED, None),
        (EventKind.REPLANNED, None),
        (EventKind.WITHDRAWN, None),
    ]
)
priorities = st.sampled_from(sorted(TARGETS))


@st.composite
def histories(draw, most: int = 12) -> list[LedgerEvent]:
    calendar_id = draw(st.sampled_from(sorted(DEFINITIONS)))
    at = FIRST + draw(st.timedeltas(timedelta(0), timedelta(days=7)))
    events = [
        LedgerEvent(
            at=at,
            sequence=1,
            kind=EventKind.STARTED,
            terms=terms(draw(priorities), calendar_id),
            queue="support",
            actor="Ana",
        )
    ]
    for number in range(draw(st.integers(0, most))):
        at += draw(steps)
        kind, party = draw(happenings)
        planned = terms(draw(priorities), calendar_id) if kind is EventKind.REPLANNED else None
        events.append(
            LedgerEvent(
                at=at,
                sequence=number + 2,
                kind=kind,
                party=party,
                terms=planned,
                queue="support" if kind is EventKind.ASSIGNED else "",
                actor="Luis",
                evidence={"device": "DEV-1", "secret": "x"} if party is Party.DEVICE else {},
            )
        )
    return events


def records(events: list[LedgerEvent]) -> Records:
    used = {
        number: [
            CalendarUsed(
                code=f"calendar-{number}",
                version=1,
                name=f"Calendar {number}",
                effective_on=date(2020, 1, 1),
                definition=definition,
            )
        ]
        for number, definition in DEFINITIONS.items()
    }
    return Records(heading=HEADING, events=events, plans=PLANS, calendars=used, fired={})
