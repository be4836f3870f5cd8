"""Values that people fill in: the form, the API schema and the check are made from one declaration."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

from servicedesk.core.text import msgid

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

YES = "yes"


class Kind(StrEnum):
    """What a value is; each is written as text."""

    TEXT = "text"
    SECRET = "secret"  # noqa: S105  sealed as soon as it is taken in, and never shown again
    NUMBER = "number"
    CHOICE = "choice"
    FLAG = "flag"  # `yes` or empty


@dataclass(frozen=True, kw_only=True)
class Parameter:
    """A value the action or the section takes."""

    name: str
    label: str
    help: str = ""
    kind: Kind = Kind.TEXT
    required: bool = False
    min_length: int = 0
    max_length: int = 200
    multiline: bool = False
    pattern: str | None = None
    pattern_says: str = msgid("This is not understood.")
    least: int = 0
    most: int = 1_000_000
    choices: Mapping[str, str] = field(default_factory=dict)  # value → label
    default: str = ""  # what is kept where nothing was written
    offers: str = ""  # what of the client's a form lets choose from: groups, profiles, documents

    def fault(self, value: str) -> str | None:
        """Return what is wrong with `value` as a msgid, or None."""
        if not value:
            return msgid("This is needed.") if self.required else None
        if len(value) > self.max_length:
            return msgid("This is too long.")
        if any(_is_odd(character) for character in value):
            return msgid("This contains characters that a device cannot show.")
        return self._fault_of_kind(value)

    def _fault_of_kind(self, value: str) -> str | None:
        if self.kind is Kind.CHOICE and value not in self.choices:
            return msgid("Choose one of the list.")
        if self.kind is Kind.FLAG and value != YES:
            return msgid("Write yes, or leave it empty.")
        if self.kind is Kind.NUMBER and not self._is_number(value):
            return msgid("Write a whole number within the limits.")
        if len(value) < self.min_length:
            return msgid("This is too short.")
        if self.pattern and not re.fullmatch(self.pattern, value):
            return self.pattern_says
        return None

    def _is_number(self, value: str) -> bool:
        return value.isascii() and value.isdigit() and self.least <= int(value) <= self.most


def _is_odd(character: str) -> bool:
    is_control = character < " " and character not in "\r\n\t"
    return is_control or "\ud800" <= character <= "\udfff"  # half a character: no text


SEALED = "•••"


def shown(parameters: Sequence[Parameter], values: Mapping[str, str]) -> dict[str, str]:
    """Return kept values as people and programs may see them: secrets never, not even sealed."""
    secret = {p.name for p in parameters if p.kind is Kind.SECRET}
    return {name: SEALED if name in secret and value else value for name, value in values.items()}


def as_text(value: object) -> str | None:
    """Return a value of a form or of JSON as the text it is kept as; None when it is none of ours."""
    if value is None or value is False:
        return ""
    if value is True:
        return YES
    if isinstance(value, int):
        return str(value)
    return value.strip() if isinstance(value, str) else None


def faults_of(parameters: Sequence[Parameter], values: Mapping[str, object]) -> dict[str, str]:
    """Return what is wrong with `values`, by name; empty means that they can be used."""
    known = {parameter.name: parameter for parameter in parameters}
    faults = {name: msgid("This is not taken here.") for name in values if name not in known}
    for name, parameter in known.items():
        text = as_text(values.get(name))
        if text is None:
            faults[name] = msgid("This must be text.")
        elif fault := parameter.fault(text):
            faults[name] = fault
    return faults


def cleaned(parameters: Sequence[Parameter], values: Mapping[str, object]) -> dict[str, str]:
    """Return every parameter as trimmed text; to be called after `faults_of` found none."""
    return {p.name: as_text(values.get(p.name)) or p.default for p in parameters}
