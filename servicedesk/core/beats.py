"""What the elected clock writes itself: functions it calls again and again in a transaction of its term.

A beat gets a session of the database's owner and returns how much it wrote; the clock commits. The
transaction holds the clock's lease, so only the elected clock can write, and one beat at a time: a
beat asks indexed questions, writes rows and jobs, and leaves all work to the jobs. It must not commit
itself, since what came after that would be written without the lease. One that fails is rolled back,
logged and tried again soon; the others go on.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import timedelta

    from sqlalchemy.orm import Session


@dataclass(frozen=True, kw_only=True)
class Beat:
    """A declared beat."""

    name: str
    every: timedelta
    run: Callable[[Session], int]


BEATS: dict[str, Beat] = {}


def beat(
    name: str, *, every: timedelta
) -> Callable[[Callable[[Session], int]], Callable[[Session], int]]:
    """Declare a function as the beat `name`; the module is to be listed in the registry."""

    def declare(function: Callable[[Session], int]) -> Callable[[Session], int]:
        if name in BEATS:
            raise ValueError(f"two beats are named {name}")
        BEATS[name] = Beat(name=name, every=every, run=function)
        return function

    return declare
