"""What a managed action is: words, parameters, risk, requirements and the instruction it sends."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any, ClassVar

from servicedesk.core.sealing import seal
from servicedesk.core.text import msgid
from servicedesk.devices.models import DeviceState
from servicedesk.devices.parameters import Kind, Parameter, cleaned, faults_of

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import timedelta

    from sqlalchemy.orm import Session

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
    states: ClassVar[frozenset[DeviceState]] = frozenset({DeviceState.ENROLLED})
    inverse: ClassVar[str] = ""  # code of the action that takes it back; empty: nothing does
    is_point_action: ClassVar[bool] = False  # one of the five the contact does on devices directly
    needs_groups: ClassVar[bool] = False  # single devices are not what it is for
    pins_settings: ClassVar[bool] = False  # what it brings is written already, and stays as asked
    changes_policy: ClassVar[bool] = False  # it changes what devices should have

    @property
    def finds_its_targets(self) -> bool:
        """Whether the devices follow from the parameters, so that nobody names them."""
        return False

    @property
    def is_destructive(self) -> bool:
        """Whether a second person has to approve it."""
        return self.risk is Risk.DESTRUCTIVE

    @abstractmethod
    def instruction(self, parameters: Mapping[str, str]) -> Instruction:
        """Return what an engine is told, from checked parameters."""

    def faults(self, parameters: Mapping[str, object]) -> dict[str, str]:
        """Return what is wrong with `parameters`, by name; empty means that they can be used."""
        return faults_of(self.parameters, parameters)

    def faults_here(
        self, session: Session, client_id: int, parameters: Mapping[str, str]
    ) -> dict[str, str]:
        """Return what is wrong with right parameters at this client: what they name is not there."""
        del session, client_id, parameters
        return {}

    def undo(self, parameters: Mapping[str, str]) -> dict[str, Any] | None:
        """Return what takes back an execution that changed no policy: a code and its parameters."""
        del parameters
        return {"code": self.inverse, "parameters": {}} if self.inverse else None

    def cleaned(self, parameters: Mapping[str, object]) -> dict[str, str]:
        """Return every parameter as kept text, secrets sealed; to be called after `faults`."""
        kept = cleaned(self.parameters, parameters)
        return {
            p.name: seal(kept[p.name]) if p.kind is Kind.SECRET else kept[p.name]
            for p in self.parameters
        }
