"""A contract year in the reader's words: once for the page, the paper and the chart."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from flask_babel import format_date, format_datetime
from flask_babel import gettext as _

from servicedesk.engagement.budget import days_of
from servicedesk.engagement.contract_time import day_of
from servicedesk.engagement.forecast import burn_down
from servicedesk.engagement.models import (
    ENTRY_LABELS,
    KIND_LABELS,
    STATE_LABELS,
    EntryKind,
    VisitState,
)
from servicedesk.engagement.statement import EFFECTS, statement_lines
from servicedesk.shell.charts.values import Point, Tone, TrendChart
from servicedesk.shell.formatting import number
from servicedesk.shell.language import translate

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import date
    from fractions import Fraction

    from servicedesk.engagement.forecast import BurnDown, Burnt
    from servicedesk.engagement.models import LedgerEntry, Visit
    from servicedesk.engagement.queries import YearView

SUMMARY_LENGTH = 280


@dataclass(frozen=True, kw_only=True)
class EntryWords:
    """A line of the ledger as it is shown."""

    day: str
    what: str
    about: str
    reference: str  # of the visit, where there is one
    reason: str
    who: str
    reserved: str
    consumed: str
    left: str


@dataclass(frozen=True, kw_only=True)
class VisitWords:
    """A visit as the statement shows it."""

    reference: str
    day: str
    title: str
    kind: str
    state: str
    days: str
    summary: str


@dataclass(frozen=True, kw_only=True)
class StatementWords:
    """What the page and the paper say of a year: the same figures."""

    title: str
    client: str
    period: str
    sums: list[tuple[str, str]]
    opening: str  # what was left before the first line
    entries: list[EntryWords]
    visits: list[VisitWords]


def quarters_words(quarters: int) -> str:
    """Return quarters as days, as the reader writes numbers."""
    return number(days_of(quarters))  # type: ignore[arg-type]  # exact: never a float


def statement_words(view: YearView) -> StatementWords:
    """Return a year's statement in the language of whoever reads it."""
    year, budget = view.year, view.year.budget
    sums = [(_("Days of the contract"), quarters_words(year.granted_quarters))]
    if year.added_quarters:
        sums.append((_("Added by amendment"), quarters_words(year.added_quarters)))
    sums += [
        (_("Consumed days"), quarters_words(budget.consumed_quarters)),
        (_("Reserved days"), quarters_words(budget.reserved_quarters)),
        (_("Days left"), quarters_words(budget.left_quarters)),
    ]
    return StatementWords(
        title=_("Statement of days, contract year %(number)s", number=year.number),
        client=view.client.name,
        period=f"{format_date(year.first_on, 'medium')} - {format_date(year.last_on, 'medium')}",
        sums=sums,
        opening=quarters_words(year.granted_quarters),
        entries=list(_entries(view)),
        visits=[_visit(view, visit) for visit in view.visits],
    )


def _entries(view: YearView) -> Iterator[EntryWords]:
    visits = {visit.id: visit for visit in view.visits}
    amendments = {amendment.id: amendment for amendment in view.amendments}
    zone = ZoneInfo(view.contract.time_zone)
    for line in statement_lines(view.year.granted_quarters, view.entries):
        entry = line.entry
        reserved, consumed, _added = EFFECTS[entry.kind]
        visit = visits.get(entry.visit_id or 0)
        amendment = amendments.get(entry.amendment_id or 0)
        yield EntryWords(
            day=format_date(entry.at.astimezone(zone).date(), "medium"),
            what=_what(entry),
            about=visit.title if visit else amendment.reason if amendment else _moved_away(entry),
            reference=visit.reference if visit else "",
            reason="" if amendment else entry.reason,
            who=entry.author_name,
            reserved=_signed(reserved * entry.quarters),
            consumed=_signed(consumed * entry.quarters),
            left=quarters_words(line.after.left_quarters),
        )


def _what(entry: LedgerEntry) -> str:
    words = translate(ENTRY_LABELS[entry.kind])
    if entry.kind is EntryKind.AMEND:
        return f"{words}: {quarters_words(entry.quarters)}"
    return words


def _moved_away(entry: LedgerEntry) -> str:
    """Return what stands for a visit that went to another contract year."""
    return _("A visit that is in another contract year now") if entry.visit_id else ""


def _signed(quarters: int) -> str:
    if not quarters:
        return ""
    return f"{'+' if quarters > 0 else chr(0x2212)}{quarters_words(abs(quarters))}"


def _visit(view: YearView, visit: Visit) -> VisitWords:
    return VisitWords(
        reference=visit.reference,
        day=format_date(day_of(view.contract, visit.starts_at), "medium"),
        title=visit.title,
        kind=translate(KIND_LABELS[visit.kind]),
        state=translate(STATE_LABELS[visit.state]),
        days=quarters_words(0 if visit.state is VisitState.CANCELLED else visit.quarters),
        summary=summary(visit.minutes),
    )


def summary(minutes: str) -> str:
    """Return the first paragraph of minutes, not too long."""
    first = " ".join(minutes.strip().split("\n\n")[0].split())
    return first if len(first) <= SUMMARY_LENGTH else first[:SUMMARY_LENGTH].rstrip() + "…"


def when_words(visit: Visit) -> str:
    """Return day and hours of a visit where its contract is at home."""
    zone = ZoneInfo(visit.contract.time_zone)
    start, end = visit.starts_at.astimezone(zone), visit.ends_at.astimezone(zone)
    begin = format_datetime(start, "EEE d MMM y, HH:mm", rebase=False)
    pattern = "HH:mm" if start.date() == end.date() else "EEE d MMM, HH:mm"
    return f"{begin} - {format_datetime(end, pattern, rebase=False)}"


def burnt(view: YearView) -> BurnDown:
    """Return how the days of a year burn down."""
    zone, of = ZoneInfo(view.contract.time_zone), view.contract
    return burn_down(
        first_on=view.year.first_on,
        last_on=view.year.last_on,
        today=view.today,
        granted=view.year.granted_quarters,
        added=[
            (entry.at.astimezone(zone).date(), entry.quarters)
            for entry in view.entries
            if entry.kind is EntryKind.AMEND
        ],
        consumed=[
            (day_of(of, visit.starts_at), visit.consumed_quarters)
            for visit in view.visits
            if visit.consumed_quarters
        ],
        planned=[
            (day_of(of, visit.starts_at), visit.reserved_quarters)
            for visit in view.visits
            if visit.reserved_quarters
        ],
    )


def burn_down_chart(found: BurnDown) -> TrendChart:
    """Return the picture of what was left and what will be."""
    lines: tuple[tuple[str, Callable[[Burnt], Fraction | None], Tone], ...] = (
        (_("Not consumed"), lambda point: point.left, Tone.GOOD),
        (_("At this rate"), lambda point: point.at_this_rate, Tone.WARN),
        (_("As planned"), lambda point: point.as_planned, Tone.CALM),
    )
    return TrendChart(
        title=_("How the days burn down"),
        head=_("End of"),
        points=tuple(
            _point(point, series, of(point), tone)
            for series, of, tone in lines
            for point in found.points
            if any(of(other) is not None for other in found.points)
        ),
    )


def _point(point: Burnt, series: str, quarters: Fraction | None, tone: Tone) -> Point:
    value = None if quarters is None else round(float(quarters / 4), 2)
    return Point(label=_label(point.day), series=series, value=value, tone=tone)


def _label(day: date) -> str:
    return str(format_date(day, "d MMM"))


def rate_words(view: YearView, found: BurnDown) -> str:
    """Return when the days run out at the rate so far."""
    words = ""
    if found.runs_out_on is not None:
        words = _(
            "At the rate so far they run out on %(day)s.",
            day=format_date(found.runs_out_on, "medium"),
        )
    elif view.year.budget.consumed_quarters and view.year.budget.left_quarters:
        words = _("At the rate so far they last until the end of the contract year.")
    return words
