"""The two kinds of work that others finish: an order on devices, and a ticket with steps for people."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import func, select

from servicedesk.clients.contracts import contract_in_force
from servicedesk.core.errors import InvalidInput, NotAllowedNow
from servicedesk.core.jobs import JobName
from servicedesk.core.sealing import unseal
from servicedesk.core.text import msgid
from servicedesk.devices.catalogue import action_named
from servicedesk.devices.catalogue.desired_state import DesiredStateAction
from servicedesk.devices.groups import IN_SERVICE
from servicedesk.devices.models import Device, DeviceGroupMember
from servicedesk.devices.parameters import Kind
from servicedesk.orders.checking import COLUMNS, Targets
from servicedesk.orders.drafting import Cause, draft_order, has_able_device
from servicedesk.orders.execution import execute
from servicedesk.orders.models import OrderState, WorkOrder
from servicedesk.orders.progress import NoDeviceAble
from servicedesk.planning import reporting
from servicedesk.planning.models import RUN_MOVES, RunState
from servicedesk.planning.run_log import tell

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sqlalchemy.orm import Session

    from servicedesk.core.unit_of_work import Work
    from servicedesk.devices.catalogue.action import ManagedAction
    from servicedesk.planning.models import PlannedRun, PlannedTask

NOT_BEGUN = frozenset({OrderState.DRAFT, OrderState.AWAITING_APPROVAL, OrderState.APPROVED})
CLOSE_WINDOW = JobName("planning.close_window", "planning")


def begin_order(work: Work, run: PlannedRun) -> None:
    """Draft the run's order, unless it was drafted ahead, and execute it if nobody has to approve.

    Raises DomainError: why nothing of it is done.
    """
    order = prepared_order(work, run) or draft_for(work, run)
    if run.closes_at is not None:
        work.enqueue(CLOSE_WINDOW, at=run.closes_at, run_id=run.id)
    if order.state not in NOT_BEGUN:
        tell(work, run, msgid("Somebody had begun order %(order)s before."), order=order.reference)
        return
    if not has_able_device(work, order):
        raise NoDeviceAble
    if order.state is OrderState.AWAITING_APPROVAL:
        run.state = RUN_MOVES.check(run.state, RunState.AWAITING_APPROVAL)
        run.started_at = None  # nothing has begun: it is late if the second person is
        tell(work, run, msgid("Order %(order)s waits for a second person."), order=order.reference)
        reporting.ask_for_approval(work, run, order)
        return
    execute(work, order)
    run.total = order.target_count
    tell(
        work,
        run,
        msgid("Order %(order)s is on its way to %(devices)s devices."),
        order=order.reference,
        devices=order.target_count,
    )


def prepared_order(work: Work, run: PlannedRun) -> WorkOrder | None:
    """Return the order that was drafted ahead, under lock. Raises NotAllowedNow if it was cancelled."""
    if run.order_id is None:
        return None
    order = work.session.get_one(WorkOrder, run.order_id, with_for_update=True)
    if order.state is OrderState.CANCELLED:
        raise NotAllowedNow(msgid("Its order was cancelled."))
    return order


def draft_for(work: Work, run: PlannedRun) -> WorkOrder:
    """Draft the order of a run for whoever the task means now. Raises DomainError."""
    task = run.task
    action = action_named(task.code)
    if task.client_id is None:
        raise InvalidInput(msgid("Say for which client."), field="client")
    contract = contract_in_force(work.session, task.client_id, work.at.date())
    parameters = opened(action, task.parameters)
    order = draft_order(
        work,
        action,
        parameters,
        targets_meant(work.session, task, action),
        contract,
        Cause(author_id=task.author_id, author_name=f"{task.author_name} ({task.reference})"),
    )
    run.order_id = order.id
    return order


def opened(action: ManagedAction, kept: Mapping[str, str]) -> dict[str, str]:
    """Return kept parameters as somebody typed them, to be checked and sealed anew."""
    secret = {p.name for p in action.parameters if p.kind is Kind.SECRET}
    return {name: unseal(value) if name in secret else value for name, value in kept.items()}


def targets_meant(session: Session, task: PlannedTask, action: ManagedAction) -> Targets:
    """Return the devices a task means now: who is in its groups at this moment, and those it names.

    Raises InvalidInput when there is none.
    """
    groups, devices = list(task.group_ids), list(task.device_ids)
    if isinstance(action, DesiredStateAction) and action.finds_its_targets:
        found_groups, found = action.reach(session, task.client_id or 0, task.parameters)
        groups, devices = list(found_groups), list(found)
    members = (
        select(DeviceGroupMember.device_id)
        .join(Device, Device.id == DeviceGroupMember.device_id)
        .where(DeviceGroupMember.group_id == func.any(groups), Device.state.in_(IN_SERVICE))
    )
    rows = session.execute(
        select(*COLUMNS)
        .where(Device.client_id == task.client_id)
        .where(Device.id.in_(members) | (Device.id == func.any(devices)))
        .order_by(Device.id)
    ).all()
    if not rows:
        raise InvalidInput(msgid("It reaches no device."), field="action.targets.devices")
    return Targets(rows=rows, group_ids=sorted(groups), has_singles=bool(devices and not groups))


def open_checklist(work: Work, run: PlannedRun) -> None:
    """Open the ticket with the task's steps; the run is over when the ticket is."""
    ticket = reporting.open_checklist(work, run)
    run.ticket_id, run.total = ticket.id, len(run.task.steps)
    tell(work, run, msgid("Ticket %(ticket)s was opened."), ticket=ticket.reference)
