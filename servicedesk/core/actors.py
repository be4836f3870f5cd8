"""Who acts: a value that travels with every operation and every read."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Role(StrEnum):
    """The roles of the service, as in its description; SYSTEM is the desk itself."""

    CONTACT = "contact"
    AGENT = "agent"
    ACCOUNT_MANAGER = "account_manager"
    SUPERVISOR = "supervisor"
    SYSTEM = "system"
    GATE = "gate"  # nobody yet: signing in, one-time links, health


class Side(StrEnum):
    """Whose person it is, as the other side sees it."""

    CLIENT = "client"
    OPERATOR = "operator"
    SYSTEM = "system"


@dataclass(frozen=True, slots=True, kw_only=True)
class Actor:
    """A person or process with its reach.

    `client_ids` is None for whoever may see every client; `user_id` is None for the desk itself.
    """

    role: Role
    name: str
    user_id: int | None = None
    email: str = ""
    client_ids: frozenset[int] | None = None
    address: str = ""
    language: str = "es"

    @property
    def side(self) -> Side:
        """Return whose person this is."""
        if self.role is Role.CONTACT:
            return Side.CLIENT
        return Side.SYSTEM if self.role in {Role.SYSTEM, Role.GATE} else Side.OPERATOR

    @property
    def is_contact(self) -> bool:
        """Whether this is a client's authorised contact."""
        return self.role is Role.CONTACT

    def sees_client(self, client_id: int) -> bool:
        """Whether this client exists for the actor."""
        return self.client_ids is None or client_id in self.client_ids


SYSTEM = Actor(role=Role.SYSTEM, name="Service desk")
GATE = Actor(role=Role.GATE, name="Sign-in")
