"""Words for people, carried untranslated until a reader's language is known."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
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
        values = {name: _kept(value) for name, value in self.values.items()}
        return {"words": self.msgid, "values": values}

    @classmethod
    def from_json(cls, kept: Mapping[str, Any]) -> Text:
        """Return what a row keeps.

        Its values stay as they are, but for texts among them, and instants, named `…_at`.
        """
        values = {name: _read(name, value) for name, value in kept["values"].items()}
        return cls(kept["words"], values)

    def __str__(self) -> str:
        """Return the English sentence."""
        return self.msgid % self.values if self.values else self.msgid


def _kept(value: object) -> object:
    if isinstance(value, Text):
        return value.to_json()
    return value.isoformat() if isinstance(value, datetime) else value


def _read(name: str, value: object) -> object:
    if isinstance(value, dict):
        return Text.from_json(value)
    if not isinstance(value, str):
        return value
    return datetime.fromisoformat(value) if name.endswith("_at") else Verbatim(value)
