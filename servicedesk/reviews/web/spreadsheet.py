"""A review as a workbook: its figures as numbers, and every list that stands behind them."""

from __future__ import annotations

from datetime import date, datetime
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from flask_babel import gettext as _

from servicedesk.core.text import msgid
from servicedesk.reviews.metrics import FIGURES
from servicedesk.reviews.metrics.figure import Section, Unit, Value
from servicedesk.reviews.web.figure_blocks import value_of
from servicedesk.reviews.web.paper import OPERATOR, facts_of, notices_of
from servicedesk.reviews.web.rules import COMMON_RULES
from servicedesk.reviews.web.sheets import Amount, Book, Column
from servicedesk.reviews.web.tag_words import tag_head, tag_words
from servicedesk.reviews.web.words import (
    definition_of,
    differences_words,
    label_of,
    month_words,
    section_word,
)
from servicedesk.shell.formatting import number
from servicedesk.shell.language import translate
from servicedesk.tickets.models import STATE_LABELS, TicketState

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from servicedesk.reviews.metrics.figure import Figure, Item, Row
    from servicedesk.reviews.queries import ReviewView
    from servicedesk.reviews.web.sheets import Cell

    Content = Mapping[str, Any]
    Evidence = Mapping[str, Sequence[Item]]

UNIT_LABELS = {
    Unit.SHARE: msgid("share"),
    Unit.RATIO: msgid("ratio"),
    Unit.COUNT: msgid("number"),
    Unit.BUSINESS_SECONDS: msgid("business time"),
    Unit.ELAPSED_SECONDS: msgid("time on the clock"),
    Unit.QUARTERS: msgid("days"),
}
# what items of a figure measure, where that is not in the figure's own unit
MEASURES = {
    "backlog": Unit.ELAPSED_SECONDS,
    "whose_time": Unit.ELAPSED_SECONDS,
    "satisfaction": Unit.COUNT,
}
# of one figure: a month of ten thousand tickets has twenty times as many lines, which take long to write
MOST_ITEMS = 5_000
TAG_HEADS = {
    "metric": msgid("Target"),
    "kind": msgid("Kind"),
    "priority": msgid("Priority"),
    "age": msgid("Age"),
    "flow": msgid("What it did"),
    "holder": msgid("Whose time"),
    "category": msgid("Category"),
    "score": msgid("Score"),
    "action": msgid("Action"),
    "platform": msgid("Platform"),
    "punctuality": msgid("How it began"),
    "standing": msgid("Conformity"),
}


def workbook_of(view: ReviewView, evidence: Evidence) -> bytes:
    """Return the review as XLSX; the same review is the same file, whenever it is asked for."""
    content, review = view.content, view.review
    made_at = datetime.fromisoformat(content.get("published_at") or content["counted_at"])
    client, month = content["client"]["name"], month_words(content["month"])
    book = Book(f"{client} · {month}", OPERATOR, made_at.replace(tzinfo=None, microsecond=0))
    name = _("Figures")
    _overview(book, f"{name} - {_('DRAFT')}" if review.is_draft else name, content)
    _breakdowns(book, content)
    _breaches(book, content)
    for section in Section:
        _lists(book, section, content, evidence)
    _actions(book, content)
    if view.addenda:
        _addenda(book, view)
    _about(book, view)
    return book.content()


def _overview(book: Book, name: str, content: Content) -> None:
    months = [point["month"] for point in next(iter(content["trend"].values()), [])]
    columns = [
        Column(_("Chapter"), 22),
        Column(_("Figure"), 34),
        Column(_("Unit"), 16),
        Column(_("This month")),
        *(Column(head, 12) for head in (_("n"), _("Part"))),
        *(Column(head) for head in (_("Mean"), _("Median"), _("90th percentile"))),
        Column(_("Month before")),
        *(Column(date.fromisoformat(month), 12) for month in months),
        Column(_("Provisional"), 12),
        Column(_("Counted on"), 12),
        Column(_("Definition"), 90),
    ]
    rows = (_overview_row(content, one) for one in FIGURES if one.code in content["figures"])
    book.add(name, columns, rows, frozen=2)


def _overview_row(content: Content, figure: Figure) -> list[Cell]:
    value = Value.from_json(content["figures"][figure.code])
    amounts: list[float | None] = [one["amount"] for one in content["trend"].get(figure.code, ())]
    before = amounts[-2] if len(amounts) > 1 else None
    return [
        section_word(figure.section),
        label_of(figure.code),
        translate(UNIT_LABELS[figure.unit]),
        Amount(figure.unit, value.amount),
        value.n,
        value.part,
        *_spread(figure, value),
        Amount(figure.unit, before),
        *(Amount(figure.unit, amount) for amount in amounts),
        _yes(value.is_provisional),
        date.fromisoformat(value.as_of) if value.as_of else None,
        " ".join(definition_of(figure.code)),
    ]


def _spread(figure: Figure, value: Value | Row) -> list[Cell]:
    return [Amount(figure.unit, one) for one in (value.mean, value.median, value.percentile_90)]


def _yes(is_so: bool) -> str:  # noqa: FBT001  it is what is told
    return str(_("Yes") if is_so else _("No"))


def _breakdowns(book: Book, content: Content) -> None:
    columns = [
        Column(_("Figure"), 34),
        Column(_("Broken down"), 26),
        Column(_("Of which"), 34),
        Column(_("Amount")),
        *(Column(head, 12) for head in (_("n"), _("Part"))),
        *(Column(head) for head in (_("Mean"), _("Median"), _("90th percentile"))),
    ]
    rows = (
        [
            label_of(figure.code),
            tag_head(row.by),
            tag_words(row.by, row.of),
            # parts of a ratio are numbers of tickets
            Amount(Unit.COUNT if figure.unit is Unit.RATIO else figure.unit, row.amount),
            row.n,
            row.part,
            *_spread(figure, row),
        ]
        for figure in FIGURES
        if (value := value_of(content, figure.code))
        for row in value.rows
    )
    book.add(_("Breakdowns"), columns, rows, frozen=1)


def _breaches(book: Book, content: Content) -> None:
    columns = [
        Column(_("Ticket"), 18),
        Column(_("Subject"), 44),
        *(Column(head, 18) for head in (_("Target"), _("Kind"), _("Priority"))),
        Column(_("Ran out at"), 18),
        *(Column(head) for head in (_("Time allowed"), _("Beyond it"))),
        Column(_("Cause"), 30),
        Column(_("Explanation"), 60),
    ]
    rows = (
        [
            one["reference"],
            one["subject"],
            *(tag_words(by, one[by]) for by in ("metric", "kind", "priority")),
            _local(content, one["at"]),
            Amount(Unit.BUSINESS_SECONDS, one["target_seconds"]),
            Amount(Unit.BUSINESS_SECONDS, one["beyond_seconds"]),
            tag_words("cause", one["cause"]) if one["cause"] else "",
            one["words"],
        ]
        for one in content["chapters"]["breaches"]
    )
    book.add(_("Breaches"), columns, rows, frozen=1)


def _local(content: Content, told: str) -> datetime:
    """Return an instant on the contract's clock; cells know no zones."""
    at = datetime.fromisoformat(told).astimezone(ZoneInfo(content["zone"]))
    return at.replace(tzinfo=None, microsecond=0)


def _lists(book: Book, section: Section, content: Content, evidence: Evidence) -> None:
    figures = [one for one in FIGURES if one.section is section and one.code in content["figures"]]
    if not figures:
        return
    items = [item for figure in figures for item in evidence.get(figure.code, ())]
    tags = list(dict.fromkeys(tag for item in items for tag in item.tags))
    columns = [
        Column(_("Figure"), 34),
        Column(_("Reference"), 20),
        *(Column(translate(TAG_HEADS.get(tag, tag)), 20) for tag in tags),
        Column(_("Measure")),
        Column(_("Counts"), 10),
        Column(_("About"), 60),
    ]
    book.add(section_word(section), columns, _items(figures, evidence, tags), frozen=2)


def _items(
    figures: Sequence[Figure], evidence: Evidence, tags: Sequence[str]
) -> Iterator[Sequence[Cell]]:
    known: dict[tuple[str, str], str] = {}  # ten thousand tickets have few kinds
    for figure in figures:
        label = label_of(figure.code)
        unit = MEASURES.get(figure.code, figure.unit)
        counting = {True: _yes(True), False: _yes(False)}  # noqa: FBT003
        items = evidence.get(figure.code, ())
        for item in items[:MOST_ITEMS]:
            for pair in item.tags.items():
                if pair not in known:
                    known[pair] = tag_words(*pair)
            yield [
                label,
                item.reference,
                *(known[tag, item.tags[tag]] if tag in item.tags else None for tag in tags),
                Amount(unit, item.measure),
                counting[item.counts],
                item.about,
            ]
        if len(items) > MOST_ITEMS:
            more = number(len(items) - MOST_ITEMS)
            yield [label, _("%(more)s more are in the review's evidence as JSON.", more=more)]


def _actions(book: Book, content: Content) -> None:
    columns = [
        Column(_("Agreed"), 22),
        Column(_("Action"), 60),
        Column(_("Owner"), 28),
        Column(_("By"), 12),
        *(Column(head, 20) for head in (_("Ticket"), _("State"))),
    ]
    sources = (
        *((one["origin"], one) for one in content["chapters"]["actions_before"]),
        *((content["reference"], one) for one in content.get("actions", ())),
    )
    rows = (
        [
            origin,
            one["words"],
            one["owner"],
            date.fromisoformat(one["due_on"]),
            one["ticket"],
            translate(STATE_LABELS[TicketState(one["state"])][0]) if "state" in one else "",
        ]
        for origin, one in sources
    )
    book.add(_("Actions"), columns, rows)


def _addenda(book: Book, view: ReviewView) -> None:
    columns = [
        Column(_("Addendum"), 12),
        Column(_("Written at"), 18),
        Column(_("Author"), 24),
        Column(_("Words"), 60),
        *(Column(head, 34) for head in (_("Figure"), _("As published"), _("Counted anew"))),
        Column(_("SHA-256"), 70),
    ]
    rows: list[Sequence[Cell]] = [
        [
            addendum.number,
            _local(view.content, addendum.at.isoformat()),
            addendum.author_name,
            addendum.body,
            *differing,
            addendum.hash,
        ]
        for addendum in view.addenda
        for differing in differences_words(addendum.differences) or [("", "", "")]
    ]
    book.add(_("Addenda"), columns, rows)


def _about(book: Book, view: ReviewView) -> None:
    rows: list[Sequence[Cell]] = [["", notice] for notice in notices_of(view)]
    rows += [[name, told] for name, told in facts_of(view)]
    if view.review.hash:
        rows.append([_("SHA-256 of the content"), view.review.hash])
    rows.append([_("SHA-256 of the evidence"), view.content["evidence_sha256"]])
    rows += [[_("Rule"), translate(rule)] for rule in COMMON_RULES]
    book.add(_("About this review"), [Column(_("What"), 30), Column(_("Value"), 100)], rows)
