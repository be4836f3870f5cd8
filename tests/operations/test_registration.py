"""Devices from a list: all rows or none, and every fault said."""

from __future__ import annotations

import pytest
from sqlalchemy import func, select

from servicedesk.core import database
from servicedesk.core.actors import SYSTEM
from servicedesk.core.errors import Forbidden, InvalidInput
from servicedesk.core.unit_of_work import unit_of_work
from servicedesk.devices.models import (
    Device,
    DeviceGroup,
    DeviceGroupMember,
    DeviceState,
    DeviceUser,
    Management,
)
from servicedesk.devices.registration import MOST_ROWS, BadRows, register_devices

GOOD = """Serie;Plataforma;Modelo;Propiedad;Usuario;Correo;Grupo
S1;iOS;iPhone 15;empresa;Ana Ruiz;ana@example.com;Ventas
S2;android;Galaxy A54;personal;Luis Gil;luis@example.com;
S3;android;TC58;;;;Ventas"""


@pytest.fixture
def client(make):
    client = make.client()
    with unit_of_work(SYSTEM, "test.group") as work:
        work.session.add(DeviceGroup(client_id=client.id, name="Ventas"))
    return client


def count(model) -> int:
    session = database.session()
    session.rollback()
    return session.scalar(select(func.count()).select_from(model))


def test_a_list_becomes_pending_devices_with_holders_and_groups(make, client):
    devices = register_devices(make.agent(), client.reference, GOOD)
    assert [device.state for device in devices] == [DeviceState.PENDING] * 3
    assert [device.management for device in devices] == [
        Management.SUPERVISED,
        Management.WORK_PROFILE_PERSONAL,
        Management.FULLY_MANAGED,
    ]
    assert (count(DeviceUser), count(DeviceGroupMember)) == (2, 2)


def test_the_group_of_the_form_is_for_rows_that_name_none(make, client):
    register_devices(make.agent(), client.reference, GOOD, "Ventas")
    assert count(DeviceGroupMember) == 3


def test_every_fault_is_named_by_row_and_column_and_nothing_is_kept(make, client):
    agent = make.agent()
    register_devices(agent, client.reference, "S9,ios,26,Apple,iPhone 15")
    bad = (
        "serial,platform,model,ownership,holder,email,group\n"
        "S9,ios,iPhone 15,,,,\n"  # there already
        ",symbian,,rented,Ana,,Nadie\n"
        "S4,ios,iPhone 15,,,@,\n"
        "S5,ios,iPhone 15,,,,\n"
        "s5,ios,iPhone 15,,,,\n"  # the same again
    )
    with pytest.raises(BadRows) as refused:
        register_devices(agent, client.reference, bad)
    assert {(fault.row, fault.column) for fault in refused.value.rows} == {
        (2, "serial"),
        (3, "serial"),
        (3, "platform"),
        (3, "model"),
        (3, "ownership"),
        (3, "email"),
        (3, "group"),
        (4, "email"),
        (6, "serial"),
    }
    assert count(Device) == 1


@pytest.mark.parametrize(
    ("rows", "field"),
    [("", "rows"), ("serial;platform\n", "rows"), ("x\n" * (MOST_ROWS + 1), "rows")],
)
def test_an_empty_or_endless_list_is_refused(make, client, rows, field):
    with pytest.raises(InvalidInput) as refused:
        register_devices(make.agent(), client.reference, rows)
    assert refused.value.field == field


def test_only_the_operator_registers_and_only_for_a_client_there_is(make, client):
    with pytest.raises(Forbidden):
        register_devices(make.contact(client), client.reference, GOOD)
    with pytest.raises(InvalidInput) as refused:
        register_devices(make.agent(), "CLI-9999", GOOD)
    assert refused.value.field == "client"
    with pytest.raises(InvalidInput) as refused:
        register_devices(make.agent(), client.reference, GOOD, "Nadie")
    assert refused.value.field == "group"
