"""What else has a date: the calendar asks sources it was given, and knows none of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from datetime import datetime

    from servicedesk.core.actors import Actor


class OtherDate(NamedTuple):
    """Something that is or was at a time, as its source tells it."""

    starts_at: datetime
    ends_at: datetime
    title: str
    reference: str
    client_name: str
    kind: str  # msgid
    state: str  # msgid


@dataclass(frozen=True, kw_only=True)
class DateSource:
    """Where dates come from, in one statement, and how they are told from planned work."""

    label: str  # msgid: the sign in the legend
    sign: str  # name of an icon
    page: str  # endpoint of one of them, which takes its reference
    # of the actor's own clients, or of this one: what lies between two instants
    between: Callable[[Actor, int | None, datetime, datetime], Iterable[OtherDate]]


_sources: list[DateSource] = []


def use_sources(*sources: DateSource) -> None:
    """Tell what else the calendar shows; the composition root calls this."""
    _sources[:] = sources


def sources() -> Sequence[DateSource]:
    """Return what was told."""
    return tuple(_sources)
