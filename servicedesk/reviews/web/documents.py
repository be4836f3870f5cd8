"""A review as PDF and as spreadsheet, for both audiences, in either language."""

from __future__ import annotations

from contextlib import nullcontext
from typing import TYPE_CHECKING

from flask import Response, request
from flask_babel import force_locale

from servicedesk.reviews import queries
from servicedesk.reviews.web.paper import paper_of
from servicedesk.reviews.web.spreadsheet import workbook_of
from servicedesk.shell.language import LANGUAGES
from servicedesk.shell.pdf import pdf_of, pdf_response
from servicedesk.shell.session import current_actor

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from flask.typing import ResponseReturnValue

    from servicedesk.reviews.queries import ReviewView

XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


def paper(reference: str) -> ResponseReturnValue:
    """Give a review as PDF."""
    actor = current_actor()
    view, evidence = queries.review_view(actor, reference), queries.all_evidence(actor, reference)
    with _asked_language():
        return pdf_response(pdf_of("review", paper_of(view, evidence)), _name(view))


def spreadsheet(reference: str) -> ResponseReturnValue:
    """Give a review as XLSX."""
    actor = current_actor()
    view, evidence = queries.review_view(actor, reference), queries.all_evidence(actor, reference)
    with _asked_language():
        made = workbook_of(view, evidence)
    disposition = f'attachment; filename="{_name(view)}.xlsx"'
    return Response(made, mimetype=XLSX, headers={"Content-Disposition": disposition})


def _asked_language() -> AbstractContextManager[None]:
    """Speak the language that was asked for, or else the reader's."""
    asked = request.args.get("language")
    return force_locale(asked) if asked in LANGUAGES else nullcontext()


def _name(view: ReviewView) -> str:
    return f"{view.review.reference}-draft" if view.review.is_draft else view.review.reference
