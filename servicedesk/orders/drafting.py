"""How an order comes to be: drafted from a form, checked, and never wider than what was asked."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil
from random import Random
from typing import TYPE_CHECKING

from sqlalchemy import select, text

from servicedesk.core.database import expect_rows
from servicedesk.core.errors import InvalidInput
from servicedesk.core.permissions import Permission, require
from servicedesk.core.references import next_reference
from servicedesk.core.text import msgid
from servicedesk.devices.brakes import fleet_size
from servicedesk.devices.catalogue.action import Risk
from servicedesk.orders.checking import BadParameters, verdict_columns, verdicts
from servicedesk.orders.configuration import policy_digest
from servicedesk.orders.models import OrderStage, OrderState, OrderTarget, WorkOrder, content_hash
from servicedesk.orders.stages import PlannedStage, default_plan

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from servicedesk.clients.models import Contract
    from servicedesk.core.unit_of_work import Work
    from servicedesk.devices.catalogue.action import ManagedAction
    from servicedesk.devices.compatibility import Verdict
    from servicedesk.orders.checking import Targets

WIDE_DISRUPTION = 100  # more devices than this are not interrupted on one person's word

INSERT_TARGETS = text(
    "INSERT INTO order_target"
    " (order_id, client_id, device_id, position, possible, reason, reason_values)"
    " SELECT :order_id, :client_id, * FROM unnest(CAST(:ids AS bigint[]),"
    " CAST(:positions AS bigint[]), CAST(:possible AS boolean[]), CAST(:reasons AS text[]),"
    " CAST(:reason_values AS jsonb[]))"
)


class TooWide(InvalidInput):
    """At no setting does one order destroy more than half of a fleet."""

    code = "too-wide"
    sentence = msgid(
        "It names %(devices)s of the %(fleet)s enrolled devices: one order never wipes more than half of a fleet."
    )


@dataclass(frozen=True, kw_only=True)
class Cause:
    """What asks for an order by itself, in the name of who answers for it.

    `rule_id`: a rule of conformity. `lately`: how many devices its orders reached before on nobody
    else's word; they count as well.
    """

    author_id: int | None
    author_name: str
    rule_id: int | None = None
    lately: int = 0


def draft_order(
    work: Work,
    action: ManagedAction,
    parameters: Mapping[str, object],
    targets: Targets,
    contract: Contract | None,
    cause: Cause | None = None,
) -> WorkOrder:
    """Write an order with a verdict for every device. Raises Forbidden, BadParameters, TooWide."""
    require(work.actor, Permission.DEVICE_ACT)
    cleaned = checked_parameters(action, parameters)
    if faults := action.faults_here(work.session, targets.client_id, cleaned):
        raise BadParameters(faults)
    _check_kind_of_targets(action, targets)
    rule_id = cause.rule_id if cause else None
    judged = verdicts(work.session, action, targets.rows, contract, work.at.date(), rule_id=rule_id)
    able = sum(verdict.possible for verdict in judged)
    is_wide = action.is_destructive and _is_wide(work, targets, able, contract)
    needs_approval = action.is_destructive or (
        action.risk is Risk.DISRUPTIVE and able + (cause.lately if cause else 0) > WIDE_DISRUPTION
    )
    order = WorkOrder(
        client_id=targets.client_id,
        reference=next_reference(work, "OT"),
        action_code=action.code,
        parameters=cleaned,
        state=OrderState.AWAITING_APPROVAL if needs_approval else OrderState.DRAFT,
        needs_approval=needs_approval,
        is_wide=is_wide,
        group_ids=targets.group_ids,
        content_hash=content_hash(
            targets.client_id, action.code, cleaned, targets.ids, targets.group_ids
        ),
        target_count=len(targets.rows),
        author_id=cause.author_id if cause else work.actor.user_id,
        author_name=cause.author_name if cause else work.actor.name,
        rule_id=rule_id,
        created_at=work.at,
    )
    if action.pins_settings:
        order.approved_policy = policy_digest(work.session, order)
    work.session.add(order)
    work.session.flush()
    _write_targets(work, order, targets, judged)
    write_stages(work, order, default_plan(len(targets.rows)))
    work.note(targets=[row.reference for row in targets.rows[:50]], target_count=len(targets.rows))
    return order


def has_able_device(work: Work, order: WorkOrder) -> bool:
    """Whether any device of a draft can do it."""
    query = select(OrderTarget.device_id).where(
        OrderTarget.order_id == order.id, OrderTarget.possible
    )
    return work.session.scalar(query.limit(1)) is not None


def checked_parameters(action: ManagedAction, parameters: Mapping[str, object]) -> dict[str, str]:
    """Return parameters as they are kept. Raises BadParameters."""
    if faults := action.faults(parameters):
        raise BadParameters(faults)
    return action.cleaned(parameters)


def _check_kind_of_targets(action: ManagedAction, targets: Targets) -> None:
    """Raise InvalidInput when groups are needed, or groups and single devices are mixed."""
    if action.needs_groups and not targets.group_ids:
        raise InvalidInput(msgid("Choose a group."), field="action.targets.groups")
    if action.changes_policy and targets.group_ids and targets.has_singles:
        raise InvalidInput(
            msgid("Choose groups or single devices, not both at once."),
            field="action.targets.groups",
        )


def _is_wide(work: Work, targets: Targets, able: int, contract: Contract | None) -> bool:
    """Whether it goes beyond what one agent's order may wipe. Raises TooWide."""
    fleet = fleet_size(work.session, targets.client_id)
    if able > max(1, fleet // 2):
        raise TooWide(field="action.targets.devices", devices=able, fleet=fleet)
    if contract is None:
        return able > 1
    return able > min(contract.wipes_per_order, max(1, ceil(fleet * contract.wipe_share_per_day)))


def _write_targets(
    work: Work, order: WorkOrder, targets: Targets, judged: Sequence[Verdict]
) -> None:
    """Write the devices with their verdicts, in the order in which they will have their turn."""
    expect_rows(work.session, len(targets.rows))
    work.session.execute(
        INSERT_TARGETS,
        {
            "order_id": order.id,
            "client_id": order.client_id,
            "ids": targets.ids,
            "positions": _positions(order, targets, judged),
            **verdict_columns(judged),
        },
    )


def _positions(order: WorkOrder, targets: Targets, judged: Sequence[Verdict]) -> list[int]:
    """Return each target's turn: who cannot comes last, who was seen last is the canary.

    The rest is shuffled, so that a share stands for the whole.
    """
    rows = list(range(len(judged)))
    Random(order.content_hash).shuffle(rows)  # noqa: S311  the same for the same order
    queue = sorted(rows, key=lambda row: not judged[row].possible)
    seen = [row for row in queue if judged[row].possible and targets.rows[row].last_contact_at]
    if seen:
        canary = max(seen, key=lambda row: targets.rows[row].last_contact_at)
        queue.remove(canary)
        queue.insert(0, canary)
    positions = [0] * len(judged)
    for position, row in enumerate(queue):
        positions[row] = position
    return positions


def write_stages(
    work: Work, order: WorkOrder, plan: Sequence[PlannedStage], *, after: int = 0, number: int = 1
) -> None:
    """Write the stages of a plan, from position `after` and stage `number` on."""
    for planned in plan:
        work.session.add(
            OrderStage(
                order_id=order.id,
                client_id=order.client_id,
                number=number,
                first=after,
                until=after + planned.size,
                wait_minutes=planned.wait_minutes,
            )
        )
        after, number = after + planned.size, number + 1
