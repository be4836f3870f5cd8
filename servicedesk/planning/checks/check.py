"""What a built-in check is: words, whose it may be, what it looks at, and its run."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, ClassVar, Protocol

from servicedesk.devices.parameters import Parameter, cleaned, faults_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from sqlalchemy.orm import Session

    from servicedesk.core.text import Text


class RunCancelled(Exception):
    """Somebody asked the run to stop."""


class Round(Protocol):
    """What a check is given for one run: whose data, and where it says how far it is."""

    client_id: int | None  # None: the whole service
    previous_at: datetime | None  # when the run before began that went well

    def seen(self, done: int, total: int) -> None:
        """Show progress and be alive. Raises RunCancelled; no transaction may be open."""

    def info(self, text: str, *, subject: str | None = None, **values: object) -> None:
        """Write a line (msgid) that says what was done."""

    def finding(self, text: str, *, subject: str | None = None, **values: object) -> None:
        """Write a line (msgid) that is worth reading."""

    def problem(self, text: str, *, subject: str | None = None, **values: object) -> None:
        """Write a line (msgid) about what somebody has to see to: an incident is opened."""


class Check(ABC):
    """Something the desk looks at, or does for itself. A new one is a file and a line in `CHECKS`.

    `run` may be called again for the same run after its worker died: it looks first, then acts. What
    a problem is about stands in its words, subject and names; how much it is, in numbers and instants:
    those may change from run to run without anybody being told again.
    """

    code: ClassVar[str]
    label: ClassVar[str]
    description: ClassVar[str]
    for_client: ClassVar[bool] = False  # may be planned for one client
    for_service: ClassVar[bool] = True  # may be planned for the whole service
    is_housekeeping: ClassVar[bool] = False  # it changes the desk's own house; supervisors plan it
    parameters: ClassVar[tuple[Parameter, ...]] = ()

    @abstractmethod
    def run(self, given: Round, parameters: Mapping[str, str]) -> Text:
        """Do it in transactions of its own; return one sentence that sums up what was found."""

    @abstractmethod
    def preview(
        self, session: Session, client_id: int | None, parameters: Mapping[str, str]
    ) -> Sequence[Text]:
        """Return what a run would look at or do now, without doing it."""

    def number(self, parameters: Mapping[str, str], name: str) -> int:
        """Return a whole number that was kept, or its default where an older task has none."""
        default = next(p.default for p in self.parameters if p.name == name)
        return int(parameters.get(name) or default)

    def faults(self, parameters: Mapping[str, object]) -> dict[str, str]:
        """Return what is wrong with `parameters`, by name."""
        return faults_of(self.parameters, parameters)

    def cleaned(self, parameters: Mapping[str, object]) -> dict[str, str]:
        """Return every parameter as kept text; to be called after `faults`."""
        return cleaned(self.parameters, parameters)
