"""Facts about clients that packages above react to."""

from __future__ import annotations

from dataclasses import dataclass

from servicedesk.core.events import Event


@dataclass(frozen=True, kw_only=True)
class ContractSigned(Event):
    """A client has a new contract: what measures it and what it is served by can be set up."""

    client_id: int
    contract_id: int


@dataclass(frozen=True, kw_only=True)
class ContractChanged(Event):
    """A contract of a client says something else than before."""

    client_id: int
