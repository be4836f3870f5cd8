"""Public holidays of any country the `holidays` package knows, as a calendar knows them."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

import holidays
from holidays.registry import COUNTRIES

from servicedesk.core.text import msgid
from servicedesk.sla.calendar import Holiday
from servicedesk.sla.notation import NAME_LENGTH, NotationError

if TYPE_CHECKING:
    from collections.abc import Iterable

MOST_YEARS = 25


def spanish_holidays(years: Iterable[int], subdivision: str | None = None) -> tuple[Holiday, ...]:
    """Return the national holidays of Spain, and those of a region (MD, VC, PV …), named in Spanish.

    Municipal days are in no package: they are added to a calendar by hand.
    """
    return public_holidays("ES", years, subdivision or "", "es")


@lru_cache(maxsize=1)
def country_codes() -> tuple[str, ...]:
    """Return the countries that are known, as codes of two letters."""
    return tuple(sorted({names[1] for names in COUNTRIES.values()}))


@lru_cache(maxsize=64)
def subdivisions_of(country: str) -> tuple[tuple[str, str], ...]:
    """Return code and name of a country's regions that have days of their own, by name."""
    if country not in country_codes():
        return ()
    known = holidays.country_holidays(country)
    names: dict[str, str] = {}
    for name, code in known.subdivisions_aliases.items():
        names.setdefault(code, name)
    return tuple(
        sorted(((code, names.get(code, code)) for code in known.subdivisions), key=_by_name)
    )


def _by_name(region: tuple[str, str]) -> str:
    return region[1].casefold()


def public_holidays(
    country: str, years: Iterable[int], subdivision: str = "", language: str = "es"
) -> tuple[Holiday, ...]:
    """Return a country's holidays, and those of a region of it, named in a language if it can be.

    Raises NotationError for a country or region that is not known, and for too many years.
    """
    wanted = list(years)
    if country not in country_codes():
        raise NotationError(msgid("Choose a country."))
    if subdivision and subdivision not in dict(subdivisions_of(country)):
        raise NotationError(msgid("Choose a region of this country."))
    if not 0 < len(wanted) <= MOST_YEARS:
        raise NotationError(msgid("Choose 1 to %(most)s years."), most=MOST_YEARS)
    spoken = holidays.country_holidays(country).supported_languages
    found = holidays.country_holidays(
        country,
        subdiv=subdivision or None,
        years=wanted,
        language=next((one for one in spoken if one.split("_")[0] == language), None),
    )
    return tuple(
        Holiday(day, name.replace("; ", ", ")[:NAME_LENGTH]) for day, name in sorted(found.items())
    )
