"""The chapter of service levels on paper: by target, kind and priority; what was missed, and nearly."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from flask_babel import gettext as _

from servicedesk.reviews.metrics.figure import Unit
from servicedesk.reviews.web import blocks, pictures
from servicedesk.reviews.web.blocks import REST
from servicedesk.reviews.web.figure_blocks import ORDERED, rank
from servicedesk.reviews.web.tag_words import tag_words
from servicedesk.reviews.web.words import told_as
from servicedesk.shell.formatting import duration, number

if TYPE_CHECKING:
    from collections.abc import Mapping

    from servicedesk.reviews.metrics.figure import Item
    from servicedesk.reviews.web.blocks import Block, Cell
    from servicedesk.reviews.web.source import Source


def _levels_trend(source: Source) -> list[Block]:
    return blocks.chart(pictures.trend(source.content, "service_levels"))


def _levels(source: Source) -> list[Block]:
    """Return the targets kept by metric, kind and priority, with near misses."""
    items = source.evidence.get("service_levels", ())
    if not items:
        return [blocks.nothing(_("No target was decided in the month."))]
    every, kept = Counter(map(_place, items)), Counter(_place(one) for one in items if one.counts)
    near = Counter(_place(one) for one in source.evidence.get("near_misses", ()) if one.counts)
    rows: list[list[Cell]] = [
        [
            *(tag_words(by, of) for by, of in zip(ORDERED, place, strict=True)),
            told_as(Unit.SHARE, kept[place] / count),
            _("%(part)s of %(all)s", part=number(kept[place]), all=number(count)),
            number(near[place]) if near[place] else "—",
        ]
        for place, count in sorted(every.items(), key=lambda one: list(map(rank, ORDERED, one[0])))
    ]
    heads = [_("Target"), _("Kind"), _("Priority"), _("Kept"), _("Of how many"), _("Near misses")]
    return [
        blocks.heading(_("By target, kind and priority")),
        blocks.table(heads, [REST, 28, 24, 20, 26, 24], rows, rights=3),
    ]


def _place(item: Item) -> tuple[str, ...]:
    return tuple(item.tags.get(by, "") for by in ORDERED)


def _breaches(source: Source) -> list[Block]:
    found = source.chapters["breaches"]
    title = blocks.heading(_("Targets not kept"))
    if not found:
        return [title, blocks.nothing(_("Every target of the month was kept."))]
    heads = [_("Ticket"), _("Target"), _("Beyond it"), _("Cause")]
    return [
        title,
        *blocks.listing(heads, [REST, 36, 26, 58], [_breach(source, one) for one in found]),
    ]


def _breach(source: Source, one: Mapping[str, Any]) -> list[Cell]:
    target = _(
        "%(target)s, %(kind)s, %(priority)s", target=duration(one["target_seconds"]), **_tags(one)
    )
    cause = tag_words("cause", one["cause"]) if one["cause"] else _("No cause was given.")
    return [
        blocks.cell(one["reference"], one["subject"], is_strong=True),
        blocks.cell(tag_words("metric", one["metric"]), target),
        blocks.cell(duration(one["beyond_seconds"]), source.moment(one["at"])),
        blocks.cell(cause, one["words"]),
    ]


def _tags(one: Mapping[str, Any]) -> dict[str, str]:
    return {by: tag_words(by, one[by]).lower() for by in ("kind", "priority")}


def _near_misses(source: Source) -> list[Block]:
    title = blocks.heading(_("Near misses"))
    near = [item for item in source.evidence.get("near_misses", ()) if item.counts]
    if not near:
        return [title, blocks.nothing(_("No target was nearly missed."))]
    rows: list[list[Cell]] = [
        [item.reference, item.about, *(tag_words(by, item.tags.get(by, "")) for by in ORDERED)]
        for item in near
    ]
    heads = [_("Ticket"), _("Subject"), _("Target"), _("Kind"), _("Priority")]
    return [title, *blocks.listing(heads, [34, REST, 30, 24, 20], rows)]


def _superseded(source: Source) -> list[Block]:
    found = source.chapters["superseded"]
    if not found:
        return []
    rows: list[list[Cell]] = [
        [one["reference"], one["subject"], tag_words("metric", one["metric"])] for one in found
    ]
    return [
        blocks.heading(_("Replaced targets, not counted")),
        *blocks.listing([_("Ticket"), _("Subject"), _("Target")], [34, REST, 36], rows),
    ]


BLOCKS = (_levels_trend, _levels, _breaches, _near_misses, _superseded)
