"""Conformity: judged from inventory and rules alone, enforced once, given back when it is met."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from threading import Event

import pytest
import time_machine
from sqlalchemy import event, func, select, text
from sqlalchemy.exc import ProgrammingError
from sqlalchemy.orm import Session

from servicedesk.clients.models import FunctionalBlock
from servicedesk.core import clock, database, events
from servicedesk.core.actors import SYSTEM, Role
from servicedesk.core.errors import Forbidden, InvalidInput, NotAllowedNow, NotFound
from servicedesk.core.mail import OutgoingMail
from servicedesk.core.unit_of_work import unit_of_work
from servicedesk.devices.conformity import editing, jobs, queries
from servicedesk.devices.conformity.editing import RuleDraft, create_rule
from servicedesk.devices.conformity.enforcement import withheld_sections
from servicedesk.devices.conformity.evaluation import evaluate
from servicedesk.devices.conformity.inventory import (
    App,
    Inventory,
    record_inventory,
    take_inventories,
)
from servicedesk.devices.conformity.models import (
    ConformityChange,
    ConformityFinding,
    InstalledApp,
)
from servicedesk.devices.events import ConformityChanged, InventoryChanged, LockDue
from servicedesk.devices.models import Device, DeviceGroup, DeviceGroupMember, DeviceUser
from servicedesk.devices.queries import FleetFilter, devices

SAFE = Inventory(has_passcode=True, is_encrypted=True, is_compromised=False)
CODELESS = replace(SAFE, has_passcode=False)
PASSCODE = RuleDraft(name="Passcode", kind="passcode_missing", consequences=["withhold_wifi"])


@pytest.fixture
def fleet(make):
    """An agent, a client and three devices of it."""
    client = make.client()
    return make.agent(), client, [make.device(client, "android") for _ in range(3)]


@pytest.fixture
def heard(sessions):
    """What was published, in order."""
    found = []

    def listen(_work, happened):
        found.append(happened)

    for kind in (ConformityChanged, LockDue, InventoryChanged):
        events.subscribe(kind, listen)
    yield found
    for kind in (ConformityChanged, LockDue, InventoryChanged):
        events._reactions[kind].remove(listen)


def read(statement):
    session = database.session()
    rows = session.execute(statement).all()
    session.expunge_all()
    session.rollback()
    return rows


def failing(rule) -> set[int]:
    query = select(ConformityFinding.device_id).where(ConformityFinding.rule_id == rule.id)
    return {row[0] for row in read(query)}


def judged(client, device_ids=None) -> list[int]:
    with unit_of_work(SYSTEM, "test.evaluate") as work:
        return evaluate(work, client.id, device_ids)


def withheld(device) -> set[str]:
    session = database.session()
    found = withheld_sections(session, [device.id])
    session.expunge_all()
    session.rollback()
    return set(found[device.id])


def waiting_jobs(name: str = "devices.evaluate_conformity", lock: str = "%") -> list[dict]:
    with Session(database.session().get_bind(), info={"as_owner": True}) as owner:
        rows = owner.execute(
            text(
                "SELECT args FROM procrastinate_jobs WHERE status = 'todo' AND task_name = :name"
                " AND queueing_lock LIKE :lock ORDER BY id"
            ),
            {"name": name, "lock": lock},
        )
        return [row[0] for row in rows]


def mails() -> list[OutgoingMail]:
    return [row[0] for row in read(select(OutgoingMail).order_by(OutgoingMail.id))]


def give_holder(device, email="ana@example.test") -> None:
    session = database.session()
    holder = DeviceUser(
        client_id=device.client_id, name="Ana Ruiz", email=email, department="Sales"
    )
    session.add(holder)
    session.flush()
    session.get_one(Device, device.id).device_user_id = holder.id
    session.commit()


def test_a_device_that_fails_loses_wifi_and_has_it_back_when_it_conforms_again(fleet, heard):
    agent, client, (device, other, silent) = fleet
    take_inventories(SYSTEM, {device.id: CODELESS, other.id: SAFE})
    rule = create_rule(agent, client.reference, PASSCODE)
    assert failing(rule) == {device.id}
    assert (withheld(device), withheld(other), withheld(silent)) == ({"wifi"}, set(), set())
    heard.clear()
    take_inventories(SYSTEM, {device.id: SAFE})
    assert heard == [InventoryChanged(client_id=client.id, device_ids=(device.id,))]
    jobs.evaluate_conformity(client.id, [device.id])
    assert heard[1:] == [ConformityChanged(client_id=client.id, device_ids=(device.id,))]
    assert (failing(rule), withheld(device)) == (set(), set())
    history = read(select(ConformityChange.failed).order_by(ConformityChange.id))
    assert [row[0] for row in history] == [True, False]


def test_a_repeat_changes_nothing_and_says_nothing(fleet, heard):
    agent, client, (device, *_) = fleet
    take_inventories(SYSTEM, {device.id: CODELESS})
    create_rule(agent, client.reference, PASSCODE)
    heard.clear()
    assert judged(client) == []
    assert take_inventories(SYSTEM, {device.id: CODELESS}) == []
    assert heard == []
    assert len(read(select(ConformityChange.id))) == 1


def test_the_same_inventory_queues_one_job_until_it_runs(fleet):
    _agent, client, (device, other, _) = fleet
    for inventory in (SAFE, CODELESS, SAFE):
        take_inventories(SYSTEM, {device.id: inventory})
    take_inventories(SYSTEM, {other.id: SAFE})
    assert waiting_jobs() == [
        {"client_id": client.id, "device_ids": [device.id]},
        {"client_id": client.id, "device_ids": [other.id]},
    ]


def test_an_older_report_does_not_undo_a_newer_one(fleet):
    _agent, _client, (device, *_) = fleet
    take_inventories(SYSTEM, {device.id: replace(SAFE, os_version="17.1")})
    late = replace(CODELESS, os_version="16.0", taken_at=clock.now() - timedelta(hours=1))
    assert take_inventories(SYSTEM, {device.id: late}) == []
    row = read(select(Device.has_passcode, Device.os_version).where(Device.id == device.id))[0]
    assert tuple(row) == (True, "17.1")


def test_apps_are_replaced_as_a_whole(fleet):
    _agent, _client, (device, *_) = fleet
    first = [App(identifier="a", name="A", version="1.9"), App(identifier="b", version="2")]
    with unit_of_work(SYSTEM, "test.inventory") as work:
        assert record_inventory(
            work, work.session.get_one(Device, device.id), Inventory(apps=first)
        )
    take_inventories(SYSTEM, {device.id: Inventory(apps=[App(identifier="a", version="1.10")])})
    rows = read(select(InstalledApp.identifier, InstalledApp.name, InstalledApp.version))
    assert [tuple(row) for row in rows] == [("a", "a", "1.10")]


def test_what_a_device_says_is_stored_as_far_as_it_can_be(fleet):
    _agent, _client, (device, *_) = fleet
    odd = Inventory(
        os_version="9" * 5000 + "\x00",
        apps=[
            App(identifier="a\x00b", name="\ud800", version="9" * 400),
            App(identifier="ab", name="twice"),
            App(identifier="\x00"),
            *(App(identifier=f"app{number}") for number in range(3000)),
        ],
        taken_at=clock.now() + timedelta(days=400),
    )
    assert take_inventories(SYSTEM, {device.id: odd, 10**15: SAFE}) == [device.id]
    assert len(read(select(InstalledApp.identifier))) < 2001
    assert read(select(Device.inventory_at).where(Device.id == device.id))[0][0] <= clock.now()


def test_keys_sort_in_postgresql_as_in_python(fleet):
    versions = ["", "1.0-alpha", "1.0-rc.2", "1.0-rc.10", "1.0", "9.9", "10.0", "9" * 30]
    _agent, _client, (device, *_) = fleet
    apps = [App(identifier=f"x{n}", version=v) for n, v in enumerate(versions)]
    take_inventories(SYSTEM, {device.id: Inventory(apps=apps)})
    rows = read(select(InstalledApp.version).order_by(InstalledApp.version_key))
    assert [row[0] for row in rows] == versions
    later = text(
        "SELECT count(*) FROM installed_app a JOIN installed_app b ON a.version_key < b.version_key"
    )
    assert read(later)[0][0] == len(versions) * (len(versions) - 1) // 2


def test_two_evaluations_at_once_find_tell_and_lock_once(fleet, heard):
    agent, client, found = fleet
    for device in found:
        give_holder(device, f"d{device.id}@example.test")
    create_rule(
        agent,
        client.reference,
        replace(PASSCODE, consequences=["tell", "lock"], grace_hours=0),
    )
    take_inventories(SYSTEM, dict.fromkeys([d.id for d in found], CODELESS))

    def one(_number):
        database.become(SYSTEM)
        try:
            return judged(client)
        finally:
            database.session().close()

    with ThreadPoolExecutor(6) as pool:
        answers = list(pool.map(one, range(6)))
    assert sorted(map(len, answers)) == [0, 0, 0, 0, 0, 3]
    assert len(mails()) == 3
    assert [len(e.device_ids) for e in heard if isinstance(e, LockDue)] == [3]
    assert len(read(select(ConformityChange.id))) == 3


def test_an_evaluation_waits_for_a_report_that_is_not_committed_and_then_sees_it(fleet):
    agent, client, (device, *_) = fleet
    rule = create_rule(agent, client.reference, PASSCODE)
    has_reported, may_commit = Event(), Event()

    def report():
        database.become(SYSTEM)
        with unit_of_work(SYSTEM, "test.inventory") as work:
            record_inventory(work, work.session.get_one(Device, device.id), CODELESS)
            has_reported.set()
            assert may_commit.wait(20)
        database.session().close()

    def evaluation():
        database.become(SYSTEM)
        try:
            return judged(client)
        finally:
            database.session().close()

    with ThreadPoolExecutor(2) as pool:
        reporting = pool.submit(report)
        assert has_reported.wait(20)
        judging = pool.submit(evaluation)
        with pytest.raises(TimeoutError):
            judging.result(0.7)
        may_commit.set()
        reporting.result(20)
        assert judging.result(20) == [device.id]
    assert failing(rule) == {device.id}


def test_reports_and_evaluations_at_once_leave_what_the_last_report_says(fleet):
    agent, client, found = fleet
    rule = create_rule(agent, client.reference, PASSCODE)

    def one(number):
        database.become(SYSTEM)
        try:
            if number % 2:
                judged(client)
            else:
                report = CODELESS if number % 4 else SAFE
                take_inventories(SYSTEM, {d.id: report for d in found})
        finally:
            database.session().close()

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(one, range(24)))
    judged(client)
    codeless = read(select(Device.id).where(Device.has_passcode.is_(False)))
    assert failing(rule) == {row[0] for row in codeless}


def test_a_holder_is_told_once_in_spanish_with_what_to_do(fleet):
    agent, client, (device, nobody, _) = fleet
    give_holder(device)
    take_inventories(SYSTEM, {device.id: CODELESS, nobody.id: CODELESS})
    draft = replace(PASSCODE, consequences=["withhold_wifi", "tell"])
    rule = create_rule(agent, client.reference, draft)
    judged(client)
    (mail,) = mails()
    assert (mail.recipient, mail.language) == ("ana@example.test", "es")
    assert mail.template == "conformity_told"
    assert mail.subject_reference == rule.reference
    assert mail.context["withheld"] == ["wifi"]
    give_holder(nobody, "late@example.test")
    judged(client)
    assert [m.recipient for m in mails()] == ["ana@example.test", "late@example.test"]


def test_who_was_told_of_the_old_rule_is_told_of_the_new(fleet):
    agent, client, (device, *_) = fleet
    give_holder(device)
    take_inventories(SYSTEM, {device.id: Inventory(os_version="14.0")})
    draft = RuleDraft(
        name="OS", kind="os_outdated", parameters={"version": "15"}, consequences=["tell"]
    )
    rule = create_rule(agent, client.reference, draft)
    editing.edit_rule(agent, rule.reference, replace(draft, name="System"))
    assert len(mails()) == 1
    editing.edit_rule(agent, rule.reference, replace(draft, parameters={"version": "16"}))
    assert [mail.context["values"] for mail in mails()] == [{"version": "15"}, {"version": "16"}]


def test_a_lock_is_due_once_when_the_grace_is_over(fleet, heard):
    agent, client, (device, *_) = fleet
    take_inventories(SYSTEM, {device.id: CODELESS})
    rule = create_rule(
        agent, client.reference, replace(PASSCODE, consequences=["lock"], grace_hours=4)
    )
    heard.clear()
    with time_machine.travel(clock.now() + timedelta(hours=3, minutes=59), tick=True):
        judged(client)
    assert heard == []
    with time_machine.travel(clock.now() + timedelta(hours=4, minutes=1), tick=True):
        jobs.conformity_round()
        (waiting,) = waiting_jobs(lock="%:round")
        jobs.evaluate_conformity(**waiting)
        judged(client)
    assert heard == [LockDue(client_id=client.id, rule_id=rule.id, device_ids=(device.id,))]


def test_a_rule_that_begins_to_lock_gives_everybody_their_grace(fleet, heard):
    agent, client, (device, *_) = fleet
    take_inventories(SYSTEM, {device.id: CODELESS})
    rule = create_rule(agent, client.reference, PASSCODE)
    heard.clear()
    with time_machine.travel(clock.now() + timedelta(days=10), tick=True):
        locking = replace(PASSCODE, consequences=["lock"], grace_hours=4)
        editing.edit_rule(agent, rule.reference, locking)
        assert heard == [ConformityChanged(client_id=client.id, device_ids=(device.id,))]
    with time_machine.travel(clock.now() + timedelta(days=10, hours=5), tick=True):
        judged(client)
    assert isinstance(heard[-1], LockDue)


def test_deactivating_gives_everything_back_and_activating_begins_anew(fleet, heard):
    agent, client, (device, *_) = fleet
    take_inventories(SYSTEM, {device.id: CODELESS})
    rule = create_rule(agent, client.reference, PASSCODE)
    heard.clear()
    editing.deactivate_rule(agent, rule.reference)
    assert (withheld(device), failing(rule)) == (set(), set())
    assert heard == [ConformityChanged(client_id=client.id, device_ids=(device.id,))]
    editing.activate_rule(agent, rule.reference)
    assert withheld(device) == {"wifi"}


def test_a_rule_that_was_failed_once_cannot_be_deleted(fleet):
    agent, client, (device, *_) = fleet
    harmless = create_rule(agent, client.reference, PASSCODE)
    editing.delete_rule(agent, harmless.reference)
    with pytest.raises(NotFound):
        queries.rule_named(agent, harmless.reference)
    take_inventories(SYSTEM, {device.id: CODELESS})
    rule = create_rule(agent, client.reference, PASSCODE)
    take_inventories(SYSTEM, {device.id: SAFE})
    judged(client)
    with pytest.raises(NotAllowedNow):
        editing.delete_rule(agent, rule.reference)


def test_group_platform_and_state_narrow_whom_a_rule_concerns(make, fleet):
    agent, client, (device, other, third) = fleet
    apple = make.device(client, "ios")
    everybody = [device, other, third, apple]
    session = database.session()
    group = DeviceGroup(client_id=client.id, name="Sales")
    session.add(group)
    session.flush()
    for member in (device, apple):
        session.add(DeviceGroupMember(group_id=group.id, device_id=member.id, client_id=client.id))
    session.get_one(Device, third.id).state = "retired"
    session.commit()
    take_inventories(SYSTEM, dict.fromkeys([d.id for d in everybody], CODELESS))
    whole = create_rule(agent, client.reference, PASSCODE)
    grouped = create_rule(agent, client.reference, replace(PASSCODE, group="Sales"))
    both = create_rule(
        agent, client.reference, replace(PASSCODE, group="Sales", platform="android")
    )
    assert failing(whole) == {device.id, other.id, apple.id}
    assert failing(grouped) == {device.id, apple.id}
    assert failing(both) == {device.id}
    counts = queries.rule_named(agent, both.reference).counts
    assert (counts.failing, counts.unknown, counts.total) == (1, 0, 1)


def test_silence_fails_by_the_clock_and_ends_when_the_device_is_heard(fleet):
    agent, client, (device, *_) = fleet
    draft = RuleDraft(
        name="Silent", kind="not_seen", parameters={"days": "7"}, consequences=["mark"]
    )
    rule = create_rule(agent, client.reference, draft)
    assert failing(rule) == set()
    with time_machine.travel(clock.now() + timedelta(days=8), tick=True):
        judged(client)
        assert device.id in failing(rule)
        session = database.session()
        session.get_one(Device, device.id).last_contact_at = clock.now()
        session.commit()
        jobs.conformity_round()
        (waiting,) = waiting_jobs(lock="%:round")
        assert waiting["device_ids"] == [device.id]
        jobs.evaluate_conformity(**waiting)
        assert device.id not in failing(rule)


@pytest.mark.parametrize(
    ("draft", "field"),
    [
        (replace(PASSCODE, name=""), "name"),
        (replace(PASSCODE, name="a\x00b"), "name"),
        (replace(PASSCODE, name="x" * 500), "name"),
        (replace(PASSCODE, kind="poem"), "kind"),
        (replace(PASSCODE, consequences=[]), "consequences"),
        (replace(PASSCODE, consequences=["explode"]), "consequences"),
        (replace(PASSCODE, group="No\x00where"), "group"),
        (replace(PASSCODE, platform="windows"), "platform"),
        (replace(PASSCODE, grace_hours=-1), "grace_hours"),
        (replace(PASSCODE, grace_hours=10**30), "grace_hours"),
        (replace(PASSCODE, parameters={"days": "3"}), "parameters.days"),
        (replace(PASSCODE, kind="app_missing"), "parameters.app"),
        (replace(PASSCODE, kind="app_missing", parameters={"app": 7}), "parameters.app"),
        (
            replace(PASSCODE, kind="app_missing", parameters={"app": "x", "title": "\ud800"}),
            "parameters.title",
        ),
        (replace(PASSCODE, kind="os_outdated", parameters={"version": "x"}), "parameters.version"),
        (
            replace(PASSCODE, kind="os_outdated", parameters={"version": "9" * 90}),
            "parameters.version",
        ),
        (replace(PASSCODE, kind="not_seen", parameters={"days": "0"}), "parameters.days"),
        (replace(PASSCODE, kind="not_seen", parameters={"days": "1e9"}), "parameters.days"),
    ],
)
def test_a_rule_that_makes_no_sense_is_refused_at_its_field(fleet, draft, field):
    agent, client, _devices = fleet
    with pytest.raises(InvalidInput) as refused:
        create_rule(agent, client.reference, draft)
    assert refused.value.field == field


def test_rules_need_the_block_in_the_contract(make):
    client = make.client(FunctionalBlock.DEVICE_SECURITY)
    with pytest.raises(InvalidInput) as refused:
        create_rule(make.agent(), client.reference, PASSCODE)
    assert refused.value.field == "client"


def test_only_agents_and_supervisors_change_rules_and_all_read_their_own(make, fleet):
    agent, client, _devices = fleet
    contact, manager = make.contact(client), make.person(Role.ACCOUNT_MANAGER, client)
    stranger = make.contact()
    rule = create_rule(make.person(Role.SUPERVISOR), client.reference, PASSCODE)
    for person in (contact, manager):
        assert queries.rule_named(person, rule.reference).rule.id == rule.id
        with pytest.raises(Forbidden):
            create_rule(person, client.reference, PASSCODE)
        with pytest.raises(Forbidden):
            editing.deactivate_rule(person, rule.reference)
    with pytest.raises(NotFound):
        queries.rule_named(stranger, rule.reference)
    assert queries.rules(stranger).items == []
    assert queries.rules(stranger, client.reference).items == []
    assert [line.rule.id for line in queries.rules(agent).items] == [rule.id]


@pytest.mark.parametrize(
    "statement",
    [
        "DELETE FROM conformity_finding",
        "UPDATE conformity_rule SET is_active = false",
        "INSERT INTO conformity_change SELECT 1, 1, 1, 1, now(), false",
        "DELETE FROM installed_app",
    ],
)
def test_a_contact_has_no_right_to_change_findings(make, statement):
    with database.acting_as(make.contact()):
        with pytest.raises(ProgrammingError, match="permission denied"):
            database.session().execute(text(statement))
        database.session().rollback()


def test_the_history_is_append_only(fleet):
    agent, client, (device, *_) = fleet
    take_inventories(SYSTEM, {device.id: CODELESS})
    create_rule(agent, client.reference, PASSCODE)
    with pytest.raises(ProgrammingError, match="permission denied"):
        database.session().execute(text("DELETE FROM conformity_change"))
    database.session().rollback()


def test_the_fleet_can_be_narrowed_to_how_devices_stand(make, fleet):
    agent, client, (bad, good, silent) = fleet
    other = make.device(make.client(), "ios")
    take_inventories(SYSTEM, {bad.id: CODELESS, good.id: SAFE})
    create_rule(agent, client.reference, PASSCODE)
    for wanted, found in (
        ("failing", [bad.id]),
        ("conforming", [good.id]),
        ("unknown", [silent.id]),
        ("", [bad.id, good.id, silent.id, other.id]),
    ):
        page = devices(agent, FleetFilter(conformity=wanted))
        assert [device.id for device in page.items] == found
    assert [d.conformity for d in page.items] == ["failing", "conforming", "unknown", None]
    standings = queries.standings_of(agent, silent.id)
    assert [s.conformity.value for s in standings] == ["unknown"]


@contextmanager
def counted():
    engine, statements = database.session().get_bind(), []

    def note(_conn, _cursor, statement, *_rest):
        statements.append(statement)

    event.listen(engine, "before_cursor_execute", note)
    yield statements
    event.remove(engine, "before_cursor_execute", note)


def test_statements_do_not_grow_with_the_devices(make, fleet):
    agent, client, _devices = fleet
    draft = replace(PASSCODE, consequences=["withhold_mail", "tell", "lock"], grace_hours=0)
    for number in range(3):
        create_rule(agent, client.reference, replace(draft, name=f"Rule {number}"))
    counts = []
    for size in (12, 40):
        found = [make.device(client, "android") for _ in range(size)]
        for device in found:
            give_holder(device, f"d{device.id}@example.test")
        reports = {
            d.id: replace(CODELESS, apps=[App(identifier=f"a{n}") for n in range(size)])
            for d in found
        }
        with counted() as statements:
            take_inventories(SYSTEM, reports)
            assert len(judged(client, [d.id for d in found])) == size
        counts.append(len(statements))
    assert counts[0] == counts[1]
    assert read(select(func.count()).select_from(OutgoingMail))[0][0] == 52 * 3
