"""Work orders: what was asked for, who decided, and how the devices answered."""

from __future__ import annotations

from typing import Any

from sqlalchemy import func, select

from servicedesk.core.permissions import Permission
from servicedesk.core.text import msgid
from servicedesk.devices.catalogue import ACTIONS
from servicedesk.devices.commands import CommandState, DeviceCommand
from servicedesk.orders.models import ORDER_STATE_LABELS, WorkOrder
from servicedesk.reports.columns import choice, instant, narrow, number, words
from servicedesk.reports.kinds.kind import CLIENT, Lines, ReportKind, client_column, join_client
from servicedesk.tickets.models import Ticket, TicketOrder

ACTION_LABELS = {action.code: action.label for action in ACTIONS}
TICKET = (
    select(func.string_agg(Ticket.reference, ", "))
    .join(TicketOrder, TicketOrder.ticket_id == Ticket.id)
    .where(TicketOrder.order_id == WorkOrder.id)
    .correlate(WorkOrder)
    .scalar_subquery()
)


def _answered(*states: CommandState) -> Any:
    return (
        select(func.count())
        .select_from(DeviceCommand)
        .where(DeviceCommand.batch_id == WorkOrder.batch_id, DeviceCommand.state.in_(states))
        .correlate(WorkOrder)
        .scalar_subquery()
    )


class Orders(ReportKind):
    """Every work order of a period."""

    code = "orders"
    label = msgid("Work orders")
    description = msgid(
        "Every order with its author, approval, times and how its devices answered."
    )
    permission = Permission.ORDER_READ
    period = msgid("When the order was given")
    lines = Lines(
        source=WorkOrder,
        client_id=WorkOrder.client_id,
        at=WorkOrder.created_at,
        order=(WorkOrder.id,),
    )
    joins = {CLIENT: join_client(WorkOrder.client_id)}  # noqa: RUF012
    columns = (
        client_column(),
        words("reference", msgid("Reference"), WorkOrder.reference),
        choice("action", msgid("Action"), WorkOrder.action_code, ACTION_LABELS),
        choice("state", msgid("State"), WorkOrder.state, ORDER_STATE_LABELS),
        words("ticket", msgid("Ticket"), TICKET),
        words("author", msgid("Asked for by"), WorkOrder.author_name),
        instant("created", msgid("Given at"), WorkOrder.created_at),
        words("approved_by", msgid("Approved by"), WorkOrder.approved_by_name),
        instant("approved", msgid("Approved at"), WorkOrder.approved_at, in_default=False),
        words("executed_by", msgid("Executed by"), WorkOrder.executed_by_name, in_default=False),
        instant("executed", msgid("Executed at"), WorkOrder.executed_at),
        instant("finished", msgid("Finished at"), WorkOrder.finished_at),
        number("devices", msgid("Devices"), WorkOrder.target_count),
        number("did_it", msgid("Devices that did it"), _answered(CommandState.ACKNOWLEDGED)),
        number(
            "did_not",
            msgid("Devices that did not"),
            _answered(CommandState.FAILED, CommandState.EXPIRED, CommandState.CANCELLED),
        ),
        number(
            "unknown",
            msgid("Devices of which it is unknown"),
            _answered(CommandState.UNKNOWN),
            in_default=False,
        ),
    )
    filters = (
        narrow("state", msgid("State"), WorkOrder.state, ORDER_STATE_LABELS),
        narrow("action", msgid("Action"), WorkOrder.action_code, ACTION_LABELS),
    )
