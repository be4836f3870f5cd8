"""Steps of the orders in a story: found, approved, and whose devices answer."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import select

from servicedesk.accounts.sign_in import Presence
from servicedesk.core import clock, database
from servicedesk.core.actors import SYSTEM
from servicedesk.core.unit_of_work import unit_of_work
from servicedesk.devices.commands import DeviceCommand
from servicedesk.devices.models import Device
from servicedesk.orders.approval import approve_order, confirmation_of
from servicedesk.orders.models import WorkOrder
from servicedesk.tickets.models import TicketOrder

if TYPE_CHECKING:
    from collections.abc import Sequence

    from servicedesk.core.actors import Actor
    from servicedesk.core.unit_of_work import Work
    from servicedesk.tickets.models import Ticket


def commands_of(work: Work, order: WorkOrder) -> Sequence[DeviceCommand]:
    """Return the commands of an order, to be answered."""
    return work.session.scalars(
        select(DeviceCommand).where(DeviceCommand.batch_id == order.batch_id).with_for_update()
    ).all()


def devices_of(work: Work, order: WorkOrder) -> Sequence[Device]:
    """Return the devices an order commands."""
    commanded = select(DeviceCommand.device_id).where(DeviceCommand.batch_id == order.batch_id)
    return work.session.scalars(select(Device).where(Device.id.in_(commanded))).all()


def order_of(ticket: Ticket) -> WorkOrder:
    """Return the order of a request as it stands."""
    with unit_of_work(SYSTEM, "demonstration.look") as work:
        return work.session.scalars(
            select(WorkOrder)
            .join(TicketOrder, TicketOrder.order_id == WorkOrder.id)
            .where(TicketOrder.ticket_id == ticket.id)
        ).one()


def approve(approver: Actor, order: WorkOrder) -> None:
    """Approve as somebody who proved a moment ago to be there, and typed what is asked for."""
    presence = Presence(user_id=approver.user_id or 0, purpose=order.content_hash, at=clock.now())
    wanted = confirmation_of(database.session(), order)
    database.session().rollback()
    approve_order(approver, order.reference, presence, str(wanted or ""))
