"""Targets as people type them: `4 h`, `30 min`, `1.5 h`, `1 h 30 min`, `3 d`."""

from __future__ import annotations

import re
from datetime import timedelta
from decimal import Decimal

from servicedesk.core.text import msgid
from servicedesk.sla.cycles import Target, WorkingDays
from servicedesk.sla.plan import PlanError, check_target

HOURS, MINUTES, DAYS = "hours", "minutes", "days"
UNITS = {
    **dict.fromkeys(("h", "hour", "hours", "hora", "horas"), HOURS),
    **dict.fromkeys(("min", "m", "minute", "minutes", "minuto", "minutos"), MINUTES),
    **dict.fromkeys(("d", "day", "days", "día", "dia", "días", "dias"), DAYS),
}
PART = re.compile(r"(\d{1,7}(?:[.,]\d{1,4})?)\s*([^\W\d_]+)")
LONGEST_WORDS = 40


def parse_target(words: str) -> Target:
    """Return the target that somebody typed: business time, or working days for days.

    Raises PlanError.
    """
    parts = PART.findall(words.strip().lower()) if len(words) <= LONGEST_WORDS else []
    if not parts or PART.sub("", words.strip().lower()).strip():
        raise PlanError(msgid("Write it like 4 h, 30 min, 1.5 h or 3 d."))
    amounts: dict[str, Decimal] = {}
    for number, word in parts:
        unit = UNITS.get(word)
        if unit is None or unit in amounts:
            raise PlanError(msgid("Write it like 4 h, 30 min, 1.5 h or 3 d."))
        amounts[unit] = Decimal(number.replace(",", "."))
    target = _target(amounts)
    check_target(target)
    return target


def _target(amounts: dict[str, Decimal]) -> Target:
    if DAYS in amounts:
        if len(amounts) > 1:
            raise PlanError(msgid("Give working days or hours, not both."))
        if amounts[DAYS] % 1:
            raise PlanError(msgid("Working days are whole days."))
        return WorkingDays(days=int(amounts[DAYS]))
    seconds = amounts.get(HOURS, Decimal(0)) * 3600 + amounts.get(MINUTES, Decimal(0)) * 60
    return timedelta(seconds=round(seconds))


def typed(target: Target) -> str:
    """Return a target as `parse_target` reads it."""
    if isinstance(target, WorkingDays):
        return f"{target.days} d"
    minutes, seconds = divmod(round(target.total_seconds()), 60)
    if seconds:  # nobody types seconds: what a factor makes of a target may have them
        return f"{Decimal(minutes * 60 + seconds) / 60:.2f} min"
    hours, minutes = divmod(minutes, 60)
    parts = [f"{hours} h"] if hours else []
    parts += [f"{minutes} min"] if minutes else []
    return " ".join(parts)
