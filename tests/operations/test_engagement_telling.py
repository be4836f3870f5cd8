"""What is told of visits and days: invitations, warnings, and the question what became of it."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from email import message_from_bytes
from email.policy import default

import pytest
from icalendar import Calendar
from sqlalchemy import delete, select

from config import Settings
from servicedesk.accounts.models import Notice
from servicedesk.app import create_app
from servicedesk.core import clock, database
from servicedesk.core.actors import SYSTEM, Role
from servicedesk.core.mail import OutgoingMail
from servicedesk.engagement.jobs import ask_outcomes, tell_warning
from servicedesk.engagement.models import BudgetWarning
from servicedesk.engagement.outcomes import cancel_visit, confirm_visit
from servicedesk.engagement.visits import book_visit, change_visit
from servicedesk.shell.mail import render
from tests.engagement_story import looking, plan, visit_named

TOMORROW = date.today() + timedelta(days=1)
ANA, LUIS, EVA = "ana@client.example", "luis@client.example", "eva@client.example"


@pytest.fixture
def client(make):
    return make.client()


@pytest.fixture
def manager(make, client):
    return make.person(Role.ACCOUNT_MANAGER, client)


def mails(template: str) -> list[OutgoingMail]:
    wanted = select(OutgoingMail).where(OutgoingMail.template == template)
    return list(looking(wanted.order_by(OutgoingMail.id)))


def event_of(mail: OutgoingMail):
    calendar = Calendar.from_ical(mail.context["calendar"]["text"])
    (event,) = calendar.walk("VEVENT")
    assert calendar["method"] == mail.context["calendar"]["method"]
    return event


def test_each_attendee_is_invited_told_of_changes_and_of_the_end(client, manager):
    visit = book_visit(manager, client.reference, plan(TOMORROW, 2, attendees=(ANA, LUIS, ANA)))
    later = TOMORROW + timedelta(days=1)
    visit = change_visit(
        manager, visit.reference, plan(later, 2, attendees=(LUIS, EVA)), version=visit.version
    )
    cancel_visit(manager, visit.reference, "Strike.", version=visit.version)

    told = [
        (mail.recipient, mail.context["calendar"]["method"], event_of(mail)["sequence"])
        for mail in mails("visit_invitation")
    ]
    assert told == [
        (ANA, "REQUEST", 0),
        (LUIS, "REQUEST", 0),
        (ANA, "CANCEL", 1),
        (LUIS, "REQUEST", 1),
        (EVA, "REQUEST", 1),
        (LUIS, "CANCEL", 2),
        (EVA, "CANCEL", 2),
    ]
    events = [event_of(mail) for mail in mails("visit_invitation")]
    assert {event["uid"] for event in events} == {visit.uid}
    assert [event["status"] for event in events].count("CANCELLED") == 3
    assert events[3].decoded("dtstart") == visit.starts_at
    assert events[3].decoded("dtend") - visit.starts_at == timedelta(hours=4)
    assert str(events[0]["organizer"]) == f"mailto:{manager.email}"
    assert events[-1]["summary"] == f"Quarterly review · {client.name}"


def test_nobody_is_invited_to_the_past(client, manager):
    yesterday = date.today() - timedelta(days=1)
    book_visit(manager, client.reference, plan(yesterday, 2))
    assert mails("visit_invitation") == []


def test_a_name_with_line_breaks_of_calendars_stays_one_name(client, manager):
    title = "Review; with, commas: and \\n BEGIN:VALARM"
    book_visit(manager, client.reference, plan(TOMORROW, 2, title=title))
    (mail,) = mails("visit_invitation")
    assert event_of(mail)["summary"].startswith(title)
    assert not Calendar.from_ical(mail.context["calendar"]["text"]).walk("VALARM")


@pytest.mark.parametrize("language", ["es", "en"])
def test_an_invitation_is_a_mail_that_calendars_understand(
    client, manager, database_address, sessions, tmp_path, language
):
    book_visit(manager, client.reference, plan(TOMORROW, 2, title="Revisión «anual»"))
    (mail,) = mails("visit_invitation")
    mail.language = language
    settings = Settings.from_environment(
        {"SERVICEDESK_MODE": "test", "SERVICEDESK_INSTANCE": str(tmp_path)}
    )
    app = create_app(settings, url=database_address)
    with app.app_context():
        sent = message_from_bytes(render(mail).as_bytes(), policy=default)
        app.extensions["sqlalchemy"].engine.dispose()
    database.use_sessions(sessions)

    kinds = [part.get_content_type() for part in sent.walk() if not part.is_multipart()]
    assert kinds == ["text/plain", "text/html", "text/calendar", "application/ics"]
    calendar = next(p for p in sent.walk() if p.get_content_type() == "text/calendar")
    assert calendar["content-type"].params["method"] == "REQUEST"
    assert calendar.get_content() == mail.context["calendar"]["text"]
    plain = sent.get_body(("plain",)).get_content()
    assert "Revisión «anual»" in plain
    assert {"es": "Invitación", "en": "Invitation"}[language] in sent["subject"]
    assert "Calle Mayor 1, Bilbao" in plain


def warned(client) -> list[tuple[int, bool]]:
    query = select(BudgetWarning).where(BudgetWarning.client_id == client.id)
    return [(w.percent, bool(w.told_at)) for w in looking(query.order_by(BudgetWarning.percent))]


def jobs() -> list[dict]:
    """Return what waits to be told, and forget it."""
    with database.acting_as(SYSTEM):
        session = database.session()
        bind = session.get_bind()
        session.rollback()
    with bind.begin() as owner:
        taken = owner.exec_driver_sql(
            "DELETE FROM procrastinate_jobs WHERE task_name = 'engagement.tell_warning'"
            " RETURNING args"
        )
        return [row[0] for row in taken]


def test_shares_of_the_days_are_warned_of_once_each(make, client, manager):
    supervisor, stranger = make.supervisor(), make.person(Role.ACCOUNT_MANAGER, make.client())
    told: list[list[int]] = []
    visits = []
    for quarters in (20, 11, 1, 16, 9, 1):  # 50 % is 32 quarters, 75 % is 48, 90 % is 57.6
        visits.append(book_visit(manager, client.reference, plan(TOMORROW, quarters)))
        found = jobs()
        told.append([job["percent"] for job in found])
        for job in found * 2:  # a job that runs twice tells nobody twice
            tell_warning(**job)
    assert told == [[], [], [50], [75], [], [90]]
    for visit in visits[3:]:
        cancel_visit(manager, visit.reference, "x", version=visit.version)
    book_visit(manager, client.reference, plan(TOMORROW, 20))
    assert jobs() == []
    assert warned(client) == [(50, True), (75, True), (90, True)]

    by_person = {
        person.name: [
            notice.facts["percent"]
            for notice in looking(
                select(Notice).where(Notice.user_id == person.user_id).order_by(Notice.id)
            )
        ]
        for person in (manager, supervisor, stranger)
    }
    assert by_person == {
        manager.name: [50, 75, 90],
        supervisor.name: [90],
        stranger.name: [],
    }
    letters = [(m.recipient, m.context["percent"]) for m in mails("engagement_warning")]
    assert sorted(letters) == sorted(
        [(manager.email, 50), (manager.email, 75), (manager.email, 90), (supervisor.email, 90)]
    )


def test_who_jumps_over_shares_is_told_the_highest(client, manager):
    for _ in range(2):
        book_visit(manager, client.reference, plan(TOMORROW, 16))
    jobs()
    for quarters in (20, 8):
        book_visit(manager, client.reference, plan(TOMORROW, quarters))
    for job in jobs():
        tell_warning(**job)
    assert warned(client) == [(50, False), (75, True), (90, True)]


def test_the_outcome_is_asked_for_once_from_the_morning_after(make, client, manager):
    visit = book_visit(manager, client.reference, plan(TOMORROW, 4, at=time(16)))
    done = book_visit(manager, client.reference, plan(TOMORROW, 4))
    after = TOMORROW + timedelta(days=1)
    evening = datetime.combine(TOMORROW, time(23, 30), UTC)
    with clock.told_as(evening):
        confirm_visit(manager, done.reference, 4, version=done.version)
        ask_outcomes()
        assert mails("visit_outcome") == []
    morning = datetime.combine(after, time(10), UTC)
    with clock.told_as(morning):
        for _ in range(2):
            ask_outcomes()
    (mail,) = mails("visit_outcome")
    assert (mail.recipient, mail.context["reference"]) == (manager.email, visit.reference)
    (notice,) = looking(select(Notice).where(Notice.user_id == manager.user_id))
    assert (notice.kind, notice.reference) == ("visit_outcome", visit.reference)
    assert visit_named(visit.reference).version == visit.version

    with clock.told_as(morning):
        moved = change_visit(
            manager, visit.reference, plan(after, 4), version=visit.version, note="Fog"
        )
        ask_outcomes()
    assert moved.asked_at is None
    with clock.told_as(morning + timedelta(days=1)):
        ask_outcomes()
    assert len(mails("visit_outcome")) == 2
    with database.acting_as(SYSTEM):
        session = database.session()
        session.execute(delete(Notice))
        session.commit()
