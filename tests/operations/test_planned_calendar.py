"""The calendar of planned work: what was, what comes, who sees it, and what does not go together."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import replace
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import event, select

from servicedesk.core import database
from servicedesk.core.actors import Role
from servicedesk.core.clock import told_as
from servicedesk.core.errors import NotFound
from servicedesk.devices.models import DeviceGroup, DeviceGroupMember
from servicedesk.engagement.outcomes import cancel_visit
from servicedesk.engagement.visits import book_visit
from servicedesk.planning.calendar import calendar_of
from servicedesk.planning.conflicts import Why
from servicedesk.planning.looks import Look, Others, Shape
from servicedesk.planning.models import Category, RunState, WorkKind
from servicedesk.planning.occasions import What
from servicedesk.planning.schedule import Cron, Interval, Unit
from servicedesk.planning.tasks import approve_task, switch_off
from servicedesk.sla.models import CalendarVersion
from servicedesk.tickets.handling import move_ticket
from tests.calendar_story import MADRID, NOW, once, planned, ran, seasoned
from tests.engagement_story import plan, with_contract

MARCH = Look(shape=Shape.MONTH, on=date(2026, 3, 1))


@pytest.fixture(autouse=True)
def nine_o_clock():
    with told_as(NOW):
        yield


def seen(actor, look=MARCH, zone=MADRID):
    """What an actor sees, as they see it: under their own role."""
    with database.acting_as(actor):
        database.session().expunge_all()
        return calendar_of(actor, look, zone)


def lines(found):
    return [(day.on.day, one) for day in found.days for one in day.occasions]


def titles(found):
    return {one.title for _day, one in lines(found)}


def test_runs_of_the_past_and_times_to_come_stand_on_their_days(make):
    agent, client = make.agent(), make.client()
    task = planned(agent, client, window_minutes=90)
    run = ran(task, NOW - timedelta(hours=20), RunState.FAILED)
    told = dict(lines(seen(agent)))
    assert sorted(told) == [1, *range(2, 32)]
    assert (told[1].what, told[1].state, told[1].run_id) == (What.RUN, RunState.FAILED, run.id)
    assert (told[2].what, told[2].starts_at) == (What.DUE, NOW + timedelta(hours=1))
    assert told[2].ends_at - told[2].starts_at == timedelta(minutes=90)
    assert told[30].starts_at.astimezone(ZoneInfo(MADRID)).hour == 11  # after the clocks changed


def test_a_time_that_has_a_run_already_is_there_once(make):
    task = planned(make.agent(), make.client())
    ran(task, NOW + timedelta(hours=1), RunState.PREPARED, started_at=None)
    of_day = [one for day, one in lines(seen(make.agent())) if day == 2]
    assert [(one.what, one.state) for one in of_day] == [(What.RUN, RunState.PREPARED)]


def test_days_are_those_of_the_reader(make):
    planned(make.agent(), make.client(), schedule=once(hour=23))
    assert [day for day, _one in lines(seen(make.agent()))] == [3]
    assert [day for day, _one in lines(seen(make.agent(), zone="Atlantic/Azores"))] == [2]


def test_what_comes_many_times_a_day_is_one_line_a_day(make):
    supervisor = make.supervisor()
    task = planned(
        supervisor, schedule=Interval(count=1, unit=Unit.HOUR, starts_at=BEGIN, zone=MADRID)
    )
    for hours in range(1, 9):
        state = RunState.MISSED if hours == 4 else RunState.DONE
        ran(task, NOW - timedelta(hours=hours), state)
    of_today = [one for day, one in lines(seen(supervisor)) if day == 2]
    assert [(one.state, one.times) for one in of_today] == [
        (RunState.DONE, 7),
        (RunState.MISSED, 1),
        (None, 24),
    ]
    assert all(one.times == 24 for day, one in lines(seen(supervisor)) if 3 <= day <= 28)


BEGIN = datetime(2026, 1, 1)  # noqa: DTZ001  the clock on the wall


def test_a_task_that_waits_for_approval_is_there_as_if(make):
    client, agent = make.client(), make.agent()
    phone = make.device(client, "ios")
    task = planned(
        agent,
        client,
        work_kind=WorkKind.ACTION,
        code="device.lock",
        parameters={"message": "x", "phone_number": ""},
        devices=[phone.reference],
    )
    assert all(one.is_tentative for _day, one in lines(seen(agent)))
    second = make.agent()
    seasoned(second)
    approve_task(second, task.reference, task.content_hash)
    assert not any(one.is_tentative for _day, one in lines(seen(agent)))
    switch_off(agent, task.reference)
    assert not lines(seen(agent))


def test_each_sees_what_is_theirs(make):
    mine, other = make.client(), make.client()
    agent, supervisor = make.agent(), make.supervisor()
    planned(agent, mine, title="mine", schedule=once(1))
    planned(agent, mine, title="hidden", schedule=once(2), shown_to_client=False)
    planned(agent, other, title="other", schedule=once(3))
    planned(supervisor, title="all", schedule=once(4))
    planned(supervisor, title="house", schedule=once(5), shown_to_client=False)
    assert titles(seen(make.contact(mine))) == {"mine", "all"}
    manager = make.person(Role.ACCOUNT_MANAGER, mine)
    assert titles(seen(manager)) == {"mine", "hidden", "all", "house"}
    assert titles(seen(agent)) == {"mine", "hidden", "other", "all", "house"}
    assert titles(seen(agent, MARCH.but(client=mine.reference))) == {"mine", "hidden", "all"}
    assert titles(seen(agent, MARCH.but(client="-"))) == {"all", "house"}
    for stranger in (make.contact(other), make.person(Role.ACCOUNT_MANAGER, other)):
        with pytest.raises(NotFound):
            seen(stranger, MARCH.but(client=mine.reference))


def test_a_category_and_the_desks_own_are_a_choice(make):
    supervisor = make.supervisor()
    own = planned(supervisor, title="own", schedule=once(1))
    planned(supervisor, title="change", schedule=once(1), category=Category.INFRASTRUCTURE_CHANGE)
    database.session().merge(own).key = "own"
    database.session().commit()
    assert titles(seen(supervisor)) == {"change"}
    assert titles(seen(supervisor, MARCH.but(own=True))) == {"own", "change"}
    category = Category.PREVENTIVE_MAINTENANCE.value
    assert titles(seen(supervisor, MARCH.but(own=True, category=category))) == {"own"}
    assert not titles(seen(make.contact(), MARCH.but(own=True))) & {"own"}


def test_agreed_dates_of_tickets_are_planned_work_too(make):
    client, agent = make.client(), make.agent()
    contact = make.contact(client)
    with told_as(NOW - timedelta(hours=1)):
        ticket = make.request(contact, "device.lock", make.device(client, "ios"))
        move_ticket(agent, ticket.reference, "take")
        move_ticket(
            agent, ticket.reference, "plan", words="On Friday.", until=NOW + timedelta(days=4)
        )
    ((day, one),) = lines(seen(contact))
    assert (day, one.what, one.reference) == (6, What.TICKET, ticket.reference)
    assert not lines(seen(make.contact()))
    assert not lines(seen(agent, MARCH.but(category=Category.WORKAROUND.value)))


def test_holidays_have_their_names_and_steps_for_people_on_them_are_told(make):
    agent, client = make.agent(), make.client()
    version = database.session().scalars(select(CalendarVersion)).one()
    version.definition = version.definition | {
        "holidays": [["2026-03-19", "San José", 0, 1440], ["2026-03-20", "Half a day", 0, 600]]
    }
    database.session().commit()
    planned(agent, client, schedule=once(17))
    planned(agent, client, schedule=once(18))
    for reader in (agent, make.contact(client)):
        found = seen(reader)
        assert {day.on.day: day.holiday for day in found.days if day.holiday} == {19: "San José"}
        (clash,) = found.clashes
        assert (clash.conflict.why, clash.conflict.holiday) == (Why.HOLIDAY, "San José")


def group_of(client, name, *devices):
    session = database.session()
    group = DeviceGroup(client_id=client.id, name=name)
    session.add(group)
    session.flush()
    for device in devices:
        session.add(DeviceGroupMember(group_id=group.id, device_id=device.id, client_id=client.id))
    session.commit()


@pytest.mark.parametrize("is_shared", [True, False])
def test_two_groups_that_share_a_device_do_not_go_together(make, is_shared):
    agent, client = make.agent(), make.client()
    first, second = make.fleet(client, 2)
    group_of(client, "Sales", first)
    group_of(client, "North", first if is_shared else second)
    for name in ("Sales", "North"):
        planned(
            agent,
            client,
            title=name,
            work_kind=WorkKind.ACTION,
            code="device.push_message",
            parameters={"title": "x", "text": "y"},
            groups=[name],
            schedule=once(1),
        )
    found = seen(agent)
    assert [clash.conflict.why for clash in found.clashes] == [Why.SAME_DEVICES] * is_shared
    assert len(found.clashing) == 2 * is_shared


def test_a_change_of_the_service_during_a_clients_work_is_told_to_that_client(make):
    client = make.client()
    planned(make.agent(), client, title="work", schedule=once(1))
    planned(make.agent(), make.client(), title="other's", schedule=once(1))
    planned(
        make.supervisor(),
        title="change",
        schedule=once(1, hour=10),
        window_minutes=120,
        category=Category.INFRASTRUCTURE_CHANGE,
    )
    (clash,) = seen(make.contact(client)).clashes
    assert {clash.first.title, clash.second.title} == {"work", "change"}
    assert len(seen(make.agent()).clashes) == 2


def test_visits_stand_beside_planned_work_for_whoever_they_concern(make):
    mine, other = make.client(), make.client()
    supervisor, contact = make.supervisor(), make.contact(mine)
    planned(supervisor, mine, title="work", schedule=once(1))
    for client in (mine, other):
        with_contract(make, client, starts_on=date(2025, 1, 1))
        book_visit(supervisor, client.reference, plan(date(2026, 3, 3), title=client.name))
    gone = book_visit(supervisor, mine.reference, plan(date(2026, 3, 4), title="gone"))
    cancel_visit(supervisor, gone.reference, "Nobody is there", version=gone.version)
    assert titles(seen(supervisor)) == {"work", mine.name, other.name}
    assert titles(seen(contact)) == {"work", mine.name}
    assert titles(seen(make.person(Role.ACCOUNT_MANAGER, other))) == {other.name}
    for look, shown in (
        (replace(MARCH, client=mine.reference), {"work", mine.name}),
        (replace(MARCH, others=Others.WITHOUT), {"work"}),
        (replace(MARCH, others=Others.ONLY), {mine.name, other.name}),
        (replace(MARCH, category="preventive_maintenance"), {"work"}),
        (replace(MARCH, client="-"), set()),
    ):
        assert titles(seen(supervisor, look)) == shown, look
        assert Look.read(look.as_words(), NOW.date()) == look


def test_a_visit_stands_on_the_day_it_begins_where_its_reader_is(make):
    client, supervisor = make.client(), make.supervisor()
    with_contract(make, client, starts_on=date(2025, 1, 1))
    book_visit(supervisor, client.reference, plan(date(2026, 3, 3), 8, at=time(0, 30)))
    ((day, one),) = lines(seen(supervisor))
    assert (day, one.what, one.client_name) == (3, What.OTHER, client.name)
    assert (one.kind_words, one.state_words) == ("Service review", "Planned visit")
    assert one.ends_at - one.starts_at == timedelta(hours=32)
    assert [day for day, _one in lines(seen(supervisor, zone="Atlantic/Azores"))] == [2]


def test_a_task_that_comes_all_the_time_is_cut_and_that_is_said(make):
    supervisor = make.supervisor()
    task = planned(supervisor, schedule=Cron(expression="* * * * *", zone=MADRID))
    found = seen(supervisor, Look(shape=Shape.AGENDA, on=date(2026, 3, 2)))
    assert all(one.is_cut for _day, one in lines(found))
    assert len(lines(found)) == 30
    assert not found.cut
    assert task.reference in {one.reference for _day, one in lines(found)}


def test_a_full_day_says_how_many_more_there_are(make):
    agent, client = make.agent(), make.client()
    for _ in range(7):
        planned(agent, client, schedule=once(1))
    (day,) = [day for day in seen(agent).days if day.occasions]
    assert (len(day.occasions), day.more) == (4, 3)


@contextmanager
def counted_statements():
    statements: list[str] = []
    engine = database.session().get_bind()

    def note(conn, cursor, statement, *rest):
        statements.append(statement)

    event.listen(engine, "before_cursor_execute", note)
    yield statements
    event.remove(engine, "before_cursor_execute", note)


def test_the_statements_are_the_same_however_much_there_is(make):
    agent, client = make.agent(), make.client()
    with_contract(make, client, starts_on=date(2025, 1, 1))
    supervisor, counts = make.supervisor(), []
    for tasks in (1, 20):
        for number in range(tasks):
            book_visit(supervisor, client.reference, plan(date(2026, 3, 5), 1))
            task = planned(agent, client, schedule=once(1 + number % 5))
            ran(task, NOW - timedelta(days=1))
        with counted_statements() as statements:
            seen(agent)
        counts.append(len([one for one in statements if "set_config" not in one]))
    assert counts[0] == counts[1] <= 7
