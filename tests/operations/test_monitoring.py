"""Silence is seen: readings, what they mean, who is told and how often; and what Prometheus gets."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from flask import Flask
from prometheus_client import generate_latest
from sqlalchemy import create_engine, select, text

from servicedesk.core import database, embedded_postgres
from servicedesk.core.jobs import JOBS, Job
from servicedesk.core.mail import OutgoingMail
from servicedesk.devices import engine_watch, fleet_engines
from servicedesk.devices.engines.contract import EngineHealth
from servicedesk.monitoring import gauges, signs
from servicedesk.monitoring.readings import Lease, read
from servicedesk.monitoring.signs import Level, signs_of
from servicedesk.monitoring.watching import look_for_silences, silences, state_of_service
from servicedesk.processes import preparation, worker


@pytest.fixture
def owner(database_address, make):
    """Connections as the tables' owner, on a desk with an engine and a supervisor."""
    make.supervisor()
    engine = create_engine(database_address)
    with engine.begin() as connection:
        connection.execute(
            text("INSERT INTO procrastinate_workers (last_heartbeat) VALUES (now())")
        )
        connection.execute(text(ELECTED))
    yield engine
    engine.dispose()


ELECTED = """
DO $$ BEGIN
  IF to_regclass('clock_lease') IS NOT NULL THEN
    DELETE FROM clock_lease;
    INSERT INTO clock_lease (id, holder, term, elected_at, expires_at)
    VALUES (1, 'test', 1, now(), now() + interval '1 hour');
  END IF;
END $$
"""


def change(owner, *statements: str) -> None:
    with owner.begin() as connection:
        for statement in statements:
            connection.execute(text(statement))


def levels(owner) -> dict[str, Level]:
    return {sign.code: sign.level for sign in signs_of(read(owner))}


JOB = (
    "INSERT INTO procrastinate_jobs (queue_name, task_name, args, scheduled_at, status)"
    " VALUES ('devices', 'devices.send_commands', '{{}}', now() - interval '{age}', 'todo')"
)
MAIL = (
    "INSERT INTO outgoing_mail (recipient, language, template, context, subject_reference,"
    " message_id, created_at, attempts, error) VALUES ('a@b.example', 'es', 'x', '{{}}', 'X', 'm',"
    " now() - interval '{age}', 1, {error})"
)


def test_a_desk_that_works_is_well(owner):
    engine_watch.look_at_engines()
    assert set(levels(owner).values()) == {Level.GOOD}


@pytest.mark.parametrize(
    ("statement", "sign", "level"),
    [
        (JOB.format(age="30 seconds"), "queue", Level.GOOD),
        (JOB.format(age="2 minutes"), "queue", Level.WARNING),
        (JOB.format(age="4 minutes"), "queue", Level.ALARM),
        (JOB.format(age="-1 hour"), "queue", Level.GOOD),
        ("DELETE FROM procrastinate_workers", "workers", Level.ALARM),
        ("UPDATE procrastinate_workers SET last_heartbeat = now() - interval '20 seconds'",
         "workers", Level.WARNING),
        (MAIL.format(age="1 minute", error="NULL"), "mail", Level.GOOD),
        (MAIL.format(age="4 minutes", error="NULL"), "mail", Level.ALARM),
        (MAIL.format(age="4 minutes", error="'timed out'"), "mail", Level.ALARM),
        (MAIL.format(age="1 day", error="'SMTPRecipientsRefused: no such user'"),
         "mail", Level.GOOD),
    ],
)  # fmt: skip
def test_each_part_is_late_and_then_silent(owner, statement, sign, level):
    change(owner, statement)
    assert levels(owner)[sign] is level


def test_a_job_without_a_time_has_waited_since_it_was_asked_for(owner):
    change(
        owner,
        "SELECT desk_enqueue('mail', 'mail.send', NULL, NULL, '{}', NULL)",
        "UPDATE procrastinate_events SET at = now() - interval '10 minutes'",
    )
    (backlog,) = read(owner).jobs
    assert (backlog.waiting, backlog.planned, backlog.doing) == (1, 0, 0)
    assert 599 < backlog.oldest < 660
    assert levels(owner)["queue"] is Level.ALARM


@pytest.mark.parametrize(
    ("left", "level"), [(5, Level.GOOD), (-20, Level.WARNING), (-90, Level.ALARM)]
)
def test_a_lease_that_ran_out_is_a_silent_clock(owner, left, level):
    lease = Lease(holder="host:1", term=3, elected_at=datetime.now(UTC), left=left)
    (clock,) = signs._clock(replace(read(owner), lease=lease))
    assert clock.level is level
    assert "host:1" in str(clock.words)


def test_an_engine_that_does_not_answer_is_seen_and_seen_again(owner, make, monkeypatch):
    answers = []
    health = lambda: EngineHealth(reachable=answers[-1], detail="", milliseconds=3)  # noqa: E731
    monkeypatch.setattr(make.engine, "health", health)
    (key,) = [engine.key for engine in read(owner).engines]
    assert fleet_engines.is_named(key)
    answers.append(False)
    engine_watch.look_at_engines()
    since = read(owner).engines[0].mute_since
    engine_watch.look_at_engines()
    assert read(owner).engines[0].mute_since == since
    change(owner, "UPDATE engine_contact SET mute_since = now() - interval '3 minutes'")
    assert levels(owner)[f"engine:{key}"] is Level.ALARM

    answers.append(True)
    engine_watch.look_at_engines()

    assert levels(owner)[f"engine:{key}"] is Level.GOOD
    assert read(owner).engines[0].answered_at is not None


def mails() -> list[OutgoingMail]:
    session = database.session()
    session.rollback()
    return list(session.scalars(select(OutgoingMail).where(OutgoingMail.template == "silence")))


def test_supervisors_are_told_once_of_a_silence_and_again_of_the_next(owner):
    change(owner, JOB.format(age="4 minutes"))
    assert [sign.code for sign in silences(database.session())] == ["queue"]

    look_for_silences()
    look_for_silences()
    (told,) = mails()
    assert told.context["signs"][0]["name"]["msgid"] == "Queue"
    # late is not well: what goes up and down around the limit is told once
    change(owner, "UPDATE procrastinate_jobs SET scheduled_at = now() - interval '2 minutes'"
                  " WHERE task_name = 'devices.send_commands'")  # fmt: skip
    look_for_silences()
    change(owner, "DELETE FROM procrastinate_jobs")
    look_for_silences()
    change(owner, JOB.format(age="4 minutes"))
    look_for_silences()

    assert len(mails()) == 2


def test_the_looks_go_on_without_a_clock(owner):
    look_for_silences()
    look_for_silences()
    with owner.connect() as connection:
        waiting = connection.execute(
            text("SELECT count(*), min(scheduled_at) > now() + interval '1 minute'"
                 " FROM procrastinate_jobs WHERE task_name = 'monitoring.watch'")
        ).one()  # fmt: skip
    assert tuple(waiting) == (1, True)


def test_the_state_of_the_service_is_not_for_clients(make):
    with pytest.raises(Exception, match="permission"):
        state_of_service(make.contact(make.client()))


# what Prometheus gets


def told_by(collector) -> str:
    families = list(collector.collect())
    return "\n".join(
        f"{sample.name}{sample.labels} {sample.value}"
        for family in families
        for sample in family.samples
    )


def test_the_gauges_count_what_is_there_and_name_nobody(owner, make):
    client = make.client(name="Canary Ltd")
    make.request(make.contact(client), "device.lock", make.device(client, "ios"))
    engine_watch.look_at_engines()
    change(owner, JOB.format(age="4 minutes"))
    told = told_by(gauges.Gauges(owner))

    assert "desk_database_up{} 1" in told
    assert "desk_jobs_waiting{'queue': 'devices', 'job': 'devices.send_commands'} 1" in told
    assert "desk_workers_alive{} 1" in told
    assert "desk_sla_open{'standing': 'on_track'} 1" in told
    assert "desk_engine_reachable" in told
    assert "desk_mails_waiting" in told
    for secret in ("Canary", "@", client.reference):
        assert secret not in told


def test_the_database_is_asked_once_in_five_seconds_and_its_absence_is_an_answer(
    owner, monkeypatch
):
    collector, looks = gauges.Gauges(owner), []
    asked = gauges.read
    monkeypatch.setattr(gauges, "read", lambda engine: looks.append(1) or asked(engine))
    told_by(collector)
    told_by(collector)
    assert looks == [1]
    away = create_engine("postgresql+psycopg://nobody@127.0.0.1:1/none")

    told = told_by(gauges.Gauges(away))

    assert "desk_database_up{} 0" in told
    assert b"desk_database_up 0.0" in generate_latest(gauges.registry_of(away))


# a worker of the release before


@pytest.mark.usefixtures("sessions")
def test_a_job_nobody_here_knows_waits_for_a_worker_that_does(owner, database_address, monkeypatch):
    done = []
    job = Job(name="test.known", queue="default", run=lambda: done.append(1))
    monkeypatch.setitem(JOBS, job.name, job)
    change(
        owner,
        "SELECT desk_enqueue('default', 'release.after', NULL, NULL, '{}', NULL)",
        "SELECT desk_enqueue('default', 'test.known', NULL, NULL, '{}', NULL)",
        "SELECT desk_enqueue('default', 'test.known', NULL, NULL, '{\"_trace\": \"click-0001\"}', NULL)",
    )

    asyncio.run(worker.work(Flask("test"), database_address, wait=False))

    assert done == [1, 1]
    with owner.connect() as connection:
        left = connection.execute(
            text("SELECT status::text, attempts FROM procrastinate_jobs"
                 " WHERE task_name = 'release.after'")
        ).one()  # fmt: skip
    assert tuple(left) == ("todo", 0)


# what must be true before a process serves


def test_a_process_serves_on_tables_of_its_release_or_a_later_one(owner, database_address):
    preparation.check_fitness(database_address)
    change(owner, "UPDATE alembic_version SET version_num = '9999'")
    try:
        preparation.check_fitness(database_address)
        change(owner, "UPDATE alembic_version SET version_num = '0001'")
        with pytest.raises(preparation.NotFit, match="older than this release"):
            preparation.check_fitness(database_address)
    finally:
        head = (preparation.ROOT / "migrations" / "HEAD").read_text().strip()
        change(owner, f"UPDATE alembic_version SET version_num = '{head}'")


def test_a_process_does_not_serve_on_a_host_whose_clock_is_wrong(database_address):
    now = datetime.now(UTC)
    preparation.check_fitness(database_address, now + timedelta(minutes=4))
    with pytest.raises(preparation.NotFit, match="differs from the database's by 36"):
        preparation.check_fitness(database_address, now - timedelta(minutes=6))


def test_a_process_that_finds_no_database_says_so(tmp_path):
    address = embedded_postgres.url(tmp_path)
    with pytest.raises(preparation.NotFit, match="cannot be reached"):
        preparation.check_fitness(address, patience=0)
