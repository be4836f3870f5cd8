"""Planned work as calendar programs read it (RFC 5545); the library escapes and folds.

Its own components take many times as long, which people with many tasks would wait for.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, NamedTuple

from icalendar import vText
from icalendar.parser import Contentline

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

PRODUCT = "-//Managed Mobility//Service desk//EN"
REFRESH = "PT1H"
ENDING = b"\r\n"
WIDTH = 75  # octets of a line


class Event(NamedTuple):
    """One time of a task. `uid` is the same for ever; `revision` goes up with each change."""

    uid: str
    starts_at: datetime
    ends_at: datetime
    summary: str
    category: str
    status: str  # CONFIRMED, TENTATIVE or CANCELLED
    changed_at: datetime
    revision: int
    url: str


def calendar_file(name: str, events: Iterable[Event]) -> bytes:
    """Return a calendar of events, in UTC; the same events give the same bytes."""
    lines = [
        "BEGIN:VCALENDAR",
        "VERSION:2.0",
        f"PRODID:{PRODUCT}",
        "CALSCALE:GREGORIAN",
        f"NAME:{_text(name)}",
        f"X-WR-CALNAME:{_text(name)}",
        f"REFRESH-INTERVAL;VALUE=DURATION:{REFRESH}",
        f"X-PUBLISHED-TTL:{REFRESH}",
    ]
    for event in events:
        lines += _lines(event)
    lines.append("END:VCALENDAR")
    return b"".join(_folded(line) + ENDING for line in lines)


def _folded(line: str) -> bytes:
    plain = line.encode()
    return plain if len(plain) <= WIDTH else bytes(Contentline(line).to_ical())  # type: ignore[no-untyped-call]


def _lines(event: Event) -> Iterator[str]:
    changed = _instant(event.changed_at)
    yield "BEGIN:VEVENT"
    yield f"UID:{_text(event.uid)}"
    yield f"DTSTAMP:{changed}"
    yield f"LAST-MODIFIED:{changed}"
    yield f"SEQUENCE:{event.revision}"
    yield f"DTSTART:{_instant(event.starts_at)}"
    yield f"DTEND:{_instant(event.ends_at)}" if event.ends_at > event.starts_at else "DURATION:PT0S"
    yield f"SUMMARY:{_text(event.summary)}"
    if event.category:
        yield f"CATEGORIES:{_text(event.category)}"
    yield f"STATUS:{event.status}"
    yield "TRANSP:TRANSPARENT"  # it takes nobody's time by itself
    yield f"URL:{event.url}"
    yield "END:VEVENT"


def _text(words: str) -> str:
    """Return words as a value: on one line, escaped."""
    plain = "".join(sign if sign.isprintable() else " " for sign in words)
    return str(vText(" ".join(plain.split())).to_ical().decode())


def _instant(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y%m%dT%H%M%SZ")
