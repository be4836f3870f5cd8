"""Where calendar programs read what is planned: no sign-in; the address itself is the secret."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flask import Blueprint, Response, current_app, request
from flask_babel import force_locale

from servicedesk.core import database
from servicedesk.core.errors import NotFound
from servicedesk.planning.feeds import subscribed, subscriber_of
from servicedesk.planning.ical import Event, calendar_file
from servicedesk.planning.models import CATEGORY_LABELS, RUN_STATE_LABELS, RunState
from servicedesk.planning.occasions import What
from servicedesk.shell.language import translate
from servicedesk.shell.misses import Misses
from servicedesk.shell.session import caller_address

if TYPE_CHECKING:
    from flask.typing import ResponseReturnValue

    from servicedesk.planning.feeds import Subscriber
    from servicedesk.planning.occasions import Occasion

LONGEST_WORD = 100
OFF = frozenset({RunState.CANCELLED, RunState.SKIPPED})
SAID = frozenset({RunState.FAILED, RunState.MISSED, RunState.PROBLEMS, RunState.SKIPPED})
UTC_FORM = "%Y%m%dT%H%M%SZ"

_misses = Misses()


def blueprint() -> Blueprint:
    """Return `/calendar`."""
    made = Blueprint("feed_door", __name__)
    made.add_url_rule("/calendar/<token>.ics", view_func=fetch)
    return made


def fetch(token: str) -> ResponseReturnValue:
    """Give whoever knows an address what its owner sees now; to all others nothing is there."""
    address = caller_address()
    if (wait := _misses.wait_of(address)) > 0:
        return _plain("Too many requests", 429, {"Retry-After": str(int(wait) + 1)})
    try:
        subscriber = subscriber_of(token[:LONGEST_WORD].replace("\x00", ""), address)
    except NotFound:
        _misses.note(address)
        return _plain("Not found", 404, {})
    database.become(subscriber.actor)
    with force_locale(subscriber.user.language):
        body = _file(subscriber)
    answer = Response(body, mimetype="text/calendar")
    answer.headers["Cache-Control"] = "private, max-age=300"
    answer.add_etag()
    return answer.make_conditional(request)


def _file(subscriber: Subscriber) -> bytes:
    feed, audience = subscriber.feed, "portal" if subscriber.actor.is_contact else "desk"
    base = f"{current_app.config['SETTINGS'].public_url}/{audience}"
    return calendar_file(feed.name, (_event(one, base) for one in subscribed(subscriber)))


def _event(one: Occasion, base: str) -> Event:
    is_ticket = one.what is What.TICKET
    due = "agreed" if is_ticket else one.starts_at.strftime(UTC_FORM)
    path = f"tickets/{one.reference}" if is_ticket else f"planned/tasks/{one.reference}"
    return Event(
        uid=f"{one.reference}-{due}@planned.servicedesk".lower(),
        starts_at=one.starts_at,
        ends_at=one.last_at or one.ends_at,
        summary=_summary(one),
        category=translate(CATEGORY_LABELS[one.task.category]) if one.task else "",
        status=_status(one),
        changed_at=one.changed_at,
        revision=one.revision,
        url=f"{base}/{path}",
    )


def _summary(one: Occasion) -> str:
    parts = [translate(one.title)]
    if one.times > 1:
        parts.append(f"\N{MULTIPLICATION SIGN}{one.times}{'+' if one.is_cut else ''}")
    if one.state in SAID:
        parts.append(f"({translate(RUN_STATE_LABELS[one.state])})")
    return " ".join(parts)


def _status(one: Occasion) -> str:
    if one.state in OFF:
        return "CANCELLED"
    is_waiting = one.is_tentative or one.state is RunState.AWAITING_APPROVAL
    return "TENTATIVE" if is_waiting else "CONFIRMED"


def _plain(words: str, status: int, headers: dict[str, str]) -> Response:
    return Response(words, status, headers, mimetype="text/plain")
