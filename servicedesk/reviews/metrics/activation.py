"""Activation of the users of deployment waves. Its place is here; waves come with provision."""

from __future__ import annotations

from typing import TYPE_CHECKING

from servicedesk.core.text import msgid
from servicedesk.reviews.metrics.figure import Better, Item, Section, Subject
from servicedesk.reviews.metrics.shapes import Share

if TYPE_CHECKING:
    from collections.abc import Sequence

    from servicedesk.reviews.history import History


class Activation(Share):
    """Users activated of those whose wave was due."""

    code = "activation"
    label = msgid("Users activated")
    definition = (
        msgid(
            "Users activated, of the users of the deployment waves that were due by the month's end."
        ),
        msgid("Where no deployment runs there are none."),
    )
    section = Section.PROVISION
    subject = Subject.DEVICE
    better = Better.UP

    def evidence(self, history: History) -> Sequence[Item]:
        """Return nobody: no deployment is run with this desk yet."""
        del history
        return []
