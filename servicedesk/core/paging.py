"""Pages by key: the cursor is where the last page ended, so no page is ever slow or shifts."""

from __future__ import annotations

import base64
import binascii
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from servicedesk.core.errors import InvalidInput
from servicedesk.core.text import msgid

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

T = TypeVar("T")
PAGE_SIZE = 25
LARGEST_PAGE = 200
LARGEST_KEY = 2**63 - 1


@dataclass(frozen=True)
class Page(Generic[T]):
    """A piece of a list; `next` is the cursor of the following piece, None at the end."""

    items: Sequence[T]
    next: str | None


def encode_cursor(key: list[Any]) -> str:
    """Return a key as an opaque word for an address."""
    return base64.urlsafe_b64encode(json.dumps(key).encode()).decode().rstrip("=")


def decode_cursor(cursor: str | None, *kinds: type) -> list[Any] | None:
    """Return the key in a cursor, checked to be of these kinds; None for no cursor.

    Raises InvalidInput for anything that `encode_cursor` did not write.
    """
    if not cursor:
        return None
    try:
        key = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
    except (ValueError, binascii.Error):
        key = None
    if not isinstance(key, list) or [type(part) for part in key] != list(kinds):
        raise InvalidInput(msgid("This is not a cursor of this list."), field="cursor")
    if any(isinstance(part, int) and abs(part) > LARGEST_KEY for part in key):
        raise InvalidInput(msgid("This is not a cursor of this list."), field="cursor")
    return key


def page_of(found: Sequence[T], size: int, key: Callable[[T], list[Any]]) -> Page[T]:
    """Return a page of `size` from a query that asked for one more."""
    items = found[:size]
    return Page(items, encode_cursor(key(items[-1])) if len(found) > size else None)
