"""What people look at: an order with its devices, verdicts, stages and outcomes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import func, select
from sqlalchemy.orm import joinedload

from servicedesk.clients.models import Client
from servicedesk.clients.visibility import visible_to
from servicedesk.core import database
from servicedesk.core.actors import Role
from servicedesk.core.errors import NotFound
from servicedesk.core.paging import Page, decode_cursor, page_of
from servicedesk.core.permissions import Permission, may
from servicedesk.core.text import Text
from servicedesk.devices.catalogue import action_named
from servicedesk.devices.commands import SETTLED, CommandState, DeviceCommand
from servicedesk.devices.instructions import LocateDevice, is_repeatable
from servicedesk.devices.models import Device, DeviceGroup
from servicedesk.devices.parameters import Parameter, shown
from servicedesk.orders.approval import confirmation_of
from servicedesk.orders.blast_radius import BlastRadius, blast_radius
from servicedesk.orders.configuration import policy_digest
from servicedesk.orders.models import (
    OrderStage,
    OrderState,
    OrderTarget,
    StageState,
    WorkOrder,
)
from servicedesk.orders.positions.models import DevicePosition, is_kept
from servicedesk.orders.progress import FAILURES
from servicedesk.orders.stages import STAGED_FROM
from servicedesk.orders.steering import may_withdraw

if TYPE_CHECKING:
    from collections.abc import Sequence

    from servicedesk.core.actors import Actor
    from servicedesk.devices.catalogue.action import ManagedAction

PAGE = 25
BEFORE = frozenset({OrderState.DRAFT, OrderState.AWAITING_APPROVAL, OrderState.APPROVED})
ENDED = frozenset({OrderState.DONE, OrderState.CANCELLED})
ANSWERING = (CommandState.SENT, CommandState.NOT_NOW, CommandState.UNKNOWN)


@dataclass(frozen=True)
class Outcome:
    """A device of an order, its verdict, and what became of its command."""

    target: OrderTarget
    command: DeviceCommand | None
    position: DevicePosition | None  # that it is known, not where


@dataclass(frozen=True, kw_only=True)
class OrderView:
    """An order with everything its card shows."""

    order: WorkOrder
    action: ManagedAction
    client: Client
    outcomes: Page[Outcome]
    show: str  # which outcomes: all, refused, or a state of commands
    able: int
    refusals: Sequence[tuple[Text, int]]  # why devices cannot, and how many
    states: dict[CommandState, int]
    stages: Sequence[OrderStage]
    radius: BlastRadius | None  # while nothing has been sent
    groups: Sequence[str]  # that it was asked for
    policy: str  # digest of the written settings that would be approved
    confirmation: Text | None  # what an approver has to type

    @property
    def parameters(self) -> Sequence[tuple[Parameter, str]]:
        """Return what was filled in, with the words for it; no secret among them."""
        values = shown(self.action.parameters, self.order.parameters)
        return [(one, values[one.name]) for one in self.action.parameters if values.get(one.name)]

    @property
    def undo(self) -> dict[str, Any] | None:
        """Return what an address of the request that takes it back needs; None: there is none."""
        order = self.order
        if not order.undo or order.batch_id is None:
            return None
        named = {"code": order.undo["code"], "client": self.client.reference}
        action = action_named(order.undo["code"])
        if action.finds_its_targets:
            return {**named, **order.undo["parameters"]}
        if not self.groups and order.target_count > len(self.outcomes.items):
            return None  # too many to be named in an address
        devices = [] if self.groups else [o.target.device.reference for o in self.outcomes.items]
        return {**named, **order.undo["parameters"], "group": self.groups, "device": devices}

    @property
    def refused(self) -> int:
        """Return how many devices cannot."""
        return self.order.target_count - self.able

    @property
    def commanded(self) -> int:
        """Return how many commands there are."""
        return sum(self.states.values())

    @property
    def settled(self) -> int:
        """Return how many commands reached an end."""
        return sum(count for state, count in self.states.items() if state in SETTLED)

    @property
    def done(self) -> int:
        """Return how many devices did it."""
        return self.states.get(CommandState.ACKNOWLEDGED, 0)

    @property
    def failed(self) -> int:
        """Return how many devices did not do it, or may not have."""
        return sum(self.states.get(state, 0) for state in FAILURES)

    @property
    def is_staged(self) -> bool:
        """Whether it goes in parts, or may be made to."""
        return len(self.stages) > 1 or self.order.target_count > STAGED_FROM

    @property
    def plan_is_open(self) -> bool:
        """Whether some stage has not begun."""
        return not self.is_over and any(stage.state is StageState.WAITING for stage in self.stages)

    @property
    def is_over(self) -> bool:
        """Whether nothing more will be sent."""
        return self.order.state in ENDED

    @property
    def is_moving(self) -> bool:
        """Whether answers may still come in, also to what left before it was paused or cancelled."""
        return self.order.state in {OrderState.EXECUTING, OrderState.SCHEDULED} or any(
            self.states.get(state) for state in ANSWERING
        )

    @property
    def may_know_positions(self) -> bool:
        """Whether it asked devices where they are, and some answered."""
        return self.action.sends == LocateDevice.kind and self.done > 0

    @property
    def may_retry(self) -> bool:
        """Whether sending again to those that failed is harmless."""
        return (
            self.order.state in {OrderState.NEEDS_DECISION, OrderState.PAUSED}
            and self.failed > 0
            and is_repeatable(self.action.sends)
        )


def order_view(
    actor: Actor, reference: str, *, show: str = "all", cursor: str | None = None
) -> OrderView:
    """Return an order as this actor sees it. Raises NotFound, InvalidInput for a bad cursor."""
    session = database.session()
    row = session.execute(
        select(WorkOrder, Client)
        .join(Client, Client.id == WorkOrder.client_id)
        .where(WorkOrder.reference == reference, visible_to(actor, WorkOrder.client_id))
    ).one_or_none()
    if row is None:
        raise NotFound
    return view_of(row[0], row[1], show=show, cursor=cursor)


def view_of(
    order: WorkOrder, client: Client, *, show: str = "all", cursor: str | None = None
) -> OrderView:
    """Return what an order's card shows: counts of everything, and one page of devices."""
    session = database.session()
    action = action_named(order.action_code)
    refusals = session.execute(
        select(OrderTarget.reason, OrderTarget.reason_values, func.count())
        .where(OrderTarget.order_id == order.id, OrderTarget.possible.is_(False))
        .group_by(OrderTarget.reason, OrderTarget.reason_values)
        .order_by(func.count().desc(), OrderTarget.reason)
    ).all()
    states: dict[CommandState, int] = {}
    if order.batch_id is not None:
        counts = session.execute(
            select(DeviceCommand.state, func.count())
            .where(DeviceCommand.batch_id == order.batch_id)
            .group_by(DeviceCommand.state)
        )
        states = {row[0]: row[1] for row in counts}
    before = order.state in BEFORE
    return OrderView(
        order=order,
        action=action,
        client=client,
        outcomes=_outcomes(order, show, cursor),
        show=show,
        able=order.target_count - sum(row[2] for row in refusals),
        refusals=[(Text(row[0], row[1] or {}), row[2]) for row in refusals],
        states=states,
        policy=policy_digest(session, order) if order.state in BEFORE else "",
        groups=session.scalars(
            select(DeviceGroup.name)
            .where(DeviceGroup.id == func.any(order.group_ids))
            .order_by(DeviceGroup.name)
        ).all()
        if order.group_ids
        else [],
        stages=session.scalars(
            select(OrderStage).where(OrderStage.order_id == order.id).order_by(OrderStage.number)
        ).all(),
        radius=blast_radius(session, order, is_destructive=action.is_destructive)
        if before
        else None,
        confirmation=confirmation_of(session, order)
        if order.state is OrderState.AWAITING_APPROVAL
        else None,
    )


def _outcomes(order: WorkOrder, show: str, cursor: str | None) -> Page[Outcome]:
    query: Any = (
        select(OrderTarget, DeviceCommand, DevicePosition)
        .outerjoin(
            DeviceCommand,
            (DeviceCommand.batch_id == order.batch_id)
            & (DeviceCommand.device_id == OrderTarget.device_id),
        )
        .outerjoin(DevicePosition, (DevicePosition.command_id == DeviceCommand.id) & is_kept())
        .where(OrderTarget.order_id == order.id)
        .options(joinedload(OrderTarget.device, innerjoin=True).joinedload(Device.holder))
        .order_by(OrderTarget.position)
        .limit(PAGE + 1)
    )
    if show == "refused":
        query = query.where(OrderTarget.possible.is_(False))
    elif show in set(CommandState):
        query = query.where(DeviceCommand.state == show)
    if key := decode_cursor(cursor, int):
        query = query.where(OrderTarget.position > key[0])
    rows = [Outcome(*row) for row in database.session().execute(query)]
    return page_of(rows, PAGE, lambda outcome: [outcome.target.position])


def every_outcome(order: WorkOrder) -> Sequence[Any]:
    """Return for every device of an order its reference, verdict and command as light rows."""
    return (
        database.session()
        .execute(
            select(
                Device.reference,
                OrderTarget.possible,
                OrderTarget.reason,
                OrderTarget.reason_values,
                DeviceCommand.state,
                DeviceCommand.outcome,
                DeviceCommand.sent_at,
                DeviceCommand.finished_at,
            )
            .join(Device, Device.id == OrderTarget.device_id)
            .outerjoin(
                DeviceCommand,
                (DeviceCommand.batch_id == order.batch_id)
                & (DeviceCommand.device_id == OrderTarget.device_id),
            )
            .where(OrderTarget.order_id == order.id)
            .order_by(OrderTarget.device_id)
        )
        .all()
    )


def order_named(actor: Actor, reference: str) -> WorkOrder:
    """Return an order that exists for the actor. Raises NotFound."""
    order = (
        database.session()
        .scalars(
            select(WorkOrder).where(
                WorkOrder.reference == reference, visible_to(actor, WorkOrder.client_id)
            )
        )
        .one_or_none()
    )
    if order is None:
        raise NotFound
    return order


@dataclass(frozen=True)
class Steps:
    """What the actor may do with an order as it is."""

    approve: bool
    execute: bool
    cancel: bool
    decide: bool
    steer: bool  # plan stages, pause, resume


def steps(actor: Actor, order: WorkOrder) -> Steps:
    """Say which buttons make sense; the operations decide again."""
    executes = may(actor, Permission.ORDER_EXECUTE)
    return Steps(
        approve=may(actor, Permission.ORDER_APPROVE)
        and order.state is OrderState.AWAITING_APPROVAL
        and order.author_id != actor.user_id
        and (not order.is_wide or actor.role is Role.SUPERVISOR),
        execute=executes and order.state in {OrderState.DRAFT, OrderState.APPROVED},
        cancel=order.state not in ENDED and (executes or may_withdraw(actor, order)),
        decide=executes and order.state is OrderState.NEEDS_DECISION,
        steer=executes and order.state not in ENDED,
    )
