"""What people look at: rules with how many fail them, who fails, and how a device stands."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import exists, func, literal, select, text
from sqlalchemy.orm import joinedload

from servicedesk.clients.choices import client_named
from servicedesk.clients.models import Client, Contract, FunctionalBlock
from servicedesk.clients.visibility import visible_to
from servicedesk.core import clock, database
from servicedesk.core.errors import NotFound
from servicedesk.core.paging import PAGE_SIZE, Page, decode_cursor, page_of
from servicedesk.core.permissions import Permission, require
from servicedesk.devices.conformity.editing import (
    RuleDraft,
    require_block,
    written,
)
from servicedesk.devices.conformity.models import (
    Conformity,
    ConformityChange,
    ConformityFinding,
    ConformityRule,
)
from servicedesk.devices.conformity.rules import kind_named
from servicedesk.devices.conformity.standing import concerned, known, scope
from servicedesk.devices.models import Device, DeviceGroup, DeviceGroupMember, DeviceState

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from servicedesk.core.actors import Actor

MOST_APPS = 300  # offered while somebody types


@dataclass(frozen=True, kw_only=True)
class Counts:
    """How many of the devices a rule concerns fail it, and how many are unknown."""

    failing: int
    unknown: int
    total: int


@dataclass(frozen=True, kw_only=True)
class RuleLine:
    """A rule in a list."""

    rule: ConformityRule
    counts: Counts


@dataclass(frozen=True, kw_only=True)
class Standing:
    """How one device stands towards one rule, and since when it fails."""

    rule: ConformityRule
    conformity: Conformity
    since: datetime | None


def rules(
    actor: Actor, client: str = "", cursor: str | None = None, size: int = PAGE_SIZE
) -> Page[RuleLine]:
    """Return a page of rules with counts, the newest first; four statements at most."""
    require(actor, Permission.DEVICE_READ)
    query = (
        select(ConformityRule)
        .options(
            joinedload(ConformityRule.client, innerjoin=True), joinedload(ConformityRule.group)
        )
        .where(visible_to(actor, ConformityRule.client_id))
        .order_by(ConformityRule.id.desc())
        .limit(size + 1)
    )
    if client:
        owner = select(Client.id).where(Client.reference == client).scalar_subquery()
        query = query.where(ConformityRule.client_id == owner)
    if key := decode_cursor(cursor, int):
        query = query.where(ConformityRule.id < key[0])
    found = page_of(database.session().scalars(query).all(), size, lambda rule: [rule.id])
    counts = counts_of(found.items)
    lines = [RuleLine(rule=rule, counts=counts[rule.id]) for rule in found.items]
    return Page(lines, found.next)


def rule_named(actor: Actor, reference: str) -> RuleLine:
    """Return one rule with counts. Raises NotFound, also for a rule of another client."""
    require(actor, Permission.DEVICE_READ)
    rule = database.session().scalar(
        select(ConformityRule)
        .options(
            joinedload(ConformityRule.client, innerjoin=True), joinedload(ConformityRule.group)
        )
        .where(
            ConformityRule.reference == reference.replace("\x00", ""),
            visible_to(actor, ConformityRule.client_id),
        )
    )
    if rule is None:
        raise NotFound
    return RuleLine(rule=rule, counts=counts_of([rule])[rule.id])


def counts_of(found: Sequence[ConformityRule]) -> dict[int, Counts]:
    """Return the counts of these rules: the fleet is read once, not once a rule."""
    if not found:
        return {}
    rows = database.session().execute(
        select(ConformityFinding.rule_id, func.count())
        .where(ConformityFinding.rule_id.in_([rule.id for rule in found]))
        .group_by(ConformityFinding.rule_id)
    )
    failing = dict(rows.all())
    heads = [*_heads(found, in_groups=False), *_heads(found, in_groups=True)]
    return {rule.id: _count(rule, heads, failing.get(rule.id, 0)) for rule in found}


FLAGS = (
    "inventory_at",
    "os_version_key",
    "has_passcode",
    "is_encrypted",
    "is_compromised",
    "last_contact_at",
)


def _heads(found: Sequence[ConformityRule], *, in_groups: bool) -> list[dict[str, Any]]:
    """Return how many devices there are by client, platform, group and what is known of them."""
    wanted = [rule for rule in found if (rule.group_id is not None) is in_groups]
    if not wanted:
        return []
    columns: list[Any] = [Device.client_id, Device.platform]
    columns += [getattr(Device, name).is_not(None).label(name) for name in FLAGS]
    query = select(*columns, func.count().label("heads")).where(
        Device.client_id.in_({rule.client_id for rule in wanted}),
        Device.state == DeviceState.ENROLLED,
    )
    if in_groups:
        columns.append(DeviceGroupMember.group_id)
        query = (
            query.add_columns(DeviceGroupMember.group_id)
            .join(DeviceGroupMember, DeviceGroupMember.device_id == Device.id)
            .where(DeviceGroupMember.group_id.in_({rule.group_id for rule in wanted}))
        )
    rows = database.session().execute(query.group_by(*columns)).mappings()
    return [{"group_id": None, **row} for row in rows]


def _count(rule: ConformityRule, heads: list[dict[str, Any]], failing: int) -> Counts:
    mine = [
        row
        for row in heads
        if (row["client_id"], row["group_id"]) == (rule.client_id, rule.group_id)
        and rule.platform in {None, row["platform"]}
    ]
    needs = kind_named(rule.kind).needs
    unknown = sum(row["heads"] for row in mine if not all(row[name] for name in needs))
    return Counts(failing=failing, unknown=unknown, total=sum(row["heads"] for row in mine))


def preview(actor: Actor, client_reference: str, draft: RuleDraft) -> Counts:
    """Return who would fail a rule with the inventory of now. Raises as making it would."""
    require(actor, Permission.POLICY_EDIT)
    session = database.session()
    client = client_named(session, actor, client_reference)
    require_block(session, client.id)
    rule = written(session, client.id, draft)
    kind = kind_named(rule.kind)
    devices = select(func.count()).select_from(Device).where(scope(rule))
    row = session.execute(
        select(
            devices.where(kind.known(), kind.failing(rule.parameters, clock.now()))
            .scalar_subquery()
            .label("failing"),
            devices.where(~kind.known()).scalar_subquery().label("unknown"),
            devices.scalar_subquery().label("total"),
        )
    ).one()
    return Counts(failing=row.failing, unknown=row.unknown, total=row.total)


def failing_devices(
    actor: Actor, rule: ConformityRule, cursor: str | None = None, size: int = PAGE_SIZE
) -> Page[tuple[Device, datetime]]:
    """Return a page of the devices that fail a rule, with since when."""
    query = (
        select(Device, ConformityFinding.since)
        .join(ConformityFinding, ConformityFinding.device_id == Device.id)
        .options(joinedload(Device.holder))
        .where(ConformityFinding.rule_id == rule.id, visible_to(actor, Device.client_id))
        .order_by(ConformityFinding.device_id)
        .limit(size + 1)
    )
    if key := decode_cursor(cursor, int):
        query = query.where(ConformityFinding.device_id > key[0])
    found = database.session().execute(query).all()
    return page_of(found, size, lambda row: [row[0].id])


def standings_of(actor: Actor, device_id: int) -> list[Standing]:
    """Return how a device stands towards each rule that concerns it; one statement."""
    rows = database.session().execute(
        select(ConformityRule, ConformityFinding.since, known())
        .select_from(ConformityRule)
        .join(Device, concerned())
        .outerjoin(
            ConformityFinding,
            (ConformityFinding.rule_id == ConformityRule.id)
            & (ConformityFinding.device_id == Device.id),
        )
        .options(joinedload(ConformityRule.group))
        .where(Device.id == device_id, visible_to(actor, Device.client_id))
        .order_by(ConformityRule.id)
    )
    return [
        Standing(rule=rule, conformity=_standing(since, is_known=is_known), since=since)
        for rule, since, is_known in rows
    ]


def _standing(since: datetime | None, *, is_known: bool) -> Conformity:
    if since is not None:
        return Conformity.FAILING
    return Conformity.CONFORMING if is_known else Conformity.UNKNOWN


def changes_of(actor: Actor, device_id: int, size: int = 5) -> Sequence[Any]:
    """Return the newest changes of a device: at, failed, and the rule's reference and name."""
    return (
        database.session()
        .execute(
            select(
                ConformityChange.at,
                ConformityChange.failed,
                ConformityRule.reference,
                ConformityRule.name,
            )
            .join(ConformityRule, ConformityRule.id == ConformityChange.rule_id)
            .where(
                ConformityChange.device_id == device_id,
                visible_to(actor, ConformityChange.client_id),
            )
            .order_by(ConformityChange.id.desc())
            .limit(size)
        )
        .all()
    )


def clients_to_hold(actor: Actor) -> Sequence[Any]:
    """Return reference and name of the actor's clients whose contract contains rules, by name."""
    today = clock.now().date()
    has_block = exists().where(
        Contract.client_id == Client.id,
        Contract.starts_on <= today,
        Contract.ends_on >= today,
        literal(FunctionalBlock.CONFORMITY.value) == func.any(Contract.blocks),
    )
    query = select(Client.reference, Client.name).where(visible_to(actor, Client.id), has_block)
    return database.session().execute(query.order_by(Client.name)).all()


def groups_to_choose(actor: Actor, client_id: int) -> Sequence[str]:
    """Return the names of a client's groups."""
    query = select(DeviceGroup.name).where(
        DeviceGroup.client_id == client_id, visible_to(actor, DeviceGroup.client_id)
    )
    return database.session().scalars(query.order_by(DeviceGroup.name)).all()


def apps_to_choose(actor: Actor, client_id: int) -> Sequence[Any]:
    """Return identifier and name of apps seen in a fleet; jumps through the index."""
    if not actor.sees_client(client_id):
        return []
    found = database.session().execute(APPS, {"client": client_id, "most": MOST_APPS})
    return found.all()


APPS = text("""
    WITH RECURSIVE seen AS (
      (SELECT identifier, name, 1 AS number FROM installed_app
        WHERE client_id = :client ORDER BY identifier LIMIT 1)
      UNION ALL
      SELECT next.identifier, next.name, seen.number + 1 FROM seen
        CROSS JOIN LATERAL (
          SELECT identifier, name FROM installed_app
           WHERE client_id = :client AND identifier > seen.identifier
           ORDER BY identifier LIMIT 1) next
       WHERE seen.number < :most)
    SELECT identifier, name FROM seen
""")
