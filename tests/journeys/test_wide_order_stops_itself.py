"""20,000 devices, three in a hundred fail: the order stops, nothing leaves any more, all adds up."""

from __future__ import annotations

import re
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import pytest
from sqlalchemy import func, select, text

from servicedesk.core import database
from servicedesk.core.errors import NotAllowedNow
from servicedesk.devices import fleet_engines, jobs
from servicedesk.devices.commands import CommandState, DeviceCommand
from servicedesk.orders.execution import execute_order
from servicedesk.orders.jobs import advance_due
from servicedesk.orders.models import OrderState, PauseReason, WorkOrder
from servicedesk.orders.steering import cancel_order, plan_stages
from tests.conftest import copied_database
from tests.desk_on_loopback import desk_on, until
from tests.visitor import visiting

FLEET = 20_000
FAILING = FLEET * 3 // 100
PERCENT = 1  # bears less than the three in a hundred that fail
STAGES = ("1", "1 %", "3 %")
CANARY, SHARE, THIRD = 1, FLEET // 100, FLEET * 3 // 100
EARLY = CANARY + SHARE
FAIL_EARLY = 2  # of the second stage: one in a hundred is borne, and it goes on
UNANSWERED = 100  # more than that on their way, and the engine becomes slow

FLEET_SQL = """
    INSERT INTO device (client_id, reference, name, serial, imei, phone_number, platform,
        os_version, manufacturer, model, ownership, management, state, engine_id, external_id,
        enrolled_at, last_contact_at)
    SELECT :client, 'DEV-W' || n, 'XCover7 ' || n, 'WID' || n, '36' || n, '', 'android', '14',
        'Samsung', 'Galaxy XCover7', 'corporate', 'fully_managed', 'enrolled',
        (SELECT id FROM engine_account), 'wide-' || n, now(), now() - n * interval '1 second'
    FROM generate_series(1, :fleet) n
"""
GROUP_SQL = """
    WITH everybody AS (
      INSERT INTO device_group (client_id, name) VALUES (:client, 'Everybody') RETURNING id)
    INSERT INTO device_group_member (group_id, device_id, client_id)
    SELECT everybody.id, d.id, d.client_id FROM everybody, device d WHERE d.client_id = :client
"""


@pytest.fixture
def house(instance, migrated, tmp_path):
    """A desk of its own with two workers and 20,000 devices of one client."""
    with (
        copied_database(instance, migrated) as address,
        desk_on(address, tmp_path) as desk,
    ):
        desk.start("second worker", "-m", "servicedesk.processes", "worker")
        fleet_engines.use_engines({"sandbox": desk.engine})
        client = desk.make.client()
        session = database.session()
        session.execute(text(FLEET_SQL), {"client": client.id, "fleet": FLEET})
        session.execute(text(GROUP_SQL), {"client": client.id})
        session.commit()
        yield desk, client


def positions(order: WorkOrder) -> list[str]:
    """Return the external ids of the order's devices in their turn."""
    rows = database.session().execute(
        text(
            "SELECT d.external_id FROM order_target t JOIN device d ON d.id = t.device_id"
            " WHERE t.order_id = :order ORDER BY t.position"
        ),
        {"order": order.id},
    )
    found = [row[0] for row in rows]
    database.session().rollback()
    return found


def refusing(turn: list[str]) -> set[str]:
    """Choose three in a hundred: two among the first stages, the others evenly after them."""
    early = {turn[CANARY + number * SHARE // FAIL_EARLY] for number in range(FAIL_EARLY)}
    late, others = turn[EARLY:], FAILING - FAIL_EARLY
    return early | {late[number * len(late) // others] for number in range(others)}


def enrol(desk, turn: list[str], refuse: set[str]) -> None:
    seen = datetime.now(UTC).isoformat()
    for start in range(0, len(turn), 2000):
        desk.engine.enrol(
            [
                {
                    "id": name,
                    "ownership": "corporate",
                    "management": "fully_managed",
                    "last_contact": seen,
                    "behaviour": {"kind": "refuses" if name in refuse else "prompt"},
                }
                for name in turn[start : start + 2000]
            ]
        )


def present(order: WorkOrder) -> WorkOrder:
    session = database.session()
    session.rollback()
    found = session.get_one(WorkOrder, order.id, populate_existing=True)
    session.rollback()
    return found


def states() -> Counter[CommandState]:
    session = database.session()
    session.rollback()
    rows = session.execute(
        select(DeviceCommand.state, func.count()).group_by(DeviceCommand.state)
    ).all()
    session.rollback()
    return Counter({row[0]: row[1] for row in rows})


def left() -> int:
    """Return how many commands have left the house."""
    session = database.session()
    session.rollback()
    found = session.execute(text("SELECT count(*) FROM device_command WHERE sent_at IS NOT NULL"))
    count = int(found.scalar_one())
    session.rollback()
    return count


def has_stopped(desk, order: WorkOrder) -> bool:
    """Play the clock and an engine that keeps its callers waiting, and look."""
    advance_due()
    is_busy = states()[CommandState.SENT] > UNANSWERED
    desk.control_sandbox(latency_ms=500 if is_busy else 10)
    return present(order).state is OrderState.PAUSED


def try_everything() -> None:
    """Run every job that could let a command leave, from several senders at once."""
    session = database.session()
    ids = list(
        session.scalars(
            select(DeviceCommand.id).where(DeviceCommand.state == CommandState.QUEUED).limit(100)
        )
    )
    session.rollback()

    def send(chunk: list[int]) -> None:
        try:
            jobs.send_commands(command_ids=chunk)
        finally:
            database.session().rollback()

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(send, [ids[start::4] for start in range(4)]))
    jobs.reconcile_commands(command_ids=ids)
    advance_due()
    advance_due()


def test_it_stops_at_its_threshold_and_no_device_gets_a_command_after_that(house):
    desk, client = house
    make = desk.make
    contact, agent, second = make.contact(client), make.agent(), make.agent()
    order = make.request(contact, "device.lock", groups=["Everybody"]).orders[0]
    make.approve(second, order)
    turn = positions(order)
    refuse = refusing(turn)
    assert (len(turn), len(refuse)) == (FLEET, FAILING)
    enrol(desk, turn, refuse)
    plan_stages(agent, order.reference, STAGES, ["0", "0", "0"], str(PERCENT))
    execute_order(agent, order.reference)

    until(lambda: has_stopped(desk, order), 100, "the order to stop")
    # what had left when the stop was committed has left; from here on nothing more
    had_left = left()
    desk.control_sandbox(latency_ms=0)
    stopped = present(order)
    assert stopped.pause_reason is PauseReason.FAILURES
    commanded = EARLY + THIRD
    assert EARLY < had_left < commanded, "it stopped in the midst of a stage"

    until(lambda: not states()[CommandState.SENT], 60, "those on their way to answer")
    book = desk.received()
    try_everything()
    assert desk.received() == book
    assert left() == had_left == len(book)
    assert set(book.values()) == {(1, 1)}, "a device got one command at most, told once"
    assert set(book) <= set(turn[:commanded]), "a device of a later stage got a command"

    seen = states()
    allowed = commanded * PERCENT // 100
    assert allowed < seen[CommandState.FAILED] < FAILING
    assert seen[CommandState.ACKNOWLEDGED] + seen[CommandState.FAILED] == had_left
    held, never = seen[CommandState.QUEUED], FLEET - commanded
    assert had_left + held + never == FLEET
    tells_the_same(desk, agent, order, seen, never)

    cancel_order(agent, order.reference)
    with pytest.raises(NotAllowedNow):
        execute_order(agent, order.reference)
    try_everything()
    after = states()
    assert after[CommandState.CANCELLED] == held
    assert after[CommandState.QUEUED] == 0
    assert desk.received() == book
    tells_the_same(desk, agent, order, after, never)


def tells_the_same(desk, agent, order, seen, never) -> None:
    """Compare what API and page say with what is so."""
    told = desk.api(agent).get(f"/work-orders/{order.reference}").json()
    assert Counter({CommandState(name): count for name, count in told["counts"].items()}) == seen
    assert len(told["verdicts"]) == FLEET
    assert sum(stage["size"] for stage in told["stages"]) == FLEET
    assert len(told["commands"]) == FLEET - never
    assert Counter(CommandState(row["state"]) for row in told["commands"]) == seen
    with visiting(desk, agent) as visitor:
        page = visitor.get(f"/desk/orders/{order.reference}").text
    shown = {
        CommandState(state): int(count.replace(".", ""))
        for state, count in re.findall(
            r'show=(\w+)">\s*<span[^>]*>.*?</span> <span class="tabular">([\d.]+)</span></a>', page
        )
    }
    assert Counter(shown) == seen
    others = re.search(r"([\d.]+) (?:esperan su etapa|quedaron sin enviar)", page)
    assert others is not None
    assert int(others[1].replace(".", "")) == never
