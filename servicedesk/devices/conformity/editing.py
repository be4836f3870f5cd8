"""Making and changing rules: agents and supervisors do, and the fleet is judged at once."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from sqlalchemy import exists, select, update

from servicedesk.clients.choices import client_named
from servicedesk.clients.models import BLOCK_LABELS, Contract, FunctionalBlock
from servicedesk.clients.visibility import visible_to
from servicedesk.core import clock
from servicedesk.core.errors import InvalidInput, NotAllowedNow, NotFound
from servicedesk.core.permissions import Permission, require
from servicedesk.core.references import next_reference
from servicedesk.core.text import msgid
from servicedesk.core.unit_of_work import Work, unit_of_work
from servicedesk.devices.conformity.evaluation import evaluate
from servicedesk.devices.conformity.locking import lock_evaluation
from servicedesk.devices.conformity.models import (
    LONGEST_GRACE,
    ConformityChange,
    ConformityFinding,
    ConformityRule,
    Consequence,
)
from servicedesk.devices.conformity.rules import RuleKind, kind_named
from servicedesk.devices.models import DeviceGroup, Platform

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sqlalchemy.orm import Session

    from servicedesk.core.actors import Actor

NAME_LENGTH = 120
USUAL_GRACE = 24  # hours


@dataclass(frozen=True, kw_only=True)
class RuleDraft:
    """A rule as somebody wants it; groups are named, empty means everybody."""

    name: str
    kind: str
    parameters: Mapping[str, object] = field(default_factory=dict)
    consequences: Sequence[str] = ()
    group: str = ""
    platform: str = ""
    grace_hours: int = USUAL_GRACE


class BadParameters(InvalidInput):
    """Parameters of a rule that cannot be used; `faults` says which and why (msgids)."""

    def __init__(self, faults: Mapping[str, str]) -> None:
        """Name the first fault in the sentence; all are in `faults`."""
        name, fault = next(iter(faults.items()))
        super().__init__(fault, field=f"parameters.{name}")


def create_rule(actor: Actor, client_reference: str, draft: RuleDraft) -> ConformityRule:
    """Make a rule and judge the client's fleet by it.

    Raises Forbidden, NotFound or InvalidInput with the field at fault.
    """
    require(actor, Permission.POLICY_EDIT)
    with unit_of_work(actor, "conformity.create_rule") as work:
        client = client_named(work.session, actor, client_reference)
        rule = add_rule(work, client.id, draft)
        work.concerns(client.id, rule.reference)
    return rule


def add_rule(work: Work, client_id: int, draft: RuleDraft) -> ConformityRule:
    """Make a rule and judge the fleet by it, as a step. Raises InvalidInput."""
    require_block(work.session, client_id)
    lock_evaluation(work, client_id)
    rule = written(work.session, client_id, draft)
    rule.reference = next_reference(work, "REG")
    rule.author_id, rule.author_name = work.actor.user_id, work.actor.name
    rule.created_at = rule.updated_at = rule.effective_at = work.at
    work.session.add(rule)
    work.session.flush()
    evaluate(work, client_id, rule=rule)
    return rule


def edit_rule(actor: Actor, reference: str, draft: RuleDraft) -> ConformityRule:
    """Change a rule, all but its kind, and judge anew. Raises as `create_rule`."""
    require(actor, Permission.POLICY_EDIT)
    with unit_of_work(actor, "conformity.edit_rule") as work:
        rule = _locked_rule(work, actor, reference)
        wanted = written(work.session, rule.client_id, draft, kind=rule.kind)
        judges = _take(rule, wanted, "parameters", "group_id", "platform")
        follows = _take(rule, wanted, "consequences", "grace_hours")
        if judges:
            _forget_told(work, rule)
        if judges or follows:
            rule.effective_at = work.at
            rule.author_id, rule.author_name = actor.user_id, actor.name
        rule.name, rule.updated_at = wanted.name, work.at
        evaluate(work, rule.client_id, rule=rule, has_other_consequences=follows)
    return rule


def activate_rule(actor: Actor, reference: str) -> None:
    """Hold the fleet to a rule again; whoever fails has its whole grace. Raises NotFound."""
    _switch(actor, reference, is_active=True)


def deactivate_rule(actor: Actor, reference: str) -> None:
    """Hold nobody to a rule any more: what it withheld comes back. Raises NotFound."""
    _switch(actor, reference, is_active=False)


def _switch(actor: Actor, reference: str, *, is_active: bool) -> None:
    require(actor, Permission.POLICY_EDIT)
    act = "conformity.activate_rule" if is_active else "conformity.deactivate_rule"
    with unit_of_work(actor, act) as work:
        switch_rule(work, _locked_rule(work, actor, reference), is_active=is_active)


def switch_rule(work: Work, rule: ConformityRule, *, is_active: bool) -> None:
    """Hold the fleet to a rule, or nobody any more, as a step. Raises InvalidInput."""
    lock_evaluation(work, rule.client_id)
    if rule.is_active is is_active:
        return
    if is_active:
        require_block(work.session, rule.client_id)
        rule.effective_at = work.at
        rule.author_id, rule.author_name = work.actor.user_id, work.actor.name
    rule.is_active, rule.updated_at = is_active, work.at
    evaluate(work, rule.client_id, rule=rule)


def delete_rule(actor: Actor, reference: str) -> None:
    """Delete a rule that nothing ever failed. Raises NotFound or NotAllowedNow."""
    require(actor, Permission.POLICY_EDIT)
    with unit_of_work(actor, "conformity.delete_rule") as work:
        rule = _locked_rule(work, actor, reference)
        if work.session.scalar(select(exists().where(ConformityChange.rule_id == rule.id))):
            raise NotAllowedNow(
                msgid("Devices have failed this rule: it stays in the history. Deactivate it.")
            )
        work.session.delete(rule)


def written(
    session: Session, client_id: int, draft: RuleDraft, *, kind: str | None = None
) -> ConformityRule:
    """Return a rule as the draft says it, checked and not kept. Raises InvalidInput."""
    wanted = kind_named(kind or draft.kind)
    return ConformityRule(
        client_id=client_id,
        name=_checked_name(draft.name),
        kind=wanted.code,
        parameters=_checked_parameters(wanted, draft.parameters),
        group_id=_group_id(session, client_id, draft.group),
        platform=_checked_platform(draft.platform),
        is_active=True,
        consequences=_checked_consequences(draft.consequences),
        grace_hours=_checked_grace(draft.grace_hours),
    )


def require_block(session: Session, client_id: int) -> None:
    """Raise InvalidInput unless the client's contract in force contains conformity rules."""
    today, block = clock.now().date(), FunctionalBlock.CONFORMITY
    contract = session.scalar(
        select(Contract)
        .where(
            Contract.client_id == client_id, Contract.starts_on <= today, Contract.ends_on >= today
        )
        .order_by(Contract.starts_on.desc())
        .limit(1)
    )
    if contract is None:
        raise InvalidInput(msgid("There is no contract in force."), field="client")
    if not contract.includes(block):
        raise InvalidInput(
            msgid("The contract does not contain the block “%(block)s”."),
            field="client",
            block=BLOCK_LABELS[block],
        )


def _locked_rule(work: Work, actor: Actor, reference: str) -> ConformityRule:
    """Return a rule for changing it; evaluations of its client wait meanwhile."""
    query = select(ConformityRule).where(
        ConformityRule.reference == reference.replace("\x00", ""),
        visible_to(actor, ConformityRule.client_id),
    )
    client_id = work.session.scalar(query.with_only_columns(ConformityRule.client_id))
    if client_id is None:
        raise NotFound
    lock_evaluation(work, client_id)
    rule = work.session.scalar(query.with_for_update())
    if rule is None:
        raise NotFound
    work.concerns(rule.client_id, rule.reference)
    return rule


def _take(rule: ConformityRule, wanted: ConformityRule, *names: str) -> bool:
    """Give the rule the wanted values; return whether any is another one."""
    differing = [name for name in names if getattr(rule, name) != getattr(wanted, name)]
    for name in differing:
        setattr(rule, name, getattr(wanted, name))
    return bool(differing)


def _forget_told(work: Work, rule: ConformityRule) -> None:
    """Forget who was told and locked by what the rule said before."""
    work.session.execute(
        update(ConformityFinding)
        .where(ConformityFinding.rule_id == rule.id)
        .values(told_at=None, locked_at=None)
        .execution_options(synchronize_session=False)
    )


def _group_id(session: Session, client_id: int, name: str) -> int | None:
    if not name:
        return None
    found = session.scalar(
        select(DeviceGroup.id).where(
            DeviceGroup.client_id == client_id, DeviceGroup.name == name.replace("\x00", "")
        )
    )
    if found is None:
        raise InvalidInput(msgid("The client has no such group."), field="group")
    return found


def _checked_name(typed: str) -> str:
    cleaned = " ".join(typed.split())
    if not cleaned:
        raise InvalidInput(msgid("This is needed."), field="name")
    if len(cleaned) > NAME_LENGTH or not cleaned.isprintable():
        raise InvalidInput(
            msgid("Use at most %(length)s ordinary characters."), field="name", length=NAME_LENGTH
        )
    return cleaned


def _checked_parameters(kind: RuleKind, parameters: Mapping[str, object]) -> dict[str, str]:
    if faults := kind.faults(parameters):
        raise BadParameters(faults)
    return kind.cleaned(parameters)


def _checked_platform(value: str) -> Platform | None:
    if value and value not in set(Platform):
        raise InvalidInput(msgid("Choose one of the platforms."), field="platform")
    return Platform(value) if value else None


def _checked_consequences(values: Sequence[str]) -> list[str]:
    if not values or not set(values) <= set(Consequence):
        raise InvalidInput(msgid("Choose at least one consequence."), field="consequences")
    return [consequence.value for consequence in Consequence if consequence in set(values)]


def _checked_grace(hours: int) -> int:
    if not 0 <= hours <= LONGEST_GRACE:
        raise InvalidInput(
            msgid("Write hours from 0 to %(most)s."), field="grace_hours", most=LONGEST_GRACE
        )
    return hours
