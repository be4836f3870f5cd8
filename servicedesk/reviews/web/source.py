"""What a printed review is made of."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from servicedesk.shell.formatting import instant

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from servicedesk.reviews.metrics.figure import Item


@dataclass(frozen=True, kw_only=True, slots=True)
class Source:
    """What a printed review is made of: its content and the items behind its figures."""

    content: Mapping[str, Any]
    evidence: Mapping[str, Sequence[Item]]

    @property
    def chapters(self) -> Mapping[str, Any]:
        """Return what is told beside figures."""
        told: Mapping[str, Any] = self.content["chapters"]
        return told

    def moment(self, told: str | None) -> str:
        """Return an instant on the contract's clock, whoever reads, in whatever year."""
        return instant(told, "long", self.content["zone"])
