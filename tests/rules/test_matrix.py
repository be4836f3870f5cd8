"""The page of what is possible and the verdict on a device never disagree."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from servicedesk.clients.models import COMPATIBLE_BLOCKS, Contract, FunctionalBlock, Modality
from servicedesk.core.text import msgid
from servicedesk.devices.catalogue import ACTIONS
from servicedesk.devices.catalogue.lock import LockDevices
from servicedesk.devices.compatibility import compatibility, version_of
from servicedesk.devices.engines.contract import CAPABLE
from servicedesk.devices.engines.sandbox.translation import capability
from servicedesk.devices.matrix import KINDS, by_block
from servicedesk.devices.models import Device, DeviceState

TODAY = date(2026, 5, 4)
VERSIONS = ("", "junk", "4", "7.1", "8", "8.0", "9", "10.3.1", "11", "12", "13", "14.2-beta", "26")
LISTED = [version for action in ACTIONS for way in action.ways for version in [way.from_version]]


class LockButNotZebra(LockDevices):
    """A lock that one manufacturer's devices do not know."""

    code = "device.lock_but_not_zebra"
    manufacturers_without = {"Zebra": msgid("Its software does not know a lock.")}  # noqa: RUF012


def contract_of(blocks, *, ends_on=date(2027, 1, 1)) -> Contract:
    return Contract(blocks=[*blocks], starts_on=date(2026, 1, 1), ends_on=ends_on)


contracts = st.none() | st.builds(
    contract_of,
    st.sets(st.sampled_from(FunctionalBlock)),
    ends_on=st.sampled_from([date(2027, 1, 1), date(2026, 5, 3)]),
)
versions = st.sampled_from(VERSIONS) | st.builds(
    lambda version, last: ".".join(map(str, (*version, *last))),
    st.sampled_from(LISTED),
    st.sampled_from([(), (0,), (3,)]),
)


@settings(max_examples=400, deadline=None, database=None)
@given(
    action=st.sampled_from([*ACTIONS, LockButNotZebra()]),
    kind=st.sampled_from(KINDS),
    state=st.sampled_from(DeviceState),
    version=versions,
    manufacturer=st.sampled_from(["Apple", "Samsung", "Zebra"]),
    contract=contracts,
    ability=st.sampled_from([capability, lambda _device, _kind: CAPABLE]),
)
def test_page_and_verdict_agree_on_every_device(
    action, kind, state, version, manufacturer, contract, ability
):
    device = Device(
        platform=kind.platform,
        ownership=kind.ownership,
        management=kind.management,
        state=state,
        os_version=version,
        manufacturer=manufacturer,
        model="x",
        external_id="x",
    )
    verdict = compatibility(action, device, contract, TODAY, ability)
    (row,) = by_block(contract, TODAY, ability, [action])[action.block]
    cell = row.cells[KINDS.index(kind)]
    excluded = dict(row.manufacturers_without)
    said = (
        state in row.states
        and cell.possible
        and manufacturer not in excluded
        and version_of(version) >= cell.from_version
    )
    assert verdict.possible is said
    if state in row.states and not cell.possible:
        assert verdict.reason == cell.reason
    if state in row.states and cell.possible and manufacturer in excluded:
        assert verdict.reason == excluded[manufacturer]


def test_every_action_has_a_row_in_its_block_with_a_cell_for_every_kind():
    blocks = by_block(contract_of(FunctionalBlock), TODAY, capability)
    rows = [row for of_block in blocks.values() for row in of_block]
    assert {row.action.code for row in rows} == {action.code for action in ACTIONS}
    for block, of_block in blocks.items():
        for row in of_block:
            assert row.action.block is block
            assert tuple(cell.kind for cell in row.cells) == KINDS
            assert row.modalities == [m for m in Modality if block in COMPATIBLE_BLOCKS[m]]
            assert any(cell.possible for cell in row.cells), f"{row.action.code} is never possible"


def test_a_block_that_is_not_contracted_says_so_in_one_sentence():
    blocks = by_block(contract_of([]), TODAY, capability)
    for block, rows in blocks.items():
        for row in rows:
            assert row.reason_for_all is not None, block
            assert "does not contain the block" in str(row.reason_for_all)
            assert row.states == ()


@pytest.mark.parametrize("contract", [None, contract_of(FunctionalBlock, ends_on=TODAY)])
def test_without_a_contract_nothing_is_possible(contract):
    day = date(2026, 5, 5)
    for rows in by_block(contract, day, capability).values():
        assert {str(row.reason_for_all) for row in rows} == {"There is no contract in force."}
