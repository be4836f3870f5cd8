"""What ships with the desk is there once, switched on, and stays as people left it."""

from __future__ import annotations

import threading
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import select

from servicedesk.core import database
from servicedesk.core.actors import Role
from servicedesk.core.clock import told_as
from servicedesk.core.house_words import stored
from servicedesk.planning.checks import every_check
from servicedesk.planning.dry_run import dry_run
from servicedesk.planning.firing import fire_due
from servicedesk.planning.models import PlannedRun, PlannedTask, RunState, TaskState
from servicedesk.planning.running import run
from servicedesk.planning.schedule import Unit, daily, dues_between
from servicedesk.planning.shipping import SHIPPED, Shipped, ship_tasks
from servicedesk.planning.tasks import adjust_schedule, switch_off
from servicedesk.processes import migrating

NIGHT = datetime(2026, 3, 2, 22, 0, tzinfo=UTC)
DAY = timedelta(days=1)


def tasks():
    session = database.session()
    session.expunge_all()
    session.rollback()
    found = {task.key: task for task in session.scalars(select(PlannedTask))}
    session.expunge_all()
    session.rollback()
    return found


def test_everything_that_ships_is_there_once_switched_on_and_due(make):
    assert ship_tasks() == len(SHIPPED)
    before = tasks()
    assert ship_tasks() == 0
    assert set(before) == {one.key for one in SHIPPED} == set(tasks())
    for task in before.values():
        assert task.state is TaskState.ACTIVE
        assert task.next_due_at > datetime.now(UTC)
        assert (task.client_id, task.shown_to_client, task.needs_approval) == (None, False, False)


def test_every_check_ships_and_its_words_are_translated(make):
    assert {one.code for one in SHIPPED} == {check.code for check in every_check()}
    assert len({one.key for one in SHIPPED}) == len(SHIPPED)
    ship_tasks()
    task = tasks()["audit"]
    assert task.named == "The audit trail holds"
    assert stored(task.named) != task.named


def test_what_ships_comes_in_its_own_minute_and_the_heavy_in_the_night_one_after_another():
    madrid, start = ZoneInfo("Europe/Madrid"), datetime(2026, 6, 1, 12, tzinfo=UTC)
    firsts = []
    for one in SHIPPED:
        due = dues_between(one.schedule, start, start + 2 * DAY, 1)[0]
        firsts.append(due)
        if one.schedule.unit is Unit.DAY:
            assert 1 <= due.astimezone(madrid).hour <= 6
        if one.window_minutes:
            ends = due + timedelta(minutes=one.window_minutes)
            assert ends.astimezone(madrid).hour <= 7
    nightly = sorted(
        due for due, one in zip(firsts, SHIPPED, strict=True) if one.schedule.unit is Unit.DAY
    )
    assert all(after - before >= timedelta(minutes=10) for before, after in pairwise(nightly))


def test_what_people_adjusted_or_switched_off_survives_an_upgrade(make):
    ship_tasks()
    supervisor, before = make.supervisor(), tasks()
    another = daily(datetime(2026, 1, 1, 5, 55, tzinfo=UTC).time(), "Europe/Madrid", NIGHT.date())
    adjust_schedule(supervisor, before["drift"].reference, another, window_minutes=30)
    switch_off(supervisor, before["mails"].reference)
    changed = tasks()
    assert ship_tasks() == 0
    after = tasks()
    assert (after["drift"].when, after["drift"].window_minutes) == (another, 30)
    assert after["mails"].state is TaskState.PAUSED
    assert {key: task.version for key, task in after.items()} == {
        key: task.version for key, task in changed.items()
    }


def test_what_ships_no_more_is_ended_and_may_come_back(make):
    ship_tasks()
    fewer = tuple(one for one in SHIPPED if one.key != "drift")
    assert ship_tasks(fewer) == 1
    assert ship_tasks(fewer) == 0
    task = tasks()["drift"]
    assert (task.state, task.next_due_at) == (TaskState.ENDED, None)
    assert ship_tasks() == 1
    assert tasks()["drift"].state is TaskState.ACTIVE
    more = Shipped(key="more", code="audit.verify", schedule=SHIPPED[0].schedule)
    assert ship_tasks((*SHIPPED, replace(more, parameters={}))) == 1


def test_a_task_of_people_is_none_of_shipping_s_business(make):
    ship_tasks()
    session = database.session()
    task = session.scalars(select(PlannedTask).where(PlannedTask.key == "drift")).one()
    task.key = None
    session.commit()
    assert ship_tasks() == 1
    assert len(tasks()) == len(SHIPPED) + 1


def test_two_hosts_that_upgrade_at_once_ship_once(make, database_address):
    ready, faults = threading.Barrier(2), []

    def upgrade():
        try:
            ready.wait()
            ship_tasks()
        except Exception as fault:  # noqa: BLE001  it is looked at below
            faults.append(fault)
        finally:
            database.session().close()

    hosts = [threading.Thread(target=upgrade) for _ in range(2)]
    for host in hosts:
        host.start()
    for host in hosts:
        host.join()
    assert faults == []
    assert len(tasks()) == len(SHIPPED)


def test_migrating_ships(make, database_address):
    before = list(database._sessions)
    try:
        migrating.ship(database_address)
    finally:
        database._sessions[:] = before
    assert len(tasks()) == len(SHIPPED)


@pytest.mark.parametrize("one", SHIPPED, ids=lambda one: one.key)
def test_each_runs_in_its_first_night(make, one):
    make.device(make.client())
    with told_as(NIGHT):
        ship_tasks((one,))
    task = tasks()[one.key]
    session = database.session()
    assert fire_due(session, task.next_due_at) == 1
    session.commit()
    (run_id,) = session.scalars(select(PlannedRun.id)).all()
    session.rollback()
    with told_as(task.next_due_at):
        run(run_id)
    session.expunge_all()
    assert session.get_one(PlannedRun, run_id).state is RunState.DONE
    session.rollback()


@pytest.mark.parametrize("role", [Role.ACCOUNT_MANAGER, Role.AGENT, Role.SUPERVISOR])
def test_a_dry_run_shows_counts_to_whoever_sees_everything_and_else_what_it_is_for(make, role):
    client = make.client()
    person = make.person(role, client) if role is Role.ACCOUNT_MANAGER else make.person(role)
    ship_tasks()
    for task in tasks().values():
        with database.acting_as(person):
            said = dry_run(person, task.reference).says
            database.session().rollback()
        if role is Role.ACCOUNT_MANAGER:
            assert [str(text) for text in said] == [task.description]
        else:
            assert task.description not in [str(text) for text in said]
