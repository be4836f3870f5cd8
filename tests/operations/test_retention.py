"""What is over or old goes, batch by batch, and what must stay stays."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select, update

from servicedesk.accounts.models import Notice, OneTimeLink, SignInAttempt
from servicedesk.core import database
from servicedesk.core.actors import SYSTEM
from servicedesk.core.audit import AuditEntry
from servicedesk.core.clock import told_as
from servicedesk.core.mail import OutgoingMail, queue_mail
from servicedesk.core.unit_of_work import unit_of_work
from servicedesk.orders.positions.models import DevicePosition
from servicedesk.planning.checks import forgetting, retention
from servicedesk.planning.checks.check import RunCancelled
from servicedesk.planning.models import PlannedRun, PlannedTask, RunLine, RunState
from servicedesk.planning.shipping import ship_tasks
from servicedesk.sla.models import SlaLedger
from servicedesk.sla.what_if.models import WhatIf, WhatIfChange
from servicedesk.tickets.models import IdempotencyKey, Ticket
from tests.check_round import Given, check_now, count, previewed
from tests.operations.test_positions import Story as LocatedStory
from tests.operations.test_what_if import Story

DAY, HOUR = timedelta(days=1), timedelta(hours=1)


def now() -> datetime:
    return datetime.now(UTC)


# what is over


def test_what_has_expired_goes_and_what_has_not_stays(make):
    agent = make.agent()
    at = now()
    with unit_of_work(SYSTEM, "test.rows") as work:
        for days in (29, 31):
            work.session.add(
                SignInAttempt(at=at - days * DAY, email="x", address="y", succeeded=False)
            )
            work.session.add(
                OneTimeLink(
                    user_id=agent.user_id,
                    purpose="reset_password",
                    token_hash=str(days),
                    created_at=at - 40 * DAY,
                    expires_at=at - days * DAY,
                )
            )
        for read_at in (None, at - 89 * DAY, at - 91 * DAY):
            work.session.add(
                Notice(
                    user_id=agent.user_id,
                    at=at - 100 * DAY,
                    kind="x",
                    reference="x",
                    facts={},
                    read_at=read_at,
                )
            )
    said = [text.values["rows"] for text in previewed("house.expiries")]
    assert said == [1, 1, 1, 0]
    given, told = check_now("house.expiries")
    assert told.values == {"rows": 3}
    assert len(given.of("info")) == 3
    assert [count(model) for model in (SignInAttempt, OneTimeLink, Notice)] == [1, 1, 2]
    assert check_now("house.expiries")[1].values == {"rows": 0}


def test_a_callers_key_goes_and_its_ticket_stays(make):
    client = make.client()
    contact = make.contact(client)
    make.request(contact, "device.lock", make.device(client), idempotency_key="k-1")
    check_now("house.expiries")
    assert count(IdempotencyKey) == 1
    with told_as(now() + 31 * DAY):
        check_now("house.expiries")
    assert (count(IdempotencyKey), count(Ticket)) == (0, 1)


def test_a_position_that_was_not_forgotten_in_time_is_a_problem_and_goes(make):
    LocatedStory(make).locate()
    session = database.session()
    ends_at = session.scalar(select(DevicePosition.expires_at))
    session.rollback()
    for late in (-DAY, timedelta(minutes=5)):  # the clock's beat has its time
        with told_as(ends_at + late):
            assert check_now("house.expiries")[0].of("problem") == []
    with told_as(ends_at + HOUR):
        given, _told = check_now("house.expiries")
    assert given.of("problem")[0].values == {"positions": 1}
    assert count(DevicePosition) == 0


# what is old


def test_old_jobs_go_and_what_waits_or_failed_lately_stays(make, as_owner):
    for state, hours in (
        ("todo", 9000),
        ("succeeded", 7),
        ("succeeded", 5),
        ("failed", 24 * 31),
        ("failed", 24 * 29),
    ):
        as_owner(
            "SELECT desk_enqueue('house', :name, NULL, NULL, '{}', NULL)", name=f"{state}{hours}"
        )
        as_owner(
            "UPDATE procrastinate_jobs SET status = CAST(:state AS procrastinate_job_status)"
            " WHERE task_name = :name",
            state=state,
            name=f"{state}{hours}",
        )
        as_owner(
            "UPDATE procrastinate_events e SET at = now() - make_interval(hours => :hours)"
            " FROM procrastinate_jobs j WHERE j.id = e.job_id AND j.task_name = :name",
            hours=hours,
            name=f"{state}{hours}",
        )
    assert previewed("house.retention")[0].values["rows"] == 2
    _given, told = check_now("house.retention")
    assert told.values == {"rows": 2}
    left = as_owner("SELECT task_name FROM procrastinate_jobs ORDER BY id")
    assert [name for (name,) in left] == ["todo9000", "succeeded5", "failed696"]


def test_mails_go_after_a_year(make):
    with unit_of_work(SYSTEM, "test.age") as work:
        for number in range(3):
            queue_mail(work, f"p{number}@example.test", "es", "sla_differences", about="SLA")
        work.session.execute(
            update(OutgoingMail).where(OutgoingMail.id == 1).values(created_at=now() - 366 * DAY)
        )
        work.session.execute(
            update(OutgoingMail).where(OutgoingMail.id == 2).values(created_at=now() - 364 * DAY)
        )
    check_now("house.retention")
    assert count(OutgoingMail) == 2


def run_of(task, days, state=RunState.DONE, **more):
    due = now() - days * DAY
    with unit_of_work(SYSTEM, "test.run") as work:
        run = PlannedRun(
            task_id=task.id,
            client_id=task.client_id,
            due_at=due,
            state=state,
            created_at=due,
            started_at=due,
            finished_at=due if state.is_over else None,
            **more,
        )
        work.session.add(run)
        work.session.flush()
        work.session.add(
            RunLine(run_id=run.id, at=due, kind="info", text="It began.", text_values={})
        )
    return run.id


def shipped(key="engines"):
    session = database.session()
    task = session.scalars(select(PlannedTask).where(PlannedTask.key == key)).one()
    session.expunge_all()
    session.rollback()
    return task


def test_of_the_desk_s_own_checks_what_went_well_goes_and_what_did_not_stays(make):
    ship_tasks()
    task, rare = shipped(), shipped("audit")
    client = make.client()
    incident = make.request(make.contact(client), "device.lock", make.device(client))
    stays = {
        run_of(task, 100, RunState.PROBLEMS, incident_id=incident.id),
        run_of(task, 101, RunState.FAILED),
        run_of(task, 102, RunState.MISSED),
        run_of(task, 103, RunState.QUEUED),
        run_of(task, 61),
        run_of(rare, 200),  # the newest that went well, whenever that was
    }
    goes = {run_of(task, 63), run_of(task, 64, RunState.SKIPPED), run_of(rare, 300)}
    again = run_of(task, 60, again_of_id=min(goes))
    check_now("house.retention")
    session = database.session()
    assert set(session.scalars(select(PlannedRun.id))) == stays | {again}
    assert set(session.scalars(select(RunLine.run_id))) == stays | {again}
    session.rollback()


def test_runs_of_tasks_that_people_planned_stay(make):
    ship_tasks()
    task = shipped()
    with unit_of_work(SYSTEM, "test.theirs") as work:
        work.session.execute(update(PlannedTask).where(PlannedTask.id == task.id).values(key=None))
    run_of(task, 300)
    run_of(task, 1)
    check_now("house.retention")
    assert count(PlannedRun) == 2


def test_finished_what_ifs_go_with_what_they_changed(make):
    story = Story(make, 3, 20)
    answered, waiting = story.answered(), story.ask()
    assert count(WhatIfChange) > 0
    with told_as(now() + 89 * DAY):
        check_now("house.retention")
        assert count(WhatIf) == 2
    ledgers, tickets, entries = count(SlaLedger), count(Ticket), count(AuditEntry)
    with told_as(now() + 91 * DAY):
        given, _told = check_now("house.retention")
    assert (count(WhatIfChange), count(WhatIf)) == (0, 1)
    assert waiting.reference != answered.reference
    assert len(given.of("info")) >= 2
    # what is kept for ever
    assert (count(SlaLedger), count(Ticket)) == (ledgers, tickets)
    assert count(AuditEntry) == entries + 1  # that what-ifs were deleted
    assert check_now("audit.verify")[0].lines == []


def test_deleting_goes_batch_by_batch_and_stops_when_it_is_cancelled(make, monkeypatch):
    monkeypatch.setattr(forgetting, "BATCH", 2)
    monkeypatch.setattr(retention, "BATCH", 2)
    with unit_of_work(SYSTEM, "test.rows") as work:
        work.session.add_all(
            SignInAttempt(at=now() - 40 * DAY, email="x", address="y", succeeded=False)
            for _ in range(5)
        )
    with pytest.raises(RunCancelled):
        check_now("house.expiries", Given(cancelled_at=2))
    assert count(SignInAttempt) == 3
    given, told = check_now("house.expiries")
    assert told.values == {"rows": 3}
    assert given.signs[-1] == (3, 3)
