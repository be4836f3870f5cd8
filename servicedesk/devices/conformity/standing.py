"""How devices stand towards the rules, as conditions that queries of the fleet can use."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import ColumnElement, and_, case, exists, or_, select

from servicedesk.devices.conformity.models import (
    Conformity,
    ConformityFinding,
    ConformityRule,
)
from servicedesk.devices.conformity.rules import KINDS
from servicedesk.devices.models import Device, DeviceGroupMember, DeviceState

if TYPE_CHECKING:
    from sqlalchemy.orm import QueryableAttribute

# what some kind of rule needs to have been reported
NEEDS = sorted({name for kind in KINDS for name in kind.needs})
JUDGED = Device.state == DeviceState.ENROLLED  # who is not with the service meets no rules


def scope(rule: ConformityRule) -> ColumnElement[bool]:
    """Return which devices a rule concerns."""
    conditions: list[ColumnElement[bool]] = [Device.client_id == rule.client_id, JUDGED]
    if rule.platform is not None:
        conditions.append(Device.platform == rule.platform)
    if rule.group_id is not None:
        members = select(DeviceGroupMember.device_id).where(
            DeviceGroupMember.group_id == rule.group_id
        )
        conditions.append(Device.id.in_(members))
    return and_(*conditions)


def concerned() -> ColumnElement[bool]:
    """Return the condition that an active rule of a query concerns its device."""
    is_member = exists().where(
        DeviceGroupMember.group_id == ConformityRule.group_id,
        DeviceGroupMember.device_id == Device.id,
    )
    return and_(
        ConformityRule.client_id == Device.client_id,
        ConformityRule.is_active,
        JUDGED,
        or_(ConformityRule.platform.is_(None), ConformityRule.platform == Device.platform),
        or_(ConformityRule.group_id.is_(None), is_member.correlate(ConformityRule, Device)),
    )


def known() -> ColumnElement[bool]:
    """Return the condition that a query's device has reported what its rule needs."""
    return case(*((ConformityRule.kind == kind.code, kind.known()) for kind in KINDS), else_=False)


def _fails_one() -> ColumnElement[bool]:
    return (
        exists()
        .where(
            ConformityFinding.device_id == Device.id,
            ConformityFinding.rule_id == ConformityRule.id,
            ConformityRule.is_active,
        )
        .correlate(Device)
    )


def _meets_one(*conditions: ColumnElement[bool]) -> ColumnElement[bool]:
    return exists().where(concerned(), *conditions).correlate(Device)


def _unknown_to_one() -> ColumnElement[bool]:
    """Return the condition that a rule needs what a device has not reported.

    Who has reported everything is told apart without looking at the rules: that is nearly everybody.
    """
    lacks_something = or_(*(getattr(Device, name).is_(None) for name in NEEDS))
    return and_(lacks_something, _meets_one(~known()))


def stands(wanted: Conformity | None) -> ColumnElement[bool]:
    """Return the condition that a device stands so towards its rules; None: it has none."""
    if wanted is None:
        return and_(JUDGED, ~_fails_one(), ~_meets_one())
    if wanted is Conformity.FAILING:
        return and_(JUDGED, _fails_one())
    unknown = _unknown_to_one()
    if wanted is Conformity.UNKNOWN:
        return and_(JUDGED, ~_fails_one(), unknown)
    return and_(JUDGED, ~_fails_one(), ~unknown, _meets_one())


def standing() -> QueryableAttribute[Any] | ColumnElement[Any]:
    """Return how a device stands, as a column; null when no rule concerns it."""
    return case(
        (~JUDGED, None),
        (_fails_one(), Conformity.FAILING.value),
        (_unknown_to_one(), Conformity.UNKNOWN.value),
        (_meets_one(), Conformity.CONFORMING.value),
    )
