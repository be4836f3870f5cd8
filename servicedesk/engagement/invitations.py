"""Invitations to a visit: one mail to each attendee, with what their calendar understands (iTIP).

Whoever got an invitation hears of each change under the same UID with a higher SEQUENCE, and of the
end. Visits of the past are told to nobody.
"""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

from icalendar import Calendar, Event, vCalAddress, vText
from sqlalchemy import select

from servicedesk.accounts.models import User
from servicedesk.core.mail import Letter, queue_mails

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from servicedesk.core.unit_of_work import Work
    from servicedesk.engagement.models import Visit

TEMPLATE = "visit_invitation"
PRODUCT = "-//Managed Mobility service desk//Engagement//EN"


class Change(StrEnum):
    """What a mail tells."""

    BOOKED = "booked"
    CHANGED = "changed"
    CANCELLED = "cancelled"


def invite(work: Work, visit: Visit, change: Change) -> None:
    """Invite the attendees, or tell them what the visit is now."""
    _tell(work, visit, change, visit.attendees)


def call_off(work: Work, visit: Visit, attendees: Sequence[str]) -> None:
    """Take a visit out of the calendars of those who need not come any more."""
    _tell(work, visit, Change.CANCELLED, attendees)


def _tell(work: Work, visit: Visit, change: Change, attendees: Sequence[str]) -> None:
    if not attendees or visit.ends_at <= work.at:
        return
    organizer = work.session.scalars(select(User).where(User.id == visit.manager_id)).one()
    calendar = {
        "method": "CANCEL" if change is Change.CANCELLED else "REQUEST",
        "text": calendar_of(visit, change, attendees, organizer.email, work.at),
    }
    facts = {
        "change": change,
        "title": visit.title,
        "client": visit.client.name,
        "kind": visit.kind,
        "starts_at": visit.starts_at,
        "ends_at": visit.ends_at,
        "time_zone": visit.contract.time_zone,
        "is_on_site": visit.is_on_site,
        "place": visit.place,
        "manager": visit.manager_name,
        "reference": visit.reference,
        "note": visit.note,
        "calendar": calendar,
    }
    letters = [
        Letter(recipient=attendee, language=organizer.language, context=facts)
        for attendee in attendees
    ]
    queue_mails(work, letters, TEMPLATE, about=visit.reference)


def calendar_of(
    visit: Visit, change: Change, attendees: Sequence[str], organizer: str, at: datetime
) -> str:
    """Return the iCalendar text that goes with a mail (RFC 5546)."""
    is_off = change is Change.CANCELLED
    calendar, event = Calendar(), Event()
    calendar.add("prodid", PRODUCT)
    calendar.add("version", "2.0")
    calendar.add("method", "CANCEL" if is_off else "REQUEST")
    event.add("uid", visit.uid)
    event.add("sequence", visit.sequence)
    event.add("dtstamp", at.replace(microsecond=0))
    event.add("dtstart", visit.starts_at)
    event.add("dtend", visit.ends_at)
    event.add("summary", f"{visit.title} · {visit.client.name}")
    event.add("status", "CANCELLED" if is_off else "CONFIRMED")
    if visit.place:
        event.add("location", visit.place)
    leads = vCalAddress(f"mailto:{organizer}")
    leads.params["cn"] = vText(visit.manager_name)
    event["organizer"] = leads
    for attendee in attendees:
        comes = vCalAddress(f"mailto:{attendee}")
        comes.params["role"] = vText("REQ-PARTICIPANT")
        comes.params["partstat"] = vText("NEEDS-ACTION")
        comes.params["rsvp"] = vText("FALSE" if is_off else "TRUE")
        event.add("attendee", comes)
    calendar.add_component(event)
    return str(calendar.to_ical().decode())
