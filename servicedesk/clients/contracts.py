"""Which contract covers a day."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import Select, select

from servicedesk.clients.models import Contract

if TYPE_CHECKING:
    from datetime import date

    from sqlalchemy.orm import Session


def contract_in_force(session: Session, client_id: int, day: date) -> Contract | None:
    """Return the contract that covers `day`, the newest if several do."""
    return session.scalars(
        in_force(select(Contract).where(Contract.client_id == client_id), day)
    ).first()


def in_force(query: Select[Any], day: date) -> Select[Any]:
    """Narrow a query of contracts to the newest that covers `day`."""
    return (
        query.where(Contract.starts_on <= day, Contract.ends_on >= day)
        .order_by(Contract.starts_on.desc())
        .limit(1)
    )
