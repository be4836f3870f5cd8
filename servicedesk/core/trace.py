"""One identity that follows a piece of work: from the click through jobs and engines to the answer.

A request's identity is its number; a job goes on under the identity of whatever asked for it; what
nobody asked for (a tick of the clock) begins one of its own. It is in every line of the log, in the
audit entry and in the call to an engine, so that one word finds all of it.
"""

from __future__ import annotations

import re
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

import structlog

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

KEY = "_trace"  # among the arguments of a job; no function may have a parameter of this name
WELL_FORMED = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{7,63}")

_current: ContextVar[str] = ContextVar("trace", default="")


def current() -> str:
    """Return the identity of what is being done, empty outside of any work."""
    return _current.get()


def follow(identity: str | None) -> None:
    """Go on under this identity; one that is not known changes nothing."""
    if identity:
        _current.set(identity)
        structlog.contextvars.bind_contextvars(trace=identity)


@contextmanager
def following(identity: str | None) -> Iterator[None]:
    """Work under this identity inside the block, and under the one before it afterwards."""
    before = _current.get()
    follow(identity)
    try:
        yield
    finally:
        forget()
        follow(before)


def forget() -> None:
    """End whatever was followed."""
    _current.set("")
    structlog.contextvars.unbind_contextvars("trace")


def is_well_formed(identity: str) -> bool:
    """Whether a word from outside may serve as an identity."""
    return WELL_FORMED.fullmatch(identity) is not None


def with_trace(arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Return the arguments of a job with the identity of who asks for it, if there is one."""
    return {**arguments, KEY: current()} if current() else dict(arguments)


def without_trace(arguments: Mapping[str, Any]) -> tuple[dict[str, Any], str]:
    """Return the arguments as the job's function takes them, and the identity that came with them."""
    told = {name: value for name, value in arguments.items() if name != KEY}
    return told, str(arguments.get(KEY) or "")
