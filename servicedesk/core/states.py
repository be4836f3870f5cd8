"""Declared state machines: which moves exist, from where to where."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, TypeVar

from servicedesk.core.errors import NotAllowedNow

if TYPE_CHECKING:
    from collections.abc import Mapping

S = TypeVar("S")


@dataclass(frozen=True, slots=True)
class StateMachine(Generic[S]):
    """The allowed moves between states of one kind of thing."""

    moves: Mapping[S, frozenset[S]]

    def allows(self, before: S, after: S) -> bool:
        """Whether a thing in `before` may move to `after`."""
        return after in self.moves[before]

    def check(self, before: S, after: S) -> S:
        """Return `after`, or raise NotAllowedNow."""
        if not self.allows(before, after):
            raise NotAllowedNow
        return after

    def finals(self) -> frozenset[S]:
        """Return the states that nothing leaves."""
        return frozenset(state for state, targets in self.moves.items() if not targets)
