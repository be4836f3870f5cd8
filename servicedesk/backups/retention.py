"""Which backups are kept: the last of so many days, weeks and months, and always the newest."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Hashable
    from datetime import datetime

KEEP_DAILY, KEEP_WEEKLY, KEEP_MONTHLY = 7, 5, 12


def kept(
    taken: Collection[datetime],
    *,
    daily: int = KEEP_DAILY,
    weekly: int = KEEP_WEEKLY,
    monthly: int = KEEP_MONTHLY,
) -> set[datetime]:
    """Return which of the backups taken at these times stay.

    A day, week or month counts only if there is a backup of it: when none are made, none go.
    """
    newest_first = sorted(taken, reverse=True)
    return (
        set(newest_first[:1])
        | _last_of(newest_first, lambda at: at.date(), daily)
        | _last_of(newest_first, lambda at: at.isocalendar()[:2], weekly)
        | _last_of(newest_first, lambda at: (at.year, at.month), monthly)
    )


def _last_of(
    newest_first: list[datetime], period: Callable[[datetime], Hashable], count: int
) -> set[datetime]:
    last: dict[Hashable, datetime] = {}
    for at in newest_first:
        last.setdefault(period(at), at)
    return set(list(last.values())[:count])
