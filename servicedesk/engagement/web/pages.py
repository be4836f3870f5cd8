"""Pages about days that both audiences have: a client's year, a visit, an amendment, the statement."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from flask import flash, redirect, render_template, request, send_file
from flask_babel import get_locale, gettext
from markupsafe import Markup

from servicedesk.core.errors import NotFound
from servicedesk.core.files import path_of
from servicedesk.engagement import amendments, queries
from servicedesk.engagement.minutes import document_for
from servicedesk.engagement.models import (
    AMENDMENT_LABELS,
    ENTRY_LABELS,
    KIND_LABELS,
    STATE_LABELS,
)
from servicedesk.engagement.web.forms import EndForm
from servicedesk.engagement.web.words import (
    burn_down_chart,
    burnt,
    rate_words,
    statement_words,
)
from servicedesk.shell.navigation import to
from servicedesk.shell.pdf import pdf_of, pdf_response
from servicedesk.shell.session import current_actor
from servicedesk.shell.submission import form_status, refusals_beside_fields

if TYPE_CHECKING:
    from flask.typing import ResponseReturnValue

    from servicedesk.engagement.queries import YearView

LONGEST_NUMBER = 4
LABELS = {
    "kind_words": KIND_LABELS,
    "state_words": STATE_LABELS,
    "entry_words": ENTRY_LABELS,
    "amendment_words": AMENDMENT_LABELS,
}


def client(reference: str) -> ResponseReturnValue:
    """Show a contract year of a client: balance, forecast, visits, the statement, amendments."""
    view = _year(reference)
    found = burnt(view)
    return render_template(
        "engagement/client.html",
        view=view,
        chart=burn_down_chart(found),
        rate=rate_words(view, found),
        statement=statement_words(view),
        **LABELS,
    )


def statement(reference: str) -> ResponseReturnValue:
    """Give a year's statement as PDF."""
    view = _year(reference)
    words = statement_words(view)
    name = f"{view.contract.reference}-{view.year.number}"
    return pdf_response(pdf_of("engagement", printed(words)), name)


def printed(words: Any) -> dict[str, Any]:
    """Return what the paper says: the words of the page."""
    return {
        "language": str(get_locale() or "es")[:2],
        "author": "Móvil Gestionado",
        "footer": f"{words.title} · {words.client}",
        "heads": {
            "entries": gettext("Entries and balance"),
            "visits": gettext("Visits"),
            "entry": [
                gettext("Day"),
                gettext("What"),
                gettext("Reserved days"),
                gettext("Consumed days"),
                gettext("Days left"),
            ],
            "visit": [gettext("Day"), gettext("Visit"), gettext("Days")],
            "opening": gettext("Days of the contract"),
        },
        **asdict(words),
    }


def _year(reference: str) -> YearView:
    typed = request.args.get("year", "")
    is_number = typed.isascii() and typed.isdigit() and len(typed) <= LONGEST_NUMBER
    number = int(typed) if is_number else None
    return queries.year_view(
        current_actor(), reference, number, request.args.get("contract", "")[:40]
    )


def document(reference: str, file: str) -> ResponseReturnValue:
    """Give a document of a visit, never shown inside the desk's own pages."""
    found = document_for(current_actor(), reference, file)
    response = send_file(
        path_of(found.sha256),
        mimetype=found.media_type,
        as_attachment=True,
        download_name=found.name,
    )
    response.headers["Content-Security-Policy"] = "sandbox; default-src 'none'"
    return response


def amendment(reference: str) -> ResponseReturnValue:
    """Show an offer of days; decline or withdraw it with a reason."""
    actor = current_actor()
    offer, of = queries.amendment_of(actor, reference)
    form = EndForm()
    if form.validate_on_submit():
        with refusals_beside_fields(form):
            amendments.end_offer(actor, reference, form.reason.data or "")
            flash(gettext("Declined.") if actor.is_contact else gettext("Withdrawn."), "success")
            return redirect(to("engagement.client", reference=of.reference))
    page = render_template("engagement/amendment.html", offer=offer, client=of, form=form, **LABELS)
    return page, form_status(form)


def agree(reference: str) -> ResponseReturnValue:
    """Agree to an offer of days, each side for itself."""
    actor = current_actor()
    _offer, of = queries.amendment_of(actor, reference)
    act = amendments.accept_days if actor.is_contact else amendments.agree_for_operator
    agreed = act(actor, reference)
    flash(
        gettext("Agreed: the days count from now on.")
        if not agreed.is_pending
        else gettext("Agreed. The days count when the other side has agreed too."),
        "success",
    )
    return redirect(to("engagement.client", reference=of.reference))


def portal() -> ResponseReturnValue:
    """Lead the contact to their own client's days."""
    lines = queries.days_left(current_actor(), size=1).items
    if not lines:
        raise NotFound
    return redirect(to("engagement.client", reference=lines[0].client.reference))


def home_card() -> Markup:
    """Return what the days ask of a contact who opens their first page; nothing for most."""
    offers = queries.pending_amendments(current_actor())
    return Markup(render_template("engagement/_home.html", offers=offers, **LABELS))  # noqa: S704
