"""Words for people, carried untranslated until a reader's language is known."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

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

    def to_json(self) -> dict[str, Any]:
        """Return it as a row keeps it until somebody reads it."""
        values = {
            name: value.to_json() if isinstance(value, Text) else value
            for name, value in self.values.items()
        }
        return {"words": self.msgid, "values": values}

    @classmethod
    def from_json(cls, kept: Mapping[str, Any]) -> Text:
        """Return what a row keeps; its values stay as they are, but for texts among them."""
        values = {
            name: Verbatim(value)
            if isinstance(value, str)
            else cls.from_json(value)
            if isinstance(value, dict)
            else value
            for name, value in kept["values"].items()
        }
        return cls(kept["words"], values)

    def __str__(self) -> str:
        """Return the English sentence."""
        return self.msgid % self.values if self.values else self.msgid
