"""The moves of a ticket: from where to where, and the right that each one needs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from servicedesk.core.actors import Role
from servicedesk.core.errors import InvalidInput, NotAllowedNow
from servicedesk.core.permissions import Permission, may
from servicedesk.core.text import msgid
from servicedesk.tickets.models import OPEN_STATES, WAITING_FOR, TicketState

if TYPE_CHECKING:
    from servicedesk.core.actors import Actor
    from servicedesk.tickets.models import Ticket


@dataclass(frozen=True, kw_only=True)
class Move:
    """A named step between states. `label` is what the button says to whoever may do it."""

    name: str
    label: str
    before: frozenset[TicketState]
    after: TicketState
    permission: Permission
    needs_words: bool = False  # a public message goes with it
    needs_date: bool = False  # until when


_BUSY = frozenset({TicketState.NEW, TicketState.IN_PROGRESS})

MOVES = (
    Move(
        name="take",
        label=msgid("Take it"),
        before=OPEN_STATES,
        after=TicketState.IN_PROGRESS,
        permission=Permission.TICKET_HANDLE,
    ),
    Move(
        name="wait_for_client",
        label=msgid("Ask the client"),
        before=_BUSY,
        after=TicketState.WAITING_CLIENT,
        permission=Permission.TICKET_HANDLE,
        needs_words=True,
    ),
    Move(
        name="wait_for_third_party",
        label=msgid("Wait for a third party"),
        before=_BUSY,
        after=TicketState.WAITING_THIRD_PARTY,
        permission=Permission.TICKET_HANDLE,
        needs_words=True,
    ),
    Move(
        name="plan",
        label=msgid("Plan for the agreed date"),
        before=_BUSY,
        after=TicketState.PLANNED,
        permission=Permission.TICKET_HANDLE,
        needs_words=True,
        needs_date=True,
    ),
    Move(
        name="resume",
        label=msgid("Go on"),
        before=frozenset(WAITING_FOR),
        after=TicketState.IN_PROGRESS,
        permission=Permission.TICKET_HANDLE,
    ),
    Move(
        name="resolve",
        label=msgid("Resolve"),
        before=OPEN_STATES,
        after=TicketState.RESOLVED,
        permission=Permission.TICKET_HANDLE,
        needs_words=True,
    ),
    Move(
        name="confirm",
        label=msgid("Confirm: it is solved"),
        before=frozenset({TicketState.RESOLVED}),
        after=TicketState.CLOSED,
        permission=Permission.TICKET_CONFIRM,
    ),
    Move(
        name="reopen",
        label=msgid("Not solved: reopen"),
        before=frozenset({TicketState.RESOLVED, TicketState.CLOSED}),
        after=TicketState.IN_PROGRESS,
        permission=Permission.TICKET_CONFIRM,
        needs_words=True,
    ),
    Move(
        name="cancel",
        label=msgid("Withdraw"),
        before=OPEN_STATES,
        after=TicketState.CANCELLED,
        permission=Permission.TICKET_COMMENT,
    ),
)
_BY_NAME = {move.name: move for move in MOVES}
# an operator's people work on tickets; confirming is the client's, or on the client's behalf
# where the operator itself is the client, nobody outside can be asked
ASK_A_CLIENT = frozenset({"wait_for_client"})
_NOT_FOR = {Role.SYSTEM: frozenset({"take", "cancel"})}


def move_named(name: str) -> Move:
    """Return the move. Raises InvalidInput."""
    if name not in _BY_NAME:
        raise InvalidInput(msgid("There is no such step."), field="transition")
    return _BY_NAME[name]


def possible_moves(actor: Actor, ticket: Ticket) -> list[Move]:
    """Return what the actor may do to the ticket as it is."""
    return [
        move
        for move in MOVES
        if ticket.state in move.before
        and may(actor, move.permission)
        and move.name not in _NOT_FOR.get(actor.role, frozenset())
        and not (move.name == "take" and ticket.assignee_id == actor.user_id)
        and not (move.name in ASK_A_CLIENT and ticket.client.is_internal)
    ]


def check(move: Move, ticket: Ticket) -> None:
    """Raise NotAllowedNow unless the ticket's state allows the move."""
    if ticket.state not in move.before:
        raise NotAllowedNow
