"""What the days have to say when a contract changes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import select

from servicedesk.clients.contract_year import contract_year_of
from servicedesk.clients.models import Contract
from servicedesk.core.errors import InvalidInput
from servicedesk.core.text import msgid
from servicedesk.engagement.models import EngagementYear

if TYPE_CHECKING:
    from servicedesk.clients.events import ContractChanged
    from servicedesk.core.unit_of_work import Work


def on_contract_changed(work: Work, event: ContractChanged) -> None:
    """Refuse to shift the years of a contract in whose ledger something stands."""
    work.session.flush()
    opened = work.session.execute(
        select(EngagementYear.first_on, EngagementYear.last_on, Contract.starts_on)
        .join(Contract, Contract.id == EngagementYear.contract_id)
        .where(EngagementYear.client_id == event.client_id)
    )
    for first_on, last_on, starts_on in opened:
        if starts_on > first_on:
            raise _shifted()
        year = contract_year_of(starts_on, first_on)
        if (year.first_on, year.last_on) != (first_on, last_on):
            raise _shifted()


def _shifted() -> InvalidInput:
    return InvalidInput(
        msgid("Days are booked in the years of this contract: its start cannot be moved any more."),
        field="starts_on",
    )
