"""Where devices fetch documents: no sign-in; the address itself is the secret."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING

from flask import Blueprint, Response, make_response, request

from servicedesk.core import database
from servicedesk.core.actors import SYSTEM
from servicedesk.core.errors import NotFound
from servicedesk.devices.policies.documents import fetch_document
from servicedesk.devices.web.documents import file_of
from servicedesk.shell.misses import Misses
from servicedesk.shell.session import caller_address

if TYPE_CHECKING:
    from flask.typing import ResponseReturnValue

LONGEST_WORD = 200
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
