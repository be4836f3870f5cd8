"""Facts that travel upward: an operation publishes, packages above react in the same transaction."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

    from servicedesk.core.unit_of_work import Work


class Event:
    """A fact: past tense, frozen, with the ids that a reaction needs."""


E = TypeVar("E", bound=Event)
_reactions: dict[type[Event], list[Callable[[Work, Any], None]]] = defaultdict(list)


def subscribe(event: type[E], reaction: Callable[[Work, E], None]) -> None:
    """Have `reaction` run, before the commit, whenever an `event` is published. Idempotent."""
    if reaction not in _reactions[event]:
        _reactions[event].append(reaction)


def reactions_to(event: Event) -> tuple[Callable[[Work, Any], None], ...]:
    """Return what must run for `event`, in the order of subscription."""
    return tuple(_reactions[type(event)])
