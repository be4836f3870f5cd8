"""The state of a fleet: figures that add up, each equal to the list behind it."""

from __future__ import annotations

from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from itertools import product

import pytest
from sqlalchemy import event

from servicedesk.core import database
from servicedesk.core.actors import SYSTEM, Role
from servicedesk.devices.conformity.editing import RuleDraft, create_rule
from servicedesk.devices.conformity.inventory import Inventory, take_inventories
from servicedesk.devices.fleet_state import fleet_state
from servicedesk.devices.models import Device, DeviceGroup, DeviceGroupMember, DeviceState
from servicedesk.devices.queries import FleetFilter, devices, fleet_count, fleet_figures

AGES = (timedelta(hours=2), timedelta(days=3), timedelta(days=20), timedelta(days=40), None)
VERSIONS = ("17.5", "17", "9.1.2", "", "unknown", "170.1", " 8")


def change(device, **values) -> None:
    with database.acting_as(SYSTEM):
        session = database.session()
        row = session.get_one(Device, device.id)
        for name, value in values.items():
            setattr(row, name, value)
        session.commit()


@pytest.fixture
def fleet(make):
    """A client with devices of every sort, some of them failing a rule, beside a stranger's."""
    client, stranger = make.client(), make.client()
    agent = make.agent()
    make.fleet(stranger, 3)
    now, kinds = datetime.now(UTC), ("ios", "android", "personal")
    for number, (age, version) in enumerate(product(AGES, VERSIONS)):
        device = make.device(client, kinds[number % 3])
        seen = now - age if age else None
        change(device, last_contact_at=seen, os_version=version)
        if number % 2:
            report = Inventory(has_passcode=number % 4 == 1, taken_at=seen or now)
            take_inventories(SYSTEM, {device.id: report})
            change(device, last_contact_at=seen)
    for state in DeviceState:
        make.device(client, "ios", state=state)
    draft = RuleDraft(
        name="Passcode", kind="passcode_missing", consequences=["mark"], platform="android"
    )
    create_rule(agent, client.reference, draft)
    return client, make.contact(client), agent


@contextmanager
def counted(sessions):
    statements, engine = [], sessions().get_bind()

    def note(conn, cursor, statement, *rest):
        statements.append(statement)

    event.listen(engine, "before_cursor_execute", note)
    yield statements
    event.remove(engine, "before_cursor_execute", note)


def figures_of(state):
    return [figure for section in state.sections.values() for figure in section]


def test_every_figure_is_the_length_of_the_list_it_leads_to(fleet):
    client, contact, agent = fleet
    for actor, base in (
        (contact, FleetFilter()),
        (contact, FleetFilter(platform="android")),
        (agent, FleetFilter(client=client.reference, ownership="corporate")),
        (agent, FleetFilter()),
    ):
        with database.acting_as(actor):
            state = fleet_state(actor, base)
            for figure in [*figures_of(state), state.enrolled]:
                assert fleet_count(actor, figure.wanted) == figure.count, figure
                listed = devices(actor, figure.wanted, size=200).items
                assert len(listed) == figure.count, figure


def test_the_figures_add_up(fleet):
    _client, contact, _agent = fleet
    state = fleet_state(contact, FleetFilter())
    sums = {name: sum(f.count for f in section) for name, section in state.sections.items()}
    assert state.total == len(AGES) * len(VERSIONS) + len(DeviceState)
    assert sums.pop("activation") == state.total
    assert set(sums.values()) == {state.enrolled.count}
    counts = {figure.code: figure.count for figure in figures_of(state)}
    assert counts["retired"] == counts["wiped"] == 1
    assert counts["failing"] > 0 < counts["unknown"]
    assert counts["conforming"] > 0 < counts["none"]
    assert all(counts[code] > 0 for code in ("day", "days", "weeks", "silent"))
    assert state.enrolled.of == state.enrolled.count + counts["pending"]


def test_versions_are_told_by_their_first_number(fleet):
    _client, contact, _agent = fleet
    with database.acting_as(contact):
        versions = {
            told: fleet_count(contact, FleetFilter(version=told))
            for told in ("17", "<17", "170", "9", "8", "?")
        }
    each = len(AGES)
    make_own = len(DeviceState)  # made as iOS 17.5
    assert versions == {
        "17": 2 * each + make_own,
        "<17": 2 * each,
        "170": each,
        "9": each,
        "8": each,
        "?": 2 * each,
    }


def test_it_is_one_statement_and_shows_only_the_reach(fleet, make, sessions):
    client, contact, agent = fleet
    with counted(sessions) as statements:
        state = fleet_state(agent, FleetFilter())
    assert len([s for s in statements if "set_config" not in s]) == 1
    own = fleet_state(contact, FleetFilter())
    assert state.total == own.total + 3
    manager = make.person(Role.ACCOUNT_MANAGER, client)
    assert fleet_state(manager, FleetFilter()).total == own.total


def test_the_silent_of_the_first_page_are_those_of_its_link(fleet):
    _client, contact, _agent = fleet
    with database.acting_as(contact):
        silent = FleetFilter(state="enrolled", seen="silent")
        assert fleet_figures(contact)["silent"] == fleet_count(contact, silent) > 0


def test_a_group_narrows_the_figures(fleet, make):
    client, contact, _agent = fleet
    device = make.device(client, "ios")
    with database.acting_as(SYSTEM):
        session = database.session()
        group = DeviceGroup(client_id=client.id, name="Sales")
        session.add(group)
        session.flush()
        session.add(DeviceGroupMember(group_id=group.id, device_id=device.id, client_id=client.id))
        session.commit()
    state = fleet_state(contact, FleetFilter(group="Sales", q="ignored", seen="silent"))
    assert (state.total, state.wanted) == (1, FleetFilter(group="Sales"))


@pytest.mark.parametrize(
    ("told", "read"),
    [
        ({"platform": "windows", "state": "\x00", "seen": "ever"}, FleetFilter()),
        ({"version": "17.1"}, FleetFilter()),
        ({"version": "<"}, FleetFilter()),
        ({"version": "9" * 10}, FleetFilter()),
        ({"version": "< 17"}, FleetFilter(version="<17")),
        ({"q": "a\x00b\ud800", "conformity": "none"}, FleetFilter(q="a b ", conformity="none")),
        ({"unheard": "of", "seen": "weeks"}, FleetFilter(seen="weeks")),
    ],
)
def test_what_is_not_understood_is_left_out(told, read):
    assert FleetFilter.read(told) == read
