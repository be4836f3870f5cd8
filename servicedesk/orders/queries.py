"""What people look at: an order with its devices, verdicts and outcomes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import select
from sqlalchemy.orm import joinedload

from servicedesk.clients.models import Client
from servicedesk.clients.visibility import visible_to
from servicedesk.core import database
from servicedesk.core.errors import NotFound
from servicedesk.core.permissions import Permission, may
from servicedesk.devices.catalogue import action_named
from servicedesk.devices.commands import SETTLED, CommandState, DeviceCommand
from servicedesk.devices.instructions import is_repeatable
from servicedesk.devices.models import Device
from servicedesk.orders.models import OrderState, OrderTarget, WorkOrder

if TYPE_CHECKING:
    from collections.abc import Sequence

    from servicedesk.core.actors import Actor
    from servicedesk.devices.catalogue.action import ManagedAction


@dataclass(frozen=True, kw_only=True)
class OrderView:
    """An order with everything its card shows."""

    order: WorkOrder
    action: ManagedAction
    client: Client
    targets: Sequence[OrderTarget]
    commands: dict[int, DeviceCommand]  # by device id

    @property
    def able(self) -> list[OrderTarget]:
        """Return the targets that can."""
        return [target for target in self.targets if target.possible]

    @property
    def refused(self) -> list[OrderTarget]:
        """Return the targets that cannot."""
        return [target for target in self.targets if not target.possible]

    @property
    def settled(self) -> int:
        """Return how many commands reached an end."""
        return sum(command.state in SETTLED for command in self.commands.values())

    @property
    def is_moving(self) -> bool:
        """Whether answers may still come in."""
        return self.order.state is OrderState.EXECUTING or any(
            command.state in {CommandState.UNKNOWN, CommandState.NOT_NOW}
            for command in self.commands.values()
        )

    @property
    def may_retry(self) -> bool:
        """Whether sending again to those that failed is harmless."""
        return self.order.state is OrderState.NEEDS_DECISION and is_repeatable(self.action.sends)


def order_view(actor: Actor, reference: str) -> OrderView:
    """Return an order as this actor sees it. Raises NotFound."""
    session = database.session()
    row = session.execute(
        select(WorkOrder, Client)
        .join(Client, Client.id == WorkOrder.client_id)
        .where(WorkOrder.reference == reference, visible_to(actor, WorkOrder.client_id))
    ).one_or_none()
    if row is None:
        raise NotFound
    return view_of(row[0], row[1])


def view_of(order: WorkOrder, client: Client) -> OrderView:
    """Return what an order's card shows."""
    session = database.session()
    targets = session.scalars(
        select(OrderTarget)
        .where(OrderTarget.order_id == order.id)
        .options(joinedload(OrderTarget.device, innerjoin=True).joinedload(Device.holder))
        .order_by(OrderTarget.device_id)
    ).all()
    commands: dict[int, DeviceCommand] = {}
    if order.batch_id is not None:
        found = session.scalars(
            select(DeviceCommand).where(DeviceCommand.batch_id == order.batch_id)
        )
        commands = {command.device_id: command for command in found}
    return OrderView(
        order=order,
        action=action_named(order.action_code),
        client=client,
        targets=targets,
        commands=commands,
    )


@dataclass(frozen=True)
class Steps:
    """What the actor may do with an order as it is."""

    approve: bool
    execute: bool
    cancel: bool
    decide: bool


def steps(actor: Actor, order: WorkOrder) -> Steps:
    """Say which buttons make sense; the operations decide again."""
    executes = may(actor, Permission.ORDER_EXECUTE)
    own = order.author_id == actor.user_id
    ended = {OrderState.DONE, OrderState.CANCELLED}
    return Steps(
        approve=may(actor, Permission.ORDER_APPROVE)
        and order.state is OrderState.AWAITING_APPROVAL
        and not own,
        execute=executes and order.state in {OrderState.DRAFT, OrderState.APPROVED},
        cancel=order.state not in ended and (executes or (own and order.batch_id is None)),
        decide=executes and order.state is OrderState.NEEDS_DECISION,
    )
