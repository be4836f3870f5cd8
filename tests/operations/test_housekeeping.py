"""What the desk does for its own house: mails leave, jobs are done, what is old goes, the rest stays."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import create_engine, func, select, text, update

from servicedesk.accounts.models import Notice, OneTimeLink, SignInAttempt
from servicedesk.core import database, mail
from servicedesk.core.actors import SYSTEM
from servicedesk.core.audit import AuditEntry
from servicedesk.core.clock import told_as
from servicedesk.core.errors import InvalidInput
from servicedesk.core.mail import MailNotAccepted, OutgoingMail, queue_mail, send_mail
from servicedesk.core.unit_of_work import unit_of_work
from servicedesk.orders.models import WorkOrder
from servicedesk.orders.positions.models import DevicePosition
from servicedesk.orders.reconciling import reconcile_policies
from servicedesk.planning.checks import forgetting, reconciliation, retention
from servicedesk.planning.checks.check import RunCancelled
from servicedesk.planning.models import PlannedRun, PlannedTask, RunLine, RunState
from servicedesk.planning.shipping import ship_tasks
from servicedesk.sla.models import SlaLedger
from servicedesk.sla.what_if.models import WhatIf, WhatIfChange
from servicedesk.tickets.handling import move_ticket
from servicedesk.tickets.models import IdempotencyKey, Ticket, TicketState
from tests.check_round import Given, check_now, previewed
from tests.operations.test_positions import Story as LocatedStory
from tests.operations.test_what_if import Story
from tests.policy_story import group_of, own_setting

DAY, HOUR = timedelta(days=1), timedelta(hours=1)


def now() -> datetime:
    return datetime.now(UTC)


def count(model, *conditions) -> int:
    session = database.session()
    session.expunge_all()
    session.rollback()
    found = session.scalar(select(func.count()).select_from(model).where(*conditions))
    session.rollback()
    return found


@pytest.fixture
def owner(database_address):
    """The database as its owner sees it: the queue of jobs is nobody else's."""
    engine = create_engine(database_address)

    def run(statement, **values):
        with engine.begin() as connection:
            result = connection.execute(text(statement), values)
            return result.all() if result.returns_rows else []

    yield run
    engine.dispose()


# mails


@pytest.fixture
def post(make):
    """Three mails that have waited for an hour, and a mail server to switch off."""

    class Post:
        is_there = True

        def deliver(self, _mail):
            if not self.is_there:
                raise MailNotAccepted("ConnectionRefusedError")

    found = Post()
    mail.use_delivery(found.deliver, lambda: found.is_there)
    with unit_of_work(SYSTEM, "test.mails") as work:
        for number in range(3):
            queue_mail(work, f"p{number}@example.test", "es", "sla_differences", about="SLA")
        work.session.execute(update(OutgoingMail).values(created_at=now() - HOUR))
    yield found
    mail.use_delivery(lambda _mail: None)


def jobs_of_mails(owner):
    return owner(
        "SELECT (args->>'mail_id')::bigint, status, coalesce(scheduled_at <= now(), true)"
        " FROM procrastinate_jobs WHERE task_name = 'mail.send' AND status = 'todo' ORDER BY 1"
    )


def test_mails_whose_job_gave_up_or_waits_long_are_tried_once_each(post, owner):
    owner("UPDATE procrastinate_jobs SET status = 'failed' WHERE (args->>'mail_id')::bigint = 1")
    owner(
        "UPDATE procrastinate_jobs SET scheduled_at = now() + interval '2 hours'"
        " WHERE (args->>'mail_id')::bigint = 2"
    )
    assert previewed("mail.retries")[0].values == {"mails": 3}
    for _ in range(2):
        given, told = check_now("mail.retries")
        assert told.values == {"mails": 3}
        assert given.of("problem") == []
        assert jobs_of_mails(owner) == [(number, "todo", True) for number in (1, 2, 3)]
    for number in (1, 2, 3):
        send_mail(number)
    assert str(check_now("mail.retries")[1]) == "No mail waits."


def test_while_the_mail_server_is_away_nothing_is_tried_and_after_hours_it_is_a_problem(
    post, owner
):
    owner("DELETE FROM procrastinate_jobs")
    post.is_there = False
    given, _told = check_now("mail.retries")
    assert len(given.of("finding")) == 1
    with told_as(now() + 5 * HOUR):
        given, _told = check_now("mail.retries")
        assert len(given.of("problem")) == 1
        assert jobs_of_mails(owner) == []
        post.is_there = True
        given, _told = check_now("mail.retries")
    assert len(jobs_of_mails(owner)) == 3
    assert len(given.of("problem")) == 3  # each by what it is about


def test_a_mail_that_is_refused_again_and_again_is_tried_once_an_hour(post, owner):
    owner("DELETE FROM procrastinate_jobs")
    owner("UPDATE outgoing_mail SET attempts = 26 WHERE id = 1")
    assert check_now("mail.retries")[1].values == {"mails": 2}
    with told_as(now() + HOUR):
        assert check_now("mail.retries")[1].values == {"mails": 3}


def test_mails_of_a_moment_ago_are_left_to_their_own_job_and_old_ones_are_given_up(post, owner):
    with told_as(now() - HOUR + timedelta(minutes=5)):
        assert str(check_now("mail.retries")[1]) == "No mail waits."
    owner("DELETE FROM procrastinate_jobs")
    with told_as(now() + 4 * DAY):
        given, _told = check_now("mail.retries")
    assert given.of("finding")[0].values == {"mails": 3}
    assert jobs_of_mails(owner) == []
    assert count(OutgoingMail) == 3


def test_a_cancelled_round_of_retries_tries_no_more(post, owner, monkeypatch):
    monkeypatch.setattr("servicedesk.planning.checks.mail_retries.BATCH", 1)
    owner("DELETE FROM procrastinate_jobs")
    with pytest.raises(RunCancelled):
        check_now("mail.retries", Given(cancelled_at=2))
    assert len(jobs_of_mails(owner)) == 1


# jobs


def test_what_waits_too_long_and_what_was_given_up_is_a_problem(make, owner):
    for name in ("planning.run", "planning.run", "mail.send", "gone.with_the_version"):
        owner("SELECT desk_enqueue('house', :name, NULL, NULL, '{}', NULL)", name=name)
    given, told = check_now("jobs.queue")
    assert [one for one, _, _ in given.lines] == ["info"]
    assert told.values == {"waiting": 4, "failed": 0}
    assert previewed("jobs.queue")[0].values == {"queue": "house", "waiting": 4, "doing": 0}
    with told_as(now() + timedelta(minutes=20)):
        (line,) = check_now("jobs.queue")[0].of("problem")
    assert line.values["queue"] == "house"
    owner("UPDATE procrastinate_jobs SET status = 'doing'")
    owner("SELECT procrastinate_finish_job_v1(id, 'failed', false) FROM procrastinate_jobs")
    given, told = check_now("jobs.queue")
    assert [line.values["task"] for line in given.of("problem")] == ["planning.run"]
    assert given.of("problem")[0].values["jobs"] == 2
    assert [line.values["task"] for line in given.of("finding")] == ["gone.with_the_version"]
    with told_as(now() + 2 * DAY):
        assert check_now("jobs.queue")[0].lines == []


def test_a_job_for_later_does_not_wait(make, owner):
    owner(
        "SELECT desk_enqueue('house', 'planning.run', NULL, NULL, '{}', now() + interval '1 day')"
    )
    assert str(previewed("jobs.queue")[0]) == "No job waits."


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


def test_old_jobs_go_and_what_waits_or_failed_lately_stays(make, owner):
    for state, hours in (
        ("todo", 9000),
        ("succeeded", 7),
        ("succeeded", 5),
        ("failed", 24 * 31),
        ("failed", 24 * 29),
    ):
        owner("SELECT desk_enqueue('house', :name, NULL, NULL, '{}', NULL)", name=f"{state}{hours}")
        owner(
            "UPDATE procrastinate_jobs SET status = CAST(:state AS procrastinate_job_status)"
            " WHERE task_name = :name",
            state=state,
            name=f"{state}{hours}",
        )
        owner(
            "UPDATE procrastinate_events e SET at = now() - make_interval(hours => :hours)"
            " FROM procrastinate_jobs j WHERE j.id = e.job_id AND j.task_name = :name",
            hours=hours,
            name=f"{state}{hours}",
        )
    assert previewed("house.retention")[0].values["rows"] == 2
    _given, told = check_now("house.retention")
    assert told.values == {"rows": 2}
    left = owner("SELECT task_name FROM procrastinate_jobs ORDER BY id")
    assert [name for (name,) in left] == ["todo9000", "succeeded5", "failed696"]


def test_mails_go_after_a_year(make, post):
    with unit_of_work(SYSTEM, "test.age") as work:
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


# the rest


def test_quiet_tickets_are_closed(make):
    client = make.client()
    contact, agent = make.contact(client), make.agent()
    ticket = make.request(contact, "device.lock", make.device(client))
    move_ticket(agent, ticket.reference, "resolve", words="Done.")
    assert check_now("tickets.close_quiet")[1].values == {"tickets": 0}
    with told_as(now() + 12 * DAY):
        assert previewed("tickets.close_quiet")[0].values == {"tickets": 1}
        assert check_now("tickets.close_quiet")[1].values == {"tickets": 1}
    assert count(Ticket, Ticket.state == TicketState.CLOSED) == 1


def test_engines_with_devices_are_asked_for_them_once(make, owner):
    assert check_now("devices.inventory")[1].values == {"engines": 0}
    make.device(make.client())
    assert previewed("devices.inventory")[0].values == {"engines": 1}
    for _ in range(2):
        given, _told = check_now("devices.inventory")
        assert given.subjects == {"sandbox"}
    waiting = "SELECT 1 FROM procrastinate_jobs WHERE task_name = 'devices.walk_inventory'"
    assert len(owner(waiting)) == 1


def test_devices_that_differ_are_told_by_an_order_of_their_client(make):
    clients = [make.client(), make.client()]
    for client in clients:
        group = group_of(client, "All", make.device(client))
        own_setting(client, "passcode", {"min_length": "6"}, group_id=group.id)
    assert previewed("policies.reconcile")[0].values == {"clients": 2, "devices": 2}
    with pytest.raises(RunCancelled):
        check_now("policies.reconcile", Given(cancelled_at=1))
    assert count(WorkOrder) == 1
    given, told = check_now("policies.reconcile")
    assert told.values == {"clients": 2, "orders": 1}
    assert len(given.of("info")) == count(WorkOrder) - 1


def test_a_client_whose_devices_cannot_be_told_keeps_no_other_from_it(make, monkeypatch):
    clients = [make.client(), make.client()]
    for client in clients:
        group = group_of(client, "All", make.device(client))
        own_setting(client, "passcode", {"min_length": "6"}, group_id=group.id)

    def reconcile(client_id):
        if client_id == clients[0].id:
            raise InvalidInput("Say for which client.", field="client")
        return reconcile_policies(client_id)

    monkeypatch.setattr(reconciliation, "reconcile_policies", reconcile)
    given, told = check_now("policies.reconcile")
    assert [subject for one, subject, _ in given.lines if one == "problem"] == [
        clients[0].reference
    ]
    assert told.values == {"clients": 2, "orders": 1}
