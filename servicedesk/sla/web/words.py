"""Clocks in the words of a page."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from flask import current_app, g

from servicedesk.core import clock, database
from servicedesk.core.text import Text, msgid
from servicedesk.shell.formatting import duration, instant
from servicedesk.shell.language import translate
from servicedesk.shell.session import current_actor
from servicedesk.sla import clocks
from servicedesk.sla.cycles import Party, Verdict

if TYPE_CHECKING:
    from servicedesk.sla.calendar import BusinessCalendar
    from servicedesk.sla.clocks import Clock
    from servicedesk.sla.models import SlaLedger

WAITS = {
    Party.CLIENT: msgid("It waits for the client."),
    Party.THIRD_PARTY: msgid("It waits for a third party."),
    Party.DEVICE: msgid("It waits for the device."),
    Party.PLANNED: msgid("It waits for the agreed date."),
}
# with an instant that the event has as evidence
DATED_WAITS = {
    Party.DEVICE: ("last_contact_at", msgid("It waits for the device: last contact %(when)s.")),
    Party.PLANNED: ("until", msgid("It waits for the agreed date, %(when)s.")),
}


def kind_word(kind: str) -> str:
    """Return a kind in words."""
    return translate(_labels("kind_labels").get(kind, kind))


def priority_word(priority: str) -> str:
    """Return a priority in words."""
    return translate(_labels("priority_labels").get(priority, priority))


def _labels(name: str) -> Any:
    """Return words of the floor above, as templates have them."""
    return current_app.jinja_env.globals[name]


def time_left(ledger: SlaLedger, due_at: datetime) -> timedelta:
    """Return the business time left until a due time of a ledger; zero when it is past."""
    now = clock.now()
    return _calendar(ledger).between(now, due_at) if due_at > now else timedelta(0)


def _calendar(ledger: SlaLedger) -> BusinessCalendar:
    """Return the ledger's calendar, asked for once a request however many rows a list has."""
    known: dict[int, BusinessCalendar] = g.setdefault("sla_calendars", {})
    if ledger.calendar_id not in known:
        known[ledger.calendar_id] = clocks.calendar_of(database.session(), ledger)
    return known[ledger.calendar_id]


def clock_words(shown: Clock) -> str:
    """Return what is left and until when, what it waits for, or how much it took."""
    cycle = shown.cycle
    values = {
        "used": duration(cycle.elapsed),
        "target": duration(cycle.target),
        "left": duration(cycle.remaining),
        "due": instant(cycle.due_at),
    }
    if cycle.verdict is Verdict.BREACHED:
        sentence = msgid("Target %(target)s of business time; used %(used)s.")
    elif not cycle.is_open:
        sentence = msgid("Used %(used)s of %(target)s.")
    elif cycle.waiting_for:
        sentence = msgid("%(left)s of business time left.")
    else:
        sentence = msgid("%(left)s of business time left, due %(due)s.")
    return f"{translate(Text(sentence, values))} {_wait_words(shown)}".strip()


def _wait_words(shown: Clock) -> str:
    """Return for whom or what it waits, with what is known of it."""
    party = shown.cycle.waiting_for
    if party is None:
        return ""
    known = shown.cause.evidence if shown.cause else {}
    name, dated = DATED_WAITS.get(party, ("", ""))
    when = _told(known.get(name))
    sentence = dated if when else WAITS[party]
    if party is Party.CLIENT and current_actor().is_contact:
        sentence = msgid("It waits for you.")
    return translate(Text(sentence, {"when": instant(when)} if when else {}))


def _told(said: object) -> datetime | None:
    """Return an instant that an event has as evidence."""
    try:
        at = datetime.fromisoformat(str(said))
    except ValueError:
        return None
    return at if at.tzinfo else None
