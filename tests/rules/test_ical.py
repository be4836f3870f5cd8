"""Calendar files: what the library reads back is what was written, whatever the words."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from icalendar import Calendar

from servicedesk.planning.ical import WIDTH, Event, calendar_file

AT = datetime(2026, 3, 2, 22, 0, tzinfo=UTC)


def event(**more):
    return Event(
        **{
            "uid": "tp-2026-000001-20260302t220000z@planned.servicedesk",
            "starts_at": AT,
            "ends_at": AT + timedelta(hours=4),
            "summary": "Change of version",
            "category": "Infrastructure",
            "status": "CONFIRMED",
            "changed_at": AT - timedelta(days=3),
            "revision": 12,
            "url": "https://desk.example/portal/planned/tasks/TP-2026-000001",
        }
        | more
    )


def read(*events, name="Planned work"):
    return Calendar.from_ical(calendar_file(name, events))


def test_an_event_says_what_a_calendar_program_needs():
    calendar = read(event())
    (told,) = calendar.walk("VEVENT")
    assert (told["DTSTART"].dt, told["DTEND"].dt) == (AT, AT + timedelta(hours=4))
    assert told["LAST-MODIFIED"].dt == told["DTSTAMP"].dt == AT - timedelta(days=3)
    assert (told["SEQUENCE"], told["STATUS"], told["TRANSP"]) == (12, "CONFIRMED", "TRANSPARENT")
    assert str(told["UID"]).startswith("tp-2026-000001-")
    assert calendar["REFRESH-INTERVAL"].dt == timedelta(hours=1)
    assert calendar["REFRESH-INTERVAL"].params["VALUE"] == "DURATION"
    assert (calendar["VERSION"], str(calendar["NAME"])) == ("2.0", "Planned work")


def test_without_a_window_it_takes_no_time():
    (told,) = read(event(ends_at=AT)).walk("VEVENT")
    assert told["DURATION"].dt == timedelta(0)
    assert "DTEND" not in told


@given(st.text(max_size=300))
def test_any_words_come_back_and_add_no_line(words):
    written = calendar_file(words, [event(summary=words, category=words)])
    assert all(len(line) <= WIDTH for line in written.split(b"\r\n"))
    assert b"\n" not in written.replace(b"\r\n", b"")
    (told,) = Calendar.from_ical(written).walk("VEVENT")
    plain = "".join(sign if sign.isprintable() else " " for sign in words)
    assert str(told["SUMMARY"]) == " ".join(plain.split())


@pytest.mark.parametrize("words", ["a\r\nATTENDEE:mailto:x@y", "BEGIN:VALARM", "x;y,z\\n:"])
def test_words_are_never_taken_for_lines(words):
    (told,) = read(event(summary=words)).walk("VEVENT")
    assert set(told) == set(read(event()).walk("VEVENT")[0])


def test_the_same_events_give_the_same_bytes():
    assert calendar_file("x", [event()]) == calendar_file("x", iter([event()]))
