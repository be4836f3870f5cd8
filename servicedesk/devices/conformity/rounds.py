"""Who is to be judged when only time has passed, or a silent device was heard."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from sqlalchemy import Integer, cast, func, literal, or_, select

from servicedesk.devices.conformity.models import (
    ConformityFinding,
    ConformityRule,
    Consequence,
)
from servicedesk.devices.conformity.rules import NotSeen
from servicedesk.devices.models import Device

if TYPE_CHECKING:
    from collections.abc import Sequence

    from servicedesk.core.unit_of_work import Work

MOST = 5000  # devices a round; the next round takes the rest


def clients_with_rules(work: Work) -> Sequence[int]:
    """Return the clients that have something to be judged by, or to be acquitted of."""
    return work.session.scalars(
        select(ConformityRule.client_id).distinct().order_by(ConformityRule.client_id)
    ).all()


def devices_to_look_at(work: Work) -> dict[int, list[int]]:
    """Return devices whose grace is over, or that were silent and are not, by client."""
    grace_ends = func.greatest(
        ConformityFinding.since, ConformityRule.effective_at
    ) + func.make_interval(0, 0, 0, 0, cast(ConformityRule.grace_hours, Integer))
    is_due = (
        (literal(Consequence.LOCK.value) == func.any(ConformityRule.consequences))
        & ConformityFinding.locked_at.is_(None)
        & (grace_ends <= work.at)
    )
    was_heard = (ConformityRule.kind == NotSeen.code) & (
        Device.last_contact_at > ConformityFinding.since
    )
    rows = work.session.execute(
        select(ConformityFinding.client_id, ConformityFinding.device_id)
        .join(ConformityRule, ConformityRule.id == ConformityFinding.rule_id)
        .join(Device, Device.id == ConformityFinding.device_id)
        .where(ConformityRule.is_active, or_(is_due, was_heard))
        .distinct()
        .limit(MOST)
    )
    found: dict[int, list[int]] = defaultdict(list)
    for client_id, device_id in rows:
        found[client_id].append(device_id)
    return found
