"""Reports that come by themselves: once a time, to whoever may see them at that moment."""

from __future__ import annotations

from datetime import timedelta
from threading import Barrier, Thread

import pytest
from sqlalchemy import delete, func, select, update

from servicedesk.accounts.models import Notice, User
from servicedesk.clients.models import AccountManagement
from servicedesk.core import clock, database
from servicedesk.core.actors import SYSTEM, Role
from servicedesk.core.errors import InvalidInput, NotAllowedNow, NotFound
from servicedesk.core.mail import OutgoingMail
from servicedesk.reports import firing, jobs, queries
from servicedesk.reports.models import ReportRun, ReportSchedule, RunState
from servicedesk.reports.scheduling import (
    Plan,
    change_report,
    keep_report,
    save_report,
    schedule_report,
)
from tests.report_story import made, wish


@pytest.fixture
def client(make):
    return make.client()


@pytest.fixture
def contact(make, client):
    return make.contact(client)


def scheduled(actor, *people, kind="tickets", **more):
    """Save a report and have it come every day to some people."""
    report = save_report(actor, wish(actor, kind, title="Daily", **more), "es")
    ids = [person.user_id for person in people or (actor,)]
    schedule_report(actor, report.reference, Plan(rhythm="daily", hour=8, recipients=ids))
    return report


def due(sessions, report, hours=0):
    """Have it fall due now, or so many hours ago."""
    database.become(SYSTEM)
    sessions().execute(
        update(ReportSchedule)
        .where(ReportSchedule.report_id == report.id)
        .values(next_due_at=clock.now() - timedelta(hours=hours, seconds=1))
    )
    sessions().commit()


def fired(sessions, report, hours=0):
    """Have it fall due and be made; return its newest run."""
    due(sessions, report, hours)
    firing.fire_due()
    (run_id,) = runs(sessions, report)
    jobs.write(run_id=run_id)
    run = sessions().get_one(ReportRun, run_id, populate_existing=True)
    sessions().expunge_all()
    sessions().rollback()
    return run


def runs(sessions, report):
    found = sessions().scalars(select(ReportRun.id).where(ReportRun.report_id == report.id)).all()
    sessions().rollback()
    return found


def mails(sessions):
    found = (
        sessions()
        .scalars(
            select(OutgoingMail)
            .where(OutgoingMail.template == "report_ready")
            .order_by(OutgoingMail.recipient)
        )
        .all()
    )
    sessions().expunge_all()
    sessions().rollback()
    return found


def notices(sessions, kind):
    found = sessions().scalars(select(Notice).where(Notice.kind == kind)).all()
    sessions().expunge_all()
    sessions().rollback()
    return found


def test_two_clocks_make_it_once_and_what_was_missed_comes_once(sessions, contact):
    report = scheduled(contact)
    due(sessions, report, hours=100)
    sessions.remove()
    ready = Barrier(2)

    def look():
        ready.wait()
        firing.fire_due()
        sessions.remove()

    threads = [Thread(target=look) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(runs(sessions, report)) == 1
    assert firing.fire_due() == 0
    following = sessions().scalar(select(ReportSchedule.next_due_at))
    sessions().rollback()
    assert clock.now() < following <= clock.now() + timedelta(days=1)


def test_a_small_file_that_tells_of_nobody_is_attached_and_others_are_a_link(
    make, sessions, client, contact, monkeypatch
):
    colleague = make.contact(client)
    run = fired(sessions, scheduled(contact, contact, colleague, columns=["reference"]))
    assert run.state is RunState.DONE
    assert set(run.reader_ids) == {contact.user_id, colleague.user_id}
    sent = mails(sessions)
    assert [mail.recipient for mail in sent] == sorted([contact.email, colleague.email])
    assert {mail.context["attached"]["key"] for mail in sent} == {run.key}
    assert sent[0].context["attached"]["name"].startswith("daily-")
    personal = fired(sessions, scheduled(contact, kind="fleet", columns=["reference", "holder"]))
    by_key = {mail.context["key"]: mail for mail in mails(sessions)}
    assert by_key[personal.key].context["attached"] is None
    monkeypatch.setattr("servicedesk.reports.telling.LARGEST_ATTACHED", 10)
    large = fired(sessions, scheduled(contact, columns=["reference", "subject"]))
    by_key = {mail.context["key"]: mail for mail in mails(sessions)}
    assert by_key[large.key].context["attached"] is None


def test_who_may_not_see_it_any_more_is_left_out_and_the_author_is_told(make, sessions, client):
    supervisor = make.supervisor()
    manager = make.person(Role.ACCOUNT_MANAGER, client)
    gone = make.contact(client)
    report = scheduled(supervisor, supervisor, manager, gone, client=client.reference)
    database.become(SYSTEM)
    sessions().execute(
        delete(AccountManagement).where(AccountManagement.user_id == manager.user_id)
    )
    sessions().execute(update(User).where(User.id == gone.user_id).values(is_active=False))
    sessions().commit()
    run = fired(sessions, report)
    assert run.reader_ids == [supervisor.user_id]
    assert [mail.recipient for mail in mails(sessions)] == [supervisor.email]
    for person in (manager, gone):
        with database.acting_as(person):
            with pytest.raises(NotFound):
                queries.run_named(person, run.key)
            database.session().rollback()
    (told,) = notices(sessions, "report_left_out")
    assert told.user_id == supervisor.user_id
    assert told.facts["names"] == ", ".join(sorted([manager.name, gone.name]))


def test_who_was_sent_a_file_reads_it_and_not_the_report(make, sessions, client, contact):
    supervisor = make.supervisor()
    report = scheduled(supervisor, contact, client=client.reference, columns=["reference"])
    run = fired(sessions, report)
    with database.acting_as(contact):
        assert queries.run_named(contact, run.key).report is None
        with pytest.raises(NotFound):
            queries.report_named(contact, report.reference)
        database.session().rollback()


def test_only_who_may_see_all_of_it_can_be_chosen(make, client, contact):
    supervisor, agent = make.supervisor(), make.agent()
    manager, other = make.person(Role.ACCOUNT_MANAGER, client), make.contact()
    for kind, more, people, is_possible in (
        ("tickets", {}, [supervisor, manager, contact], True),
        ("tickets", {}, [other], False),
        ("tickets", {}, [agent], False),
        ("tickets", {"columns": ["reference", "escalation"]}, [contact], False),
        ("audit", {}, [contact], False),
        ("audit", {}, [manager], False),
        ("planned", {}, [contact], False),
        ("tickets", {}, [], False),
    ):
        report = save_report(
            supervisor, wish(supervisor, kind, title="x", client=client.reference, **more), "es"
        )
        plan = Plan(rhythm="weekly", hour=8, recipients=[person.user_id for person in people])
        if is_possible:
            assert schedule_report(supervisor, report.reference, plan).next_due_at
            continue
        with pytest.raises(InvalidInput) as refused:
            schedule_report(supervisor, report.reference, plan)
        assert refused.value.field == "recipients"
    everything = save_report(supervisor, wish(supervisor, "tickets", title="x"), "es")
    plan = Plan(rhythm="weekly", hour=8, recipients=[manager.user_id])
    with pytest.raises(InvalidInput):
        schedule_report(supervisor, everything.reference, plan)


def test_it_stops_when_its_author_is_disabled_and_says_why(make, sessions, contact):
    report = scheduled(contact)
    database.become(SYSTEM)
    sessions().execute(update(User).where(User.id == contact.user_id).values(is_active=False))
    sessions().commit()
    due(sessions, report)
    firing.fire_due()
    assert not runs(sessions, report)
    stopped = sessions().scalars(select(ReportSchedule)).one()
    assert stopped.next_due_at is None
    assert stopped.stopped_why == firing.LOST
    sessions().rollback()
    assert len(notices(sessions, "report_stopped")) == 1


def test_the_author_is_told_what_could_not_be_made(make, sessions, contact, monkeypatch):
    report = scheduled(contact)
    monkeypatch.setattr("servicedesk.reports.formats.csv_file.CsvFile.most_rows", -1)
    run = fired(sessions, report)
    assert run.state is RunState.FAILED
    assert [told.facts["title"] for told in notices(sessions, "report_failed")] == ["Daily"]
    assert not mails(sessions)


def test_a_report_needs_a_name_and_its_author_to_come_by_itself(make, sessions, client, contact):
    run = made(contact, "tickets")
    plan = Plan(rhythm="monthly", hour=8, month_day=0, recipients=[contact.user_id])
    with pytest.raises(NotAllowedNow):
        schedule_report(contact, run.reference, plan)
    with pytest.raises(InvalidInput):
        keep_report(contact, run.reference, "  ")
    keep_report(contact, run.reference, "Monthly")
    with pytest.raises(NotAllowedNow):
        schedule_report(make.contact(client), run.reference, plan)
    for more, field in (
        ({"rhythm": "x"}, "rhythm"),
        ({"hour": 24}, "hour"),
        ({"month_day": 32}, "month_day"),
        ({"weekday": -1}, "weekday"),
    ):
        with pytest.raises(InvalidInput) as refused:
            schedule_report(contact, run.reference, Plan(**(vars(plan) | more)))
        assert refused.value.field == field
    schedule_report(contact, run.reference, plan)
    changed = change_report(
        contact, run.reference, wish(contact, "fleet", title="Fleet", columns=["reference"])
    )
    assert changed.kind == "fleet"
    database.become(SYSTEM)
    assert sessions().scalar(select(func.count(ReportSchedule.id))) == 1
    sessions().rollback()
