"""A review as canonical JSON: one text for one content, its SHA-256, and the evidence beside it.

Keys are sorted and instants are UTC, so that the same content is the same text to the byte; the hash is
of that text as UTF-8. The evidence is kept compressed; its hash, of the text before compression, is part
of the content, so that the review's hash covers it as well.
"""

from __future__ import annotations

import hashlib
import json
import zlib
from typing import TYPE_CHECKING, Any

from servicedesk.reviews.metrics.figure import Item

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

FORMAT = "servicedesk.review/1"
Evidence = dict[str, list[Item]]  # by the figure's code


def canonical(content: Mapping[str, Any]) -> str:
    """Return the one text of a content."""
    return json.dumps(content, sort_keys=True, ensure_ascii=False, separators=(",", ":"))


def hash_of(text: str) -> str:
    """Return the SHA-256 of a text, as hexadecimal digits."""
    return hashlib.sha256(text.encode()).hexdigest()


def packed(evidence: Mapping[str, Sequence[Item]]) -> tuple[bytes, str]:
    """Return evidence as it is kept, and the hash of its text."""
    told = canonical({code: [item.to_json() for item in items] for code, items in evidence.items()})
    return zlib.compress(told.encode(), 6), hash_of(told)


def text_of(kept: bytes) -> str:
    """Return the text of kept evidence: what its hash is of."""
    return zlib.decompress(kept).decode()


def unpacked(kept: bytes) -> Evidence:
    """Return kept evidence."""
    told = json.loads(text_of(kept))
    return {code: [Item.from_json(item) for item in items] for code, items in told.items()}


def addendum_hash(before: str, number: int, body: str, differences: Sequence[Any]) -> str:
    """Return the hash of an addendum, which goes on from the one before, or from the review's."""
    return hash_of(
        canonical({"before": before, "number": number, "body": body, "differences": differences})
    )
