"""A receipt adds up, says who caused what, and reads the same for ever once its cycle has stopped."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from servicedesk.sla.calendar import CalendarDefinition, OpenInterval, compiled, compiled_versions
from servicedesk.sla.cycles import Metric, Party, Verdict
from servicedesk.sla.evaluation import EventKind, LedgerEvent
from servicedesk.sla.receipt import CalendarUsed, Fired, receipts
from servicedesk.sla.receipt_json import (
    FIRST_FORMAT,
    FORMAT,
    content_of,
    differences,
    facts_of,
    hash_of,
    seconds,
)
from tests.sla_histories import ALWAYS, OFFICE, histories, records, terms

many = settings(max_examples=150, deadline=None, derandomize=True, database=None)
later = st.timedeltas(timedelta(0), timedelta(days=9))


def at(day: int, hour: int, minute: int = 0) -> datetime:
    """A moment of November 2026 in Madrid; the 16th is a Monday."""
    return datetime(2026, 11, day, hour - 1, minute, tzinfo=UTC)


def told(*events: tuple[datetime, EventKind], **_: object) -> list[LedgerEvent]:
    found = []
    for number, (moment, kind, *rest) in enumerate(events, start=1):
        options = rest[0] if rest else {}
        found.append(LedgerEvent(at=moment, sequence=number, kind=kind, **options))
    return found


STARTED = (EventKind.STARTED, {"terms": terms("high", 1), "actor": "Ana"})
CLIENT = {"party": Party.CLIENT, "actor": "Luis"}


@many
@given(histories(), later)
def test_its_rows_add_up_exactly_whatever_happened(events, wait):
    now = events[-1].at + wait
    for receipt in receipts(records(events), now).values():
        spans = [span for stretch in receipt.stretches for span in stretch.spans]
        assert receipt.counted == receipt.cycle.elapsed
        assert sum((s.end - s.start for s in spans), timedelta(0)) == receipt.gross
        assert receipt.gross == (
            receipt.counted + sum(receipt.waited.values(), timedelta(0)) + receipt.outside
        )
        assert all(before.end == after.start for before, after in pairwise(spans))
        if spans:
            assert (spans[0].start, spans[-1].end) == (receipt.cycle.started_at, receipt.as_of)
            assert spans[-1].total == receipt.cycle.elapsed
        facts = facts_of(receipt)
        rows, whole = facts["intervals"], facts["sum"]
        counted = sum((Decimal(row["counted_seconds"]) for row in rows), Decimal(0))
        assert counted == Decimal(whole["running_seconds"])
        length = sum((Decimal(row["seconds"]) for row in rows), Decimal(0))
        assert length == Decimal(whole["whole_seconds"])


@many
@given(histories(), later)
def test_whoever_caused_a_stretch_did_so_in_the_ledger(events, wait):
    now = events[-1].at + wait
    for receipt in receipts(records(events), now).values():
        for number, stretch in enumerate(receipt.stretches):
            cause = stretch.cause
            assert cause in receipt.events
            assert cause.at <= stretch.start
            if stretch.party:
                assert (cause.kind, cause.party) == (EventKind.PAUSED, stretch.party)
            elif number:
                assert cause.at == stretch.start
                assert cause.kind in {
                    EventKind.RESUMED,
                    EventKind.RESOLVED,
                    EventKind.WITHDRAWN,
                }
            else:
                assert cause.sequence == receipt.cycle.began_by
        if receipt.is_final:
            assert receipt.event(receipt.cycle.stopped_by).at == receipt.as_of


QUIET = [
    kind
    for kind in EventKind
    if kind not in {EventKind.WITHDRAWN, EventKind.MERGED, EventKind.STARTED}
]


@many
@given(histories(), later, st.lists(st.sampled_from(QUIET), max_size=4))
def test_a_stopped_cycle_has_the_same_text_whatever_comes_later(events, wait, more):
    now = events[-1].at + wait
    before = receipts(records(events), now)
    following = list(events)
    for kind in more:
        last = following[-1]
        following.append(
            replace(
                last,
                at=max(last.at, now) + timedelta(hours=1),
                sequence=last.sequence + 1,
                kind=kind,
                party=Party.CLIENT if kind in {EventKind.PAUSED, EventKind.RESUMED} else None,
                terms=terms("low", events[0].terms.calendar_id),
            )
        )
    after = receipts(records(following), now + timedelta(days=365))
    for key, receipt in before.items():
        if receipt.is_final:
            assert content_of(after[key]) == content_of(receipt)
            assert hash_of(after[key]) == hash_of(receipt)


def test_a_later_version_of_the_calendar_leaves_it_as_it_was():
    shorter = CalendarDefinition(
        time_zone="Europe/Madrid", weekly=((OpenInterval(600, 660),),) * 5 + ((), ())
    )
    of_now = terms("low", 1)  # three working days, far beyond the stop
    of_later = replace(
        of_now,
        calendar=compiled_versions([(date.min, OFFICE), (date(2026, 11, 17), shorter)]),
        known_until=((at(16, 18), compiled(OFFICE)),),
    )
    texts = []
    for known in (of_now, of_later):
        events = told(
            (at(16, 9), EventKind.STARTED, {"terms": known}), (at(16, 12), EventKind.RESOLVED)
        )
        held = records(events)
        if known is of_later:
            version = CalendarUsed(
                code="calendar-1",
                version=2,
                name="Calendar 1",
                effective_on=date(2026, 11, 17),
                definition=shorter,
            )
            held.calendars[1].append(version)
        texts.append(content_of(receipts(held, at(16, 13))[Metric.RESOLUTION, 1]))
    assert texts[0] == texts[1]
    still_open = receipts(records(events[:1]), at(16, 13))[Metric.RESOLUTION, 1]
    assert still_open.cycle.due_at == at(19, 11)  # what is open goes by what is known now


def test_it_says_whom_it_waited_for_why_and_how_long():
    events = told(
        (at(16, 9), *STARTED),
        (at(16, 10), EventKind.PAUSED, CLIENT),
        (at(17, 10), EventKind.RESUMED, {"party": Party.CLIENT, "actor": "Ana"}),
        (at(17, 11), EventKind.RESOLVED, {"actor": "Luis"}),
    )
    receipt = receipts(records(events), at(20, 9))[Metric.RESOLUTION, 1]
    assert [(s.party, s.cause.actor, s.business_time, s.days) for s in receipt.stretches] == [
        (None, "Ana", timedelta(hours=1), 1),
        (Party.CLIENT, "Luis", timedelta(hours=10), 2),
        (None, "Ana", timedelta(hours=1), 1),
    ]
    assert receipt.waited == {Party.CLIENT: timedelta(hours=10)}
    assert receipt.outside == timedelta(hours=14)
    assert (receipt.counted, receipt.cycle.verdict) == (timedelta(hours=2), Verdict.MET)


def test_the_second_of_two_overlapping_waits_is_told_with_its_own_cause():
    events = told(
        (at(16, 9), *STARTED),
        (at(16, 10), EventKind.PAUSED, CLIENT),
        (
            at(16, 11),
            EventKind.PAUSED,
            {
                "party": Party.DEVICE,
                "actor": "x",
                "evidence": {"device": "DEV-7", "note": "secret"},
            },
        ),
        (at(16, 12), EventKind.RESUMED, CLIENT),
        (at(16, 13), EventKind.RESUMED, {"party": Party.DEVICE, "actor": "x"}),
        (at(16, 14), EventKind.RESOLVED),
    )
    receipt = receipts(records(events), at(20, 9))[Metric.RESOLUTION, 1]
    assert [(s.party, s.cause.sequence) for s in receipt.stretches] == [
        (None, 1),
        (Party.CLIENT, 2),
        (Party.DEVICE, 3),
        (None, 5),
    ]
    text = content_of(receipt).decode()
    assert "DEV-7" in text
    assert "secret" not in text


@pytest.mark.parametrize(("count", "is_told"), [(5, False), (12, True)])
def test_devices_are_counted_where_not_all_are_named(count, is_told):
    named = [f"DEV-{number}" for number in range(1, 6)]
    wait = {"devices": named, "device_count": count}
    events = told(
        (at(16, 9), *STARTED),
        (at(16, 10), EventKind.PAUSED, {"party": Party.DEVICE, "actor": "x", "evidence": wait}),
        (at(16, 12), EventKind.RESOLVED),
    )
    receipt = receipts(records(events), at(20, 9))[Metric.RESOLUTION, 1]
    facts, first = facts_of(receipt), facts_of(receipt, FIRST_FORMAT)
    assert facts["events"][1]["evidence"] == (wait if is_told else {"devices": named})
    # what was issued before devices were counted is the same to the byte for ever
    assert first["events"][1]["evidence"] == {"devices": named}
    assert first["format"] == "servicedesk.sla.receipt/1"
    assert (facts == first) is not is_told
    assert (facts["format"] == FORMAT) is is_told


def test_an_earlier_target_is_listed_with_why_it_was_replaced():
    events = told(
        (at(16, 9), *STARTED),
        (at(16, 10), EventKind.REPLANNED, {"terms": terms("low", 1), "actor": "Luis"}),
        (at(16, 12), EventKind.RESOLVED),
    )
    found = receipts(records(events), at(20, 9))
    old, new = found[Metric.RESOLUTION, 1], found[Metric.RESOLUTION, 2]
    assert old.cycle.verdict is Verdict.SUPERSEDED
    assert [(other.ordinal, other.because.actor) for other in new.superseded] == [(1, "Luis")]
    terms_told = facts_of(new)["superseded"][0]["terms"]
    assert (terms_told["priority"], terms_told["target_seconds"]) == ("high", "14400")
    assert facts_of(new)["terms"]["target_working_days"] == 3
    assert new.counted == timedelta(hours=3)  # from the real start


def test_of_an_open_cycle_it_says_as_of_when():
    events = told((at(16, 9), *STARTED))
    receipt = receipts(records(events), at(16, 11))[Metric.RESOLUTION, 1]
    facts = facts_of(receipt)
    assert (facts["is_final"], facts["as_of"], facts["stopped_at"]) == (
        False,
        "2026-11-16T10:00:00Z",
        None,
    )
    assert receipt.counted == timedelta(hours=2)


def test_only_thresholds_fired_by_then_are_on_it():
    held = records(told((at(16, 9), *STARTED)))
    key = (Metric.RESOLUTION, 1)
    held.fired[key] = [
        Fired(percent=percent, reached_at=at(16, hour), fired_at=at(16, hour, 1))
        for percent, hour in ((50, 11), (100, 13))
    ]
    assert [f.percent for f in receipts(held, at(16, 12))[key].fired] == [50]
    assert [f.percent for f in receipts(held, at(16, 14))[key].fired] == [50, 100]


def test_a_day_in_a_calendar_that_never_closes_is_a_day():
    events = told(
        (at(16, 9), EventKind.STARTED, {"terms": terms("high", 3)}), (at(18, 9), EventKind.RESOLVED)
    )
    receipt = receipts(records(events), at(20, 9))[Metric.RESOLUTION, 1]
    assert ALWAYS.weekly[0]
    assert [stretch.days for stretch in receipt.stretches] == [3]
    assert receipt.outside == timedelta(0)


@pytest.mark.parametrize(
    ("time", "said"),
    [
        (timedelta(0), "0"),
        (timedelta(hours=4), "14400"),
        (timedelta(seconds=100), "100"),
        (timedelta(seconds=1, microseconds=500_000), "1.5"),
        (timedelta(microseconds=1), "0.000001"),
        (timedelta(days=4000, microseconds=3), "345600000.000003"),
    ],
)
def test_seconds_are_exact_decimals(time, said):
    assert seconds(time) == said


def test_what_differs_is_named_by_its_place():
    events = told((at(16, 9), *STARTED), (at(16, 12), EventKind.RESOLVED))
    facts = facts_of(receipts(records(events), at(20, 9))[Metric.RESOLUTION, 1])
    forged = json.loads(json.dumps(facts))
    assert differences(forged, facts) == []
    forged["verdict"] = "breached"
    forged["intervals"][0]["seconds"] = "1"
    del forged["sum"]
    forged["intervals"].append({})
    places = [where for where, *_ in differences(forged, facts)]
    assert places == ["intervals.1.seconds", "intervals.2", "sum", "verdict"]
    assert differences({"a": 1}, {"a": "1"}) == [("a", "1", '"1"')]
