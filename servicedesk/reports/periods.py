"""Periods that people name, as days, and days as instants of a wall clock."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from servicedesk.core.text import msgid

if TYPE_CHECKING:
    from collections.abc import Mapping

LONGEST_DAYS = 3 * 366
DAY = timedelta(days=1)
MONTHS_A_QUARTER = 3


class Period(StrEnum):
    """What somebody means by when; all but the last move on with the days."""

    LAST_MONTH = "last_month"
    THIS_MONTH = "this_month"
    LAST_7_DAYS = "last_7_days"
    LAST_30_DAYS = "last_30_days"
    LAST_QUARTER = "last_quarter"
    OWN = "own"


PERIOD_LABELS: Mapping[str, str] = {
    Period.LAST_MONTH: msgid("Last month"),
    Period.THIS_MONTH: msgid("This month"),
    Period.LAST_7_DAYS: msgid("The last 7 days"),
    Period.LAST_30_DAYS: msgid("The last 30 days"),
    Period.LAST_QUARTER: msgid("The last quarter"),
    Period.OWN: msgid("From one day to another"),
}


def days_of(period: Period, today: date) -> tuple[date, date]:
    """Return the first and the last day of a period that moves with the days."""
    month = today.replace(day=1)
    if period is Period.THIS_MONTH:
        return month, today
    if period is Period.LAST_MONTH:
        last = month - DAY
        return last.replace(day=1), last
    if period is Period.LAST_QUARTER:
        begun = (today.month - 1) // MONTHS_A_QUARTER * MONTHS_A_QUARTER + 1
        last = month.replace(month=begun) - DAY
        return last.replace(month=last.month - MONTHS_A_QUARTER + 1, day=1), last
    if period is Period.OWN:
        raise ValueError(period)
    back = {Period.LAST_7_DAYS: 7, Period.LAST_30_DAYS: 30}[period]
    return today - DAY * back, today - DAY


def instants_of(first: date, last: date, zone: str) -> tuple[datetime, datetime]:
    """Return when the first day begins and when the one after the last does, in `zone`."""
    wall = ZoneInfo(zone)
    return (
        datetime.combine(first, time(), wall).astimezone(UTC),
        datetime.combine(last + DAY, time(), wall).astimezone(UTC),
    )
