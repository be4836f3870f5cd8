"""Time from a command's issue to its acknowledgement."""

from __future__ import annotations

from typing import TYPE_CHECKING

from servicedesk.core.text import msgid
from servicedesk.devices.commands import CommandState
from servicedesk.reviews.metrics.figure import Better, Item, Section, Subject, Unit
from servicedesk.reviews.metrics.shapes import Duration, seconds

if TYPE_CHECKING:
    from collections.abc import Sequence

    from servicedesk.reviews.history import History


class TimeToAcknowledge(Duration):
    """How long devices take."""

    code = "time_to_acknowledge"
    label = msgid("Time until devices did it")
    definition = (
        msgid(
            "Time on the clock from a command leaving until its device acknowledged it, of the commands"
            " that left in the month."
        ),
    )
    section = Section.DEVICES
    unit = Unit.ELAPSED_SECONDS
    subject = Subject.ORDER
    better = Better.DOWN
    by = ("action", "platform")

    def evidence(self, history: History) -> Sequence[Item]:
        """Return one item an acknowledged command."""
        return [
            Item(
                reference=command.order,
                measure=max(0, seconds(command.answered_at - command.sent_at)),
                tags={"action": command.action, "platform": command.platform},
                about=command.device,
            )
            for command in history.commands
            if command.state is CommandState.ACKNOWLEDGED and command.answered_at
        ]

    def is_provisional(self, history: History) -> bool:
        """Whether something may still be answered."""
        return not all(command.is_settled for command in history.commands)
