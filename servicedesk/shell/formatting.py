"""Instants, durations and numbers as the reader writes them."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from babel.dates import format_skeleton
from flask_babel import (
    format_date,
    format_datetime,
    format_decimal,
    format_percent,
    format_timedelta,
    get_locale,
    gettext,
    ngettext,
)
from jinja2 import StrictUndefined

from servicedesk.core import clock

if TYPE_CHECKING:
    from flask import Flask

KILO = 1000
SMALL_SHARE = 0.1


def install(app: Flask) -> None:
    """Give templates the filters, and make a misspelt name an error."""
    app.jinja_env.undefined = StrictUndefined
    app.jinja_env.trim_blocks = True
    app.jinja_env.lstrip_blocks = True
    app.jinja_env.filters.update(
        datetime=instant,
        from_iso=datetime.fromisoformat,
        date=day,
        month=month,
        ago=ago,
        until=until,
        duration=duration,
        number=number,
        percent=percent,
        filesize=filesize,
    )


def instant(value: datetime | str | None, style: str = "short", zone: str | None = None) -> str:
    """Return date and time in the reader's zone; a mail names its reader's `zone`.

    Facts that are kept hold instants as ISO text.
    """
    if value is None:
        return "—"
    if isinstance(value, str):
        value = datetime.fromisoformat(value)
    in_zone = value.astimezone(ZoneInfo(zone)) if zone else value
    pattern = {"es": "EEE d MMM, HH:mm", "year": "d MMM y, HH:mm"}
    if style == "long":
        return str(format_datetime(in_zone, pattern["year"], rebase=not zone))
    this_year = value.year == clock.now().year
    shown = pattern["es"] if this_year else pattern["year"]
    return str(format_datetime(in_zone, shown, rebase=not zone))


def day(value: date | datetime | None) -> str:
    """Return a date."""
    return str(format_date(value, "medium")) if value else "—"


def month(value: date | str) -> str:
    """Return a month with its year: noviembre de 2026. Facts that are kept hold days as ISO text."""
    day = date.fromisoformat(value) if isinstance(value, str) else value
    return format_skeleton("yMMMM", day, locale=get_locale() or "es")


def ago(value: datetime | None) -> str:
    """Return how long ago, roughly."""
    if value is None:
        return str(gettext("never"))
    return str(format_timedelta(value - clock.now(), add_direction=True))


def until(value: datetime | None) -> timedelta | None:
    """Return the time from now on, negative when past."""
    return value - clock.now() if value else None


def duration(value: timedelta | float | None) -> str:
    """Return hours and minutes in words; seconds when it is less than a minute."""
    if value is None:
        return "—"
    seconds = int(value.total_seconds() if isinstance(value, timedelta) else value)
    seconds = abs(seconds)
    if seconds < 60:  # noqa: PLR2004  a minute
        return str(ngettext("%(num)s second", "%(num)s seconds", seconds))
    hours, minutes = divmod(seconds // 60, 60)
    if not hours:
        return str(gettext("%(minutes)s min", minutes=minutes))
    if not minutes:
        return str(gettext("%(hours)s h", hours=hours))
    return str(gettext("%(hours)s h %(minutes)s min", hours=hours, minutes=minutes))


def number(value: float) -> str:
    """Return a number with the reader's separators."""
    return str(format_decimal(value))


def percent(value: float) -> str:
    """Return a share from 0 to 1 as a percentage, with a decimal where it is small."""
    return str(format_percent(value, "#,##0.# %" if 0 < value < SMALL_SHARE else "#,##0 %"))


def filesize(value: int) -> str:
    """Return bytes in a unit people know."""
    if value < KILO:
        return f"{value} B"
    if value < KILO * KILO:
        return f"{format_decimal(value // KILO)} kB"
    return f"{format_decimal(round(value / KILO / KILO, 1))} MB"
