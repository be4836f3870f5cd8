"""A review's figures as tables on paper: this month, the month before, their parts, thirteen months."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from flask_babel import gettext as _

from servicedesk.reviews.metrics import BY_CODE, FIGURES
from servicedesk.reviews.metrics.figure import Value
from servicedesk.reviews.web import blocks
from servicedesk.reviews.web.blocks import REST
from servicedesk.reviews.web.tag_words import tag_words
from servicedesk.reviews.web.words import (
    amount_words,
    figure_words,
    label_of,
    month_name,
    n_words,
    short_month,
    told,
)
from servicedesk.shell.formatting import number
from servicedesk.sla.cycles import METRIC_LABELS
from servicedesk.tickets.models import KIND_LABELS, PRIORITY_LABELS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from servicedesk.reviews.metrics.figure import Figure, Row
    from servicedesk.reviews.web.blocks import Block, Cell

    Content = Mapping[str, Any]

ORDERED = {
    "metric": tuple(METRIC_LABELS),
    "kind": tuple(KIND_LABELS),
    "priority": tuple(PRIORITY_LABELS),
}
TONES = {"better": "good", "worse": "bad"}


def figures_table(content: Content, codes: Sequence[str]) -> list[Block]:
    """Return a chapter's figures, each beside its definition and the month before."""
    if not codes:
        return []
    before = _month_before(content)
    return [
        blocks.table(
            [_("Figure"), _("This month"), before, _("Change")],
            [REST, 29, 26, 35],
            [_figure_row(content, code) for code in codes],
        )
    ]


def _month_before(content: Content) -> str:
    points: Sequence[Mapping[str, Any]] = next(iter(content["trend"].values()), ())
    return month_name(points[-2]["month"]).capitalize() if len(points) > 1 else _("Month before")


def _figure_row(content: Content, code: str) -> list[Cell]:
    figure, shown = BY_CODE[code], figure_words(content, code)
    name = f"{shown.label} ({shown.unit})" if shown.unit else shown.label
    under = "\n".join(filter(None, (shown.definition[0], shown.spread, *shown.notes)))
    change = shown.compared
    return [
        blocks.cell(name, under, is_strong=True),
        blocks.cell(shown.amount, shown.n, is_strong=True),
        before_words(figure, content["trend"].get(code, [])),
        blocks.cell(
            change.words if change else "—", tone=TONES.get(change.way, "") if change else ""
        ),
    ]


def before_words(figure: Figure, points: Sequence[Mapping[str, Any]]) -> Cell:
    """Return a figure of the month before, and of how many it was."""
    if len(points) < 2 or points[-2]["amount"] is None:  # noqa: PLR2004
        return "—"
    point = points[-2]
    return blocks.cell(told(figure, point["amount"]), _("n = %(n)s", n=number(point["n"])))


def parts_of(content: Content, code: str, *tags: str) -> list[Block]:
    """Return the parts of a figure by some tags as one table; nothing where it has none."""
    figure, rows = BY_CODE[code], rows_by(value_of(content, code), *tags)
    if not rows:
        return []
    is_time = any(row.median is not None for row in rows)
    return [
        blocks.heading(label_of(code)),
        _spread_table(figure, rows) if is_time else _amounts_table(figure, rows),
    ]


def rows_by(value: Value | None, *tags: str) -> list[Row]:
    """Return the parts of a figure by some tags, in the order that people know."""
    found = [row for row in value.rows if row.by in tags] if value else []
    return sorted(found, key=lambda row: (tags.index(row.by), rank(row.by, row.of)))


def rank(by: str, of: str) -> int:
    """Return where a tag stands among its like: what has no order of its own stays in place."""
    order = ORDERED.get(by, ())
    return order.index(of) if of in order else len(order)


def _amounts_table(figure: Figure, rows: Sequence[Row]) -> Block:
    return blocks.table(
        [_("Of which"), _("Amount"), _("Of how many")],
        [80, 30, 35],
        [
            [tag_words(row.by, row.of), amount_words(figure, row), n_words(figure, row) or "—"]
            for row in rows
        ],
        rights=2,
    )


def _spread_table(figure: Figure, rows: Sequence[Row]) -> Block:
    return blocks.table(
        [_("Of which"), _("Median"), _("Mean"), _("90th percentile"), _("n")],
        [50, 32, 32, 32, 16],
        [
            [
                tag_words(row.by, row.of),
                *(told(figure, one) for one in (row.median, row.mean, row.percentile_90)),
                number(row.n),
            ]
            for row in rows
        ],
        rights=4,
    )


def trends_table(content: Content) -> Block:
    """Return the thirteen months of every figure."""
    points = next(iter(content["trend"].values()))
    return blocks.table(
        [_("Figure"), *(short_month(point["month"]) for point in points)],
        [REST, *[17] * len(points)],
        [
            [
                label_of(figure.code),
                *(
                    told(figure, point["amount"]) + ("*" if point["is_provisional"] else "")
                    for point in content["trend"][figure.code]
                ),
            ]
            for figure in FIGURES
            if any(one["amount"] is not None for one in content["trend"].get(figure.code, ()))
        ],
        rights=len(points),
    )


def value_of(content: Content, code: str) -> Value | None:
    """Return a figure of the content, if it has it."""
    kept = content["figures"].get(code)
    return Value.from_json(kept) if kept else None
