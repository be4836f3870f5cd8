"""What checks share: short looks that leave no transaction open, whose data, and what share is too much."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from sqlalchemy import func, select

from servicedesk.clients.models import Client
from servicedesk.core import database
from servicedesk.core.text import msgid
from servicedesk.devices.parameters import Kind, Parameter

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from sqlalchemy import Select
    from sqlalchemy.orm import Session


@contextmanager
def looking() -> Iterator[Session]:
    """Give the session to read with; what was read is plain rows, and no transaction is left open."""
    session = database.session()
    try:
        yield session
    finally:
        session.rollback()


def clients_in(client_id: int | None) -> Sequence[Any]:
    """Return id, reference and name of the client a run is for, or of all, by id."""
    with looking() as session:
        return session.execute(_of(client_id)).all()


def count_clients(session: Session, client_id: int | None) -> int:
    """Return how many clients a run looks at."""
    return session.scalar(select(func.count()).select_from(_of(client_id).subquery())) or 0


def _of(client_id: int | None) -> Select[int, str, str]:
    query = select(Client.id, Client.reference, Client.name).order_by(Client.id)
    return query if client_id is None else query.where(Client.id == client_id)


def share_parameter(default: str) -> Parameter:
    """Return the parameter from which share of the devices on it is a problem."""
    return Parameter(
        name="percent",
        label=msgid("A problem from so many per cent of the devices on"),
        help=msgid("With fewer it is told, and nobody is called."),
        kind=Kind.NUMBER,
        least=1,
        most=100,
        default=default,
    )


def is_too_much(part: int, whole: int, percent: int) -> bool:
    """Whether a part of the devices is a problem."""
    return part > 0 and part * 100 >= percent * whole
