"""What is done before a due time: who is told when, and orders that need a second person."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select

from servicedesk.accounts.models import Notice
from servicedesk.accounts.sign_in import Presence
from servicedesk.core import clock, database
from servicedesk.core.actors import SYSTEM
from servicedesk.core.clock import told_as
from servicedesk.core.mail import OutgoingMail
from servicedesk.devices.models import DeviceGroup, DeviceGroupMember
from servicedesk.orders.approval import approve_order, confirmation_of
from servicedesk.orders.models import OrderState, OrderTarget, WorkOrder
from servicedesk.planning.firing import fire_due
from servicedesk.planning.models import PlannedRun, RunState, WorkKind
from servicedesk.planning.preparing import prepare_runs
from servicedesk.planning.running import run
from servicedesk.planning.schedule import Cron, Once
from servicedesk.planning.tasks import approve_task, switch_off
from servicedesk.planning.windows import close_window
from servicedesk.sla.models import CalendarVersion
from servicedesk.tickets.models import Ticket, TicketKind
from tests.calendar_story import MADRID, NOW, planned, seasoned

WEDNESDAY = datetime(2026, 3, 25, 10, 0, tzinfo=UTC)  # eleven in Madrid
FRIDAY_AT_EIGHT = datetime(2026, 3, 20, 7, 0, tzinfo=UTC)
ONE_SECOND = timedelta(seconds=1)


@pytest.fixture(autouse=True)
def nine_o_clock():
    with told_as(NOW):
        yield


def fresh():
    session = database.session()
    session.expunge_all()
    session.rollback()
    return session


def prepare(at):
    fresh()
    with told_as(at):
        prepare_runs()


def notices(kind="planned_notice"):
    return sorted(fresh().scalars(select(Notice.user_id).where(Notice.kind == kind)))


def mails(template="planned_notice"):
    query = select(OutgoingMail).where(OutgoingMail.template == template)
    return list(fresh().scalars(query))


def only_run(task):
    return fresh().scalars(select(PlannedRun).where(PlannedRun.task_id == task.id)).one()


def close_on(*days):
    """Make days of March holidays of everybody's calendar."""
    session = fresh()
    version = session.scalars(select(CalendarVersion)).one()
    holidays = [[f"2026-03-{day}", "Holiday", 0, 1440] for day in days]
    version.definition = version.definition | {"holidays": holidays}
    session.commit()


def test_contacts_are_told_once_on_the_right_working_day_at_eight(make):
    close_on(24)
    client = make.client()
    contact = make.contact(client)
    make.contact(make.client())
    schedule = Once(at=WEDNESDAY, zone=MADRID)
    task = planned(make.agent(), client, schedule=schedule, notice_days=2, window_minutes=60)
    prepare(FRIDAY_AT_EIGHT - ONE_SECOND)
    assert not notices()
    for minutes in (0, 1, 60 * 24 * 3):
        prepare(FRIDAY_AT_EIGHT + timedelta(minutes=minutes))
    assert notices() == [contact.user_id]
    (mail,) = mails()
    assert (mail.recipient, mail.context["task"]) == (contact.email, task.reference)
    found = only_run(task)
    assert (found.state, found.noticed_at) == (RunState.PREPARED, FRIDAY_AT_EIGHT)


def test_a_planner_who_is_late_has_it_told_at_once_and_past_its_time_nobody_is(make):
    client = make.client()
    make.contact(client)
    schedule = Once(at=WEDNESDAY, zone=MADRID)
    planned(make.agent(), client, schedule=schedule, notice_days=30)
    prepare(NOW + ONE_SECOND)
    assert len(notices()) == 1
    planned(make.agent(), client, schedule=schedule, notice_days=1)
    prepare(WEDNESDAY + ONE_SECOND)
    assert len(notices()) == 1


def test_who_was_told_is_told_that_it_does_not_come(make):
    client, agent = make.client(), make.agent()
    contact = make.contact(client)
    task = planned(agent, client, schedule=Once(at=WEDNESDAY, zone=MADRID), notice_days=2)
    prepare(WEDNESDAY - timedelta(days=1))
    assert notices() == [contact.user_id]
    with told_as(WEDNESDAY - timedelta(hours=3)):
        switch_off(agent, task.reference)
    assert notices("planned_called_off") == [contact.user_id]
    assert [mail.recipient for mail in mails("planned_called_off")] == [contact.email]
    assert only_run(task).state is RunState.CANCELLED
    prepare(WEDNESDAY - timedelta(hours=2))
    assert notices() == [contact.user_id]


def test_who_was_not_told_yet_hears_nothing_of_it(make):
    client, agent = make.client(), make.agent()
    make.contact(client)
    task = planned(agent, client, schedule=Once(at=WEDNESDAY, zone=MADRID), notice_days=2)
    with told_as(FRIDAY_AT_EIGHT - ONE_SECOND):
        switch_off(agent, task.reference)
    prepare(WEDNESDAY - timedelta(hours=2))
    assert not notices()
    assert not notices("planned_called_off")


def test_what_is_done_for_the_whole_service_is_told_to_all_clients(make):
    contacts = [make.contact(), make.contact()]
    supervisor = make.supervisor()
    planned(supervisor, schedule=Once(at=WEDNESDAY, zone=MADRID), notice_days=2)
    planned(supervisor, schedule=Once(at=WEDNESDAY, zone=MADRID), shown_to_client=False)
    prepare(WEDNESDAY - timedelta(days=1))
    assert notices() == sorted(contact.user_id for contact in contacts)


def test_each_time_of_a_task_has_its_own_notice(make):
    client = make.client()
    make.contact(client)
    weekly = Cron(expression="0 11 * * 3", zone=MADRID)
    planned(make.agent(), client, schedule=weekly, notice_days=3)
    prepare(WEDNESDAY - timedelta(days=1))
    prepare(WEDNESDAY + timedelta(days=6))
    assert len(notices()) == 2  # that of the 25th and that of the 1st


@pytest.fixture
def wipe(make):
    """A task that wipes a group's devices on Wednesday, approved; with its people."""
    client, agent, second = make.client(), make.agent(), make.agent()
    for person in (agent, second):
        seasoned(person)
    devices = make.fleet(client, 2)
    session = fresh()
    group = DeviceGroup(client_id=client.id, name="Lent out")
    session.add(group)
    session.flush()
    join(session, group.id, client, devices[0])
    session.commit()
    task = planned(
        agent,
        client,
        title="Wipe what is lent out",
        work_kind=WorkKind.ACTION,
        code="device.full_wipe",
        groups=["Lent out"],
        schedule=Once(at=WEDNESDAY, zone=MADRID),
        window_minutes=120,
    )
    approve_task(second, task.reference, task.content_hash)
    return task, group.id, client, devices, agent, second


def join(session, group_id, client, device):
    member = DeviceGroupMember(group_id=group_id, device_id=device.id, client_id=client.id)
    session.add(member)


def approve(person, order):
    with database.acting_as(person):
        wanted = confirmation_of(database.session(), order)
        fresh()
    presence = Presence(user_id=person.user_id, purpose=order.content_hash, at=clock.now())
    approve_order(person, order.reference, presence, str(wanted or ""))


def order_of(found):
    return fresh().get_one(WorkOrder, found.order_id)


def fire(task):
    session = fresh()
    fire_due(session, WEDNESDAY)
    session.commit()
    with told_as(WEDNESDAY + ONE_SECOND):
        run(only_run(task).id)


def test_what_destroys_is_drafted_three_days_ahead_and_approvers_are_told_once(wipe):
    task, _group, _client, _devices, agent, second = wipe
    prepare(WEDNESDAY - timedelta(days=3, seconds=1))
    assert not fresh().scalars(select(PlannedRun)).all()
    for later in (0, 60):
        prepare(WEDNESDAY - timedelta(days=3) + timedelta(minutes=later))
    found = only_run(task)
    assert (found.state, order_of(found).state) == (
        RunState.PREPARED,
        OrderState.AWAITING_APPROVAL,
    )
    assert order_of(found).author_id == agent.user_id
    assert notices("planned_approval") == [second.user_id]


def test_approved_it_is_carried_out_at_its_time_and_not_before(wipe):
    task, _group, _client, _devices, _agent, second = wipe
    prepare(WEDNESDAY - timedelta(days=2))
    with told_as(WEDNESDAY - timedelta(days=1)):
        approve(second, order_of(only_run(task)))
    assert only_run(task).state is RunState.PREPARED
    assert order_of(only_run(task)).state is OrderState.APPROVED
    fire(task)
    found = only_run(task)
    assert (found.state, found.is_punctual) == (RunState.RUNNING, True)
    assert order_of(found).state in {OrderState.EXECUTING, OrderState.SCHEDULED}


def test_not_approved_it_is_missed_when_the_window_closes_and_an_incident_tells_of_it(wipe):
    task = wipe[0]
    prepare(WEDNESDAY - timedelta(days=2))
    fire(task)
    found = only_run(task)
    assert (found.state, found.started_at) == (RunState.AWAITING_APPROVAL, None)
    with told_as(WEDNESDAY + timedelta(hours=2)):
        close_window(found.id)
    found = only_run(task)
    assert (found.state, order_of(found).state) == (RunState.MISSED, OrderState.CANCELLED)
    incident = fresh().get_one(Ticket, found.incident_id)
    assert incident.kind is TicketKind.INCIDENT


def test_approved_too_late_it_runs_and_is_not_punctual(wipe):
    task, _group, _client, _devices, _agent, second = wipe
    prepare(WEDNESDAY - timedelta(days=2))
    fire(task)
    with told_as(WEDNESDAY + timedelta(minutes=40)):
        approve(second, order_of(only_run(task)))
        run(only_run(task).id)
    found = only_run(task)
    assert found.state is RunState.RUNNING
    assert found.started_at == WEDNESDAY + timedelta(minutes=40)
    assert not found.is_punctual


def test_who_joins_the_group_after_the_draft_is_not_in_it(wipe):
    task, group_id, client, devices, _agent, second = wipe
    prepare(WEDNESDAY - timedelta(days=2))
    with database.acting_as(SYSTEM):
        session = fresh()
        join(session, group_id, client, devices[1])
        session.commit()
    with told_as(WEDNESDAY - timedelta(days=1)):
        approve(second, order_of(only_run(task)))
    fire(task)
    targets = fresh().scalars(
        select(OrderTarget.device_id).where(OrderTarget.order_id == only_run(task).order_id)
    )
    assert list(targets) == [devices[0].id]
