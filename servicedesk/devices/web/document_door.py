"""Where devices fetch documents: no sign-in; the address itself is the secret."""

from __future__ import annotations

import base64
from collections import OrderedDict, deque
from threading import Lock
from time import monotonic
from typing import TYPE_CHECKING

from flask import Blueprint, Response, make_response, request

from servicedesk.core import database
from servicedesk.core.actors import SYSTEM
from servicedesk.core.errors import NotFound
from servicedesk.devices.policies.documents import fetch_document
from servicedesk.devices.web.documents import file_of
from servicedesk.shell.session import caller_address

if TYPE_CHECKING:
    from flask.typing import ResponseReturnValue

MISSES = 60  # an address, within a minute; whole fleets stand behind one
WITHIN = 60  # seconds
MOST_ADDRESSES = 10_000  # remembered; the ones longest quiet are forgotten first
LONGEST_WORD = 200


class Misses:
    """Counts how often an address asked for what is not there, in this process.

    Nothing is written down for strangers: that would be a way to wear the desk out.
    """

    def __init__(self) -> None:
        """Begin with nobody."""
        self._times: OrderedDict[str, deque[float]] = OrderedDict()
        self._lock = Lock()

    def wait_of(self, address: str) -> float:
        """Return for how many seconds an address is not answered; 0: it may ask."""
        with self._lock:
            times = self._times.get(address)
            full = times is not None and len(times) == MISSES
            return times[0] + WITHIN - monotonic() if times and full else 0

    def note(self, address: str) -> None:
        """Count a miss."""
        with self._lock:
            # the last so many: when the first of them is a while ago, it is not too many
            self._times.setdefault(address, deque(maxlen=MISSES)).append(monotonic())
            self._times.move_to_end(address)
            while len(self._times) > MOST_ADDRESSES:
                self._times.popitem(last=False)


_misses = Misses()


def blueprint() -> Blueprint:
    """Return `/d`."""
    made = Blueprint("document_door", __name__)
    made.add_url_rule("/d/<secret>", view_func=fetch)
    return made


def fetch(secret: str) -> ResponseReturnValue:
    """Give a document to the device it is for; to all others nothing is there."""
    if request.method != "GET":  # looking is not fetching
        return _plain("Only GET", 405, {"Allow": "GET"})
    address = caller_address()
    if (wait := _misses.wait_of(address)) > 0:
        return _plain("Too many requests", 429, {"Retry-After": str(int(wait) + 1)})
    database.become(SYSTEM)
    try:
        document = fetch_document(SYSTEM, _word(secret), _word(request.args.get("device", "")))
        response = make_response(file_of(document))
    except NotFound:
        _misses.note(address)
        return _plain("Not found", 404, {})
    digest = base64.b64encode(bytes.fromhex(document.sha256)).decode()
    response.headers["Repr-Digest"] = f"sha-256=:{digest}:"
    return response


def _plain(words: str, status: int, headers: dict[str, str]) -> Response:
    return Response(words, status, headers, mimetype="text/plain")


def _word(text: str) -> str:
    return text[:LONGEST_WORD].replace("\x00", "")
