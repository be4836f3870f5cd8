"""The page of what stands behind a figure: the frozen list, cut by part and tag."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from flask import render_template, request

from servicedesk.reviews import queries
from servicedesk.reviews.metrics import BY_CODE
from servicedesk.reviews.metrics.figure import Unit
from servicedesk.reviews.opening import openable
from servicedesk.reviews.web.opens import path_to
from servicedesk.reviews.web.page_words import WORDS
from servicedesk.reviews.web.tag_words import tag_words
from servicedesk.reviews.web.words import TIMES, figure_words, told_as
from servicedesk.shell.session import current_actor

if TYPE_CHECKING:
    from flask.typing import ResponseReturnValue

    from servicedesk.reviews.metrics.figure import Figure, Item
    from servicedesk.reviews.queries import EvidenceView

ROWS = 50
PARTS = {"in": True, "out": False}
LONGEST = 40  # of a tag, and of a page's number
# whose items are measured in something else than their figure is
MEASURES = {"backlog": Unit.ELAPSED_SECONDS, "whose_time": Unit.ELAPSED_SECONDS}


@dataclass(frozen=True, kw_only=True)
class ItemWords:
    """An item as the list shows it."""

    reference: str
    href: str
    about: str
    tags: str
    measure: str
    counts: bool


def evidence(reference: str, figure: str) -> ResponseReturnValue:
    """Show what stands behind a figure, or behind a part of it, as it was counted."""
    actor, code = current_actor(), figure
    by, of = (request.args.get(name, "")[:LONGEST] for name in ("by", "of"))
    part = request.args.get("part", "")
    page = page_number(request.args.get("page", ""))

    def piece(number: int) -> EvidenceView:
        start = (number - 1) * ROWS
        return queries.evidence_of(
            actor, reference, code, by=by, of=of, part=PARTS.get(part), start=start, size=ROWS
        )

    found = piece(page)
    last = max(1, -(-found.total // ROWS))
    if page > last:  # nobody was led there
        page, found = 1, piece(1)
    view = queries.review_view(actor, reference)
    known = openable(actor, BY_CODE[code].subject, [item.reference for item in found.items])
    return render_template(
        "reviews/evidence.html",
        review=view.review,
        figure=figure_words(view.content, code),
        found=found,
        items=[_words(BY_CODE[code], item, known) for item in found.items],
        by=by,
        of=of,
        part=part if part in PARTS else "",
        page=page,
        last=last,
        **WORDS,
    )


def page_number(typed: str) -> int:
    """Return the page in an address; the first one for what is none."""
    is_number = typed.isascii() and typed.isdigit() and len(typed) < LONGEST // 4
    return max(1, int(typed)) if is_number else 1


def _words(figure: Figure, item: Item, known: frozenset[str]) -> ItemWords:
    return ItemWords(
        reference=item.reference,
        href=path_to(figure.subject, item.reference, known),
        about=item.about,
        tags=" · ".join(tag_words(by, of) for by, of in item.tags.items()),
        measure=measure_words(figure, item),
        counts=item.counts,
    )


def measure_words(figure: Figure, item: Item) -> str:
    """Return how much an item is; nothing where its tags say it or it is just one."""
    unit = MEASURES.get(figure.code, figure.unit)
    if item.measure is None or unit not in (*TIMES, Unit.QUARTERS):
        return ""
    return told_as(unit, item.measure)
