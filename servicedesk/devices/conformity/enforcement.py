"""What follows for devices that fail: something withheld, a mail, a lock when the grace is over."""

from __future__ import annotations

import json
from collections import defaultdict
from typing import TYPE_CHECKING

from sqlalchemy import func, select, text

from servicedesk.devices.conformity.models import (
    WITHHOLDS,
    ConformityFinding,
    ConformityRule,
    Consequence,
)
from servicedesk.devices.conformity.rules import kind_named
from servicedesk.devices.events import LockDue

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from sqlalchemy.orm import Session

    from servicedesk.core.unit_of_work import Work

LANGUAGE = "es"  # of holders, who have no account to choose another in


def withheld_sections(session: Session, device_ids: Sequence[int]) -> dict[int, frozenset[str]]:
    """Return what is withheld from each of these devices now: "wifi", "mail", both or nothing.

    It follows from the present findings, so a device that conforms again has everything back.
    """
    withheld: dict[int, set[str]] = defaultdict(set)
    rows = session.execute(
        select(ConformityFinding.device_id, func.unnest(ConformityRule.consequences))
        .join(ConformityRule, ConformityRule.id == ConformityFinding.rule_id)
        .where(ConformityFinding.device_id.in_(device_ids), ConformityRule.is_active)
    )
    for device_id, consequence in rows:
        if consequence in WITHHOLDS:
            withheld[device_id].add(WITHHOLDS[Consequence(consequence)])
    return {device_id: frozenset(withheld[device_id]) for device_id in device_ids}


def withheld_by(rules: Iterable[ConformityRule]) -> frozenset[str]:
    """Return what these rules withhold from whoever fails them all."""
    return frozenset(
        section
        for rule in rules
        for consequence, section in WITHHOLDS.items()
        if rule.has(consequence)
    )


def tell_holders(
    work: Work, rules: Sequence[ConformityRule], device_ids: Sequence[int] | None
) -> None:
    """Queue a mail to the holder of each failing device, once a finding; a statement a rule."""
    for rule in rules:
        if not (rule.is_active and rule.has(Consequence.TELL)):
            continue
        kind = kind_named(rule.kind)
        advice = kind.advice(rule.parameters)
        work.session.execute(
            TELL,
            {
                "rule": rule.id,
                "now": work.at,
                "devices": None if device_ids is None else list(device_ids),
                "language": LANGUAGE,
                "about": rule.reference,
                "advice": advice.msgid,
                "values": json.dumps(dict(advice.values)),
                "withheld": sorted(withheld_by([rule])),
                "grace": rule.grace_hours if rule.has(Consequence.LOCK) else None,
            },
        )


def publish_due_locks(
    work: Work, rules: Sequence[ConformityRule], device_ids: Sequence[int] | None
) -> None:
    """Publish `LockDue` for findings whose grace is over, once each; one statement."""
    locking = [rule.id for rule in rules if rule.is_active and rule.has(Consequence.LOCK)]
    if not locking:
        return
    due: dict[tuple[int, int], list[int]] = defaultdict(list)
    rows = work.session.execute(
        MARK_DUE,
        {
            "rules": locking,
            "now": work.at,
            "devices": None if device_ids is None else list(device_ids),
        },
    )
    for client_id, rule_id, device_id in rows:
        due[client_id, rule_id].append(device_id)
    for (client_id, rule_id), ids in sorted(due.items()):
        work.publish(LockDue(client_id=client_id, rule_id=rule_id, device_ids=tuple(sorted(ids))))


# who has no holder is told nothing and stays to be told when one comes
TELL = text("""
    WITH told AS (
      UPDATE conformity_finding f SET told_at = :now
        FROM device d JOIN device_user u ON u.id = d.device_user_id
       WHERE f.rule_id = :rule AND f.told_at IS NULL AND d.id = f.device_id AND u.email <> ''
         AND (CAST(:devices AS bigint[]) IS NULL OR f.device_id = ANY (CAST(:devices AS bigint[])))
      RETURNING u.email, u.name AS holder, d.name AS device, d.model)
    SELECT count(desk_queue_mail(told.email, :language, 'conformity_told', jsonb_build_object(
      'holder', told.holder, 'device', told.device, 'model', told.model,
      'advice', CAST(:advice AS text), 'values', CAST(:values AS jsonb),
      'withheld', to_jsonb(CAST(:withheld AS text[])), 'grace', CAST(:grace AS bigint)
    ), :about)) FROM told
""")
# grace never began before the rule said what it says
MARK_DUE = text("""
    UPDATE conformity_finding f SET locked_at = :now
      FROM conformity_rule r
     WHERE r.id = f.rule_id AND r.id = ANY (CAST(:rules AS bigint[])) AND f.locked_at IS NULL
       AND greatest(f.since, r.effective_at) + make_interval(hours => r.grace_hours::integer) <= :now
       AND (CAST(:devices AS bigint[]) IS NULL OR f.device_id = ANY (CAST(:devices AS bigint[])))
    RETURNING f.client_id, f.rule_id, f.device_id
""")
