"""Receipts as pages, paper and JSON, for both audiences; and the desk's answer to one brought back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from flask import Blueprint, Response, redirect, render_template, request, url_for
from flask_babel import get_locale, lazy_gettext
from flask_babel import gettext as _
from flask_wtf import FlaskForm
from flask_wtf.file import FileField
from wtforms import TextAreaField

from servicedesk.core.errors import InvalidInput, NotFound
from servicedesk.core.text import msgid
from servicedesk.shell.pdf import pdf_of, pdf_response
from servicedesk.shell.session import current_actor
from servicedesk.shell.submission import form_status, refusals_beside_fields
from servicedesk.sla import issuing
from servicedesk.sla.receipt_json import content_of
from servicedesk.sla.web.receipt_words import words_of

if TYPE_CHECKING:
    from flask.typing import ResponseReturnValue

    from servicedesk.sla.issuing import Comparison
    from servicedesk.sla.receipt import Receipt

JSON_NAME = "{0.heading.subject}-{0.cycle.metric}-{0.ordinal}"


class CheckForm(FlaskForm):
    """A receipt that somebody brings."""

    file = FileField(lazy_gettext(msgid("The receipt's JSON file")))
    text = TextAreaField(lazy_gettext(msgid("Or its text")))


def index() -> ResponseReturnValue:
    """Take a receipt and say whether it is what the ledger gives."""
    form, found = CheckForm(), None
    if form.validate_on_submit():
        with refusals_beside_fields(form):
            found = _compared(form)
    page = render_template(
        "sla/receipts/index.html",
        form=form,
        found=found,
        words=words_of(found.receipt) if found else None,
    )
    return page, form_status(form)


def _compared(form: CheckForm) -> Comparison:
    upload = request.files.get("file")
    brought = upload.read(issuing.LARGEST_RECEIPT + 1) if upload else b""
    brought = brought or (form.text.data or "").replace("\r\n", "\n").encode(errors="replace")
    if not brought.strip():
        raise InvalidInput(msgid("Choose the file or paste its text."), field="file")
    try:
        return issuing.compare(current_actor(), brought)
    except NotFound:
        raise InvalidInput(msgid("The ledger has no such clock."), field="file") from None


def listing(reference: str) -> ResponseReturnValue:
    """List a ticket's clocks, each with its receipt."""
    found = issuing.receipts_of(current_actor(), reference)
    return render_template(
        "sla/receipts/listing.html",
        reference=reference,
        receipts=[(receipt, words_of(receipt)) for receipt in found],
    )


def show(reference: str, metric: str, ordinal: int) -> ResponseReturnValue:
    """Show a receipt; `?format=pdf` and `?format=json` lead to its files."""
    form = request.args.get("format")
    if form in {"pdf", "json"}:
        page = ".paper" if form == "pdf" else ".plain"
        return redirect(url_for(page, reference=reference, metric=metric, ordinal=ordinal))
    receipt = _wanted(reference, metric, ordinal)
    return render_template("sla/receipts/show.html", receipt=receipt, words=words_of(receipt))


def paper(reference: str, metric: str, ordinal: int) -> ResponseReturnValue:
    """Give a receipt as PDF."""
    receipt = _wanted(reference, metric, ordinal)
    return pdf_response(pdf_of("receipt", printed(receipt)), JSON_NAME.format(receipt))


def plain(reference: str, metric: str, ordinal: int) -> ResponseReturnValue:
    """Give a receipt's canonical JSON: the very bytes that its hash is of."""
    return json_response(_wanted(reference, metric, ordinal))


def json_response(receipt: Receipt) -> Response:
    """Return the canonical JSON to be kept."""
    name = JSON_NAME.format(receipt)
    return Response(
        content_of(receipt),
        mimetype="application/json",
        headers={"Content-Disposition": f'attachment; filename="{name}.json"'},
    )


def _wanted(reference: str, metric: str, ordinal: int) -> Receipt:
    return issuing.receipt_of(current_actor(), reference, metric, ordinal)


def printed(receipt: Receipt) -> dict[str, Any]:
    """Return what the paper says. It was made when the cycle stopped, whenever it is printed."""
    words = words_of(receipt)
    made = receipt.as_of.astimezone(receipt.zone)
    return {
        "language": str(get_locale() or "es")[:2],
        "author": "Móvil Gestionado",
        "title": words.title,
        "lead": words.verdict,
        "tone": words.tone,
        "notice": words.notice,
        "made": [made.year, made.month, made.day, made.hour, made.minute, made.second],
        "footer": f"{words.title} · {words.subject} · {receipt.ordinal}",
        "facts": words.facts,
        "table": {
            "title": _("Interval by interval"),
            "heads": [
                _("From and until"),
                _("What, and by whom"),
                _("Business time"),
                _("Closed hours"),
                _("Counted so far"),
            ],
            "rows": [
                {
                    "start": row.start,
                    "end": row.end,
                    "state": row.state,
                    "is_running": row.is_running,
                    "cause": row.cause,
                    "time": row.time,
                    "days": row.days,
                    "outside": row.outside,
                    "total": row.total,
                }
                for row in words.rows
            ],
        },
        "sums": {"title": _("The sum"), "rows": words.sums},
        "days": {
            "title": _("Working days"),
            "heads": [_("Day"), _("Counted between"), _("Time")],
            "rows": [(day.day, day.hours, day.time) for day in words.days],
        },
        "thresholds": {"title": _("Thresholds passed"), "rows": words.thresholds},
        "superseded": {"title": _("Earlier targets"), "rows": words.superseded},
        "verify": _(
            "SHA-256 of the receipt's JSON. Fetch it again at any time: as long as nothing on record"
            " was changed, it is the same to the byte."
        ),
        "hash": words.hash,
    }


def blueprint() -> Blueprint:
    """Return `/sla/receipts`."""
    made = Blueprint("receipts", __name__, url_prefix="/sla/receipts")
    made.add_url_rule("/", view_func=index, methods=["GET", "POST"])
    made.add_url_rule("/<reference>", view_func=listing)
    one = "/<reference>/<metric>/<int:ordinal>"
    made.add_url_rule(one, view_func=show)
    made.add_url_rule(f"{one}.pdf", view_func=paper)
    made.add_url_rule(f"{one}.json", view_func=plain)
    return made
