"""A review's figures in the reader's words: once for the page, the paper and the spreadsheet."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from typing import TYPE_CHECKING, Any

from flask_babel import format_date, format_decimal, get_locale, ngettext
from flask_babel import gettext as _

from servicedesk.engagement.web.words import quarters_words
from servicedesk.reviews.metrics import BY_CODE, FIGURES
from servicedesk.reviews.metrics.figure import SECTION_LABELS, Better, Section, Unit, Value
from servicedesk.reviews.web.tag_words import tag_head, tag_words
from servicedesk.shell.charts.showing import this_reader
from servicedesk.shell.charts.values import Unit as ChartUnit
from servicedesk.shell.formatting import duration, number
from servicedesk.shell.language import translate

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from servicedesk.reviews.metrics.figure import Figure, Row

HOUR, DAY = 3600, 86_400
LONG = 2 * DAY  # from there on days say more than hours
TIMES = (Unit.BUSINESS_SECONDS, Unit.ELAPSED_SECONDS)


@dataclass(frozen=True, kw_only=True)
class Compared:
    """A figure beside the one of the month before, said in words."""

    words: str
    way: str  # better, worse, same, neither

    @property
    def is_better(self) -> bool:
        """Whether it went the way that is good."""
        return self.way == "better"

    @property
    def is_worse(self) -> bool:
        """Whether it went the other way."""
        return self.way == "worse"


@dataclass(frozen=True, kw_only=True)
class RowWords:
    """A part of a figure as it is shown; `by` and `of` open what stands behind it."""

    by: str
    of: str
    label: str
    amount: str
    n: str
    spread: str


@dataclass(frozen=True, kw_only=True)
class TableWords:
    """The parts of a figure by one tag."""

    by: str
    head: str
    rows: Sequence[RowWords]


@dataclass(frozen=True, kw_only=True)
class FigureWords:
    """A figure with all that is to stand beside it."""

    code: str
    label: str
    definition: Sequence[str]
    unit: str
    amount: str
    n: str
    spread: str
    compared: Compared | None
    notes: Sequence[str]
    part_label: str
    rest_label: str
    tables: Sequence[TableWords] = field(default=())


def sections_of(content: Mapping[str, Any]) -> list[tuple[Section, list[FigureWords]]]:
    """Return the chapters in their order, each with the figures that the review has of it."""
    return [
        (
            section,
            [
                figure_words(content, figure.code)
                for figure in FIGURES
                if figure.section is section and figure.code in content["figures"]
            ],
        )
        for section in Section
    ]


def section_word(section: str) -> str:
    """Return the title of a chapter."""
    return translate(SECTION_LABELS[Section(section)])


def figure_words(content: Mapping[str, Any], code: str) -> FigureWords:
    """Return a figure of a review's content. Raises KeyError if the review does not have it."""
    figure, value = BY_CODE[code], Value.from_json(content["figures"][code])
    points = content["trend"].get(code, [])
    return FigureWords(
        code=code,
        label=label_of(code),
        definition=definition_of(code),
        unit=unit_words(figure),
        amount=amount_words(figure, value),
        n=n_words(figure, value),
        spread=spread_words(figure, value),
        compared=compared(figure, points),
        notes=[*value_notes(value), *trend_notes(points)],
        part_label=translate(figure.part_label),
        rest_label=translate(figure.rest_label),
        tables=_tables(figure, value),
    )


def label_of(code: str) -> str:
    """Return what a figure is called."""
    return translate(BY_CODE[code].label)


def definition_of(code: str) -> list[str]:
    """Return the sentences that say what a figure is."""
    return [translate(sentence) for sentence in BY_CODE[code].definition]


def unit_words(figure: Figure) -> str:
    """Return what times are: of the calendar or of the clock; nothing of what says its unit itself."""
    if figure.unit is Unit.BUSINESS_SECONDS:
        return str(_("business time"))
    return str(_("time on the clock")) if figure.unit is Unit.ELAPSED_SECONDS else ""


def amount_words(figure: Figure, value: Value | Row) -> str:
    """Return how much it is, with its unit."""
    if isinstance(value, Value) or figure.code != "volume":
        return told(figure, value.amount)
    return told_as(Unit.COUNT, value.amount)  # its parts are numbers of tickets


def told(figure: Figure, amount: float | None) -> str:
    """Return an amount in a figure's unit."""
    return told_as(figure.unit, amount)


def told_as(unit: Unit, amount: float | None) -> str:
    """Return an amount in a unit; a dash where there is nothing to say."""
    if amount is None:
        return "—"
    if unit is Unit.SHARE:  # neither nothing nor all by rounding
        return this_reader().figure(amount, ChartUnit.PERCENT)
    if unit is Unit.RATIO:
        return str(format_decimal(amount, "#,##0.00"))
    if unit is Unit.QUARTERS:
        return _days(amount)
    if unit is Unit.ELAPSED_SECONDS and amount >= LONG:
        days, rest = divmod(int(amount), DAY)
        return str(_("%(days)s d %(hours)s h", days=number(days), hours=rest // HOUR))
    return number(amount) if unit is Unit.COUNT else duration(amount)


def _days(quarters: float) -> str:
    days = quarters_words(round(quarters))
    one = round(quarters) == 4  # noqa: PLR2004  quarters of a day
    return str(ngettext("%(days)s day", "%(days)s days", 1 if one else 2, days=days))


def n_words(figure: Figure, value: Value | Row) -> str:
    """Return of how many it is: 18 of 19, or n = 19."""
    if figure.unit is Unit.QUARTERS:
        return ""
    if figure.unit is Unit.COUNT or (figure.unit is Unit.RATIO and not isinstance(value, Value)):
        return ""  # the amount says it
    if figure.unit is Unit.RATIO:
        resolved, came = number(value.part or 0), number(value.n)
        return str(_("%(resolved)s resolved, %(created)s created", resolved=resolved, created=came))
    if figure.unit is Unit.SHARE and value.part is not None:
        return str(_("%(part)s of %(all)s", part=number(value.part), all=number(value.n)))
    return str(_("n = %(n)s", n=number(value.n)))


def spread_words(figure: Figure, value: Value | Row) -> str:
    """Return median, mean and 90th percentile, where they are what it is about."""
    if figure.unit not in TIMES or value.median is None:
        return ""
    return str(
        _(
            "median %(median)s · mean %(mean)s · 90th percentile %(ninety)s",
            median=told(figure, value.median),
            mean=told(figure, value.mean),
            ninety=told(figure, value.percentile_90),
        )
    )


def _tables(figure: Figure, value: Value) -> list[TableWords]:
    tags = dict.fromkeys(row.by for row in value.rows)
    return [
        TableWords(
            by=tag,
            head=tag_head(tag),
            rows=[
                RowWords(
                    by=row.by,
                    of=row.of,
                    label=tag_words(row.by, row.of),
                    amount=amount_words(figure, row),
                    n=n_words(figure, row),
                    spread=spread_words(figure, row),
                )
                for row in value.rows
                if row.by == tag
            ],
        )
        for tag in tags
    ]


def compared(figure: Figure, points: Sequence[Mapping[str, Any]]) -> Compared | None:
    """Return how a figure stands to the month before; None where one of the two says nothing."""
    if len(points) < 2 or points[-1]["amount"] is None or points[-2]["amount"] is None:  # noqa: PLR2004
        return None
    month = month_name(points[-2]["month"])
    apart = points[-1]["amount"] - points[-2]["amount"]
    much = _apart(figure, abs(apart))
    if much == _apart(figure, 0):
        return Compared(words=str(_("As in %(month)s", month=month)), way="same")
    if apart > 0:
        words = _("%(much)s more than in %(month)s", much=much, month=month)
    else:
        words = _("%(much)s less than in %(month)s", much=much, month=month)
    if figure.better is Better.NEITHER:
        return Compared(words=str(words), way="neither")
    if (apart > 0) is (figure.better is Better.UP):
        return Compared(words=str(_("%(words)s: better", words=words)), way="better")
    return Compared(words=str(_("%(words)s: worse", words=words)), way="worse")


def _apart(figure: Figure, amount: float) -> str:
    if figure.unit is Unit.SHARE:
        return str(_("%(points)s points", points=format_decimal(amount * 100, "#,##0.#")))
    return told(figure, amount)


def value_notes(value: Value) -> list[str]:
    """Return what is to be known of a value: that it may change, and as of when it is."""
    notes = []
    if value.is_provisional:
        notes.append(str(_("Provisional: what is still to come may change it.")))
    if value.as_of:
        day = format_date(date.fromisoformat(value.as_of), "medium")
        notes.append(str(_("Counted on %(day)s: nothing was counted on the last day.", day=day)))
    return notes


def trend_notes(points: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return which earlier months may still change, and which are told as they became."""
    notes = []
    for_now = [point["month"] for point in points[:-1] if point["is_provisional"]]
    final = [point["month"] for point in points[:-1] if point["source"] == "final"]
    if for_now:
        notes.append(str(_("Still provisional: %(months)s.", months=_listed(for_now))))
    if final:
        notes.append(
            str(_("Published as provisional, final since: %(months)s.", months=_listed(final)))
        )
    return notes


def _listed(months: Sequence[str]) -> str:
    return ", ".join(short_month(month) for month in months)


def month_words(month: date | str) -> str:
    """Return a month with its year: noviembre de 2026."""
    pattern = "LLLL y" if str(get_locale()).startswith("en") else "LLLL 'de' y"
    return str(format_date(_day(month), pattern))


def month_name(month: date | str) -> str:
    """Return a month by its name alone: noviembre."""
    return str(format_date(_day(month), "LLLL"))


def short_month(month: date | str) -> str:
    """Return a month in few letters: nov 26."""
    return str(format_date(_day(month), "LLL yy"))


def day_words(day: str) -> str:
    """Return a day of the content, which is ISO text there."""
    return str(format_date(_day(day), "medium"))


def _day(told: date | str) -> date:
    return date.fromisoformat(told) if isinstance(told, str) else told


def differences_words(differences: Sequence[Mapping[str, Any]]) -> list[tuple[str, str, str]]:
    """Return figures that were counted anew: what they are called, before and after, with their n."""
    return [
        (
            label_of(one["code"]),
            _amount_and_n(one["code"], one["before"]),
            _amount_and_n(one["code"], one["after"]),
        )
        for one in differences
        if one["code"] in BY_CODE
    ]


def _amount_and_n(code: str, kept: Mapping[str, Any]) -> str:
    figure, value = BY_CODE[code], Value.from_json(kept)
    amount, many = amount_words(figure, value), n_words(figure, value)
    return f"{amount} ({many})" if many else amount
