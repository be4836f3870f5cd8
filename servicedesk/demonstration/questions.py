"""What a client of the demonstration asks its fleet, and a query that is answered with it."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from servicedesk.core import clock
from servicedesk.demonstration import stories
from servicedesk.devices.queries import FleetFilter
from servicedesk.devices.questions import create_question
from servicedesk.tickets.handling import answer_ticket, move_ticket
from servicedesk.tickets.intake import NewTicket, open_ticket
from servicedesk.tickets.models import TicketKind

if TYPE_CHECKING:
    from datetime import datetime

    from servicedesk.clients.models import Client
    from servicedesk.core.actors import Actor

SILENT = "Terminales que llevan más de un mes sin conectar"
QUESTIONS = {
    "Android anteriores a la versión 14": FleetFilter(
        platform="android", version="<14", state="enrolled"
    ),
    "Comercial que no cumple": FleetFilter(group="Comercial", conformity="failing"),
    "Pendientes de activar": FleetFilter(state="pending"),
    SILENT: FleetFilter(state="enrolled", seen="silent"),
}


def ask_the_fleet(contact: Actor, agent: Actor, client: Client, now: datetime) -> None:
    """Keep some questions, and answer a query of a moment ago with one."""
    kept = {}
    with clock.told_as(now - timedelta(days=12)):
        for name, wanted in QUESTIONS.items():
            author = agent if name == SILENT else contact
            kept[name] = create_question(author, client.reference, name, wanted)
    subject, description = next(
        texts for texts in stories.QUERIES if texts[0].startswith("¿Cuántos terminales llevan")
    )
    with clock.told_as(now - timedelta(minutes=4)):
        query = NewTicket(kind=TicketKind.QUERY, subject=subject, description=description)
        ticket = open_ticket(contact, query)
    with clock.told_as(now - timedelta(minutes=2)):
        move_ticket(agent, ticket.reference, "take")
        words = "Estos son. ¿Quiere que preparemos el borrado empresarial de los que no aparezcan?"
        answer_ticket(agent, ticket.reference, kept[SILENT].reference, words)
