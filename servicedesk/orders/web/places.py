"""Sightings as people read them: coordinates in words, and a map drawn here."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from babel import Locale
from flask_babel import format_decimal
from flask_babel import gettext as _

from servicedesk.shell.assets import asset_path
from servicedesk.shell.formatting import instant
from servicedesk.shell.language import chosen_language
from servicedesk.shell.maps import Place, draw_map
from servicedesk.shell.outlines import OUTLINES, countries

if TYPE_CHECKING:
    from collections.abc import Sequence

    from servicedesk.orders.positions.looking import Sighting
    from servicedesk.shell.maps import Marker, Picture

KILOMETRE = 1000  # metres


@dataclass(frozen=True, kw_only=True)
class Mapped:
    """What one look shows: the sightings, each with its words and its marker, and their map."""

    rows: list[tuple[Sighting, str, Marker]]
    picture: Picture
    names: dict[str, str]  # of countries, in the reader's language
    alternative: str  # what the map shows, for who does not see it

    @property
    def all_to_scale(self) -> bool:
        """Whether every circle is as wide as its accuracy."""
        return all(marker.is_to_scale for marker in self.picture.markers)


def mapped(sightings: Sequence[Sighting]) -> Mapped:
    """Return sightings with their map."""
    picture = draw_map(
        [Place(latitude=s.latitude, longitude=s.longitude, accuracy=s.accuracy) for s in sightings],
        countries(asset_path(OUTLINES)),
    )
    rows = [(s, place_words(s), picture.marker_of(index)) for index, s in enumerate(sightings)]
    territories = Locale.parse(chosen_language()).territories
    return Mapped(
        rows=rows,
        picture=picture,
        names={
            land.code: territories[land.code] for land in picture.land if land.code in territories
        },
        alternative=" ".join(f"{s.device_name}: {words}." for s, words, _marker in rows),
    )


def place_words(seen: Sighting) -> str:
    """Return where and when: “40.4168° N, 3.7038° W, within 25 m, taken Tue 24 Nov, 10:12”."""
    return str(
        _(
            "%(coordinates)s, within %(distance)s, taken %(when)s",
            coordinates=coordinates(seen.latitude, seen.longitude),
            distance=distance(seen.accuracy),
            when=instant(seen.taken_at),
        )
    )


def coordinates(latitude: float, longitude: float) -> str:
    """Return degrees with their points of the compass; four decimals are eleven metres."""
    upwards, sideways = _degrees(latitude), _degrees(longitude)
    north = _("%(degrees)s° N", degrees=upwards) if latitude >= 0 else None
    east = _("%(degrees)s° E", degrees=sideways) if longitude >= 0 else None
    return ", ".join(
        [
            north or _("%(degrees)s° S", degrees=upwards),
            east or _("%(degrees)s° W", degrees=sideways),
        ]
    )


def _degrees(value: float) -> str:
    return str(format_decimal(abs(value), "0.0000"))


def distance(metres: float) -> str:
    """Return metres, or kilometres where there are many."""
    if metres < KILOMETRE:
        return str(_("%(metres)s m", metres=format_decimal(round(metres))))
    return str(_("%(kilometres)s km", kilometres=format_decimal(round(metres / KILOMETRE, 1))))
