"""What a managed action is: words, parameters, risk, requirements and the instruction it sends."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, ClassVar

from servicedesk.core.text import msgid

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import timedelta

    from servicedesk.clients.models import FunctionalBlock
    from servicedesk.devices.instructions import Instruction
    from servicedesk.devices.models import Management, Ownership, Platform


class Risk(StrEnum):
    """What can go wrong if it was the wrong device."""

    HARMLESS = "harmless"
    DISRUPTIVE = "disruptive"  # somebody cannot work for a while
    DESTRUCTIVE = "destructive"  # it cannot be undone: a second person decides


RISK_LABELS = {
    Risk.HARMLESS: msgid("Harmless"),
    Risk.DISRUPTIVE: msgid("Interrupts work"),
    Risk.DESTRUCTIVE: msgid("Cannot be undone"),
}


@dataclass(frozen=True, kw_only=True)
class Parameter:
    """A value the action takes: the form, the API schema and the check are made from it."""

    name: str
    label: str
    help: str = ""
    required: bool = False
    max_length: int = 200
    multiline: bool = False
    pattern: str | None = None
    pattern_says: str = ""

    def fault(self, value: str) -> str | None:
        """Return what is wrong with `value` as a msgid, or None."""
        if self.required and not value:
            return msgid("This is needed.")
        if len(value) > self.max_length:
            return msgid("This is too long.")
        if any(ord(character) < ord(" ") and character not in "\n\t" for character in value):
            return msgid("This contains characters that a device cannot show.")
        if value and self.pattern and not re.fullmatch(self.pattern, value):
            return self.pattern_says
        return None


MESSAGE = Parameter(
    name="message",
    label=msgid("Message"),
    help=msgid("Shown on the locked screen."),
    max_length=200,
    multiline=True,
)
PHONE_NUMBER = Parameter(
    name="phone_number",
    label=msgid("Telephone number"),
    help=msgid("Whoever finds the device can call it. Example: +34 600 123 456."),
    max_length=20,
    pattern=r"\+?[0-9][0-9 ]{4,18}",
    pattern_says=msgid("Write digits and spaces, with + and the country code in front."),
)


@dataclass(frozen=True, kw_only=True)
class Way:
    """One combination of platform and management on which an action works."""

    platforms: frozenset[Platform]
    managements: frozenset[Management]
    from_version: tuple[int, ...] = ()


class ManagedAction(ABC):
    """A catalogue entry. A new one is a class in a file of its own and a line in `ACTIONS`."""

    code: ClassVar[str]
    label: ClassVar[str]
    description: ClassVar[str]
    consequence: ClassVar[str]  # what is lost or seen; shown before anything is sent
    icon: ClassVar[str]
    risk: ClassVar[Risk]
    block: ClassVar[FunctionalBlock]
    sends: ClassVar[str]  # the kind of instruction
    parameters: ClassVar[tuple[Parameter, ...]] = ()
    ownerships: ClassVar[frozenset[Ownership]]
    ownership_refusal: ClassVar[str] = msgid(
        "It is not done on the personal device of an employee."
    )
    ways: ClassVar[tuple[Way, ...]]
    way_refusal: ClassVar[str]  # why other platforms or kinds of management cannot
    manufacturers_without: ClassVar[Mapping[str, str]] = {}  # manufacturer → why not
    not_after: ClassVar[timedelta]  # from its execution: later it must not happen any more

    @property
    def is_destructive(self) -> bool:
        """Whether a second person has to approve it."""
        return self.risk is Risk.DESTRUCTIVE

    @abstractmethod
    def instruction(self, parameters: Mapping[str, str]) -> Instruction:
        """Return what an engine is told, from checked parameters."""

    def faults(self, parameters: Mapping[str, object]) -> dict[str, str]:
        """Return what is wrong with `parameters`, by name; empty means that they can be used."""
        known = {parameter.name: parameter for parameter in self.parameters}
        faults = {
            name: msgid("This action does not take it.") for name in parameters if name not in known
        }
        for name, parameter in known.items():
            value = parameters.get(name, "")
            if not isinstance(value, str):
                faults[name] = msgid("This must be text.")
            elif fault := parameter.fault(value.strip()):
                faults[name] = fault
        return faults

    def cleaned(self, parameters: Mapping[str, object]) -> dict[str, str]:
        """Return every parameter as trimmed text; to be called after `faults` found none."""
        return {p.name: str(parameters.get(p.name, "")).strip() for p in self.parameters}
