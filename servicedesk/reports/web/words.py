"""What pages say of reports, in the reader's language."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING

from flask_babel import format_date, format_datetime, get_locale
from flask_babel import gettext as _

from servicedesk.reports.cells import as_words
from servicedesk.reports.formats.csv_file import WAYS
from servicedesk.reports.kinds import KINDS
from servicedesk.reports.models import FORMAT_LABELS, Rhythm
from servicedesk.reports.periods import PERIOD_LABELS, Period
from servicedesk.reports.rhythms import FIRST_WORKING_DAY
from servicedesk.reports.web.forms import WEEKDAYS
from servicedesk.shell.formatting import number
from servicedesk.shell.language import translate

if TYPE_CHECKING:
    from collections.abc import Iterator

    from servicedesk.core.actors import Actor
    from servicedesk.reports.cells import Cell
    from servicedesk.reports.models import Report, ReportSchedule

_BY_CODE = {kind.code: kind for kind in KINDS}


def kind_words(code: str) -> str:
    """Return what a kind is called."""
    kind = _BY_CODE.get(code)
    return translate(kind.label) if kind else code


def cell_words(cell: Cell) -> str:
    """Return a cell for a page: times are of the report's zone already."""
    if cell is None or cell == "":
        return "—"
    if isinstance(cell, datetime):
        return str(format_datetime(cell, "d MMM y, HH:mm", rebase=False))
    if isinstance(cell, date):
        return str(format_date(cell, "medium"))
    if isinstance(cell, (int, float, Decimal)):
        return number(float(cell))
    if isinstance(cell, timedelta):
        return as_words(cell)
    return as_words(cell, WAYS.get(str(get_locale())[:2], WAYS["en"])[1])


def schedule_words(schedule: ReportSchedule) -> str:
    """Return when a report comes, as a sentence."""
    at = {"hour": f"{schedule.hour}:00", "zone": schedule.time_zone}
    if schedule.rhythm is Rhythm.DAILY:
        return str(_("Every day at %(hour)s (%(zone)s)") % at)
    if schedule.rhythm is Rhythm.WEEKLY:
        day = translate(WEEKDAYS[schedule.weekday or 0]).lower()
        return str(_("Every %(day)s at %(hour)s (%(zone)s)") % (at | {"day": day}))
    if schedule.month_day == FIRST_WORKING_DAY:
        return str(
            _("On the first day from Monday to Friday of each month at %(hour)s (%(zone)s)") % at
        )
    return str(
        _("On day %(day)s of each month at %(hour)s (%(zone)s)")
        % (at | {"day": schedule.month_day})
    )


def period_words(report: Report) -> str:
    """Return the period of a report."""
    if report.period is Period.OWN and report.first_on and report.last_on:
        days = {"first": format_date(report.first_on), "last": format_date(report.last_on)}
        return str(_("%(first)s to %(last)s") % days)
    return translate(PERIOD_LABELS[report.period]) if report.period else ""


def asked_words(report: Report, actor: Actor) -> list[tuple[str, str]]:
    """Return what a report asks for, as facts."""
    return list(_asked(report, actor))


def _asked(report: Report, actor: Actor) -> Iterator[tuple[str, str]]:
    kind = _BY_CODE.get(report.kind)
    yield _("What it is about"), kind_words(report.kind)
    if not actor.is_contact:
        yield _("Client"), report.client.name if report.client else _("All clients")
    if report.period:
        yield _("Period"), period_words(report)
    if kind is None:
        return
    for one in kind.filters:
        if value := report.filters.get(one.code):
            labels = {str(code): label for code, label in (one.labels or {}).items()}
            yield translate(one.label), translate(labels[value]) if value in labels else value
    names = {column.code: translate(column.label) for column in kind.columns}
    yield _("Columns"), ", ".join(names.get(code, code) for code in report.columns)
    yield _("Format"), translate(FORMAT_LABELS[report.format])
    yield _("Time zone"), report.time_zone
