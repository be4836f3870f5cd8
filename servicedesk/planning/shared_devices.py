"""Whether two tasks reach a device in common, also through different groups."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import func, literal, select, union
from sqlalchemy.orm import aliased

from servicedesk.core import database
from servicedesk.devices.models import DeviceGroupMember
from servicedesk.planning.conflicts import share_plainly
from servicedesk.planning.models import WorkKind

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from servicedesk.planning.conflicts import Reach, Span


def sharing(pairs: Sequence[tuple[Span, Span]]) -> Callable[[Reach, Reach], bool]:
    """Return the rule for these pairs of times; one statement, and none where nothing is in doubt."""
    doubtful = [
        reach
        for first, second in pairs
        if _may_share(first.reach, second.reach) and not share_plainly(first.reach, second.reach)
        for reach in (first.reach, second.reach)
    ]
    if not doubtful:
        return share_plainly
    common = _in_common(
        frozenset().union(*(reach.group_ids for reach in doubtful)),
        frozenset().union(*(reach.device_ids for reach in doubtful)),
    )

    def share(first: Reach, second: Reach) -> bool:
        return share_plainly(first, second) or any(
            pair in common
            for one, other in ((first, second), (second, first))
            for pair in _pairs(one, other)
        )

    return share


def _may_share(first: Reach, second: Reach) -> bool:
    return (
        first.client_id is not None
        and first.client_id == second.client_id
        and first.work_kind is WorkKind.ACTION
        and second.work_kind is WorkKind.ACTION
    )


def _pairs(one: Reach, other: Reach) -> set[tuple[str, int, int]]:
    groups = {("group", a, b) for a in one.group_ids for b in other.group_ids}
    return groups | {("device", a, b) for a in one.group_ids for b in other.device_ids}


def _in_common(groups: frozenset[int], devices: frozenset[int]) -> set[tuple[str, int, int]]:
    """Return which groups have a member in common, and which devices are in which groups."""
    one, other = aliased(DeviceGroupMember), aliased(DeviceGroupMember)
    of_groups = (
        select(literal("group").label("kind"), one.group_id, other.group_id.label("with_id"))
        .join(other, other.device_id == one.device_id)
        .where(
            one.group_id == func.any(sorted(groups)),
            other.group_id == func.any(sorted(groups)),
            one.group_id != other.group_id,
        )
    )
    of_devices = select(literal("device"), one.group_id, one.device_id).where(
        one.group_id == func.any(sorted(groups)), one.device_id == func.any(sorted(devices))
    )
    rows = database.session().execute(union(of_groups, of_devices))
    return {(kind, group, with_id) for kind, group, with_id in rows}
