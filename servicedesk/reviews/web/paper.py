"""A review on paper: its cover, chapters and annexes, in the reader's words, for the template."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from flask_babel import get_locale, ngettext
from flask_babel import gettext as _

from servicedesk.clients.models import MODALITY_LABELS, Modality
from servicedesk.reviews.metrics import FIGURES
from servicedesk.reviews.models import MARK_LABELS, PLACE_LABELS, Mark, Place
from servicedesk.reviews.web import blocks
from servicedesk.reviews.web.blocks import REST
from servicedesk.reviews.web.chapter_blocks import chapter_blocks
from servicedesk.reviews.web.figure_blocks import figures_table, trends_table
from servicedesk.reviews.web.rules import COMMON_RULES
from servicedesk.reviews.web.source import Source
from servicedesk.reviews.web.words import (
    day_words,
    definition_of,
    differences_words,
    figure_words,
    label_of,
    month_words,
    section_word,
    sections_of,
)
from servicedesk.shell.language import translate
from servicedesk.tickets.models import STATE_LABELS, TicketState

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from servicedesk.reviews.metrics.figure import Item
    from servicedesk.reviews.queries import ReviewView
    from servicedesk.reviews.web.blocks import Block, Cell

OPERATOR = "Móvil Gestionado"
ON_COVER = ("service_levels", "volume", "backlog", "satisfaction", "conformity", "engagement")
FIRST_LINES = 420  # letters of the verdict that a cover has room for
SHORT_HASH = 16


def paper_of(view: ReviewView, evidence: Mapping[str, Sequence[Item]]) -> dict[str, Any]:
    """Return what the template prints; the same review is the same paper, whenever it is printed."""
    source = Source(content=view.content, evidence=evidence)
    content = view.content
    month = month_words(content["month"])
    title = _("Monthly review of the service")
    return {
        "language": str(get_locale() or "es")[:2],
        "author": OPERATOR,
        "title": f"{title} · {content['client']['name']} · {month}",
        "header": f"{content['client']['name']} · {month}",
        "footer": f"{title} · {content['reference']}",
        "draft": _("DRAFT") if view.review.is_draft else "",
        "cover": _cover(view, title, month),
        "contents": _("Contents"),
        "chapters": _chapters(view, source),
        "trends": {
            "title": _("Annex: thirteen months"),
            "words": _("* Provisional: what is still to come may change it."),
            "block": trends_table(content),
        },
        "annexes": [_definitions(content), _checking(view)],
    }


def _cover(view: ReviewView, title: str, month: str) -> dict[str, Any]:
    content = view.content
    mark = Mark(content["mark"]) if content.get("mark") else None
    verdict = _first_lines(content.get("texts", {}).get(Place.VERDICT, ""))
    return {
        "title": title,
        "client": content["client"]["name"],
        "month": month[:1].upper() + month[1:],
        "mark": mark.value if mark else "",
        "mark_words": translate(MARK_LABELS[mark]) if mark else _("No verdict is given yet."),
        "verdict": verdict,
        "notices": notices_of(view),
        "figures": [_tile(content, code) for code in ON_COVER if code in content["figures"]],
        "facts": facts_of(view),
    }


def _first_lines(verdict: str) -> str:
    """Return as much of a verdict as a cover shows, cut between words."""
    first = verdict.strip().split("\n\n")[0]
    if len(first) <= FIRST_LINES:
        return first
    return first[:FIRST_LINES].rpartition(" ")[0] + " …"


def notices_of(view: ReviewView) -> list[str]:
    """Return what a reader is to know first: that it is a draft, that addenda correct it."""
    told = []
    if view.review.is_draft:
        told.append(_("This is a draft: nobody has published it, and it may change."))
    if count := len(view.addenda):
        told.append(
            ngettext(
                "It has %(num)s addendum that corrects it: read the chapter of addenda.",
                "It has %(num)s addenda that correct it: read the chapter of addenda.",
                count,
            )
        )
    return told


def _tile(content: Mapping[str, Any], code: str) -> dict[str, str]:
    shown = figure_words(content, code)
    change = shown.compared
    return {
        "label": shown.label,
        "amount": shown.amount,
        "n": shown.n,
        "change": change.words if change else "",
        "way": change.way if change else "",
    }


def facts_of(view: ReviewView) -> list[tuple[str, str]]:
    """Return whose review it is, of when, and who published it when."""
    content, review = view.content, view.review
    source = Source(content=content, evidence={})
    contract = content["contract"]
    modality = translate(MODALITY_LABELS[Modality(contract["modality"])])
    facts = [
        (_("Client"), f"{content['client']['name']} · {content['client']['reference']}"),
        (_("Contract"), f"{contract['reference']} · {modality}"),
        (
            _("Period"),
            _(
                "%(first)s to %(last)s",
                first=day_words(content["first_on"]),
                last=day_words(content["last_on"]),
            ),
        ),
        (_("Time zone"), content["zone"]),
        (_("Figures counted"), source.moment(content["counted_at"])),
    ]
    if not review.is_draft:
        published = source.moment(content["published_at"])
        facts.append((_("Published"), f"{published} · {content['published_by']}"))
        facts.append((_("SHA-256"), f"{(review.hash or '')[:SHORT_HASH]}…"))
    if review.acknowledged_at:
        when = source.moment(review.acknowledged_at.isoformat())
        facts.append((_("Acknowledged by the client"), f"{when} · {review.acknowledged_by_name}"))
    return facts


def _chapters(view: ReviewView, source: Source) -> list[dict[str, Any]]:
    content = view.content
    chapters = [_chapter(translate(PLACE_LABELS[Place.VERDICT]), _verdict(content))]
    for section, shown in sections_of(content):
        made = [
            *figures_table(content, [one.code for one in shown]),
            *chapter_blocks(section, source),
            *_voice(content, section.value),
        ]
        chapters.append(_chapter(section_word(section), made))
    chapters.append(_chapter(_("Actions"), _actions(content)))
    chapters.append(_chapter(translate(PLACE_LABELS[Place.RISKS]), _risks(content)))
    if view.addenda:
        chapters.append(_chapter(_("Addenda"), _addenda(view, source)))
    return chapters


def _chapter(title: str, made: list[Block]) -> dict[str, Any]:
    return {"title": title, "blocks": made}


def _verdict(content: Mapping[str, Any]) -> list[Block]:
    mark = content.get("mark")
    made = [blocks.mark(translate(MARK_LABELS[Mark(mark)]), mark)] if mark else []
    body = content.get("texts", {}).get(Place.VERDICT, "")
    return [*made, blocks.words(body) if body else blocks.nothing(_("No verdict is written yet."))]


def _voice(content: Mapping[str, Any], place: str) -> list[Block]:
    body = content.get("texts", {}).get(place, "")
    return [blocks.voice(_("The account manager's words"), body)] if body else []


def _risks(content: Mapping[str, Any]) -> list[Block]:
    body = content.get("texts", {}).get(Place.RISKS, "")
    return [blocks.words(body) if body else blocks.nothing(_("No risk was written down."))]


def _actions(content: Mapping[str, Any]) -> list[Block]:
    before, new = content["chapters"]["actions_before"], content.get("actions", [])
    heads = [_("Action"), _("Owner"), _("By"), _("Ticket")]
    made = [blocks.heading(_("Agreed before"))]
    if before:
        made += blocks.listing(
            [*heads, _("State")],
            [REST, 34, 24, 34, 28],
            [[*_action(one), _state(one["state"])] for one in before],
        )
    else:
        made.append(blocks.nothing(_("No action of before was open in the month.")))
    made.append(blocks.heading(_("New ones")))
    if new:
        made.append(blocks.table(heads, [REST, 40, 24, 36], [_action(one) for one in new]))
    else:
        made.append(blocks.nothing(_("No new action was agreed.")))
    return made


def _action(one: Mapping[str, Any]) -> list[Cell]:
    words = blocks.cell(one["words"], one.get("origin", ""))
    return [words, one["owner"], day_words(one["due_on"]), one["ticket"]]


def _state(state: str) -> str:
    return translate(STATE_LABELS[TicketState(state)][0])


def _addenda(view: ReviewView, source: Source) -> list[Block]:
    made = []
    for addendum in view.addenda:
        made.append(blocks.heading(_("Addendum %(number)s", number=addendum.number)))
        when = source.moment(addendum.at.isoformat())
        made.append(blocks.voice(f"{addendum.author_name} · {when}", addendum.body))
        if addendum.differences:
            made.append(_differences(addendum.differences))
        made.append(blocks.quiet(_("SHA-256 of the addendum, which goes on from the one before:")))
        made.append(blocks.fixed(addendum.hash))
    return made


def _differences(differences: Sequence[Mapping[str, Any]]) -> Block:
    heads = [_("Figure"), _("As published"), _("Counted anew")]
    return blocks.table(heads, [REST, 45, 45], differences_words(differences))


def _definitions(content: Mapping[str, Any]) -> dict[str, Any]:
    return _chapter(
        _("Annex: what each figure is"),
        [
            blocks.sentences(translate(rule) for rule in COMMON_RULES),
            blocks.terms(
                (label_of(figure.code), " ".join(definition_of(figure.code)))
                for figure in FIGURES
                if figure.code in content["figures"]
            ),
        ],
    )


def _checking(view: ReviewView) -> dict[str, Any]:
    content, review = view.content, view.review
    made = [
        blocks.words(
            _(
                "When a review is published, everything it says is frozen as one JSON text, and the"
                " SHA-256 of that text is kept. Download the JSON from the review's page and compute"
                " its SHA-256, for example with sha256sum: as long as nothing was changed, it is this."
            )
        ),
        blocks.fixed(review.hash)
        if review.hash
        else blocks.nothing(_("A draft has none: it may still change.")),
        blocks.words(
            _(
                "The lists of tickets and devices behind the figures are in the spreadsheet and on the"
                " review's page. Their own SHA-256 is part of the JSON, so that the one above covers"
                " them as well:"
            )
        ),
        blocks.fixed(content["evidence_sha256"]),
    ]
    return _chapter(_("Annex: how to check this review"), made)
