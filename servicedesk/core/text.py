"""Words for people, carried untranslated until a reader's language is known."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


def msgid(text: str) -> str:
    """Mark `text` for translation and return it unchanged."""
    return text


class Verbatim(str):
    """Words that somebody typed: they stay as they are, even if they are words of ours too."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class Text:
    """A sentence to translate, with the values its placeholders take (`%(name)s`)."""

    msgid: str
    values: Mapping[str, object] = field(default_factory=dict)

    def __str__(self) -> str:
        """Return the English sentence."""
        return self.msgid % self.values if self.values else self.msgid
