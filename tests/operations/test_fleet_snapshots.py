"""How fleets stood when their days ended: once a day, by the contract's clock, never invented."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta
from random import Random
from threading import Barrier

import pytest
from sqlalchemy import event, insert, select, text
from sqlalchemy.exc import IntegrityError, ProgrammingError

from servicedesk.clients.models import Client, Contract
from servicedesk.core import clock, database
from servicedesk.core.actors import SYSTEM
from servicedesk.demonstration.snapshots import remember_fleets
from servicedesk.devices.conformity.editing import RuleDraft, create_rule
from servicedesk.devices.conformity.inventory import Inventory, take_inventories
from servicedesk.devices.conformity.jobs import fleet_snapshots
from servicedesk.devices.conformity.snapshots import (
    LISTS,
    FleetSnapshot,
    fleet_at,
    fleet_trend,
    take_snapshots,
)
from servicedesk.devices.fleet_state import fleet_state
from servicedesk.devices.models import DeviceState
from servicedesk.devices.queries import FleetFilter, devices

PASSCODE = RuleDraft(
    name="Passcode", kind="passcode_missing", consequences=["mark"], platform="android"
)


def taken() -> list[tuple[int, date]]:
    session = database.session()
    query = select(FleetSnapshot.client_id, FleetSnapshot.on_day)
    found = session.execute(query.order_by(*query.selected_columns)).all()
    session.rollback()
    return [tuple(row) for row in found]


def take_at(*moment: int) -> int:
    with clock.told_as(datetime(*moment, tzinfo=UTC)):
        return take_snapshots()


def change_contract(client, **values) -> None:
    session = database.session()
    contract = session.scalars(select(Contract).where(Contract.client_id == client.id)).one()
    for name, value in values.items():
        setattr(contract, name, value)
    session.commit()


def remember(client, day: date, count: int = 0) -> None:
    """Write a snapshot of `count` devices without rules, with their lists."""
    names = [f"DEV-{number}" for number in range(count)]
    row = dict.fromkeys([*LISTS, *LISTS.values()])
    row |= dict.fromkeys(LISTS, 0) | {listed: [] for listed in LISTS.values()}
    row |= {"managed": count, "without_rules": count, "free_devices": names}
    session = database.session()
    session.execute(
        insert(FleetSnapshot),
        [{"client_id": client.id, "on_day": day, "taken_at": datetime.now(UTC), **row}],
    )
    session.commit()


def has_lists(client) -> dict[date, bool]:
    session = database.session()
    rows = session.scalars(select(FleetSnapshot).where(FleetSnapshot.client_id == client.id)).all()
    found = {row.on_day: row.free_devices is not None for row in rows}
    session.rollback()
    return found


@pytest.fixture
def fleet(make):
    """A client with devices of every standing, and of every state, beside a client without any."""
    client, bare, agent = make.client(), make.client(), make.agent()
    codeless, coded, _silent = make.fleet(client, 3, "android")
    make.fleet(client, 2, "ios")
    for state in DeviceState:
        make.device(client, "android", state=state)
    reports = {codeless.id: Inventory(has_passcode=False), coded.id: Inventory(has_passcode=True)}
    take_inventories(SYSTEM, reports)
    create_rule(agent, client.reference, PASSCODE)
    return client, bare, agent


def test_a_snapshot_says_what_the_page_of_the_fleet_says(fleet):
    client, bare, agent = fleet
    fleet_snapshots()
    state = fleet_state(agent, FleetFilter(client=client.reference))
    session = database.session()
    found = {row.client_id: row for row in session.scalars(select(FleetSnapshot))}
    session.expunge_all()
    session.rollback()
    shown = {figure.code: figure for figure in state.conformity}
    mine = found[client.id]
    assert mine.managed == state.enrolled.count == 6
    for count, code in (
        ("conforming", "conforming"),
        ("failing", "failing"),
        ("unknown", "unknown"),
        ("without_rules", "none"),
    ):
        listed = [d.reference for d in devices(agent, shown[code].wanted).items]
        assert getattr(mine, count) == shown[code].count > 0
        assert getattr(mine, LISTS[count]) == sorted(listed)
    assert found[bare.id].managed == 0
    assert found[bare.id].free_devices == []


def test_each_day_once_by_the_clock_of_the_contract(make):
    madrid, canaries, auckland = make.client(), make.client(), make.client()
    change_contract(canaries, time_zone="Atlantic/Canary")
    change_contract(auckland, time_zone="Pacific/Auckland")
    # both clocks of Spain go back on 25 October 2026: midnight is 22:00 and 23:00 in UTC before it
    assert take_at(2026, 10, 24, 21, 59) == 3
    assert take_at(2026, 10, 24, 22, 0) == 1
    assert take_at(2026, 10, 24, 22, 15) == 0
    assert take_at(2026, 10, 24, 23, 0) == 1
    # and 23:00 and 24:00 after it; Auckland, where it was the 25th all along, is at 11:00 a day ahead
    assert take_at(2026, 10, 25, 22, 59) == 1
    assert take_at(2026, 10, 25, 23, 0) == 1
    assert take_at(2026, 10, 26, 0, 0) == 1
    days = {madrid: (23, 24, 25), canaries: (23, 24, 25), auckland: (24, 25)}
    assert taken() == [
        (client.id, date(2026, 10, day)) for client, known in days.items() for day in known
    ]


def test_what_was_missed_stays_a_gap_and_what_is_late_is_still_yesterday(make):
    client = make.client()
    take_at(2026, 5, 4, 22, 15)  # the 4th has just ended
    assert take_at(2026, 5, 6, 21, 45) == 1  # at a quarter to midnight of the 6th: the 5th
    assert take_at(2026, 5, 9, 10) == 1
    assert [day.day for _client, day in taken()] == [4, 5, 8]
    session = database.session()
    assert fleet_at(session, client.id, date(2026, 5, 7)).on_day == date(2026, 5, 5)
    assert fleet_at(session, client.id, date(2026, 5, 3)) is None
    assert fleet_at(session, client.id, date(2026, 6, 3)) is None
    session.rollback()


def test_only_customers_whose_contract_covered_the_day(make):
    ended, ends, begins, house = (make.client() for _ in range(4))
    change_contract(ended, ends_on=date(2026, 5, 3))
    change_contract(ends, ends_on=date(2026, 5, 4))
    change_contract(begins, starts_on=date(2026, 5, 5))
    session = database.session()
    session.get_one(Client, house.id).is_internal = True
    session.commit()
    take_at(2026, 5, 5, 10)
    assert taken() == [(ends.id, date(2026, 5, 4))]


def test_two_workers_at_once_write_it_once(make, sessions):
    clients = [make.client() for _ in range(3)]
    begin = Barrier(2)

    def work() -> int:
        begin.wait()
        try:
            return take_snapshots()
        finally:
            sessions.remove()

    with ThreadPoolExecutor(2) as pool:
        written = [future.result() for future in [pool.submit(work) for _ in range(2)]]
    assert sum(written) == len(taken()) == len(clients)


def test_only_the_last_known_day_of_a_month_keeps_its_devices(make):
    client, other = make.client(), make.client()
    april, last_of_may = date(2026, 4, 29), date(2026, 5, 31)
    for day in (april, last_of_may - timedelta(days=2), last_of_may - timedelta(days=1)):
        remember(client, day, 2)
    remember(other, date(2026, 5, 30), 1)
    change_contract(other, ends_on=date(2026, 5, 30))
    take_at(2026, 6, 1, 3)
    # April lacks its last day: what is known of it stays; nobody touched the other client's
    assert has_lists(client) == {
        april: True,
        date(2026, 5, 29): False,
        date(2026, 5, 30): False,
        last_of_may: True,
    }
    assert has_lists(other) == {date(2026, 5, 30): True}
    take_at(2026, 6, 2, 3)
    assert has_lists(client)[last_of_may]


def test_a_trend_has_one_point_a_month_and_reads_no_lists(make):
    client = make.client()
    for day in (date(2026, 3, 30), date(2026, 4, 2), date(2026, 4, 30), date(2026, 5, 7)):
        remember(client, day, day.day)
    session = database.session()
    found = fleet_trend(session, client.id, date(2026, 3, 1), date(2026, 5, 31))
    assert [(row.on_day.month, row.managed) for row in found] == [(3, 30), (4, 30), (5, 7)]
    assert [row.managed for row in fleet_trend(session, client.id, *[date(2026, 4, 2)] * 2)] == [2]
    session.expunge_all()
    session.rollback()


def test_nobody_but_the_worker_writes_and_nobody_sees_another_tenant(make):
    mine, theirs = make.client(), make.client()
    take_snapshots()
    contact = make.contact(mine)
    (day,) = {day for _client, day in taken()}
    with database.acting_as(contact):
        session = database.session()
        assert fleet_at(session, mine.id, day)
        assert fleet_at(session, theirs.id, day) is None
        assert fleet_trend(session, theirs.id, day, day) == []
        session.rollback()
    for actor in (contact, make.agent(), make.supervisor(), SYSTEM):
        for statement in ("UPDATE fleet_snapshot SET failing = 0", "DELETE FROM fleet_snapshot"):
            with database.acting_as(actor):
                with pytest.raises(ProgrammingError, match="permission denied"):
                    database.session().execute(text(statement))
                database.session().rollback()


def test_counts_that_do_not_add_up_are_no_snapshot(make):
    client = make.client()
    for values in (
        {"managed": 2, "without_rules": 1, "free_devices": ["DEV-1"]},
        {"managed": 1, "without_rules": 1, "free_devices": []},
        {"free_devices": None},
    ):
        row = dict.fromkeys(("managed", *LISTS), 0) | {name: [] for name in LISTS.values()}
        row |= {"client_id": client.id, "on_day": date(2026, 5, 1), "taken_at": datetime.now(UTC)}
        with pytest.raises(IntegrityError):
            database.session().execute(insert(FleetSnapshot), [row | values])
        database.session().rollback()


def test_a_round_is_two_statements_whatever_there_is(make, sessions):
    for _ in range(4):
        make.fleet(make.client(), 3)
    statements, engine = [], sessions().get_bind()

    def note(conn, cursor, statement, *rest):
        statements.append(statement)

    event.listen(engine, "before_cursor_execute", note)
    take_snapshots()
    take_snapshots()
    event.remove(engine, "before_cursor_execute", note)
    assert len([s for s in statements if "fleet_snapshot" in s]) == 3  # nothing to write: one


def test_the_past_of_the_demonstration_ends_at_the_fleet_of_today(fleet):
    client, bare, _agent = fleet
    now = datetime.now(UTC)
    remember_fleets([client, bare], Random(1), now)
    session = database.session()
    trend = fleet_trend(session, client.id, now.date() - timedelta(days=420), now.date())
    assert len(trend) >= 13
    newest = fleet_at(session, client.id, trend[-1].on_day)
    assert (newest.managed, len(newest.failing_devices)) == (6, 1)
    kept = session.scalars(select(FleetSnapshot).where(FleetSnapshot.free_devices.is_not(None)))
    # one a month for both
    assert len({(row.client_id, row.on_day.month, row.on_day.year) for row in kept}) == 2 * len(
        trend
    )
    session.rollback()
