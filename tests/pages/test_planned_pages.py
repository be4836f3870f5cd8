"""The pages of planned work, the door for calendar programs, and what people are told."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

import pytest
import structlog
from icalendar import Calendar

from servicedesk.core import clock, database
from servicedesk.core.actors import SYSTEM
from servicedesk.core.mail import OutgoingMail
from servicedesk.planning.feeds import make_feed
from servicedesk.planning.models import Category, RunState
from servicedesk.planning.preparing import prepare_runs
from servicedesk.planning.schedule import Once
from servicedesk.planning.tasks import switch_off
from servicedesk.planning.web import feed_door
from servicedesk.shell import misses
from servicedesk.shell.mail import render
from tests.calendar_story import MADRID, planned, ran
from tests.pages.test_statements import app, counting, entered
from tests.visitor import TOKEN

__all__ = ["app"]
ADDRESS = re.compile(r"data-address>([^<]+)<")


def soon(days=1, hour=12):
    at = (datetime.now(UTC) + timedelta(days=days)).replace(hour=hour, minute=0, second=0)
    return Once(at=at.replace(microsecond=0), zone=MADRID)


@pytest.fixture
def story(app, make, sessions):
    """A client with a task that comes, and its people."""
    database.use_sessions(sessions)
    client = make.client()
    agent, contact = make.agent(), make.contact(client)
    task = planned(agent, client, title="Renew <certificates>", schedule=soon(), window_minutes=60)
    return client, agent, contact, task


@pytest.fixture
def door(app, make, sessions, monkeypatch):
    """The door as strangers find it, with nobody waiting before it."""
    monkeypatch.setattr(feed_door, "_misses", misses.Misses())
    visitor = app.test_client()

    def ask(word, **options):
        database.use_sessions(app.extensions["sqlalchemy"].session)
        answer = visitor.get(f"/calendar/{word}.ics", **options)
        database.use_sessions(sessions)
        return answer

    return ask


def events(answer):
    return Calendar.from_ical(answer.data).walk("VEVENT")


def test_a_calendar_program_reads_what_the_contact_may_see(door, make, story):
    client, agent, contact, task = story
    planned(agent, make.client(), title="other's", schedule=soon())
    past = datetime.now(UTC).replace(microsecond=0) - timedelta(days=2)
    ran(task, past, RunState.MISSED)
    ran(task, past - timedelta(days=1), RunState.CANCELLED, started_at=None)
    answer = door(make_feed(contact, "Telephone"))
    assert (answer.status_code, answer.mimetype) == (200, "text/calendar")
    assert answer.headers["Cache-Control"] == "private, max-age=300"
    cancelled, missed, coming = events(answer)
    assert (cancelled["STATUS"], missed["STATUS"], coming["STATUS"]) == (
        "CANCELLED",
        "CONFIRMED",
        "CONFIRMED",
    )
    assert str(coming["SUMMARY"]) == task.title
    assert coming["DTEND"].dt - coming["DTSTART"].dt == timedelta(hours=1)
    assert str(coming["URL"]).endswith(f"/portal/planned/tasks/{task.reference}")
    assert coming["SEQUENCE"] < missed["SEQUENCE"]
    for person in (contact, agent):
        assert person.name not in answer.text
    assert client.name not in answer.text


def test_what_is_called_off_keeps_its_identity(door, make, story):
    client, agent, contact, _task = story
    task = planned(agent, client, schedule=soon(hour=13), notice_days=1, title="announced")
    plain = make_feed(contact, "Telephone")

    def told():
        (found,) = [one for one in events(door(plain)) if str(one["SUMMARY"]) == "announced"]
        return str(found["UID"]), str(found["STATUS"]), int(found["SEQUENCE"])

    planned_first = told()
    database.become(SYSTEM)
    prepare_runs()
    prepared = told()
    switch_off(agent, task.reference)
    called_off = told()
    assert planned_first[0] == prepared[0] == called_off[0]
    assert [one[1] for one in (planned_first, prepared, called_off)] == [
        "CONFIRMED",
        "CONFIRMED",
        "CANCELLED",
    ]
    assert planned_first[2] < prepared[2] < called_off[2]


def test_what_has_not_changed_is_not_sent_again(door, make, story):
    plain = make_feed(story[2], "Telephone")
    first = door(plain)
    same = door(plain, headers={"If-None-Match": first.headers["ETag"]})
    assert (same.status_code, same.data) == (304, b"")
    ran(story[3], datetime.now(UTC) - timedelta(days=1), RunState.DONE)
    assert door(plain, headers={"If-None-Match": first.headers["ETag"]}).status_code == 200


def test_strangers_learn_nothing_and_wait(door, make, story):
    plain = make_feed(story[2], "Telephone")
    for word in ("x", plain[:-1], plain + "x" * 200, "%00", "%F0%9F%92%A9"):
        answer = door(word)
        assert (answer.status_code, answer.text) == (404, "Not found")
    statuses = [door("guess").status_code for _ in range(misses.MISSES)]
    assert statuses[-6:] == [404] + [429] * 5
    assert door(plain).status_code == 429


def test_no_log_has_the_address(app, door, make, story, monkeypatch):
    seen = []
    monkeypatch.setattr(structlog.contextvars, "bind_contextvars", lambda **told: seen.append(told))
    plain = make_feed(story[2], "Telephone")
    assert door(plain).status_code == 200
    assert seen[0]["path"] == "/calendar/<token>.ics"
    assert plain not in str(seen)


def test_an_address_is_shown_once_and_can_be_revoked(app, make, sessions, door, story):
    _client, _agent, contact, task = story
    visitor = entered(app, sessions, contact)
    page = visitor.get("/portal/planned/feeds")
    token = TOKEN.search(page.text)[1]
    sent = {"csrf_token": token, "client": ""}
    refused = visitor.post("/portal/planned/feeds", data=sent | {"name": "x" * 81})
    assert refused.status_code == 422
    assert f'value="{"x" * 81}"' in refused.text
    assert "data-address" not in refused.text
    made = visitor.post("/portal/planned/feeds", data=sent | {"name": "Telephone"})
    address = ADDRESS.search(made.text)[1]
    word = re.search(r"/calendar/([\w-]+)\.ics$", address)[1]
    again = visitor.get("/portal/planned/feeds")
    assert word not in again.text
    assert task.title in str(events(door(word))[0]["SUMMARY"])
    database.use_sessions(app.extensions["sqlalchemy"].session)
    (revoke,) = re.findall(r'action="(/portal/planned/feeds/\d+/revoke)"', again.text)
    other = entered(app, sessions, make_contact(make, sessions))
    own = TOKEN.search(other.get("/portal/planned/feeds").text)[1]
    assert other.post(revoke, data={"csrf_token": own}).status_code == 404
    assert visitor.post(revoke, data={"csrf_token": token}).status_code == 302
    assert door(word).status_code == 404


def make_contact(make, sessions):
    database.use_sessions(sessions)
    return make.contact()


@pytest.mark.parametrize("view", ["month", "week", "agenda", "nonsense"])
def test_each_view_shows_what_comes_with_its_state_in_words(app, make, sessions, story, view):
    _client, agent, _contact, task = story
    on = task.when.at.date().isoformat()
    visitor = entered(app, sessions, agent)
    page = visitor.get(f"/desk/planned/?view={view}&date={on}", headers={"Accept-Language": "en"})
    assert page.status_code == 200
    assert "Renew &lt;certificates&gt;" in page.text
    assert f"/desk/planned/tasks/{task.reference}" in page.text
    assert re.search(r"Prevista|Planned", page.text)


@pytest.mark.parametrize(
    "query",
    [
        "?date=0001-01-01&view=week",
        "?date=9999-12-31",
        "?date=2026-02-30&category=x&own=maybe",
        "?client=%00",
        "?category=workaround&own=yes&view=agenda",
    ],
)
def test_addresses_that_nobody_meant_are_pages_too(app, make, sessions, story, query):
    visitor = entered(app, sessions, story[1])
    for path in ("/desk/planned/", "/desk/planned/punctuality", "/desk/planned/punctuality/runs"):
        assert visitor.get(path + query).status_code == 200


def test_another_clients_calendar_is_not_there(app, make, sessions, story):
    client = story[0]
    visitor = entered(app, sessions, make_contact(make, sessions))
    for path in ("", "punctuality", "punctuality/runs"):
        page = visitor.get(f"/portal/planned/{path}?client={client.reference}")
        assert page.status_code == 404


@pytest.mark.parametrize(
    ("path", "most"),
    [
        ("/desk/planned/", 10),
        ("/desk/planned/?view=agenda", 10),
        ("/desk/planned/punctuality", 8),
        ("/desk/planned/punctuality/runs", 7),
        ("/desk/planned/feeds", 7),
    ],
)
def test_pages_cost_the_same_whatever_there_is(app, make, sessions, path, most):
    database.use_sessions(sessions)
    agent = make.agent()
    counts = []
    for tasks in (1, 12):
        database.use_sessions(sessions)
        database.become(SYSTEM)
        for number in range(tasks):
            task = planned(agent, make.client(), schedule=soon(1 + number % 3))
            ran(task, datetime.now(UTC) - timedelta(hours=number + 1), RunState.MISSED)
            make_feed(agent, f"{tasks} {number}") if number < 9 else None
        visitor = entered(app, sessions, agent)
        visitor.get(path)
        with counting(app) as statements:
            assert visitor.get(path).status_code == 200
        counts.append(len(statements))
    assert counts[0] == counts[1] <= most


def test_figures_of_the_page_and_of_the_api_open_the_same_runs(app, make, sessions, story):
    _client, agent, _contact, task = story
    due = datetime.now(UTC).replace(microsecond=0) - timedelta(minutes=30)
    ran(task, due, RunState.FAILED, started_at=due + timedelta(minutes=20))
    page = entered(app, sessions, agent).get("/desk/planned/punctuality")
    (link,) = re.findall(r'class="stat[^"]*" href="([^"]+figure=late[^"]*)"', page.text)
    listed = entered(app, sessions, agent).get(link.replace("&amp;", "&"))
    assert task.title.replace("<", "&lt;").replace(">", "&gt;") in listed.text


def test_people_are_told_in_their_language_and_zone(app, make, sessions):
    database.use_sessions(sessions)
    due = datetime(2026, 6, 1, 20, 0, tzinfo=UTC)
    facts = {
        "task": "TP-2026-000001",
        "title": "Version 8.4",
        "description": "Nothing is sent meanwhile.",
        "category": "Infrastructure change (new version)",
        "due_at": due.isoformat(),
        "closes_at": (due + timedelta(hours=4)).isoformat(),
        "time_zone": "Atlantic/Canary",
    }
    for language, said in (("es", "Está previsto"), ("en", "It is planned for")):
        for template in ("planned_notice", "planned_called_off"):
            mail = OutgoingMail(
                recipient="a@example.test",
                language=language,
                template=template,
                context=facts,
                subject_reference="TP-2026-000001",
                message_id="x",
                created_at=clock.now(),
            )
            with app.app_context():
                message = render(mail)
            assert "21:00" in message.body  # an hour behind Madrid
            assert "21:00" in message.html
            assert "Version 8.4" in message.subject
            assert "/portal/planned/tasks/TP-2026-000001" in message.html
            assert (said in message.body) == (template == "planned_notice")


def test_notices_of_planned_work_say_what_comes(app, make, sessions, story):
    client, agent, contact, _task = story
    task = planned(
        agent,
        client,
        title="announced",
        schedule=soon(2),
        notice_days=5,
        category=Category.INFRASTRUCTURE_CHANGE,
    )
    database.become(SYSTEM)
    prepare_runs()
    page = entered(app, sessions, contact).get("/portal/notices/")
    assert f"{task.reference}</span> · announced" in page.text
    assert re.search("Planned work comes|Hay trabajo planificado", page.text)
