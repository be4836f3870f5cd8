"""The chapter of devices on paper: the fleet, its conformity, and what was done to it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flask_babel import gettext as _
from flask_babel import ngettext

from servicedesk.reviews.metrics.figure import Unit
from servicedesk.reviews.web import blocks, pictures
from servicedesk.reviews.web.blocks import REST
from servicedesk.reviews.web.figure_blocks import rows_by, value_of
from servicedesk.reviews.web.tag_words import tag_words
from servicedesk.reviews.web.words import told_as
from servicedesk.shell.formatting import number

if TYPE_CHECKING:
    from servicedesk.reviews.web.blocks import Block, Cell
    from servicedesk.reviews.web.source import Source


def _fleet(source: Source) -> list[Block]:
    fleet = source.chapters["fleet"]
    title = blocks.heading(_("The fleet at the end of the month"))
    if fleet["managed"] is None:
        return [title, blocks.nothing(_("The fleet was not counted in the month."))]
    rows: list[list[Cell]] = [
        [*(tag_words(by, one[by]) for by in ("platform", "ownership")), number(one["amount"])]
        for one in fleet["of"]
    ]
    all_of_it: list[Cell] = [
        blocks.cell(one, is_strong=True)
        for one in (_("Managed devices"), "", number(fleet["managed"]))
    ]
    heads = [_("Platform"), _("Ownership"), _("Devices")]
    return [title, blocks.table(heads, [50, 50, 30], [*rows, all_of_it], rights=1)]


def _conformity(source: Source) -> list[Block]:
    return blocks.chart(pictures.trend(source.content, "conformity"))


def _standing(source: Source) -> list[Block]:
    value = value_of(source.content, "conformity")
    rows = rows_by(value, "standing")
    if value is None or not rows:
        return []
    return [
        blocks.heading(_("How devices stand")),
        blocks.table(
            [_("Conformity"), _("Devices"), _("Share")],
            [80, 30, 30],
            [
                [tag_words(row.by, row.of), number(row.n), told_as(Unit.SHARE, row.n / value.n)]
                for row in rows
            ],
            rights=2,
        ),
    ]


def _rules(source: Source) -> list[Block]:
    found = source.chapters["rules"]
    if not found:
        return []
    rows: list[list[Cell]] = [
        [one["reference"], one["name"], number(one["devices"])] for one in found
    ]
    return [
        blocks.heading(_("Rules that most devices failed")),
        blocks.table([_("Rule"), _("What it asks"), _("Devices")], [36, REST, 24], rows, rights=1),
    ]


def _changes(source: Source) -> list[Block]:
    title, changes = blocks.heading(_("Changes made")), source.chapters["changes"]
    if not changes["total"]:
        return [title, blocks.nothing(_("No order ended in the month."))]
    by_action: list[list[Cell]] = [
        [tag_words("action", one["action"]), number(one["orders"]), number(one["devices"])]
        for one in changes["by_action"]
    ]
    orders: list[list[Cell]] = [
        [
            one["reference"],
            blocks.cell(
                tag_words("action", one["action"]),
                _("Cannot be undone") if one["is_destructive"] else "",
            ),
            source.moment(one["at"]),
            number(one["devices"]),
        ]
        for one in changes["orders"]
    ]
    made = [
        title,
        blocks.table([_("Action"), _("Orders"), _("Devices")], [80, 28, 28], by_action, rights=2),
        blocks.heading(_("The widest orders")),
        blocks.table(
            [_("Order"), _("Action"), _("Ended"), _("Devices")],
            [36, REST, 40, 24],
            orders,
            rights=1,
        ),
    ]
    more = changes["total"] - len(orders)
    if more > 0:
        told = ngettext(
            "And %(more)s more order.", "And %(more)s more orders.", more, more=number(more)
        )
        made.append(blocks.quiet(told))
    return made


def _commands(source: Source) -> list[Block]:
    return blocks.chart(pictures.action_success(source.content))


BLOCKS = (_fleet, _conformity, _standing, _rules, _changes, _commands)
