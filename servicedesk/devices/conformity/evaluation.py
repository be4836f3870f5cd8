"""Holding devices to the rules: one statement a rule, whatever the number of devices.

What a device fails follows from its inventory and the rules alone. A repeat changes nothing; two
at once wait for each other.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    and_,
    delete,
    exists,
    false,
    func,
    literal,
    or_,
    select,
    union_all,
)
from sqlalchemy.dialects.postgresql import ARRAY, insert

from servicedesk.devices.conformity import enforcement
from servicedesk.devices.conformity.locking import lock_evaluation
from servicedesk.devices.conformity.models import (
    ConformityChange,
    ConformityFinding,
    ConformityRule,
)
from servicedesk.devices.conformity.rules import kind_named
from servicedesk.devices.conformity.standing import scope
from servicedesk.devices.events import ConformityChanged
from servicedesk.devices.models import Device

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy.orm import InstrumentedAttribute

    from servicedesk.core.unit_of_work import Work


def evaluate(
    work: Work,
    client_id: int,
    device_ids: Sequence[int] | None = None,
    *,
    rule: ConformityRule | None = None,
    has_other_consequences: bool = False,
) -> list[int]:
    """Judge a client's devices, or some of them, by all rules or one; return who changed.

    Whoever is to be told is told, and whoever's grace is over is due for its lock. Publishes
    `ConformityChanged` once, and `LockDue` once a rule. `has_other_consequences`: the rule was
    changed, so that who failed it before, and still does, loses or keeps something else.
    """
    lock_evaluation(work, client_id)
    work.session.flush()
    changed: set[int] = set()
    judged = [rule] if rule else _rules(work, client_id)
    for one in judged:
        changed |= _judge(work, one, device_ids)
    if rule and has_other_consequences:
        failing = select(ConformityFinding.device_id).where(ConformityFinding.rule_id == rule.id)
        changed |= set(work.session.scalars(failing))
    enforcement.tell_holders(work, judged, device_ids)
    enforcement.publish_due_locks(work, judged, device_ids)
    found = sorted(changed)
    if found:
        work.note(conformity_changed=len(found))
        work.publish(ConformityChanged(client_id=client_id, device_ids=tuple(found)))
    return found


def _rules(work: Work, client_id: int) -> Sequence[ConformityRule]:
    """Return the active rules, and those that findings are left of."""
    has_findings = exists().where(ConformityFinding.rule_id == ConformityRule.id)
    return work.session.scalars(
        select(ConformityRule)
        .where(
            ConformityRule.client_id == client_id,
            or_(ConformityRule.is_active, has_findings),
        )
        .order_by(ConformityRule.id)
        .execution_options(populate_existing=True)
    ).all()


def _judge(work: Work, rule: ConformityRule, device_ids: Sequence[int] | None) -> set[int]:
    """Bring the findings of a rule up to date and write the history, in one statement."""
    kind = kind_named(rule.kind)
    fails = and_(scope(rule), kind.known(), kind.failing(rule.parameters, work.at))
    failing = (
        select(Device.id.label("device_id"))
        .where(fails if rule.is_active else false(), *_among(Device.id, device_ids))
        .cte("failing")
    )
    found = ConformityFinding.__table__.alias("found")
    gone = (
        delete(ConformityFinding)
        .where(
            ConformityFinding.rule_id == rule.id,
            *_among(ConformityFinding.device_id, device_ids),
            ~exists().where(failing.c.device_id == ConformityFinding.device_id),
        )
        .returning(ConformityFinding.device_id)
        .cte("gone")
    )
    new = select(
        literal(rule.id, BigInteger),
        failing.c.device_id,
        literal(rule.client_id, BigInteger),
        literal(work.at),
    ).where(~exists().where(found.c.rule_id == rule.id, found.c.device_id == failing.c.device_id))
    come = (
        insert(ConformityFinding)
        .from_select(["rule_id", "device_id", "client_id", "since"], new)
        .on_conflict_do_nothing()
        .returning(ConformityFinding.device_id)
        .cte("come")
    )
    changes = union_all(
        *(
            select(
                literal(rule.id, BigInteger),
                cte.c.device_id,
                literal(rule.client_id, BigInteger),
                literal(work.at),
                literal(failed),
            )
            for cte, failed in ((gone, False), (come, True))
        )
    )
    history = (
        insert(ConformityChange)
        .from_select(["rule_id", "device_id", "client_id", "at", "failed"], changes)
        .returning(ConformityChange.device_id)
    )
    return set(work.session.scalars(history))


def _among(
    column: InstrumentedAttribute[int], device_ids: Sequence[int] | None
) -> list[ColumnElement[Any]]:
    """Return the narrowing to these devices; the ids are one value, however many they are."""
    if device_ids is None:
        return []
    return [column == func.any(literal(list(device_ids), ARRAY(BigInteger)))]
