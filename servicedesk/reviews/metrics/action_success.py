"""Action success: what devices did of what they were told."""

from __future__ import annotations

from typing import TYPE_CHECKING

from servicedesk.core.text import msgid
from servicedesk.devices.commands import CommandState
from servicedesk.reviews.metrics.figure import Better, Item, Section, Subject
from servicedesk.reviews.metrics.shapes import Share

if TYPE_CHECKING:
    from collections.abc import Sequence

    from servicedesk.reviews.history import History


class ActionSuccess(Share):
    """Commands that devices acknowledged."""

    code = "action_success"
    label = msgid("Commands done")
    definition = (
        msgid("Commands that devices have acknowledged, of those that left for them in the month."),
        msgid("Provisional while devices have not answered."),
    )
    section = Section.DEVICES
    subject = Subject.ORDER
    better = Better.UP
    by = ("action", "platform")
    part_label = msgid("Acknowledged")
    rest_label = msgid("Not acknowledged")

    def evidence(self, history: History) -> Sequence[Item]:
        """Return one item a command; it opens the order, and says which device."""
        return [
            Item(
                reference=command.order,
                counts=command.state is CommandState.ACKNOWLEDGED,
                tags={"action": command.action, "platform": command.platform},
                about=command.device,
            )
            for command in history.commands
        ]

    def is_provisional(self, history: History) -> bool:
        """Whether something may still be answered."""
        return not all(command.is_settled for command in history.commands)
