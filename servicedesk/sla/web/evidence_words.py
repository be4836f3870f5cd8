"""Clocks, and what stands behind figures, in the words of a page."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

from babel.dates import get_day_names
from flask_babel import format_date
from flask_babel import gettext as _

from servicedesk.accounts.models import User
from servicedesk.core import database
from servicedesk.core.text import msgid
from servicedesk.shell.language import chosen_language, translate
from servicedesk.shell.session import current_actor
from servicedesk.sla.cycles import METRIC_LABELS, STANDING_LABELS, Metric, Standing
from servicedesk.sla.evidence import HOURS, NOBODYS, OPEN, first_day

if TYPE_CHECKING:
    from collections.abc import Iterator

    from servicedesk.sla.evidence import Evidence

OUTCOME_LABELS = {
    "": msgid("Decided"),
    "met": msgid("Met"),
    "near": msgid("Near miss"),
    "breached": msgid("Breached"),
}


def month_words(month: date | str) -> str:
    """Return a month as the reader says it: November 2026."""
    day = first_day(month) if isinstance(month, str) else month
    return str(format_date(day, "LLLL y"))


def short_month(month: date | str) -> str:
    """Return a month in few letters: Nov 26."""
    day = first_day(month) if isinstance(month, str) else month
    return str(format_date(day, "LLL yy"))


def weekday_names(width: str = "wide") -> list[str]:
    """Return the days of the week in the reader's language, Monday first."""
    names = get_day_names(width, "stand-alone", chosen_language())  # type: ignore[arg-type]
    return [str(names[day]) for day in range(7)]


def hour_words(hour: int) -> str:
    """Return an hour of the day as it is on a clock: 9 to 10."""
    return f"{hour}\u2013{(hour + 1) % HOURS or HOURS}"


def evidence_words(asked: Evidence) -> list[str]:
    """Return what stands behind a figure, in the reader's words; one statement at most."""
    return [
        words
        for words in (*_cycles(asked), *_ledgers(asked), *_days(asked), *_agent(asked))
        if words
    ]


def _cycles(asked: Evidence) -> Iterator[str]:
    if not asked.counts_cycles:
        return
    metric = translate(METRIC_LABELS[Metric(asked.metric)]) if asked.metric else _("All targets")
    yield f"{metric}: {translate(OUTCOME_LABELS[asked.outcome]).lower()}"
    if asked.month:
        yield month_words(asked.month)


def _ledgers(asked: Evidence) -> Iterator[str]:
    if asked.sla == OPEN:
        yield _("Open")
    elif asked.sla:
        yield _("Open: %(standing)s", standing=translate(STANDING_LABELS[Standing(asked.sla)]))
    if asked.arrived:
        yield _("Arrived in %(month)s", month=month_words(asked.arrived))
    if asked.weekday:
        yield weekday_names()[int(asked.weekday) - 1]
    if asked.hour:
        yield _("at %(hour)s h", hour=hour_words(int(asked.hour)))


def _days(asked: Evidence) -> Iterator[str]:
    if asked.opened_from and asked.opened_to:
        first, last = (date.fromisoformat(day) for day in (asked.opened_from, asked.opened_to))
        yield _("Arrived from %(first)s to %(last)s", first=_day(first), last=_day(last))
    elif asked.opened_from:
        yield _("Arrived since %(day)s", day=_day(date.fromisoformat(asked.opened_from)))
    elif asked.opened_to:
        yield _("Arrived up to %(day)s", day=_day(date.fromisoformat(asked.opened_to)))


def _agent(asked: Evidence) -> Iterator[str]:
    if not asked.agent or current_actor().is_contact:
        return
    if asked.agent == NOBODYS:
        yield _("Nobody has it")
        return
    user = database.session().get(User, int(asked.agent))
    yield user.name if user else ""


def _day(day: date) -> str:
    return str(format_date(day, "medium"))
