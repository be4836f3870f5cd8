"""The catalogue against a contract: what can be done to which kind of device, and why not.

Every cell is the verdict on a sample device, given by the function that judges real ones.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from itertools import groupby
from typing import TYPE_CHECKING

from sqlalchemy import select

from servicedesk.clients.choices import client_meant
from servicedesk.clients.contracts import contract_in_force
from servicedesk.clients.models import COMPATIBLE_BLOCKS, Client, Contract, FunctionalBlock
from servicedesk.core import clock, database
from servicedesk.core.errors import NotFound
from servicedesk.core.permissions import Permission, require
from servicedesk.devices import fleet_engines
from servicedesk.devices.catalogue import ACTIONS
from servicedesk.devices.compatibility import compatibility
from servicedesk.devices.models import (
    Device,
    DeviceState,
    EngineAccount,
    Management,
    Ownership,
    Platform,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from datetime import date

    from servicedesk.clients.models import Modality
    from servicedesk.core.actors import Actor
    from servicedesk.core.text import Text
    from servicedesk.devices.catalogue.action import ManagedAction
    from servicedesk.devices.compatibility import EngineAbility, Verdict

    Judge = Callable[[Device], Verdict]

NEWEST = (9999,)  # a version that no action is too new for
APPLE = {
    Ownership.CORPORATE: (Management.SUPERVISED, Management.MANAGED),
    Ownership.PERSONAL: (Management.SUPERVISED, Management.MANAGED, Management.USER_ENROLMENT),
}
ANDROID = {
    Ownership.CORPORATE: (Management.FULLY_MANAGED, Management.WORK_PROFILE_COMPANY),
    Ownership.PERSONAL: (Management.FULLY_MANAGED, Management.WORK_PROFILE_PERSONAL),
}


@dataclass(frozen=True, kw_only=True)
class Kind:
    """A kind of device, as far as an action asks."""

    platform: Platform
    ownership: Ownership
    management: Management


KINDS = tuple(
    Kind(platform=platform, ownership=ownership, management=management)
    for platform in Platform
    for ownership, managements in (ANDROID if platform is Platform.ANDROID else APPLE).items()
    for management in managements
)


@dataclass(frozen=True, kw_only=True)
class Cell:
    """Whether an action can be done to a kind of device: from which version, or why not."""

    kind: Kind
    from_version: tuple[int, ...] = ()
    reason: Text | None = None

    @property
    def possible(self) -> bool:
        """Whether any device of the kind can."""
        return self.reason is None


@dataclass(frozen=True, kw_only=True)
class Row:
    """An action: its cells in the order of `KINDS`, and the manufacturers that cannot."""

    action: ManagedAction
    states: tuple[DeviceState, ...]  # in which a device has to be
    cells: tuple[Cell, ...]
    manufacturers_without: tuple[tuple[str, Text], ...]

    @property
    def modalities(self) -> list[Modality]:
        """Return the modalities that can be sold with the action's block."""
        return [
            modality for modality, sold in COMPATIBLE_BLOCKS.items() if self.action.block in sold
        ]

    @property
    def reason_for_all(self) -> Text | None:
        """Return why no device can, where it is the same for all."""
        reasons = [cell.reason for cell in self.cells]
        return reasons[0] if all(reason == reasons[0] for reason in reasons) else None


@dataclass(frozen=True, kw_only=True)
class Matrix:
    """The rows by functional block, for a client's contract and an engine."""

    client: Client
    contract: Contract | None
    engine: EngineAccount
    engines: Sequence[EngineAccount]
    blocks: dict[FunctionalBlock, list[Row]]


def matrix(actor: Actor, client_reference: str = "", engine_key: str = "") -> Matrix:
    """Return the matrix of a client; without a key, of the engine its first device belongs to.

    Raises Forbidden, NotFound, and InvalidInput where no client is named and several could be meant.
    """
    require(actor, Permission.DEVICE_READ)
    client = client_meant(actor, client_reference)
    session, today = database.session(), clock.now().date()
    contract = contract_in_force(session, client.id, today)
    engines = _engines()
    engine = _chosen(engines, engine_key, client)
    ability = fleet_engines.engine_named(engine.key).capability
    return Matrix(
        client=client,
        contract=contract,
        engine=engine,
        engines=engines,
        blocks=by_block(contract, today, ability),
    )


def by_block(
    contract: Contract | None,
    day: date,
    ability: EngineAbility,
    actions: Sequence[ManagedAction] = ACTIONS,
) -> dict[FunctionalBlock, list[Row]]:
    """Return a row for every action, by functional block in the order of contracts; asks nobody."""
    order = list(FunctionalBlock)
    ordered = sorted(actions, key=lambda action: order.index(action.block))
    return {
        block: [_row(action, contract, day, ability) for action in of_block]
        for block, of_block in groupby(ordered, key=lambda action: action.block)
    }


def _row(
    action: ManagedAction, contract: Contract | None, day: date, ability: EngineAbility
) -> Row:
    judge = partial(compatibility, action, contract=contract, day=day, engine=ability)
    states = [state for state in DeviceState if _any_can(judge, state)]
    state = states[0] if states else DeviceState.ENROLLED
    cells = tuple(_cell(action, judge, kind, state) for kind in KINDS)
    can = next((cell.kind for cell in cells if cell.possible), None)
    return Row(
        action=action,
        states=tuple(states),
        cells=cells,
        manufacturers_without=tuple(_without(action, judge, can, state)) if can else (),
    )


def _any_can(judge: Judge, state: DeviceState) -> bool:
    return any(judge(_sample(kind, state)).possible for kind in KINDS)


def _cell(action: ManagedAction, judge: Judge, kind: Kind, state: DeviceState) -> Cell:
    newest = judge(_sample(kind, state))
    if not newest.possible:
        return Cell(kind=kind, reason=newest.reason)
    versions = sorted({(), *(way.from_version for way in action.ways)})
    lowest = next(v for v in (*versions, NEWEST) if judge(_sample(kind, state, v)).possible)
    return Cell(kind=kind, from_version=lowest)


def _without(
    action: ManagedAction, judge: Judge, kind: Kind, state: DeviceState
) -> Iterator[tuple[str, Text]]:
    for manufacturer in action.manufacturers_without:
        verdict = judge(_sample(kind, state, manufacturer=manufacturer))
        if verdict.reason is not None:
            yield manufacturer, verdict.reason


def _sample(
    kind: Kind, state: DeviceState, version: tuple[int, ...] = NEWEST, manufacturer: str = ""
) -> Device:
    """Return a device to judge; no session ever knows it."""
    return Device(
        platform=kind.platform,
        ownership=kind.ownership,
        management=kind.management,
        state=state,
        os_version=".".join(map(str, version)),
        manufacturer=manufacturer,
        model="",
        external_id="",
        last_contact_at=None,
    )


def _engines() -> Sequence[EngineAccount]:
    """Return the engines that the settings name, too."""
    found = database.session().scalars(select(EngineAccount).order_by(EngineAccount.id))
    return [engine for engine in found if fleet_engines.is_named(engine.key)]


def _chosen(engines: Sequence[EngineAccount], key: str, client: Client) -> EngineAccount:
    if key:
        wanted = [engine for engine in engines if engine.key == key]
    else:
        first = select(Device.engine_id).where(Device.client_id == client.id)
        engine_id = database.session().scalar(first.order_by(Device.id).limit(1))
        wanted = [engine for engine in engines if engine.id == engine_id] or [*engines]
    if not wanted:
        raise NotFound
    return wanted[0]
