"""The pre-flight of an order: a verdict for every device, before anything is sent."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, cast

from sqlalchemy import Select, func, literal, select

from servicedesk.clients.models import Client
from servicedesk.clients.visibility import visible_to
from servicedesk.core.errors import InvalidInput
from servicedesk.core.text import Text, msgid
from servicedesk.devices import fleet_engines
from servicedesk.devices.compatibility import Verdict, compatibility
from servicedesk.devices.conformity.models import (
    ConformityFinding,
    ConformityRule,
    Consequence,
)
from servicedesk.devices.groups import IN_SERVICE
from servicedesk.devices.models import (
    Device,
    DeviceGroup,
    DeviceGroupMember,
    EngineAccount,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import date

    from sqlalchemy.orm import Session

    from servicedesk.clients.models import Contract
    from servicedesk.core.actors import Actor
    from servicedesk.devices.catalogue.action import ManagedAction
    from servicedesk.devices.catalogue.desired_state import DesiredStateAction

FIELD = "action.targets.devices"
# what a verdict depends on: devices that are alike in these get the same one
KIND = (
    Device.state,
    Device.platform,
    Device.os_version,
    Device.manufacturer,
    Device.model,
    Device.ownership,
    Device.management,
    Device.engine_id,
)
COLUMNS = (
    Device.id,
    Device.reference,
    Device.client_id,
    Device.external_id,
    Device.last_contact_at,
    *KIND,
)


class BadParameters(InvalidInput):
    """Parameters of an action that cannot be used; `faults` says which and why (msgids)."""

    def __init__(self, faults: Mapping[str, str]) -> None:
        """Name the first fault in the sentence; all are in `faults`."""
        name, fault = next(iter(faults.items()))
        super().__init__(fault, field=f"action.parameters.{name}")
        self.faults = dict(faults)


@dataclass(frozen=True, kw_only=True)
class Targets:
    """The devices an order names, all of one client: rows of `COLUMNS`, by id."""

    rows: Sequence[Any]
    group_ids: list[int] = field(default_factory=list)  # of the groups that were named, by id
    has_singles: bool = False  # devices were named too, one by one

    @property
    def ids(self) -> list[int]:
        """Return the ids."""
        return [row.id for row in self.rows]

    @property
    def client_id(self) -> int:
        """Return whose they are."""
        return int(self.rows[0].client_id)


def targets_named(
    session: Session,
    actor: Actor,
    references: Sequence[str],
    groups: Sequence[str] = (),
    *,
    client: str = "",
) -> Targets:
    """Return the devices of these references and all that are in these groups.

    `client`: whose groups are meant, where several clients have one of the name. Raises InvalidInput
    naming what is not there for this actor, when there is nothing, or when they are of several
    clients.
    """
    wanted = list(dict.fromkeys(reference.strip() for reference in references if reference.strip()))
    names = list(dict.fromkeys(name.strip() for name in groups if name.strip()))
    if not wanted and not names:
        raise InvalidInput(msgid("Choose at least one device."), field=FIELD)
    query = select(*COLUMNS).where(visible_to(actor, Device.client_id)).order_by(Device.id)
    named = Device.reference == func.any(wanted)
    members = _of(client, _members(actor, names), DeviceGroup.client_id)
    rows = session.execute(query.where(named | Device.id.in_(members))).all()
    if missing := set(wanted) - {row.reference for row in rows}:
        raise InvalidInput(
            msgid("There is no device %(references)s."),
            field=FIELD,
            references=", ".join(sorted(missing)[:5]),
        )
    group_ids = _checked_groups(session, actor, names, client) if names else []
    if not rows:
        raise InvalidInput(
            msgid("There is no device in that group."), field="action.targets.groups"
        )
    if len({row.client_id for row in rows}) > 1:
        raise InvalidInput(msgid("The devices belong to different clients."), field=FIELD)
    return Targets(rows=rows, group_ids=group_ids, has_singles=bool(wanted))


def targets_reached(
    session: Session,
    actor: Actor,
    client: str,
    action: DesiredStateAction,
    named: Mapping[str, str],
) -> Targets:
    """Return the devices of an action that finds them itself, from its right parameters.

    `client`: its reference, or empty where the actor has just one. Raises InvalidInput.
    """
    own = select(Client.id).where(visible_to(actor, Client.id))
    ids = session.scalars((own.where(Client.reference == client) if client else own).limit(2)).all()
    if len(ids) != 1:
        raise InvalidInput(msgid("Say for which client."), field="client")
    if faults := action.faults_here(session, ids[0], named):
        raise BadParameters(faults)
    groups, devices = action.reach(session, ids[0], named)
    members = (
        select(DeviceGroupMember.device_id)
        .join(Device, Device.id == DeviceGroupMember.device_id)
        .where(DeviceGroupMember.group_id == func.any(list(groups)), Device.state.in_(IN_SERVICE))
    )
    rows = session.execute(
        select(*COLUMNS)
        .where(visible_to(actor, Device.client_id))
        .where(Device.id.in_(members) | (Device.id == func.any(list(devices))))
        .order_by(Device.id)
    ).all()
    if not rows:
        raise InvalidInput(msgid("It reaches no device."), field=FIELD)
    return Targets(rows=rows, group_ids=list(groups))


def targets_of(session: Session, device_ids: Sequence[int]) -> Targets:
    """Return these devices of one client."""
    query = select(*COLUMNS).where(Device.id == func.any(list(device_ids))).order_by(Device.id)
    return Targets(rows=session.execute(query).all())


def _members(actor: Actor, names: Sequence[str]) -> Select[Any]:
    """Return the ids of devices in groups of these names; who has left the service is not meant."""
    return (
        select(DeviceGroupMember.device_id)
        .join(DeviceGroup, DeviceGroup.id == DeviceGroupMember.group_id)
        .join(Device, Device.id == DeviceGroupMember.device_id)
        .where(
            DeviceGroup.name == func.any(list(names)),
            visible_to(actor, DeviceGroup.client_id),
            Device.state.in_(IN_SERVICE),
        )
    )


def _of(client: str, query: Select[Any], column: Any) -> Select[Any]:
    """Narrow a query to a client's reference; empty: every client in reach."""
    if not client:
        return query
    return query.where(
        column == select(Client.id).where(Client.reference == client).scalar_subquery()
    )


def _checked_groups(session: Session, actor: Actor, names: Sequence[str], client: str) -> list[int]:
    """Return the ids of the groups of these names. Raises InvalidInput naming those not there."""
    query: Any = select(DeviceGroup.id, DeviceGroup.name).where(
        DeviceGroup.name == func.any(list(names)), visible_to(actor, DeviceGroup.client_id)
    )
    found = session.execute(_of(client, query, DeviceGroup.client_id)).all()
    if missing := set(names) - {row.name for row in found}:
        raise InvalidInput(
            msgid("There is no group %(names)s."),
            field="action.targets.groups",
            names=", ".join(sorted(missing)[:5]),
        )
    return sorted(row.id for row in found)


CONFORMS = Verdict(
    possible=False,
    reason=Text(
        msgid(
            "The rule does not ask for it any more: the device conforms, or the rule was changed."
        )
    ),
)


def verdicts(
    session: Session,
    action: ManagedAction,
    devices: Sequence[Any],
    contract: Contract | None,
    day: date,
    *,
    rule_id: int | None = None,
) -> list[Verdict]:
    """Judge each device; the same answer in the form, the API, the approval and the execution.

    `devices`: rows of `COLUMNS` or devices. Those of one kind are judged once. `rule_id`: the rule
    of conformity that asks for it, of those who fail it now.
    """
    failing = None if rule_id is None else _to_be_locked(session, rule_id)
    keys = engine_keys(session)
    known: dict[tuple[Any, ...], Verdict] = {}
    judged = []
    for device in devices:
        kind = tuple(getattr(device, column.key) for column in KIND)
        if kind not in known:
            engine = fleet_engines.engine_named(keys[device.engine_id])
            known[kind] = compatibility(
                action, cast("Device", device), contract, day, engine.capability
            )
        is_spared = failing is not None and device.id not in failing
        judged.append(CONFORMS if is_spared and known[kind].possible else known[kind])
    return judged


def _to_be_locked(session: Session, rule_id: int) -> set[int]:
    """Return who fails a rule that is active and asks for a lock."""
    return set(
        session.scalars(
            select(ConformityFinding.device_id)
            .join(ConformityRule, ConformityRule.id == ConformityFinding.rule_id)
            .where(
                ConformityRule.id == rule_id,
                ConformityRule.is_active,
                literal(Consequence.LOCK.value) == func.any(ConformityRule.consequences),
            )
        )
    )


def engine_keys(session: Session) -> Mapping[int, str]:
    """Return the keys of the engines by id."""
    rows = session.execute(select(EngineAccount.id, EngineAccount.key))
    return {row.id: row.key for row in rows}


def verdict_columns(judged: Sequence[Verdict]) -> dict[str, list[Any]]:
    """Return verdicts as columns, to be written at once."""
    return {
        "possible": [verdict.possible for verdict in judged],
        "reasons": [verdict.reason and verdict.reason.msgid for verdict in judged],
        "reason_values": [
            json.dumps(dict(verdict.reason.values)) if verdict.reason else None
            for verdict in judged
        ],
    }
