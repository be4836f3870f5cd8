"""Targets, hours and days in the reader's words."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flask_babel import format_date, get_locale, gettext, ngettext

from servicedesk.shell.formatting import duration
from servicedesk.shell.language import translate
from servicedesk.sla.cycles import Metric, WorkingDays
from servicedesk.sla.notation import span_written
from servicedesk.sla.plan import KINDS, PRIORITIES, RECIPIENT_LABELS

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import date

    from servicedesk.sla.calendar import Holiday, OpenInterval
    from servicedesk.sla.cycles import Target
    from servicedesk.sla.month import DaysAlike


def target_words(target: Target | None) -> str:
    """Return a target: business time, or working days."""
    if target is None:
        return "—"
    if isinstance(target, WorkingDays):
        return str(ngettext("%(num)s working day", "%(num)s working days", target.days))
    return duration(target)


def hours_words(intervals: Iterable[OpenInterval]) -> str:
    """Return the hours of a day, or that it is closed."""
    spans = [span_words(interval.start, interval.end) for interval in intervals]
    return " · ".join(spans) or str(gettext("closed"))


def span_words(start: int, end: int) -> str:
    """Return minutes after midnight as hours."""
    return span_written(start, end).replace("-", "–")  # noqa: RUF001  a range


def holiday_hours(holiday: Holiday) -> str:
    """Return which hours a holiday closes; empty for the whole day."""
    whole = (holiday.closed_from, holiday.closed_until) == (0, 24 * 60)
    return "" if whole else span_words(holiday.closed_from, holiday.closed_until)


def weekday_name(day: int, width: str = "wide") -> str:
    """Return the name of a weekday, Monday 0."""
    return str(get_locale().days["stand-alone"][width][day])


def days_words(days: DaysAlike) -> str:
    """Return one weekday, or from which to which."""
    if days.first == days.last:
        return weekday_name(days.first)
    return str(
        gettext(
            "%(first)s to %(last)s", first=weekday_name(days.first), last=weekday_name(days.last)
        )
    )


def month_words(first: date) -> str:
    """Return month and year."""
    words = str(format_date(first, "MMMM y"))
    return words[:1].upper() + words[1:]


def priority_list(priorities: Iterable[str], labels: Mapping[str, str]) -> str:
    """Return priorities in their order."""
    return ", ".join(translate(labels[one]).lower() for one in PRIORITIES if one in set(priorities))


# what templates of service levels ask for, in the order a plan is read
LEVEL_WORDS = {
    "days_words": days_words,
    "holiday_hours": holiday_hours,
    "hours_words": hours_words,
    "month_words": month_words,
    "plan_kinds": KINDS,
    "plan_metrics": tuple(Metric),
    "plan_priorities": PRIORITIES,
    "priority_list": priority_list,
    "recipient_labels": RECIPIENT_LABELS,
    "span_words": span_words,
    "target_words": target_words,
    "weekday_name": weekday_name,
}
