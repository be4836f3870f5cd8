"""What `right` means for service levels, one test a sentence."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from servicedesk.sla.calendar import (
    CalendarDefinition,
    CalendarError,
    Holiday,
    OpenInterval,
    compiled,
)
from servicedesk.sla.cycles import Metric, Party, Terms, Verdict, current, next_look_at
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
HOUR = timedelta(hours=1)
TERMS = Terms({Metric.FIRST_RESPONSE: HOUR, Metric.RESOLUTION: 8 * HOUR}, compiled(OFFICE))
URGENT = Terms({Metric.FIRST_RESPONSE: HOUR, Metric.RESOLUTION: 2 * HOUR}, compiled(OFFICE))


def at(day: int, hour: int, minute: int = 0, month: int = 11) -> datetime:
    return datetime(2026, month, day, hour, minute, tzinfo=MADRID).astimezone(UTC)


def told(*events: tuple[datetime, EventKind], **extra: object) -> list[LedgerEvent]:
    found = []
    for number, (moment, kind, *rest) in enumerate(events):
        options = rest[0] if rest else {}
        found.append(LedgerEvent(at=moment, sequence=number, kind=kind, **options))
    return found


STARTED = (EventKind.STARTED, {"terms": TERMS})
CLIENT, DEVICE = {"party": Party.CLIENT}, {"party": Party.DEVICE}
LATER = at(30, 12)


def resolution(events, now=LATER):
    return current(evaluate(events, now), Metric.RESOLUTION)


@pytest.mark.parametrize(
    ("calendar", "start", "hours", "end"),
    [
        (OFFICE, at(20, 16), 2, at(23, 10)),  # Friday into Monday
        (OFFICE, at(7, 16, month=12), 2, at(9, 10, month=12)),  # over a holiday
        (OFFICE, at(24, 12, month=12), 2, at(25, 10, month=12)),  # part of a day
        (OFFICE, at(20, 9), 8, at(20, 17)),  # exactly to closing: not the next opening
        (NIGHTS, at(20, 23), 8, at(21, 23)),  # over midnight, and the day between
        (ALWAYS, at(28, 12, month=3), 24, at(29, 13, month=3)),  # a day of 23 hours
        (ALWAYS, at(24, 12, month=10), 24, at(25, 11, month=10)),  # a day of 25 hours
    ],
)
def test_business_time_is_added_as_people_count_it(calendar, start, hours, end):
    assert compiled(calendar).add(start, hours * HOUR) == end
    assert compiled(calendar).between(start, end) == hours * HOUR


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"time_zone": "Europe/Nowhere"}, "not a time zone"),
        ({"weekly": ((),) * 7}, "some opening hours"),
        ({"weekly": ((NINE_TO_FIVE, OpenInterval(600, 700)),) + ((),) * 6}, "overlap"),
        ({"weekly": ((OpenInterval(600, 600),),) + ((),) * 6}, "ends after it starts"),
    ],
)
def test_a_calendar_without_meaning_is_refused_with_a_sentence(change, words):
    fields = {"time_zone": "Europe/Madrid", "weekly": OFFICE.weekly} | change
    with pytest.raises(CalendarError, match=words):
        CalendarDefinition(**fields)


instants = st.datetimes(datetime(2024, 1, 1), datetime(2027, 12, 1)).map(  # noqa: DTZ001
    lambda moment: moment.replace(tzinfo=UTC)
)
spans = st.timedeltas(timedelta(0), timedelta(days=20))
zones = st.sampled_from(["Europe/Madrid", "Atlantic/Canary", "America/Bogota"])
weeks = st.sampled_from([OFFICE.weekly, NIGHTS.weekly, ALWAYS.weekly])
quick = settings(max_examples=80, deadline=None, derandomize=True, database=None)


@quick
@given(instants, spans, zones, weeks)
def test_adding_and_measuring_undo_each_other(start, span, zone, weekly):
    calendar = compiled(CalendarDefinition(time_zone=zone, weekly=weekly))
    end = calendar.add(start, span)
    assert calendar.between(start, end) == span
    assert end >= start


@settings(quick, max_examples=25)
@given(instants, st.integers(0, 4000), zones, weeks)
def test_the_calendar_agrees_with_counting_minutes(start, minutes, zone, weekly):
    start = start.replace(second=0, microsecond=0)
    calendar = compiled(CalendarDefinition(time_zone=zone, weekly=weekly))
    counted = sum(open_by_hand(start + timedelta(minutes=n), weekly, zone) for n in range(minutes))
    assert calendar.between(start, start + timedelta(minutes=minutes)) == timedelta(minutes=counted)


def open_by_hand(moment, weekly, zone) -> bool:
    """Whether a minute is worked, looked up on the wall clock of today and yesterday."""
    local = moment.astimezone(ZoneInfo(zone))
    clock = local.hour * 60 + local.minute
    today, yesterday = weekly[local.weekday()], weekly[local.weekday() - 1]
    return any(i.start <= clock < i.end for i in today) or any(
        clock < i.end - 1440 for i in yesterday
    )


def test_a_reopened_ticket_starts_a_new_cycle_and_the_first_verdict_stays():
    events = told(
        (at(16, 9), *STARTED),
        (at(16, 12), EventKind.RESOLVED),
        (at(18, 9), EventKind.REOPENED),
    )
    cycles = [c for c in evaluate(events, at(19, 16)) if c.metric is Metric.RESOLUTION]
    assert [c.verdict for c in cycles] == [Verdict.MET, Verdict.BREACHED]
    assert cycles[1].started_at == at(18, 9)


def test_another_priority_counts_from_the_real_start_and_keeps_every_pause():
    events = told(
        (at(16, 9), *STARTED),
        (at(16, 10), EventKind.PAUSED, CLIENT),
        (at(16, 12), EventKind.RESUMED, CLIENT),
        (at(16, 12), EventKind.REPLANNED, {"terms": URGENT}),
    )
    old, new = (c for c in evaluate(events, at(16, 12)) if c.metric is Metric.RESOLUTION)
    assert (old.verdict, new.started_at) == (Verdict.SUPERSEDED, at(16, 9))
    assert (new.elapsed, new.due_at) == (HOUR, at(16, 13))


def test_paused_and_resolved_in_one_step_closes_the_pause_first():
    events = told(
        (at(16, 9), *STARTED),
        (at(16, 10), EventKind.PAUSED, CLIENT),
        (at(20, 10), EventKind.RESUMED, CLIENT),
        (at(20, 10), EventKind.RESOLVED),
    )
    assert (resolution(events).verdict, resolution(events).elapsed) == (Verdict.MET, HOUR)
    without = [e for e in events if e.kind is not EventKind.RESUMED]
    assert resolution(without).elapsed == HOUR


def test_open_and_past_due_counts_as_breached_now():
    assert resolution(told((at(16, 9), *STARTED)), at(17, 10)).verdict is Verdict.BREACHED


def test_exactly_on_time_is_met_also_in_the_closed_hours_after_it():
    for stop in (at(16, 17), at(16, 23), at(17, 9)):
        events = told((at(16, 9), *STARTED), (stop, EventKind.RESOLVED))
        assert resolution(events).verdict is Verdict.MET
        assert resolution(events).due_at == at(16, 17)
    late = told((at(16, 9), *STARTED), (at(17, 9, 1), EventKind.RESOLVED))
    assert resolution(late).verdict is Verdict.BREACHED


def test_overlapping_pauses_count_once_and_never_move_the_start():
    events = told(
        (at(16, 9), *STARTED),
        (at(16, 10), EventKind.PAUSED, CLIENT),
        (at(16, 11), EventKind.PAUSED, DEVICE),
        (at(16, 12), EventKind.RESUMED, CLIENT),
        (at(16, 13), EventKind.RESUMED, DEVICE),
    )
    cycle = resolution(events, at(16, 14))
    assert (cycle.started_at, cycle.elapsed, cycle.due_at) == (at(16, 9), 2 * HOUR, at(17, 12))


def test_while_it_waits_nothing_is_due():
    events = told((at(16, 9), *STARTED), (at(16, 10), EventKind.PAUSED, CLIENT))
    assert resolution(events, at(16, 10)).due_at is None
    assert resolution(events, at(16, 12)).verdict is Verdict.PAUSED
    assert resolution(events, at(16, 12)).remaining == 7 * HOUR
    assert next_look_at(resolution(events, at(16, 12)), 0, at(16, 12)) is None


def test_a_withdrawn_ticket_leaves_the_figures():
    events = told((at(16, 9), *STARTED), (at(18, 9), EventKind.WITHDRAWN))
    assert {c.verdict for c in evaluate(events, LATER)} == {Verdict.WITHDRAWN}


@quick
@given(st.integers(0, 600), st.integers(1, 600), st.integers(1, 900))
def test_a_pause_never_shortens_a_deadline(begin, length, stop):
    start = at(16, 9)
    pause, resume = start + timedelta(minutes=begin), start + timedelta(minutes=begin + length)
    plain = told((start, *STARTED))
    paused = told(
        (start, *STARTED), (pause, EventKind.PAUSED, CLIENT), (resume, EventKind.RESUMED, CLIENT)
    )
    now = resume + timedelta(minutes=stop)
    assert resolution(paused, now).due_at >= resolution(plain, now).due_at


@quick
@given(st.integers(1, 3000), st.integers(0, 100_000))
def test_a_stopped_cycle_reads_the_same_whenever_it_is_asked(minutes, later):
    stop = at(16, 9) + timedelta(minutes=minutes)
    events = told((at(16, 9), *STARTED), (stop, EventKind.RESOLVED))
    first = resolution(events, stop)
    again = resolution(events, stop + timedelta(minutes=later))
    assert (first.verdict, first.elapsed, first.due_at) == (
        again.verdict,
        again.elapsed,
        again.due_at,
    )
