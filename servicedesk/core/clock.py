"""The one source of the present instant, so that a demonstration can tell last year's story."""

from __future__ import annotations

from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_told: ContextVar[datetime | None] = ContextVar("told_instant", default=None)


def now() -> datetime:
    """Return the present instant, aware, in UTC."""
    return _told.get() or datetime.now(UTC)


@contextmanager
def told_as(instant: datetime) -> Iterator[None]:
    """Make `now()` answer `instant` inside the block (this context only)."""
    token = _told.set(instant.astimezone(UTC))
    try:
        yield
    finally:
        _told.reset(token)
