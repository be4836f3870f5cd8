"""What a section of a policy is: a kind of setting, how it is filled in, checked and told."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, ClassVar

from servicedesk.core.sealing import seal, unseal
from servicedesk.devices.parameters import YES, Kind, Parameter, cleaned, faults_of

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import date

    from servicedesk.clients.models import FunctionalBlock
    from servicedesk.core.text import Text

    Values = Mapping[str, str]

ONLY = ""  # the key where a section has a single entry


class Section(ABC):
    """A kind of setting. A new one is a class and its place in `SECTIONS`."""

    code: ClassVar[str]
    label: ClassVar[str]
    icon: ClassVar[str]
    block: ClassVar[FunctionalBlock]  # what a contract has to contain
    parameters: ClassVar[tuple[Parameter, ...]]
    keyed_by: ClassVar[tuple[str, ...]] = ()  # what tells its entries apart; none: there is one

    @property
    def is_single(self) -> bool:
        """Whether a policy has at most one entry of it, merged setting by setting."""
        return not self.keyed_by

    @property
    def secrets(self) -> frozenset[str]:
        """Return the names of what is sealed."""
        return frozenset(p.name for p in self.parameters if p.kind is Kind.SECRET)

    @abstractmethod
    def summary(self, values: Values) -> Text:
        """Return an entry in one plain sentence, without secrets."""

    def across(self, values: Values) -> dict[str, str]:
        """Return what is wrong between the values, by name; each alone is right already."""
        del values
        return {}

    def key(self, values: Values) -> str:
        """Return what tells this entry from the others of its section."""
        return ":".join(values[name] for name in self.keyed_by) if self.keyed_by else ONLY

    def faults(self, values: Mapping[str, object]) -> dict[str, str]:
        """Return what is wrong with the values, by name; empty means that they can be used."""
        return faults_of(self.parameters, values) or self.across(cleaned(self.parameters, values))

    def taken(self, values: Mapping[str, object]) -> dict[str, str]:
        """Return what is kept of values that `faults` found right: no empty ones, secrets sealed."""
        return self.sealed(cleaned(self.parameters, values))

    def sealed(self, values: Values) -> dict[str, str]:
        """Return plain values as they are kept."""
        return {
            name: seal(value) if name in self.secrets else value
            for name, value in values.items()
            if value
        }

    def opened(self, values: Values) -> dict[str, str]:
        """Return kept values as a device is told them. Raises NotOurs."""
        return {
            name: unseal(value) if name in self.secrets else value for name, value in values.items()
        }

    def applies_to(self, values: Values, platform: str) -> bool:
        """Whether devices of that platform get the entry."""
        del values, platform
        return True

    def is_over(self, values: Values, day: date) -> bool:
        """Whether the entry's time is over, so that nobody should have it any more."""
        del values, day
        return False


def is_on(values: Values, name: str) -> bool:
    """Whether a flag is set."""
    return values.get(name) == YES
