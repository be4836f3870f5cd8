"""What pages say of a schedule, as people would say it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from babel.dates import get_day_names
from flask_babel import format_date, get_locale, gettext, ngettext

from servicedesk.planning.schedule import After, Cron, Interval, Once, Unit, from_json
from servicedesk.shell.formatting import instant
from servicedesk.shell.navigation import to

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime
    from typing import Any

    from servicedesk.planning.schedule import Schedule

SUNDAY = 6  # of Python's weekdays; cron's are one later, with Sunday as 0 and 7
WEEK = 7
MINUTES, HOURS = 60, 24
LAST_DAYS = (29, 30, 31)  # some months have none
NAMES = {name: number for number, name in enumerate(("MON", "TUE", "WED", "THU", "FRI", "SAT"), 1)}
NAMES["SUN"] = 0
PAGES = {
    "DEV-": "devices.show",
    "OT-": "orders.show",
    "PET-": "tickets.show",
    "INC-": "tickets.show",
    "CON-": "tickets.show",
    "TP-": "planned.task",
}


def subject_address(subject: str | None) -> str | None:
    """Return where what a line of a log is about can be looked at."""
    page = next((page for sign, page in PAGES.items() if subject and subject.startswith(sign)), "")
    return to(page, reference=subject) if page else None


def kept_schedule_words(kept: Mapping[str, Any], after: str = "") -> str:
    """Return what a stored schedule says; `after` is the task it follows."""
    return schedule_words(from_json(dict(kept)), after)


def schedule_words(schedule: Schedule, after: str = "") -> str:
    """Return a schedule as a sentence without capital: “every day at 02:30 (Europe/Madrid)”."""
    if isinstance(schedule, After):
        return _after_words(schedule, after)
    zone = schedule.zone
    if isinstance(schedule, Once):
        return (
            str(gettext("once: %(when)s", when=instant(schedule.at, "long", zone))) + f" ({zone})"
        )
    words = cron_words(schedule) if isinstance(schedule, Cron) else _interval_words(schedule)
    words += f" ({zone})"
    if schedule.until is not None:
        words += gettext(", until %(date)s", date=format_date(schedule.until, "medium"))
    return words


def _after_words(schedule: After, after: str) -> str:
    if not schedule.minutes:
        return str(gettext("as soon as %(task)s went well", task=after))
    return str(
        ngettext(
            "%(num)s minute after %(task)s went well",
            "%(num)s minutes after %(task)s went well",
            schedule.minutes,
            task=after,
        )
    )


def _interval_words(schedule: Interval) -> str:
    start, count = schedule.starts_at, schedule.count
    at = f"{start:%H:%M}"
    match schedule.unit:
        case Unit.SECOND:
            return str(ngettext("every second", "every %(num)s seconds", count))
        case Unit.MINUTE:
            return str(ngettext("every minute", "every %(num)s minutes", count))
        case Unit.HOUR:
            return str(ngettext("every hour", "every %(num)s hours", count)) + " " + _from(start)
        case Unit.DAY:
            return str(
                ngettext("every day at %(at)s", "every %(num)s days at %(at)s", count, at=at)
            )
        case Unit.WEEK:
            return str(
                ngettext(
                    "every %(day)s at %(at)s",
                    "every %(num)s weeks, %(day)s at %(at)s",
                    count,
                    day=day_name(start.weekday()),
                    at=at,
                )
            )
        case Unit.MONTH:
            return _monthly(start.day, count, at)


def _from(start: datetime) -> str:
    return str(gettext("from %(at)s on", at=f"{start:%H:%M}"))


def _monthly(day: int, count: int, at: str) -> str:
    words: str = ngettext(
        "on day %(day)s of every month at %(at)s",
        "on day %(day)s of every %(num)s months at %(at)s",
        count,
        day=day,
        at=at,
    )
    return words + gettext(" (or the last day)") if day in LAST_DAYS else words


def day_name(weekday: int) -> str:
    """Return the name of a weekday, 0 for Monday, inside a sentence."""
    return str(get_day_names("wide", locale=get_locale())[weekday])


def cron_words(schedule: Cron) -> str:
    """Return a plain reading of the usual expressions, and the expression itself for others."""
    minute, hour, day, month, weekday = schedule.expression.upper().split()
    if month == "*":
        at = _clock(minute, hour)
        if at and day == "*" and weekday == "*":
            return str(gettext("every day at %(at)s", at=at))
        if at and day == "*" and (days := _weekdays(weekday)):
            return _weekly(days, at)
        if at and weekday == "*" and (words := _monthdays(day, at)):
            return words
        if (day, weekday) == ("*", "*") and (words := _often(minute, hour)):
            return words
    return str(gettext("by the expression %(expression)s", expression=schedule.expression))


def _clock(minute: str, hour: str) -> str:
    if minute.isdigit() and hour.isdigit():
        return f"{int(hour):02d}:{int(minute):02d}"
    return ""


def _weekdays(field: str) -> list[int]:
    """Return the weekdays of a field, 0 for Monday; nothing where it is more than a list or range."""
    found: list[int] = []
    for part in field.split(","):
        ends = [NAMES.get(end, int(end) if end.isdigit() else -1) for end in part.split("-")]
        if not 1 <= len(ends) <= 2 or any(not 0 <= end <= WEEK for end in ends):  # noqa: PLR2004
            return []
        found += range(ends[0], ends[-1] + 1)
    return list(dict.fromkeys((number + SUNDAY) % WEEK for number in found))


def _weekly(days: list[int], at: str) -> str:
    if len(days) > 2 and days == list(range(days[0], days[-1] + 1)):  # noqa: PLR2004
        ends = {"first": day_name(days[0]), "last": day_name(days[-1])}
        return str(gettext("from %(first)s to %(last)s at %(at)s", at=at, **ends))
    return str(
        gettext("every %(days)s at %(at)s", days=", ".join(day_name(day) for day in days), at=at)
    )


def _monthdays(field: str, at: str) -> str:
    if field == "L":
        return str(gettext("on the last day of every month at %(at)s", at=at))
    if not re.fullmatch(r"\d+(,\d+)*", field):
        return ""
    days = field.replace(",", ", ")
    return str(
        ngettext(
            "on day %(days)s of every month at %(at)s",
            "on days %(days)s of every month at %(at)s",
            field.count(",") + 1,
            days=days,
            at=at,
        )
    )


def _often(minute: str, hour: str) -> str:
    """Return what is said of minutes and hours that come evenly."""
    minutes, hours = _step(minute, MINUTES), _step(hour, HOURS)
    if minutes and hour == "*":
        return str(ngettext("every minute", "every %(num)s minutes", minutes))
    if hours and minute.isdigit():
        return str(
            ngettext(
                "every hour at minute %(minute)s",
                "every %(num)s hours at minute %(minute)s",
                hours,
                minute=int(minute),
            )
        )
    return ""


def _step(field: str, whole: int) -> int:
    """Return the n of `*/n` where it divides the whole evenly, 1 for `*`, else 0."""
    found = re.fullmatch(r"\*(?:/(\d{1,2}))?", field)
    if found is None:
        return 0
    step = int(found[1] or 1)
    return step if step and whole % step == 0 else 0
