"""Time to resolve, net: without the waits for others."""

from __future__ import annotations

from typing import TYPE_CHECKING

from servicedesk.core.text import msgid
from servicedesk.reviews.metrics.figure import Better, Item, Section
from servicedesk.reviews.metrics.shapes import Duration, seconds
from servicedesk.reviews.stories import Holder
from servicedesk.sla.cycles import ZERO

if TYPE_CHECKING:
    from collections.abc import Sequence

    from servicedesk.reviews.history import History


class TimeToResolveNet(Duration):
    """Business time from arrival to final resolution that was the operator's."""

    code = "time_to_resolve_net"
    label = msgid("Time to resolve, net")
    definition = (
        msgid(
            "Business time from a ticket's creation to its final resolution, less the waits for the"
            " client, an agreed date, a third party or a device, of tickets finally resolved in the"
            " month."
        ),
        msgid("While it stood resolved and was reopened later, time counts."),
    )
    section = Section.TIMES
    better = Better.DOWN
    by = ("kind", "priority")

    def evidence(self, history: History) -> Sequence[Item]:
        """Return one item a resolved ticket, with the operator's business seconds."""
        return [
            Item(
                reference=ticket.reference,
                measure=seconds(times.get(Holder.OPERATOR, (ZERO, ZERO))[1]),
                tags=ticket.tags,
                about=ticket.subject,
            )
            for ticket, times in history.held
        ]
