"""National and regional holidays from the `holidays` package, as the calendar knows them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import holidays

from servicedesk.sla.calendar import Holiday

if TYPE_CHECKING:
    from collections.abc import Iterable


def spanish_holidays(years: Iterable[int], subdivision: str | None = None) -> tuple[Holiday, ...]:
    """Return the national holidays of Spain, and those of a region (MD, VC, PV …), named in Spanish.

    Municipal days are in no package: they are added to a calendar by hand.
    """
    found = holidays.country_holidays("ES", subdiv=subdivision, years=list(years), language="es")
    return tuple(Holiday(day, name) for day, name in sorted(found.items()))
