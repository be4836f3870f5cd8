"""A review's charts, of its content: on a page their points open what they count, on paper nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from flask_babel import gettext as _

from servicedesk.reviews.metrics import BY_CODE
from servicedesk.reviews.metrics.engagement import LEFT, RESERVED
from servicedesk.reviews.metrics.figure import Unit, Value
from servicedesk.reviews.stories import Holder
from servicedesk.reviews.web.tag_words import HOLDER_LABELS, tag_words
from servicedesk.reviews.web.words import HOUR, TIMES, label_of, month_words, short_month, told
from servicedesk.shell.charts.values import BarChart, Point, StackedBars, Tone, TrendChart
from servicedesk.shell.charts.values import Unit as ChartUnit
from servicedesk.shell.language import translate

if TYPE_CHECKING:
    from collections.abc import Mapping

    from servicedesk.reviews.metrics.figure import Figure

    Content = Mapping[str, Any]


class Paths(Protocol):
    """What gives the path of the evidence behind a figure of the review, or behind a part of it."""

    def __call__(self, code: str, by: str = "", of: str = "") -> str:
        """Return a path of this desk, or nothing where there is none."""


def no_paths(code: str, by: str = "", of: str = "") -> str:
    """Return nothing: on paper no point leads anywhere."""
    del code, by, of
    return ""


def trend(content: Content, code: str, paths: Paths = no_paths) -> TrendChart:
    """Return the thirteen months of a figure; the review's own month opens what it counts."""
    figure, points = BY_CODE[code], content["trend"].get(code, [])
    return TrendChart(
        title=_("%(figure)s over thirteen months", figure=label_of(code)),
        head=_("Month"),
        unit=_unit(figure),
        points=tuple(
            _of_month(figure, point, paths(code) if point is points[-1] else "") for point in points
        )
        if any(point["amount"] is not None for point in points)
        else (),
    )


def _of_month(figure: Figure, point: Mapping[str, Any], href: str) -> Point:
    month = short_month(point["month"])
    return Point(
        label=month,
        value=_scaled(figure, point["amount"]),
        href=href if point["n"] else "",
        description=_(
            "%(month)s: %(amount)s (n = %(n)s)",
            month=month,
            amount=told(figure, point["amount"]),
            n=point["n"],
        ),
    )


def volume(content: Content, paths: Paths = no_paths) -> TrendChart:
    """Return what was created and what was resolved in each month.

    A trend keeps their ratio and how many were created, from which the resolved follow to the ticket.
    """
    points = content["trend"].get("volume", [])
    series = (
        (_("Created"), "created", lambda point: point["n"]),
        (_("Resolved"), "resolved", _resolved),
    )
    return TrendChart(
        title=_("Created and resolved over thirteen months"),
        head=_("Month"),
        points=tuple(
            Point(
                label=short_month(point["month"]),
                series=name,
                value=count(point),
                href=paths("volume", "flow", flow) if point is points[-1] and count(point) else "",
            )
            for name, flow, count in series
            for point in points
        )
        if any(point["n"] for point in points)
        else (),
    )


def _resolved(point: Mapping[str, Any]) -> int | None:
    return None if point["amount"] is None else round(point["amount"] * point["n"])


def backlog(content: Content, paths: Paths = no_paths) -> BarChart:
    """Return how old what was open at the month's end was."""
    return _bars(content, "backlog", "age", _("How old what was open is"), _("Age"), paths)


def action_success(content: Content, paths: Paths = no_paths) -> BarChart:
    """Return how many commands of each action were acknowledged."""
    return _bars(content, "action_success", "action", _("Commands done"), _("Action"), paths)


def whose_time(content: Content, paths: Paths = no_paths) -> StackedBars:
    """Return whose the time of the month was, as one bar that adds up to all of it."""
    value = _value(content, "whose_time")
    return StackedBars(
        title=_("Whose time it was"),
        head=_("Month"),
        unit=ChartUnit.PERCENT,
        points=tuple(
            Point(
                label=month_words(content["month"]),
                series=translate(HOLDER_LABELS[Holder(row.of)]),
                value=row.amount,
                href=paths("whose_time", "holder", row.of) if row.n else "",
            )
            for row in (value.rows if value else ())
            if row.by == "holder" and row.of in set(Holder)
        ),
    )


def days(content: Content, paths: Paths = no_paths) -> StackedBars:
    """Return what of the contract year's days is consumed, reserved and left."""
    value = _value(content, "engagement")
    rows = {row.of: row.amount or 0 for row in value.rows if row.by == "days"} if value else {}
    whole = value.total if value and value.total else 0
    reserved, left = rows.get(RESERVED, 0), rows.get(LEFT, 0)
    parts = (
        (_("Consumed days"), whole - reserved - left, Tone.CALM),
        (_("Reserved days"), reserved, Tone.WARN),
        (_("Days left"), left, Tone.GOOD),
    )
    return StackedBars(
        title=_("Days of the contract year"),
        head=_("Contract year"),
        points=tuple(
            Point(
                label=_("Days"),
                series=name,
                value=max(0, quarters) / 4,
                tone=tone,
                href=paths("engagement"),
            )
            for name, quarters, tone in parts
        )
        if whole
        else (),
    )


def _bars(content: Content, code: str, by: str, title: str, head: str, paths: Paths) -> BarChart:
    figure, value = BY_CODE[code], _value(content, code)
    return BarChart(
        title=title,
        head=head,
        unit=_unit(figure),
        points=tuple(
            Point(
                label=tag_words(by, row.of),
                value=_scaled(figure, row.amount),
                href=paths(code, by, row.of),
                description=_(
                    "%(what)s: %(amount)s (n = %(n)s)",
                    what=tag_words(by, row.of),
                    amount=told(figure, row.amount),
                    n=row.n,
                ),
            )
            for row in (value.rows if value else ())
            if row.by == by
        ),
    )


def spark(content: Content, code: str) -> tuple[list[float | None], str]:
    """Return the thirteen amounts of a figure for a sparkline, and what it shows in words."""
    points = content["trend"].get(code, [])
    known = [point for point in points if point["amount"] is not None]
    if not known:
        return [], str(_("There is no data yet."))
    figure = BY_CODE[code]
    words = _(
        "%(figure)s, from %(begin)s to %(end)s: least %(least)s, most %(most)s.",
        figure=label_of(code),
        begin=short_month(known[0]["month"]),
        end=short_month(known[-1]["month"]),
        least=told(figure, min(point["amount"] for point in known)),
        most=told(figure, max(point["amount"] for point in known)),
    )
    return [_scaled(figure, point["amount"]) for point in points], str(words)


def _value(content: Content, code: str) -> Value | None:
    kept = content["figures"].get(code)
    return Value.from_json(kept) if kept else None


def _unit(figure: Figure) -> ChartUnit:
    if figure.unit is Unit.SHARE:
        return ChartUnit.PERCENT
    return ChartUnit.HOURS if figure.unit in TIMES else ChartUnit.COUNT


def _scaled(figure: Figure, amount: float | None) -> float | None:
    """Return an amount as a chart takes it: times in hours, quarters in days."""
    if amount is None:
        return None
    if figure.unit in TIMES:
        return round(amount / HOUR, 2)
    if figure.unit is Unit.QUARTERS:
        return max(0.0, amount / 4)
    return round(amount, 2) if figure.unit is Unit.RATIO else amount
