"""What was agreed that somebody does by a day: its words, and the ticket in which it is done."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import time, timedelta
from typing import TYPE_CHECKING

from servicedesk.core.errors import Forbidden, InvalidInput
from servicedesk.core.text import msgid
from servicedesk.engagement.contract_time import day_of, instant_of
from servicedesk.engagement.plans import line
from servicedesk.tickets.desk_tickets import open_for_desk
from servicedesk.tickets.handling import make_move
from servicedesk.tickets.intake import NewTicket
from servicedesk.tickets.models import Queue, TicketKind
from servicedesk.tickets.moves import move_named

if TYPE_CHECKING:
    from datetime import date

    from servicedesk.clients.models import Contract
    from servicedesk.core.unit_of_work import Work
    from servicedesk.tickets.models import Ticket

WORDS_LENGTH = 160
OWNER_LENGTH = 120
LONGEST = timedelta(days=364)
WORK_BEGINS = time(8)


@dataclass(frozen=True, kw_only=True)
class Agreed:
    """Who does what by when; words and owner are tidied."""

    words: str
    owner: str
    due_on: date


def checked_agreed(words: str, owner: str, due_on: date) -> Agreed:
    """Return what somebody typed. Raises InvalidInput with the field at fault."""
    what, who = line(words, "words", WORDS_LENGTH), line(owner, "owner", OWNER_LENGTH)
    for name, value in (("words", what), ("owner", who)):
        if not value:
            raise InvalidInput(msgid("This is needed."), field=name)
    return Agreed(words=what, owner=who, due_on=due_on)


def open_agreed(work: Work, contract: Contract, agreed: Agreed, origin: str) -> Ticket:
    """Open the ticket in which it is done; its clocks wait for the agreed day.

    Whoever writes it down is asked to confirm that it is done. Raises Forbidden, InvalidInput.
    """
    actor = work.actor
    if actor.user_id is None:
        raise Forbidden
    ticket = open_for_desk(
        work,
        client_id=contract.client_id,
        requester=(actor.user_id, actor.name),
        new=NewTicket(
            kind=TicketKind.QUERY,
            subject=agreed.words,
            description=f"{origin}\n{agreed.owner} · {agreed.due_on.isoformat()}",
            queue=Queue.ADVICE,
        ),
    )
    if agreed.due_on > day_of(contract, work.at):
        until = instant_of(contract, agreed.due_on, WORK_BEGINS)
        make_move(work, ticket, move_named("plan"), until=until)
    return ticket
