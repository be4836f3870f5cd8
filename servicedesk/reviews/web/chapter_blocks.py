"""What stands in each chapter of a printed review beside its figures."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from flask_babel import gettext as _

from servicedesk.engagement.models import STATE_LABELS, VisitState
from servicedesk.reviews.metrics import BY_CODE
from servicedesk.reviews.metrics.figure import Section, Unit
from servicedesk.reviews.metrics.volume import Flow
from servicedesk.reviews.web import blocks, device_blocks, level_blocks, pictures
from servicedesk.reviews.web.blocks import REST
from servicedesk.reviews.web.figure_blocks import parts_of, rows_by, value_of
from servicedesk.reviews.web.tag_words import FLOW_LABELS, tag_words
from servicedesk.reviews.web.words import day_words, told, told_as
from servicedesk.shell.formatting import number
from servicedesk.shell.language import translate

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from servicedesk.reviews.web.blocks import Block, Cell
    from servicedesk.reviews.web.source import Source

TIMES = (
    "time_to_own",
    "time_to_first_response",
    "time_to_resolve_net",
    "time_to_resolve_gross",
)
SIGNS = {
    Flow.CREATED: "+ ",
    Flow.CAME_BACK: "+ ",
    Flow.RESOLVED: "\N{MINUS SIGN} ",
    Flow.LEFT: "\N{MINUS SIGN} ",
    Flow.CLOSING: "= ",
}


def chapter_blocks(section: Section, source: Source) -> list[Block]:
    """Return what stands in a chapter beside its figures."""
    return [block for made in CHAPTERS[section] for block in made(source)]


def _whose_time(source: Source) -> list[Block]:
    return blocks.chart(pictures.whose_time(source.content))


def _times(source: Source) -> list[Block]:
    return [block for code in TIMES for block in parts_of(source.content, code, "kind", "priority")]


def _volume(source: Source) -> list[Block]:
    return blocks.chart(pictures.volume(source.content))


def _reconciliation(source: Source) -> list[Block]:
    """Return the sum of what came and went, which is what is open."""
    value = value_of(source.content, "volume")
    if value is None:
        return []
    rows: list[list[Cell]] = []
    for flow in Flow:
        row = value.row("flow", flow)
        label = SIGNS.get(flow, "") + translate(FLOW_LABELS[flow])
        amount = told_as(Unit.COUNT, row.amount if row else 0)
        is_sum = flow is Flow.CLOSING
        rows.append([blocks.cell(label, is_strong=is_sum), blocks.cell(amount, is_strong=is_sum)])
    return [
        blocks.heading(_("What came and what went")),
        blocks.table([_("Tickets"), _("How many")], [90, 30], rows, rights=1),
    ]


def _came(source: Source) -> list[Block]:
    value = value_of(source.content, "volume")
    rows = rows_by(value, "kind", "priority")
    if not rows:
        return [blocks.nothing(_("No ticket was created in the month."))]
    return [
        blocks.heading(_("Created in the month, by kind and priority")),
        blocks.table(
            [_("Kind or priority"), _("How many")],
            [90, 30],
            [[tag_words(row.by, row.of), told_as(Unit.COUNT, row.amount)] for row in rows],
            rights=1,
        ),
    ]


def _backlog(source: Source) -> list[Block]:
    return blocks.chart(pictures.backlog(source.content))


def _oldest(source: Source) -> list[Block]:
    found = source.chapters["oldest"]
    title = blocks.heading(_("The oldest that were open"))
    if not found:
        return [title, blocks.nothing(_("Nothing was open at the end of the month."))]
    rows: list[list[Cell]] = [
        [
            blocks.cell(one["reference"], one["subject"], is_strong=True),
            *(tag_words(by, one[by]) for by in ("kind", "priority", "age")),
            source.moment(one["created_at"]),
        ]
        for one in found
    ]
    heads = [_("Ticket"), _("Kind"), _("Priority"), _("Age"), _("Created on")]
    return [title, blocks.table(heads, [REST, 24, 20, 32, 36], rows)]


def _satisfaction(source: Source) -> list[Block]:
    return blocks.chart(pictures.trend(source.content, "satisfaction"))


def _said(source: Source) -> list[Block]:
    title = blocks.heading(_("What people wrote"))
    found = source.chapters["said"]
    if not found:
        return [title, blocks.nothing(_("Nobody wrote anything with a score."))]
    rows: list[list[Cell]] = [
        [tag_words("score", str(one["score"])), one["words"], one["reference"]] for one in found
    ]
    return [title, *blocks.listing([_("Score"), _("Words"), _("Ticket")], [20, REST, 36], rows)]


def _repeats(source: Source) -> list[Block]:
    return parts_of(source.content, "repeats", "category")


def _missed(source: Source) -> list[Block]:
    found = source.chapters["missed"]
    title = blocks.heading(_("Times that did not begin punctually"))
    if not found:
        return [title, blocks.nothing(_("Every planned time began punctually, or there was none."))]
    rows: list[list[Cell]] = [
        [
            blocks.cell(one["title"], one["task"]),
            source.moment(one["due_at"]),
            source.moment(one["started_at"]) if one["started_at"] else _("Never"),
            tag_words("punctuality", one["punctuality"]),
        ]
        for one in found
    ]
    heads = [_("Task"), _("Planned at"), _("Began"), _("How")]
    return [title, *blocks.listing(heads, [REST, 38, 38, 30], rows)]


def _planned_next(source: Source) -> list[Block]:
    found = source.chapters["planned_next"]
    title = blocks.heading(_("Planned for the month after"))
    if not found:
        return [title, blocks.nothing(_("Nothing is planned for the month after."))]
    rows: list[list[Cell]] = [
        [
            blocks.cell(
                one["title"],
                f"{one['reference']} · {_('Of the whole service')}"
                if one["is_of_service"]
                else one["reference"],
            ),
            tag_words("category", one["category"]),
            number(one["times"]) + ("+" if one["is_more"] else ""),
            "\n".join(_some_times(source, one)),
        ]
        for one in found
    ]
    heads = [_("Task"), _("Category"), _("Times"), _("When")]
    return [title, blocks.table(heads, [REST, 42, 16, 42], rows)]


def _some_times(source: Source, one: Mapping[str, Any]) -> Iterable[str]:
    yield from map(source.moment, one["due_at"])
    if one["times"] > len(one["due_at"]):
        yield _("and more")


def _no_deployment(source: Source) -> list[Block]:
    value = value_of(source.content, "activation")
    return [] if value and value.n else [blocks.nothing(_("No deployment was under way."))]


def _days(source: Source) -> list[Block]:
    value = value_of(source.content, "engagement")
    rows = rows_by(value, "days")
    if not rows:
        return []
    figure = BY_CODE["engagement"]
    return [
        *blocks.chart(pictures.days(source.content)),
        blocks.heading(_("What the days went to")),
        blocks.table(
            [_("Days of the contract year"), _("Amount")],
            [90, 30],
            [[tag_words(row.by, row.of), told(figure, row.amount)] for row in rows],
            rights=1,
        ),
    ]


def _visits(source: Source) -> list[Block]:
    days = source.chapters["days"]
    made = []
    for title, missing, is_in in (
        (_("Visits of the month"), _("There was no visit in the month."), True),
        (_("Visits to come"), _("No visit was agreed for the months after."), False),
    ):
        made.append(blocks.heading(title))
        rows = [_visit(source, one) for one in days["visits"] if one["in_month"] is is_in]
        heads = [_("Visit"), _("Kind"), _("When"), _("Days")]
        made.append(
            blocks.table(heads, [REST, 40, 40, 24], rows, rights=1)
            if rows
            else blocks.nothing(missing)
        )
    return [*made, blocks.words(_forecast(days["runs_out_on"]))]


def _visit(source: Source, one: Mapping[str, Any]) -> list[Cell]:
    state = translate(STATE_LABELS[VisitState.DONE if one["is_done"] else VisitState.PLANNED])
    return [
        blocks.cell(one["title"], f"{one['reference']} · {state}"),
        tag_words("visit_kind", one["kind"]),
        source.moment(one["starts_at"]),
        told(BY_CODE["engagement"], one["quarters"]),
    ]


def _forecast(runs_out_on: str | None) -> str:
    if runs_out_on is None:
        return str(_("At this rate the days last until the end of the contract year."))
    return str(_("At this rate the days run out on %(day)s.", day=day_words(runs_out_on)))


CHAPTERS: Mapping[Section, Sequence[Callable[[Source], list[Block]]]] = {
    Section.SERVICE_LEVELS: level_blocks.BLOCKS,
    Section.TIMES: (_whose_time, _times),
    Section.VOLUME: (_volume, _reconciliation, _came, _backlog, _oldest),
    Section.QUALITY: (_satisfaction, _said, _repeats),
    Section.DEVICES: device_blocks.BLOCKS,
    Section.PLANNED: (_missed, _planned_next),
    Section.PROVISION: (_no_deployment,),
    Section.ENGAGEMENT: (_days, _visits),
}
