"""What the desk does for its own house: mails leave, jobs are done, devices are brought to their policy."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import update

from servicedesk.core import mail
from servicedesk.core.actors import SYSTEM
from servicedesk.core.clock import told_as
from servicedesk.core.errors import InvalidInput
from servicedesk.core.mail import MailNotAccepted, OutgoingMail, queue_mail, send_mail
from servicedesk.core.unit_of_work import unit_of_work
from servicedesk.orders.models import WorkOrder
from servicedesk.orders.reconciling import reconcile_policies
from servicedesk.planning.checks import reconciliation
from servicedesk.planning.checks.check import RunCancelled
from servicedesk.tickets.handling import move_ticket
from servicedesk.tickets.models import Ticket, TicketState
from tests.check_round import Given, check_now, count, previewed
from tests.policy_story import group_of, own_setting

DAY, HOUR = timedelta(days=1), timedelta(hours=1)


def now() -> datetime:
    return datetime.now(UTC)


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


def jobs_of_mails(as_owner):
    return as_owner(
        "SELECT (args->>'mail_id')::bigint, status, coalesce(scheduled_at <= now(), true)"
        " FROM procrastinate_jobs WHERE task_name = 'mail.send' AND status = 'todo' ORDER BY 1"
    )


def test_mails_whose_job_gave_up_or_waits_long_are_tried_once_each(post, as_owner):
    as_owner("UPDATE procrastinate_jobs SET status = 'failed' WHERE (args->>'mail_id')::bigint = 1")
    as_owner(
        "UPDATE procrastinate_jobs SET scheduled_at = now() + interval '2 hours'"
        " WHERE (args->>'mail_id')::bigint = 2"
    )
    assert previewed("mail.retries")[0].values == {"mails": 3}
    for _ in range(2):
        given, told = check_now("mail.retries")
        assert told.values == {"mails": 3}
        assert given.of("problem") == []
        assert jobs_of_mails(as_owner) == [(number, "todo", True) for number in (1, 2, 3)]
    for number in (1, 2, 3):
        send_mail(number)
    assert str(check_now("mail.retries")[1]) == "No mail waits."


def test_while_the_mail_server_is_away_nothing_is_tried_and_after_hours_it_is_a_problem(
    post, as_owner
):
    as_owner("DELETE FROM procrastinate_jobs")
    post.is_there = False
    given, _told = check_now("mail.retries")
    assert len(given.of("finding")) == 1
    with told_as(now() + 5 * HOUR):
        given, _told = check_now("mail.retries")
        assert len(given.of("problem")) == 1
        assert jobs_of_mails(as_owner) == []
        post.is_there = True
        given, _told = check_now("mail.retries")
    assert len(jobs_of_mails(as_owner)) == 3
    assert len(given.of("problem")) == 3  # each by what it is about


def test_a_mail_that_is_refused_again_and_again_is_tried_once_an_hour(post, as_owner):
    as_owner("DELETE FROM procrastinate_jobs")
    as_owner("UPDATE outgoing_mail SET attempts = 26 WHERE id = 1")
    assert check_now("mail.retries")[1].values == {"mails": 2}
    with told_as(now() + HOUR):
        assert check_now("mail.retries")[1].values == {"mails": 3}


def test_mails_of_a_moment_ago_are_left_to_their_own_job_and_old_ones_are_given_up(post, as_owner):
    with told_as(now() - HOUR + timedelta(minutes=5)):
        assert str(check_now("mail.retries")[1]) == "No mail waits."
    as_owner("DELETE FROM procrastinate_jobs")
    with told_as(now() + 4 * DAY):
        given, _told = check_now("mail.retries")
    assert given.of("finding")[0].values == {"mails": 3}
    assert jobs_of_mails(as_owner) == []
    assert count(OutgoingMail) == 3


def test_a_cancelled_round_of_retries_tries_no_more(post, as_owner, monkeypatch):
    monkeypatch.setattr("servicedesk.planning.checks.mail_retries.BATCH", 1)
    as_owner("DELETE FROM procrastinate_jobs")
    with pytest.raises(RunCancelled):
        check_now("mail.retries", Given(cancelled_at=2))
    assert len(jobs_of_mails(as_owner)) == 1


# jobs


def test_what_waits_too_long_and_what_was_given_up_is_a_problem(make, as_owner):
    for name in ("planning.run", "planning.run", "mail.send", "gone.with_the_version"):
        as_owner("SELECT desk_enqueue('house', :name, NULL, NULL, '{}', NULL)", name=name)
    given, told = check_now("jobs.queue")
    assert [one for one, _, _ in given.lines] == ["info"]
    assert told.values == {"waiting": 4, "failed": 0}
    assert previewed("jobs.queue")[0].values == {"queue": "house", "waiting": 4, "doing": 0}
    with told_as(now() + timedelta(minutes=20)):
        (line,) = check_now("jobs.queue")[0].of("problem")
    assert line.values["queue"] == "house"
    as_owner("UPDATE procrastinate_jobs SET status = 'doing'")
    as_owner("SELECT procrastinate_finish_job_v1(id, 'failed', false) FROM procrastinate_jobs")
    given, told = check_now("jobs.queue")
    assert [line.values["task"] for line in given.of("problem")] == ["planning.run"]
    assert given.of("problem")[0].values["jobs"] == 2
    assert [line.values["task"] for line in given.of("finding")] == ["gone.with_the_version"]
    with told_as(now() + 2 * DAY):
        assert check_now("jobs.queue")[0].lines == []


def test_a_job_for_later_does_not_wait(make, as_owner):
    as_owner(
        "SELECT desk_enqueue('house', 'planning.run', NULL, NULL, '{}', now() + interval '1 day')"
    )
    assert str(previewed("jobs.queue")[0]) == "No job waits."


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


def test_engines_with_devices_are_asked_for_them_once(make, as_owner):
    assert check_now("devices.inventory")[1].values == {"engines": 0}
    make.device(make.client())
    assert previewed("devices.inventory")[0].values == {"engines": 1}
    for _ in range(2):
        given, _told = check_now("devices.inventory")
        assert given.subjects == {"sandbox"}
    waiting = "SELECT 1 FROM procrastinate_jobs WHERE task_name = 'devices.walk_inventory'"
    assert len(as_owner(waiting)) == 1


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
