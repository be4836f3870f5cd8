"""The moves of a ticket: from where to where, and the right that each one needs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from servicedesk.core.actors import Role, Side
from servicedesk.core.errors import Forbidden, InvalidInput, NotAllowedNow
from servicedesk.core.permissions import Permission, may, require
from servicedesk.core.text import msgid
from servicedesk.tickets.models import OPEN_STATES, WAITING_FOR, TicketState
from servicedesk.tickets.outcomes import LeftOut

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
    leaves_out: LeftOut | None = None  # it was no ticket: reviews count it apart


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
    Move(
        name="cancel_as_test",
        label=msgid("Withdraw as a test"),
        before=OPEN_STATES,
        after=TicketState.CANCELLED,
        permission=Permission.TICKET_HANDLE,
        leaves_out=LeftOut.TEST,
    ),
    Move(
        name="cancel_as_spam",
        label=msgid("Withdraw as spam"),
        before=OPEN_STATES,
        after=TicketState.CANCELLED,
        permission=Permission.TICKET_HANDLE,
        leaves_out=LeftOut.SPAM,
    ),
)
_BY_NAME = {move.name: move for move in MOVES}
# an operator's people work on tickets; confirming is the client's, or on the client's behalf
# where the operator itself is the client, nobody outside can be asked
ASK_A_CLIENT = frozenset({"wait_for_client"})
DECISIONS = frozenset({"confirm", "reopen"})
_NOT_FOR = {Role.SYSTEM: frozenset({"take", "cancel", "cancel_as_test", "cancel_as_spam"})}


def move_named(name: str) -> Move:
    """Return the move. Raises InvalidInput."""
    if name not in _BY_NAME:
        raise InvalidInput(msgid("There is no such step."), field="transition")
    return _BY_NAME[name]


def may_decide(actor: Actor, ticket: Ticket) -> bool:
    """Whether the actor is one to say that the ticket is solved, or is not.

    A contact decides on what their own company asked for. What an operator's person asked for is
    decided by the operator: a question to the client on the way is answered, and decides nothing.
    """
    is_theirs = not actor.is_contact or ticket.requester_side is Side.CLIENT
    return is_theirs and may(actor, Permission.TICKET_CONFIRM)


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
        and not (move.name in DECISIONS and not may_decide(actor, ticket))
    ]


def check(actor: Actor, move: Move, ticket: Ticket) -> None:
    """Raise Forbidden unless the actor may make the move, NotAllowedNow if the state does not allow it."""
    require(actor, move.permission)
    if move.name in DECISIONS and not may_decide(actor, ticket):
        raise Forbidden
    if ticket.state not in move.before:
        raise NotAllowedNow
