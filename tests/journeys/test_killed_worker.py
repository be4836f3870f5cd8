"""A worker killed between *sent* and the answer: nothing is sent twice, nothing is forgotten."""

from __future__ import annotations

import os
import random
import signal
import time
from collections import Counter

import httpx
import pytest
from sqlalchemy import create_engine, select, text
from sqlalchemy.orm import scoped_session, sessionmaker

from servicedesk.core import database
from servicedesk.core.actors import SYSTEM
from servicedesk.devices import fleet_engines, jobs
from servicedesk.devices.commands import CommandState, DeviceCommand
from servicedesk.devices.engines.sandbox.client import SandboxEngine
from servicedesk.devices.reconciliation import reconcile
from servicedesk.orders.execution import execute_order
from servicedesk.orders.jobs import advance_due
from servicedesk.orders.models import WorkOrder
from servicedesk.orders.steering import plan_stages
from tests.conftest import copied_database
from tests.desk_on_loopback import desk_on

KILLS = 100  # for each of the two actions
DEVICES = 300  # enough that the workers die while they still have some to send


@pytest.fixture
def workerless(instance, migrated, tmp_path):
    """A desk whose worker the test plays itself."""
    with (
        copied_database(instance, migrated) as address,
        desk_on(address, tmp_path, with_worker=False) as desk,
    ):
        fleet_engines.use_engines({"sandbox": desk.engine})
        yield desk, address


def states() -> Counter[CommandState]:
    session = database.session()
    session.rollback()
    found = Counter(session.scalars(select(DeviceCommand.state)))
    session.rollback()
    return found


def ids_in(*wanted: CommandState) -> list[int]:
    session = database.session()
    session.rollback()
    found = session.scalars(select(DeviceCommand.id).where(DeviceCommand.state.in_(wanted)))
    ids = list(found)
    session.rollback()
    return ids


def worker_that_dies(address: str, desk, ids: list[int], after: float) -> None:
    """Send in a process of its own and kill it with SIGKILL after a moment."""
    child = os.fork()
    if child == 0:
        try:
            engine = create_engine(address)
            database.use_sessions(scoped_session(sessionmaker(engine, expire_on_commit=False)))
            database.become(SYSTEM)
            key = desk.environment["SANDBOX_KEY"]
            fleet_engines.use_engines({"sandbox": SandboxEngine(desk.sandbox, key)})
            jobs.send_commands(command_ids=ids)
        finally:
            os._exit(0)
    time.sleep(after)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)


@pytest.mark.timeout(180)
@pytest.mark.filterwarnings("ignore:This process")
@pytest.mark.parametrize("code", ["device.lock", "device.full_wipe"])
def test_no_command_is_sent_twice_and_none_is_forgotten(workerless, code):
    desk, address = workerless
    make, dice = desk.make, random.Random(7)
    client = make.client()
    contact, agent = make.contact(client), make.agent()
    devices = make.fleet(client, DEVICES)
    make.fleet(client, DEVICES)  # no order wipes more than half of a fleet
    desk.enrol(*devices)
    make.request(contact, code, *devices)
    session = database.session()
    order = session.scalars(select(WorkOrder)).one()
    session.rollback()
    if order.needs_approval:
        make.approve(make.supervisor(), order)
    fleet_engines.use_engines({"sandbox": desk.engine})
    # all at once, whatever fails: the test is about the sender, not about stages
    plan_stages(agent, order.reference, ["100 %"], [""], "50")
    execute_order(agent, order.reference)
    session.execute(text("UPDATE work_order SET next_step_at = now() WHERE state = 'scheduled'"))
    session.commit()
    advance_due()

    kills = 0
    while kills < KILLS and (queued := ids_in(CommandState.QUEUED)):
        kills += 1
        worker_that_dies(address, desk, queued, 0.03 + dice.random() * 0.06)
        time.sleep(0.05)  # what was on the wire arrives before anybody asks about it
        reconcile(ids_in(CommandState.SENT, CommandState.UNKNOWN))
    assert kills >= KILLS * 0.8
    jobs.send_commands(command_ids=ids_in(CommandState.QUEUED))
    deadline = time.monotonic() + 30
    while ids_in(CommandState.SENT, CommandState.NOT_NOW) and time.monotonic() < deadline:
        time.sleep(0.2)
        reconcile(ids_in(CommandState.SENT))

    seen = states()
    assert sum(seen.values()) == DEVICES
    assert set(seen) <= {CommandState.ACKNOWLEDGED, CommandState.UNKNOWN}, seen
    if code == "device.lock":
        assert seen[CommandState.ACKNOWLEDGED] == DEVICES
    told = [history(desk, device) for device in devices]
    assert max(command["submissions"] for device in told for command in device) == 1
    assert max(len(device) for device in told) == 1
    assert sum(len(device) for device in told) == seen[CommandState.ACKNOWLEDGED]


def history(desk, device) -> list[dict[str, object]]:
    headers = {"Authorization": f"Bearer {desk.environment['SANDBOX_KEY']}"}
    url = f"{desk.sandbox}/v1/devices/{device.external_id}/history"
    return httpx.get(url, headers=headers, trust_env=False).json()["items"]
