"""What the desk looks at by itself: a problem is found, its absence is said, nobody else's is seen."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import create_engine, select, text, update

from servicedesk import registry
from servicedesk.clients.models import FunctionalBlock
from servicedesk.core import database
from servicedesk.core.actors import SYSTEM, Role
from servicedesk.core.clock import told_as
from servicedesk.core.unit_of_work import unit_of_work
from servicedesk.devices import fleet_engines
from servicedesk.devices.conformity.editing import RuleDraft, create_rule
from servicedesk.devices.conformity.models import ConformityFinding
from servicedesk.devices.engines.contract import EngineHealth
from servicedesk.devices.models import Device
from servicedesk.devices.policies.models import DevicePolicy
from servicedesk.devices.policies.reported import record_reports
from servicedesk.planning.checks import every_check
from servicedesk.planning.checks.check import RunCancelled
from servicedesk.sla.models import SlaCheck, SlaCycle
from tests.check_round import Given, check_now, previewed
from tests.policy_story import group_of, own_setting, refresh, report_all

DAY = timedelta(days=1)


def now() -> datetime:
    return datetime.now(UTC)


def change(model, row_id, **values):
    """Change a row behind everybody's back."""
    with unit_of_work(SYSTEM, "test.change") as work:
        key = model.__mapper__.primary_key[0]
        work.session.execute(update(model).where(key == row_id).values(**values))


class Engine:
    """An engine that says how it is, from a list."""

    key = "sandbox"

    def __init__(self, *, answers=(), milliseconds=3.0):
        self.answers, self.milliseconds = list(answers), milliseconds

    def health(self):
        is_there = self.answers.pop(0) if self.answers else True
        return EngineHealth(reachable=is_there, detail="", milliseconds=self.milliseconds)


# engines


def test_an_engine_that_answers_is_told_with_the_last_contact_of_its_devices(make):
    make.device(make.client())
    given, told = check_now("engines.reachable")
    (line,) = given.of("info")
    assert line.values["contact_at"] <= now()
    assert told.values == {"answered": 1, "engines": 1}
    assert given.signs[-1] == (1, 1)


@pytest.mark.parametrize(
    ("engine", "kind"),
    [
        (Engine(answers=[False, True]), "info"),  # one call got lost
        (Engine(answers=[False, False]), "problem"),
        (Engine(milliseconds=2500), "finding"),
    ],
)
def test_a_silent_engine_is_a_problem_and_a_slow_one_a_finding(make, engine, kind):
    fleet_engines.use_engines({"sandbox": engine})
    given, _told = check_now("engines.reachable")
    assert [one for one, _, _ in given.lines] == [kind]
    assert given.subjects == {"sandbox"}


def test_devices_of_an_engine_that_the_settings_do_not_name_are_a_problem(make):
    fleet_engines.use_engines({})
    assert check_now("engines.reachable")[0].lines == []
    make.device(make.client())
    assert len(check_now("engines.reachable")[0].of("problem")) == 1


# silent devices


def silence(*devices, days=20):
    for device in devices:
        change(Device, device.id, last_contact_at=now() - days * DAY)


def test_silent_devices_are_counted_by_client_and_named(make):
    client, other = make.client(), make.client()
    phones = make.fleet(client, 8)
    make.fleet(other, 3)
    silence(phones[0])
    given, told = check_now("devices.silent")
    (counted,) = given.of("finding")
    assert (counted.values["silent"], counted.values["devices"]) == (1, 8)
    assert given.subjects == {client.reference, phones[0].reference}
    assert told.values == {"silent": 1, "devices": 11, "days": 14}
    silence(*phones[:2])
    assert len(check_now("devices.silent")[0].of("problem")) == 1
    assert check_now("devices.silent", days=30)[0].lines == []


def test_of_very_many_silent_devices_some_are_named_and_all_are_counted(make):
    client = make.client()
    phones = make.fleet(client, 30)
    silence(*phones)
    given, _told = check_now("devices.silent")
    assert given.of("problem")[0].values["silent"] == 30
    assert len(given.of("info")) == 20


def test_a_device_that_was_never_in_touch_is_silent_since_it_was_enrolled(make):
    device = make.device(make.client())
    change(Device, device.id, last_contact_at=None)
    assert check_now("devices.silent")[0].lines == []
    change(Device, device.id, enrolled_at=now() - 20 * DAY)
    assert len(check_now("devices.silent")[0].of("info")) == 1


def test_one_client_s_run_sees_no_other_client(make):
    client, other = make.client(), make.client()
    mine, theirs = make.device(client), make.device(other)
    silence(mine, theirs)
    given, told = check_now("devices.silent", Given(client_id=client.id))
    assert given.subjects == {client.reference, mine.reference}
    assert told.values["devices"] == 1
    (said,) = previewed("devices.silent", client.id)
    assert said.values == {"devices": 1, "clients": 1, "silent": 1}


# drift


@pytest.fixture
def drifting(make):
    """Two clients with a device each that has never had its passcode."""
    found = []
    for _ in range(2):
        client = make.client()
        device = make.device(client)
        group = group_of(client, "All", device)
        own_setting(client, "passcode", {"min_length": "6"}, group_id=group.id)
        found.append((client, device))
    return found


def test_who_differs_for_hours_although_it_was_in_touch_is_a_problem(drifting):
    client, device = drifting[0]
    assert check_now("policies.drift")[0].lines == []
    later = now() + timedelta(hours=25)
    with told_as(later):
        given, _told = check_now("policies.drift")
        assert [line.values["away"] for line in given.of("finding")] == [1, 1]
        change(Device, device.id, last_contact_at=later - timedelta(hours=1))
        given, told = check_now("policies.drift")
        (line,) = given.of("problem")
        assert (line.values["differ"], line.values["devices"]) == (1, 1)
        assert told.values["differ"] == 1
        assert device.reference in given.subjects
        given, told = check_now("policies.drift", Given(client_id=drifting[1][0].id))
        assert given.subjects == {drifting[1][0].reference}
        assert check_now("policies.drift", hours=48)[0].lines == []
    assert client.reference


def test_since_when_a_device_differs_is_kept_until_it_has_what_it_should(drifting):
    client, device = drifting[0]

    def row():
        session = database.session()
        session.expunge_all()
        session.rollback()
        return session.get_one(DevicePolicy, device.id)

    begun = row().drift_since
    assert begun is not None
    with told_as(now() + DAY):
        own_setting(client, "passcode", {"min_length": "8"}, device_id=device.id)
        refresh(client)
        assert row().drift_since == begun  # it has differed all the time
        report_all(device)
        assert (row().has_drift, row().drift_since) == (False, None)
    with told_as(now() + 2 * DAY), unit_of_work(SYSTEM, "test.report") as work:
        record_reports(work, {device.id: ({}, work.at)})
    assert row().drift_since > begun + DAY


# conformity

PASSCODE = RuleDraft(name="Passcode", kind="passcode_missing", consequences=["mark"])


def test_everybody_is_judged_and_who_fails_is_counted_by_rule_with_what_is_new(make):
    agent, client = make.agent(), make.client()
    phones = make.fleet(client, 4)
    rule = create_rule(agent, client.reference, PASSCODE)
    for phone in phones:
        change(Device, phone.id, has_passcode=phone is not phones[0], inventory_at=now())
    before = now()
    given, told = check_now("devices.conformity")
    (line,) = given.of("finding")
    assert (line.values["failing"], line.values["devices"], line.values["new"]) == (1, 4, 1)
    assert given.subjects == {rule.reference}
    assert told.values == {"failing": 1, "new": 1}
    given, _told = check_now("devices.conformity", Given(previous_at=now()))
    assert given.of("finding")[0].values["new"] == 0
    for phone in phones[:3]:
        change(Device, phone.id, has_passcode=False)
    given, _told = check_now("devices.conformity", Given(previous_at=before + timedelta(hours=-1)))
    assert given.of("problem")[0].values["failing"] == 3


def test_judging_one_client_judges_no_other(make):
    agent, client, other = make.agent(), make.client(), make.client()
    for one in (client, other):
        device = make.device(one)
        create_rule(agent, one.reference, PASSCODE)
        change(Device, device.id, has_passcode=False, inventory_at=now())
    check_now("devices.conformity", Given(client_id=client.id))
    session = database.session()
    assert session.scalars(select(ConformityFinding.client_id)).all() == [client.id]
    session.rollback()
    assert previewed("devices.conformity", other.id)[0].values["failing"] == 0


# service levels and audit


@pytest.fixture
def tickets(make):
    client = make.client()
    contact = make.contact(client)
    return client, [make.request(contact, "device.lock", make.device(client)) for _ in range(2)]


def bend(database_address, statement):
    owner = create_engine(database_address)
    with owner.begin() as connection:
        connection.execute(text("ALTER TABLE audit_entry DISABLE TRIGGER append_only"))
        connection.execute(text(statement))
    owner.dispose()


def mails():
    session = database.session()
    found = session.execute(
        text("SELECT recipient FROM outgoing_mail WHERE template = 'sla_differences'")
    )
    told = list(found.scalars())
    session.rollback()
    return told


def test_clocks_that_are_as_their_events_say_are_said_to_be(tickets):
    given, told = check_now("sla.check")
    assert given.lines == []
    assert told.values == {"ledgers": 2, "differences": 0}
    assert previewed("sla.check")[0].values == {"ledgers": 2}


def test_a_difference_is_a_problem_and_supervisors_get_one_mail_about_it(make, tickets):
    supervisor = make.supervisor()
    with unit_of_work(SYSTEM, "test.bend") as work:
        work.session.execute(update(SlaCycle).values(target_seconds=1))
    given, _told = check_now("sla.check")
    assert len(given.of("problem")) >= 2
    assert mails() == [supervisor.email]
    check_now("sla.check")
    assert mails() == [supervisor.email]  # nothing new
    given, _told = check_now("sla.check", Given(client_id=make.client().id))
    assert given.lines == []
    given, _told = check_now("sla.check", Given(client_id=tickets[0].id))
    assert len(given.of("problem")) >= 2


def test_a_check_that_waits_for_an_upgrade_s_repair_says_so(make):
    with unit_of_work(SYSTEM, "test") as work:
        work.session.add(SlaCheck(asked_at=work.at, repairs=True))
    given, _told = check_now("sla.check")
    assert len(given.of("finding")) == 1


def test_a_bent_trail_is_a_problem(tickets, database_address):
    given, told = check_now("audit.verify")
    assert (given.lines, told.values["entries"]) == (
        [],
        previewed("audit.verify")[0].values["entries"],
    )
    bend(database_address, "UPDATE audit_entry SET actor = 'nobody' WHERE number = 2")
    given, _told = check_now("audit.verify")
    assert len(given.of("problem")) >= 1


def test_entries_written_while_the_trail_is_read_are_no_fault(tickets, monkeypatch):
    monkeypatch.setattr("servicedesk.core.audit.BATCH", 2)

    class Busy(Given):
        def seen(self, done, total):
            super().seen(done, total)
            with unit_of_work(SYSTEM, "test.meanwhile") as work:
                work.concerns(tickets[0].id, f"T{len(self.signs)}")

    given, _told = check_now("audit.verify", Busy())
    assert given.lines == []
    assert len(given.signs) > 3


# what all have in common

registry.plug_in()  # those of the floors above too
CHECKS = every_check()


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.code)
def test_every_check_runs_on_an_empty_desk_and_says_what_it_would_do(make, check):
    make.client(FunctionalBlock.CONFORMITY)
    given, _told = check_now(check.code)
    assert given.of("problem") == []
    assert given.signs
    assert previewed(check.code)


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.code)
def test_every_check_stops_at_its_first_sign_of_life_when_it_is_cancelled(make, check):
    make.device(make.client())
    with pytest.raises(RunCancelled):
        check_now(check.code, Given(cancelled_at=0))
    database.session().rollback()


@pytest.mark.parametrize("code", ["devices.silent", "policies.drift", "credentials.expiring"])
def test_a_check_that_is_cancelled_between_two_clients_has_told_of_the_first(drifting, code):
    silence(*(device for _, device in drifting))
    given = Given(cancelled_at=1)
    with told_as(now() + 2 * DAY), pytest.raises(RunCancelled):
        check_now(code, given)
    assert len(given.signs) == 2
    assert drifting[1][0].reference not in given.subjects


@pytest.mark.parametrize("role", [Role.CONTACT, Role.ACCOUNT_MANAGER])
@pytest.mark.parametrize(
    "check", [one for one in CHECKS if one.for_client], ids=lambda check: check.code
)
def test_a_client_s_own_people_may_ask_what_a_check_of_theirs_would_do(make, check, role):
    client = make.client()
    make.device(client)
    with database.acting_as(make.person(role, client)):
        assert previewed(check.code, client.id)
