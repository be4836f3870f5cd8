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
    from collections.abc import Mapping, Sequence
    from contextlib import AbstractContextManager

    from flask.typing import ResponseReturnValue

    from servicedesk.reviews.metrics.figure import Item
    from servicedesk.reviews.queries import ReviewView

XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


def paper(reference: str) -> ResponseReturnValue:
    """Give a review as PDF."""
    return paper_response(reference, request.args.get("language", ""))


def spreadsheet(reference: str) -> ResponseReturnValue:
    """Give a review as XLSX."""
    return spreadsheet_response(reference, request.args.get("language", ""))


def paper_response(reference: str, language: str) -> Response:
    """Return a review as PDF, in the reader's language if `language` is none of ours."""
    view, evidence = _found(reference)
    with _speaking(language):
        return pdf_response(pdf_of("review", paper_of(view, evidence)), _name(view))


def spreadsheet_response(reference: str, language: str) -> Response:
    """Return a review as XLSX, in the reader's language if `language` is none of ours."""
    view, evidence = _found(reference)
    with _speaking(language):
        made = workbook_of(view, evidence)
    disposition = f'attachment; filename="{_name(view)}.xlsx"'
    return Response(made, mimetype=XLSX, headers={"Content-Disposition": disposition})


def _found(reference: str) -> tuple[ReviewView, Mapping[str, Sequence[Item]]]:
    actor = current_actor()
    return queries.review_view(actor, reference), queries.all_evidence(actor, reference)


def _speaking(language: str) -> AbstractContextManager[None]:
    return force_locale(language) if language in LANGUAGES else nullcontext()


def _name(view: ReviewView) -> str:
    return f"{view.review.reference}-draft" if view.review.is_draft else view.review.reference
