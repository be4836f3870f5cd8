"""Facts about tickets that packages above react to."""

from __future__ import annotations

from dataclasses import dataclass

from servicedesk.core.events import Event


@dataclass(frozen=True, kw_only=True)
class TicketResolved(Event):
    """A ticket is thought to be solved, by a person or because its devices have answered."""

    ticket_id: int
    client_id: int
    reference: str


@dataclass(frozen=True, kw_only=True)
class TicketReopened(Event):
    """A ticket was not solved after all: work on it goes on."""

    ticket_id: int
    client_id: int
    reference: str


@dataclass(frozen=True, kw_only=True)
class TicketCancelled(Event):
    """A ticket was withdrawn: nothing of it is done any more."""

    ticket_id: int
    client_id: int
    reference: str
