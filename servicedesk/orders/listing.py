"""Lists of work orders: by what they need, by action, by client; paged by key."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import func, select

from servicedesk.clients.models import Client
from servicedesk.clients.visibility import visible_to
from servicedesk.core import database
from servicedesk.core.paging import PAGE_SIZE, Page, decode_cursor, page_of
from servicedesk.core.text import msgid
from servicedesk.orders.models import OrderState, WorkOrder

if TYPE_CHECKING:
    from servicedesk.core.actors import Actor

ATTENTION = (OrderState.PAUSED, OrderState.NEEDS_DECISION, OrderState.AWAITING_APPROVAL)
UNDER_WAY = (OrderState.SCHEDULED, OrderState.EXECUTING)
SHOWS = {
    "attention": msgid("Needs somebody"),
    "moving": msgid("Under way"),
    "own": msgid("Ordered by the desk itself"),
}


@dataclass(frozen=True, kw_only=True)
class OrderFilter:
    """Which orders; `show` is one of `SHOWS` or a state."""

    show: str = ""
    action: str = ""
    client: str = ""

    def as_query(self) -> dict[str, str]:
        """Return what an address needs to ask for the same."""
        return {name: value for name, value in vars(self).items() if value}


def orders(
    actor: Actor, wanted: OrderFilter, cursor: str | None = None, size: int = PAGE_SIZE
) -> Page[Any]:
    """Return orders with their client's name, the newest first. Raises InvalidInput for the cursor."""
    query: Any = (
        select(WorkOrder, Client.name.label("client_name"))
        .join(Client, Client.id == WorkOrder.client_id)
        .where(visible_to(actor, WorkOrder.client_id))
        .order_by(WorkOrder.id.desc())
        .limit(size + 1)
    )
    if wanted.show == "attention":
        query = query.where(WorkOrder.state.in_(ATTENTION))
    elif wanted.show == "moving":
        query = query.where(WorkOrder.state.in_(UNDER_WAY))
    elif wanted.show == "own":
        query = query.where(WorkOrder.author_id.is_(None))
    elif wanted.show:
        query = query.where(WorkOrder.state == wanted.show)
    if wanted.action:
        query = query.where(WorkOrder.action_code == wanted.action)
    if wanted.client:
        query = query.where(Client.reference == wanted.client)
    if key := decode_cursor(cursor, int):
        query = query.where(WorkOrder.id < key[0])
    found = database.session().execute(query).all()
    return page_of(found, size, lambda row: [row.WorkOrder.id])


def orders_without_ticket_that_wait(actor: Actor) -> int:
    """Return how many orders the desk gave itself stand still or need a decision."""
    return (
        database.session().scalar(
            select(func.count())
            .select_from(WorkOrder)
            .where(
                visible_to(actor, WorkOrder.client_id),
                WorkOrder.author_id.is_(None),
                WorkOrder.state.in_((OrderState.PAUSED, OrderState.NEEDS_DECISION)),
            )
        )
        or 0
    )
