"""First-contact resolution: solved without asking the client anything."""

from __future__ import annotations

from typing import TYPE_CHECKING

from servicedesk.core.text import msgid
from servicedesk.reviews.metrics.figure import Better, Item, Section
from servicedesk.reviews.metrics.shapes import Share

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from servicedesk.reviews.facts import TicketFacts
    from servicedesk.reviews.history import History


class FirstContactResolution(Share):
    """Tickets that needed no more words of the client and nobody else."""

    code = "first_contact_resolution"
    label = msgid("Solved at first contact")
    definition = (
        msgid(
            "Tickets finally resolved in the month with no message of the client after the opening one"
            " and without passing to another person or queue, of all finally resolved in the month."
        ),
    )
    section = Section.QUALITY
    better = Better.UP
    by = ("kind", "priority")
    part_label = msgid("At first contact")
    rest_label = msgid("With more words")

    def evidence(self, history: History) -> Sequence[Item]:
        """Return one item a resolved ticket."""
        return [
            Item(
                reference=ticket.reference,
                counts=not (_client_wrote(history, ticket, at) or ticket.story.is_handed_on(at)),
                tags=ticket.tags,
                about=ticket.subject,
            )
            for ticket, at in history.resolved
        ]


def _client_wrote(history: History, ticket: TicketFacts, until: datetime) -> bool:
    return any(one.by_client and one.at <= until for one in history.messages.get(ticket.id, ()))
