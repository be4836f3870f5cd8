"""A worker killed between *sent* and the answer: nothing is sent twice, nothing is forgotten."""

from __future__ import annotations

import os
import random
import signal
import time
from collections import Counter
from pathlib import Path

import pytest
from sqlalchemy import select, text

from servicedesk.core import database
from servicedesk.devices import fleet_engines, jobs
from servicedesk.devices.commands import CommandState, DeviceCommand
from servicedesk.devices.engines.sandbox.client import SandboxEngine
from servicedesk.devices.reconciliation import reconcile
from servicedesk.orders.execution import execute_order
from servicedesk.orders.jobs import advance_due
from servicedesk.orders.models import WorkOrder
from servicedesk.orders.steering import plan_stages
from tests.conftest import copied_database
from tests.desk_on_loopback import desk_on, until

KILLS = 100  # for each of the two actions
DEVICES = 300  # enough that the workers die while they still have some to send
CALLS = 3  # at most until a worker dies
UNDER_WAY = {"01", "03", "08"}  # established, being made, left by the caller


@pytest.fixture
def workerless(instance, migrated, tmp_path):
    """A desk whose worker the test plays itself."""
    with (
        copied_database(instance, migrated) as address,
        desk_on(address, tmp_path, with_worker=False) as desk,
    ):
        fleet_engines.use_engines({"sandbox": desk.engine})
        yield desk


def states() -> Counter[CommandState]:
    session = database.session()
    session.rollback()
    found = Counter(session.scalars(select(DeviceCommand.state)))
    session.rollback()
    return found


def ids_in(*wanted: CommandState, unanswered: bool = False) -> list[int]:
    session = database.session()
    session.rollback()
    query = select(DeviceCommand.id).where(DeviceCommand.state.in_(wanted))
    if unanswered:
        query = query.where(DeviceCommand.accepted_at.is_(None))
    ids = list(session.scalars(query))
    session.rollback()
    return ids


class Telling(SandboxEngine):
    """Writes to a pipe before each call, so that a death can be timed by it."""

    def __init__(self, desk, pipe: int) -> None:
        super().__init__(desk.sandbox, desk.environment["SANDBOX_KEY"])
        self.pipe = pipe

    def submit(self, order):
        os.write(self.pipe, b".")
        return super().submit(order)


def worker_that_dies(desk, ids: list[int], calls: int, after: float) -> None:
    """Send in a process of its own and kill it with SIGKILL a moment after it began so many calls."""
    told, telling = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            # what is connected is the parent's
            database.session().get_bind().dispose(close=False)
            fleet_engines.use_engines({"sandbox": Telling(desk, telling)})
            jobs.send_commands(command_ids=ids)
        finally:
            os._exit(0)
    os.close(telling)
    for _ in range(calls):
        os.read(told, 1)
    os.close(told)
    time.sleep(after)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)


def has_heard_all(desk) -> bool:
    """Whether the sandbox is done with every call that reached it, also of the dead."""
    port = f":{int(desk.sandbox.rpartition(':')[2]):04X}"
    rows = Path("/proc/net/tcp").read_text(encoding="ascii").splitlines()[1:]
    calls = (row.split()[1:4] for row in rows)
    return not any(local.endswith(port) and state in UNDER_WAY for local, _, state in calls)


@pytest.mark.filterwarnings("ignore:This process")
@pytest.mark.parametrize("code", ["device.lock", "device.full_wipe"])
def test_no_command_is_sent_twice_and_none_is_forgotten(workerless, code):
    desk = workerless
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

    kills = caught = 0
    while kills < KILLS and (queued := ids_in(CommandState.QUEUED)):
        kills += 1
        worker_that_dies(desk, queued, dice.randint(1, CALLS), dice.random() * 0.01)
        caught += bool(ids_in(CommandState.SENT, unanswered=True))
        # what was on the wire arrives before anybody asks about it
        until(lambda: has_heard_all(desk), what="the sandbox to come to rest")
        reconcile(ids_in(CommandState.SENT))
        if kills % 10 == 0:  # it may be asked about again and again
            reconcile(ids_in(CommandState.UNKNOWN))
    assert kills >= KILLS * 0.8
    assert caught >= KILLS * 0.2, "they died between sent and the answer"
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
    told = desk.received()
    assert set(told.values()) == {(1, 1)}, "a device got one command at most, told once"
    assert len(told) == seen[CommandState.ACKNOWLEDGED]
