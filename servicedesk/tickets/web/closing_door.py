"""Where the links of a mail lead: one decision on one ticket, without signing in.

Opening a link decides nothing, since mail scanners open them: the form of the page does.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from flask import Blueprint, render_template, request
from flask_babel import gettext

from servicedesk.core.errors import InvalidInput, NotFound
from servicedesk.shell.errors import put_beside_field
from servicedesk.shell.misses import Misses
from servicedesk.shell.session import caller_address
from servicedesk.shell.submission import form_status
from servicedesk.tickets.closing import AlreadyDecided, close_with_verdict
from servicedesk.tickets.closing_links import decider_of
from servicedesk.tickets.outcomes import ClosingVerdict
from servicedesk.tickets.web.forms import ClosingForm

if TYPE_CHECKING:
    from flask import Response
    from flask.typing import ResponseReturnValue

    from servicedesk.tickets.closing_links import Decider

LONGEST_WORD = 100

_misses = Misses()


def blueprint() -> Blueprint:
    """Return `/closing`."""
    made = Blueprint("closing_door", __name__)
    made.add_url_rule("/closing/<token>", view_func=decide, methods=["GET", "POST"])
    made.after_request(keep_links_private)
    return made


def decide(token: str) -> ResponseReturnValue:
    """Show the decision with a choice made beforehand; take it when the form is sent."""
    address = caller_address()
    if (wait := _misses.wait_of(address)) > 0:
        return gettext("Too many tries"), 429, {"Retry-After": str(int(wait) + 1)}
    chosen = request.args.get("verdict", "")
    form = ClosingForm(data={"verdict": chosen if chosen in set(ClosingVerdict) else ""})
    try:
        decider = decider_of(token[:LONGEST_WORD], address)
        is_decided = form.is_submitted() and _took(decider, form)
    except (NotFound, AlreadyDecided):
        _misses.note(address)
        return render_template("tickets/closing_over.html"), 404
    page = "tickets/closing_done.html" if is_decided else "tickets/closing_by_mail.html"
    return render_template(page, decider=decider, form=form), form_status(form)


def _took(decider: Decider, form: ClosingForm) -> bool:
    """Take the decision, or put beside the fields what it lacks; return whether it was taken."""
    verdict, words = form.verdict.data or "", form.comment.data or ""
    try:
        close_with_verdict(
            decider.actor, decider.reference, verdict, form.score, words, link=decider
        )
    except InvalidInput as refused:
        put_beside_field(form, refused)
        return False
    return True


def keep_links_private(response: Response) -> Response:
    """Tell no other site the address of these pages, and no search engine what they say."""
    response.headers["Referrer-Policy"] = "no-referrer"
    response.headers["X-Robots-Tag"] = "noindex, nofollow"
    return response
