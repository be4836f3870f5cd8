"""Backups: what is put back is what was there, and nothing of the past leaves without a look."""

from __future__ import annotations

import asyncio
import os
import signal
from dataclasses import replace
from types import SimpleNamespace

import psycopg
import pytest
from flask import Flask
from sqlalchemy import create_engine, select, text
from sqlalchemy.orm import scoped_session, sessionmaker

from config import Settings
from servicedesk import schema
from servicedesk.backups import quarantine, queries, restoring, snapshot, taking, verifying
from servicedesk.backups.archive import read_manifest
from servicedesk.backups.container import BackupProblem
from servicedesk.backups.models import BackupRecord
from servicedesk.backups.programs import connect, program
from servicedesk.backups.restoring import restore_backup
from servicedesk.backups.taking import backups_in, prune_backups, sweep, take_backup
from servicedesk.backups.verifying import verify_backup
from servicedesk.core import audit, clock, database, embedded_postgres, files, mail
from servicedesk.core.actors import SYSTEM
from servicedesk.core.errors import Forbidden, NotAllowedNow
from servicedesk.core.files import Upload
from servicedesk.core.jobs import JobName
from servicedesk.core.mail import OutgoingMail, queue_mail
from servicedesk.core.unit_of_work import unit_of_work
from servicedesk.devices import fleet_engines
from servicedesk.devices.commands import CommandObservation, CommandState, DeviceCommand
from servicedesk.devices.dispatch import send_command
from servicedesk.devices.jobs import reconcile_overdue
from servicedesk.devices.reconciliation import reconcile
from servicedesk.orders.execution import execute_order, resume_order
from servicedesk.orders.models import OrderState, PauseReason, WorkOrder
from servicedesk.processes import worker
from servicedesk.sla.dashboard import dashboard
from servicedesk.sla.evidence import Evidence
from servicedesk.tickets.handling import add_message
from servicedesk.tickets.models import Ticket
from servicedesk.tickets.queries import TicketFilter, counts, tickets
from tests.engine_double import EngineDouble

KEY = "a key for the tests, long enough to be one"
OLD_JOB = JobName("tickets.tell_warning")


@pytest.fixture
def settings(database_address, tmp_path):
    made = Settings.from_environment(
        {"SERVICEDESK_MODE": "test", "SERVICEDESK_INSTANCE": str(tmp_path)}
    )
    return replace(made, database_url=database_address, backup_key=KEY)


@pytest.fixture
def story(make, settings):
    """Tickets with files; a wipe and a lock under way, a mail that has not left."""
    client, other = make.client(), make.client()
    contact, agent, supervisor = make.contact(client), make.agent(), make.supervisor()
    phone, tablet = make.device(client, "ios"), make.device(client, "android")
    make.fleet(client, 8)
    wipe = make.request(contact, "device.full_wipe", phone)
    make.request(contact, "device.lock", tablet)
    make.request(make.contact(other), "device.lock", make.device(other, "ios"))
    upload = Upload(name="a.txt", content=b"attached words")
    add_message(contact, wipe.reference, "See the file.", uploads=[upload])
    erasing = one(WorkOrder, WorkOrder.action_code == "device.full_wipe")
    locking = one(WorkOrder, WorkOrder.id == erasing.id + 1)
    make.approve(supervisor, erasing)
    for order in (erasing, locking):
        execute_order(agent, order.reference)
    with unit_of_work(SYSTEM, "test.mail") as work:
        queue_mail(work, "a@b.example", "es", "password_changed", about="ACC-1", name="A")
        work.enqueue(OLD_JOB, warning_id=1)
        work.concerns(None, "TEST")
    return SimpleNamespace(
        client=client,
        contact=contact,
        agent=agent,
        supervisor=supervisor,
        wipe=erasing.reference,
        lock=locking.reference,
        engine=make.engine,
    )


@pytest.fixture(scope="module")
def empty_machine(tmp_path_factory):
    """A server on which nobody has ever run a desk."""
    folder = tmp_path_factory.mktemp("machine")
    embedded_postgres.ensure_running(folder, throw_away=True)
    yield folder
    embedded_postgres.stop(folder)


@pytest.fixture
def elsewhere(empty_machine, settings, tmp_path):
    """Settings of a desk on the empty machine, with a database of its own; empty again after it."""
    url = embedded_postgres.superuser_url(empty_machine)
    name = f"empty_{os.urandom(4).hex()}"
    with connect(url, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name} OWNER {embedded_postgres.ROLE}".encode())
    restoring.use_upgrade(schema.upgrade)
    address = embedded_postgres.url(empty_machine, name)
    yield replace(settings, instance=tmp_path / "elsewhere", database_url=address)
    with connect(url, autocommit=True) as connection:
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)".encode())
        for role in set(database.ROLES.values()):
            connection.execute(f"DROP ROLE IF EXISTS {role}".encode())


@pytest.fixture
def moved(elsewhere, sessions, tmp_path):
    """Have operations work on the other machine; what it sends is noted."""
    engine = create_engine(elsewhere.database_url)
    source = scoped_session(sessionmaker(engine, expire_on_commit=False))
    known, sent = EngineDouble(), []

    def move() -> SimpleNamespace:
        sessions.remove()
        database.use_sessions(source)
        files.use_folder(tmp_path / "elsewhere" / "attachments")
        fleet_engines.use_engines({"sandbox": known})
        mail.use_delivery(lambda one: sent.append(one.id))
        return SimpleNamespace(engine=known, sent=sent)

    yield move
    source.remove()
    engine.dispose()
    database.use_sessions(sessions)


def figures(story, at) -> dict[str, object]:
    """What people see at a moment."""
    session = database.session()
    with clock.told_as(at), database.acting_as(story.supervisor):
        found = {
            "dashboard": dashboard(story.supervisor, Evidence()),
            "counts": counts(story.supervisor),
            "tickets": sorted(session.scalars(select(Ticket.reference))),
        }
        session.rollback()
    with database.acting_as(story.contact):
        session.expunge_all()
        found["own"] = [
            ticket.reference for ticket in tickets(story.contact, TicketFilter(show="all")).items
        ]
        # row-level security, without any filter of ours
        found["walls"] = sorted(session.scalars(select(Ticket.client_id).distinct()))
        session.rollback()
    session.expunge_all()
    return found


def work_off(address: str) -> None:
    asyncio.run(worker.work(Flask("test"), address, wait=False))


def one(kind, *wanted):
    session = database.session()
    session.expunge_all()
    found = session.scalars(select(kind).where(*wanted)).one()
    session.expunge_all()
    session.rollback()
    return found


def held_mails() -> list[int]:
    ids = [each.id for each in quarantine.held_mails(SYSTEM)]
    database.session().rollback()
    return ids


def of_action(order: str):
    return DeviceCommand.batch_id == one(WorkOrder, WorkOrder.reference == order).batch_id


def test_an_empty_machine_becomes_the_desk_and_nothing_of_the_past_leaves(
    story, settings, elsewhere, moved
):
    heads = audit.heads(database.session())
    database.session().rollback()
    facts = take_backup(settings)
    before = figures(story, facts.taken_at)
    url = elsewhere.database_url
    with connect(url) as connection:
        roles = connection.execute("SELECT FROM pg_roles WHERE rolname LIKE 'desk%'").fetchall()
    assert roles == []
    known = story.engine.known
    machine = moved()

    done = restore_backup(elsewhere, facts.path)

    assert (done.problems, done.warnings) == ([], ())
    mails = held_mails()
    assert done.held == {
        "mails": len(mails),
        "orders": 2,
        "commands": 2,
        "links": 0,
        "jobs": 1,
    }
    assert figures(story, facts.taken_at) == before
    assert (before["walls"], len(before["own"])) == ([story.client.id], 2)
    anchors = {int(chain): head for chain, head in heads.items()}
    assert audit.verify(database.session(), anchors) == []
    # a desk on it acts as it can: nothing leaves
    work_off(url)
    reconcile_overdue()
    assert (machine.engine.submitted, machine.sent) == ([], [])
    assert held_mails() == mails
    for reference in (story.wipe, story.lock):
        order = one(WorkOrder, WorkOrder.reference == reference)
        assert (order.state, order.pause_reason) == (OrderState.PAUSED, PauseReason.RESTORED)
        command = one(DeviceCommand, of_action(reference))
        assert (command.state, command.outcome) == (CommandState.UNKNOWN, "restored")
        said = one(CommandObservation, CommandObservation.command_id == command.id)
        assert (said.source, said.state) == ("restore", "unknown")
    # after the look, what is held stays held
    quarantine.open_desk(SYSTEM)
    with pytest.raises(NotAllowedNow):
        quarantine.open_desk(SYSTEM)
    work_off(url)
    assert (machine.engine.submitted, machine.sent) == ([], [])
    # what the engine never got is asked of it, and goes only when a person says so; a wipe never
    assert known == {}
    for reference in (story.wipe, story.lock):
        reconcile([one(DeviceCommand, of_action(reference)).id])
    work_off(url)
    assert machine.engine.submitted == []
    assert one(DeviceCommand, of_action(story.wipe)).state is CommandState.UNKNOWN
    for reference in (story.wipe, story.lock):
        resume_order(story.agent, reference)
    work_off(url)
    lock = one(DeviceCommand, of_action(story.lock))
    assert [order.idempotency_key for order in machine.engine.submitted] == [lock.key]
    assert quarantine.held_jobs(SYSTEM) == {OLD_JOB.name: 1}
    database.session().rollback()
    assert quarantine.release_mails(SYSTEM) == len(mails)
    work_off(url)
    assert sorted(machine.sent) == mails
    assert held_mails() == []


def test_what_the_engine_did_after_the_backup_is_believed(story, settings, elsewhere, moved):
    facts = take_backup(settings)
    command = one(DeviceCommand, of_action(story.wipe))
    send_command(command.id)  # the machine lived on for a while
    known = story.engine.known
    machine = moved()
    restore_backup(elsewhere, facts.path)
    machine.engine.known.update(known)

    reconcile([command.id])

    restored = one(DeviceCommand, of_action(story.wipe))
    assert (restored.state, restored.key) == (CommandState.SENT, command.key)
    assert machine.engine.submitted == []


def test_new_mails_and_commands_wait_for_the_look_and_leave_after_it(
    story, settings, elsewhere, moved, make
):
    facts = take_backup(settings)
    machine = moved()
    restore_backup(elsewhere, facts.path)
    quarantine.withdraw_mails(SYSTEM)
    assert quarantine.settle_jobs(SYSTEM, release=False) == 1
    with unit_of_work(SYSTEM, "test.mail") as work:
        queue_mail(work, "c@d.example", "es", "password_changed", about="ACC-2", name="C")
        work.concerns(None, "TEST")
    order = make_lock(story)
    work_off(elsewhere.database_url)
    assert (machine.engine.submitted, machine.sent) == ([], [])
    with pytest.raises(Forbidden):
        quarantine.open_desk(story.agent)

    quarantine.open_desk(story.supervisor)
    work_off(elsewhere.database_url)
    send_command(one(DeviceCommand, of_action(order)).id)

    assert machine.sent == [one(OutgoingMail, OutgoingMail.recipient == "c@d.example").id]
    assert len(machine.engine.submitted) == 1
    withdrawn = one(OutgoingMail, OutgoingMail.recipient == "a@b.example")
    assert (withdrawn.sent_at, withdrawn.context) == (None, {})


def make_lock(story) -> str:
    session = database.session()
    waiting = session.scalars(select(WorkOrder).where(WorkOrder.state == OrderState.DRAFT)).one()
    reference = waiting.reference
    session.rollback()
    execute_order(story.agent, reference)
    return reference


def test_a_backup_is_of_one_instant_and_proven_by_restoring_it(story, settings, sessions, make):
    late = []

    def seen(done: int, total: int, what: str) -> None:
        if what == "database" and not late:
            late.append(make.client(name="Too late"))

    facts = take_backup(settings, seen=seen)
    assert late
    assert facts.path.stat().st_mode & 0o777 == 0o600
    assert b"attached words" not in facts.path.read_bytes()

    found = verify_backup(settings, facts.path)

    assert (found.problems, found.rows, found.attachments) == ((), facts.rows, 1)
    record = sessions.scalars(select(BackupRecord)).one()
    assert (record.name, record.row_count, record.problem) == (facts.name, facts.rows, None)
    assert record.verified_at is not None
    assert queries.standing_alarm(story.supervisor, expects_backups=True) is None
    assert leftovers(settings) == ([], [])


def leftovers(settings) -> tuple[list[str], list[str]]:
    with connect(settings.database_url) as connection:
        rows = connection.execute("SELECT datname FROM pg_database WHERE datname LIKE '%scratch%'")
        scratch = [name for (name,) in rows]
    return scratch, [path.name for path in settings.backup_folder.glob(".*")]


@pytest.mark.usefixtures("story")
def test_what_was_wrong_when_it_was_taken_is_found_on_a_server_of_its_own(
    settings, superuser, sessions
):
    settings = replace(settings, backup_key=None)
    with superuser.begin() as connection:
        connection.execute(text("SET LOCAL session_replication_role = replica"))
        connection.execute(text("UPDATE audit_entry SET actor = 'nobody' WHERE id = 1"))
    digest = files.keep(b"attached words")
    files.path_of(digest).write_bytes(b"other words")
    facts = take_backup(settings)

    problems = verify_backup(settings, facts.path, apart=True).problems

    assert [problem for problem in problems if "audit trail" in problem]
    assert f"the file {digest} is not what its name says" in problems
    assert len(problems) == 2
    record = sessions.scalars(select(BackupRecord)).one()
    assert record.verified_at is None
    assert digest in record.problem


def test_a_file_that_was_tampered_with_is_refused_and_nothing_restored(
    story, settings, elsewhere, moved, tmp_path
):
    secret = take_backup(settings).path
    plain = take_backup(replace(settings, backup_key=None)).path
    moved()
    path = tmp_path / "tampered.tar"
    for source in (secret, plain):
        whole = source.read_bytes()
        middle = bytearray(whole)
        middle[len(whole) // 2] ^= 1
        for content in (whole[:-1], whole[: len(whole) // 2], whole + b"\0", bytes(middle), b""):
            path.write_bytes(content)
            with pytest.raises(BackupProblem, match="damaged"):
                restore_backup(elsewhere, path)
    with pytest.raises(BackupProblem, match="another key"):
        restore_backup(replace(elsewhere, backup_key=KEY + "x"), secret)
    with pytest.raises(BackupProblem, match="encrypted"):
        restore_backup(replace(elsewhere, backup_key=None), secret)
    with connect(elsewhere.database_url) as connection:
        assert snapshot.is_empty(connection)
    assert list(elsewhere.instance.glob("**/*")) == []
    with pytest.raises(BackupProblem, match="not empty"):
        restore_backup(settings, secret)


@pytest.mark.usefixtures("story")
def test_a_backup_of_a_newer_desk_is_refused(settings, elsewhere, monkeypatch):
    monkeypatch.setattr(snapshot, "revision_of", lambda _: "9999")
    facts = take_backup(settings)
    assert read_manifest(facts.path, KEY).revision == "9999"
    with pytest.raises(BackupProblem, match="9999"):
        restore_backup(elsewhere, facts.path)


def test_a_restore_that_was_broken_off_says_so_and_stays_shut(story, settings, elsewhere, moved):
    facts = take_backup(settings)
    machine = moved()

    def break_off(done: int, total: int, what: str) -> None:
        if (what, done) == ("restore", 2):
            raise Called

    with pytest.raises(Called):
        restore_backup(elsewhere, facts.path, seen=break_off)
    for command in (story.wipe, story.lock):
        send_command(one(DeviceCommand, of_action(command)).id)
    assert machine.engine.submitted == []
    with pytest.raises(quarantine.NotWhole):
        quarantine.open_desk(SYSTEM)
    with pytest.raises(BackupProblem, match="not empty"):
        restore_backup(elsewhere, facts.path)
    assert [path.name for path in elsewhere.instance.iterdir()] == []


def test_a_database_that_was_recovered_by_other_means_is_held_as_well(story, settings):
    assert restoring.hold_desk(settings)["commands"] == 2
    send_command(one(DeviceCommand, of_action(story.lock)).id)
    assert story.engine.submitted == []
    quarantine.open_desk(story.supervisor)
    reconcile([one(DeviceCommand, of_action(story.lock)).id])
    assert one(DeviceCommand, of_action(story.lock)).state is CommandState.QUEUED
    resume_order(story.agent, story.lock)
    send_command(one(DeviceCommand, of_action(story.lock)).id)
    assert len(story.engine.submitted) == 1


class Called(Exception):
    """Off."""


def call_off(done: int, total: int, what: str) -> None:
    raise Called


@pytest.mark.usefixtures("story")
def test_what_is_called_off_leaves_nothing_behind(settings):
    with pytest.raises(Called):
        take_backup(settings, seen=call_off)
    assert leftovers(settings) == ([], [])
    facts = take_backup(settings)
    for stage in ("database", "restore"):

        def seen(done: int, total: int, what: str, stage: str = stage) -> None:
            if what == stage:
                raise Called

        with pytest.raises(Called):
            verify_backup(settings, facts.path, seen=seen)
    assert leftovers(settings) == ([], [])


@pytest.mark.filterwarnings("ignore:This process")
@pytest.mark.usefixtures("story")
def test_what_is_killed_leaves_nothing_that_looks_whole_and_is_swept_away(settings, monkeypatch):
    whole = take_backup(settings).path

    def die_when(stage: str, act) -> None:
        child = os.fork()
        if child == 0:
            database.session().get_bind().dispose(close=False)
            act(lambda _done, _total, what: what == stage and os.kill(os.getpid(), signal.SIGKILL))
            os._exit(1)
        assert os.waitpid(child, 0)[1] == signal.SIGKILL

    die_when("attachments", lambda seen: take_backup(settings, seen=seen))
    die_when("restore", lambda seen: verify_backup(settings, whole, seen=seen))

    assert backups_in(settings.backup_folder) == [whole]
    scratch, files_left = leftovers(settings)
    assert (len(scratch), len(files_left)) == (1, 2)
    monkeypatch.setattr(verifying, "STALE", -1)
    sweep(settings.backup_folder, older_than=-1)
    with connect(settings.database_url, autocommit=True) as connection:
        verifying._drop_left_behind(connection, older_than=-2)
    assert leftovers(settings) == ([], [])
    assert verify_backup(settings, whole).is_good


@pytest.mark.usefixtures("story")
def test_old_backups_go_and_their_records_say_so(settings, sessions):
    paths = [take_backup(settings).path for _ in range(3)]

    assert prune_backups(settings) == [path.name for path in paths[:2]]

    assert backups_in(settings.backup_folder) == paths[2:]
    records = sessions.scalars(select(BackupRecord).order_by(BackupRecord.id)).all()
    assert [record.removed_at is not None for record in records] == [True, True, False]


def test_programs_older_than_the_server_are_not_used(settings, tmp_path):
    old = tmp_path / "pg_dump"
    old.write_text("#!/bin/sh\necho 'pg_dump (PostgreSQL) 12.3'\n")
    old.chmod(0o700)
    with pytest.raises(BackupProblem, match=r"PostgreSQL 18 or later .*PG_BIN"):
        program(replace(settings, pg_bin=tmp_path), "pg_dump", 180004)
    assert program(replace(settings, pg_bin=tmp_path), "pg_dump", 120000) == old


def test_a_server_that_is_away_is_said_in_words(settings, tmp_path):
    gone = replace(settings, database_url=f"postgresql+psycopg://x@/x?host={tmp_path}")
    with pytest.raises(BackupProblem, match="not made"):
        take_backup(gone)
    assert backups_in(settings.backup_folder) == []
    assert issubclass(psycopg.OperationalError, psycopg.Error)


def test_the_alarm_stands_when_no_backup_of_late_is_proven(make, settings, sessions):
    supervisor, agent = make.supervisor(), make.agent()

    def alarm(**how) -> object:
        return queries.standing_alarm(supervisor, **how)

    assert alarm(expects_backups=False) is None
    assert alarm(expects_backups=True).newest is None
    facts = take_backup(settings)
    assert alarm(expects_backups=False) is not None
    assert queries.standing_alarm(agent, expects_backups=True) is None
    record = sessions.scalars(select(BackupRecord)).one()
    record.verified_at = facts.taken_at
    record.taken_at = facts.taken_at - queries.TOO_OLD
    sessions.commit()
    assert alarm(expects_backups=False).newest == record.taken_at
    assert taking.taken_at(facts.path) == facts.taken_at
