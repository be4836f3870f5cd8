"""A page's number of SQL statements does not grow with its rows."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import replace
from datetime import date, timedelta

import pytest
from sqlalchemy import event

from config import Settings
from servicedesk.accounts.models import Credential
from servicedesk.accounts.passwords import hash_password
from servicedesk.app import create_app
from servicedesk.core import database
from servicedesk.core.actors import SYSTEM, Role
from servicedesk.devices import fleet_engines
from servicedesk.planning.running import run as do_run
from servicedesk.planning.schedule import After
from servicedesk.planning.steering import run_now
from servicedesk.planning.tasks import plan_task
from servicedesk.reviews.actions import add_action
from servicedesk.sla.calendar import CalendarDefinition, OpenInterval
from servicedesk.sla.calendar_editing import CalendarDraft, create_calendar
from servicedesk.sla.plan_editing import PlanDraft, create_plan
from servicedesk.sla.standard import standard_plan
from servicedesk.sla.what_if.jobs import count
from tests.operations.test_positions import Story, said
from tests.operations.test_what_if import Story as WhatIfStory
from tests.planned_task_story import steps_draft
from tests.review_drafts import review_of
from tests.visitor import TOKEN

PASSWORD = "a-long-Password-1"


@pytest.fixture
def app(database_address, make, sessions, tmp_path):
    settings = Settings.from_environment(
        {"SERVICEDESK_MODE": "test", "SERVICEDESK_INSTANCE": str(tmp_path)}
    )
    built = create_app(settings, url=database_address)
    yield built
    with built.app_context():
        built.extensions["sqlalchemy"].engine.dispose()
    database.use_sessions(sessions)


@contextmanager
def counting(app):
    statements: list[str] = []
    with app.app_context():
        engine = app.extensions["sqlalchemy"].engine

    def note(conn, cursor, statement, *rest):
        statements.append(statement)

    event.listen(engine, "before_cursor_execute", note)
    yield statements
    event.remove(engine, "before_cursor_execute", note)


def entered(app, sessions, person):
    database.use_sessions(sessions)
    with database.acting_as(SYSTEM):
        session = database.session()
        session.get_one(Credential, person.user_id).password_hash = hash_password(PASSWORD)
        session.commit()
    database.use_sessions(app.extensions["sqlalchemy"].session)
    client = app.test_client()
    token = TOKEN.search(client.get("/sign-in").text)[1]
    answer = client.post(
        "/sign-in", data={"csrf_token": token, "email": person.email, "password": PASSWORD}
    )
    assert answer.status_code == 302
    return client


@pytest.mark.parametrize(
    ("path", "most"),
    [("/desk/tickets/", 10), ("/desk/", 11), ("/desk/devices/", 9), ("/desk/devices/?q=iphone", 9)],
)
def test_ten_rows_cost_as_many_statements_as_one(app, sessions, make, path, most):
    database.use_sessions(sessions)
    client = make.client()
    contact, agent = make.contact(client), make.agent()
    counts = []
    for rows in (1, 9):
        database.use_sessions(sessions)
        database.become(SYSTEM)
        for _ in range(rows):
            make.request(contact, "device.lock", make.device(client, "ios"))
        visitor = entered(app, sessions, agent)
        visitor.get(path)  # what a process keeps for ever, like calendars, is read once
        with counting(app) as statements:
            assert visitor.get(path).status_code == 200
        counts.append(len(statements))
    assert counts[0] == counts[1] <= most


def test_a_look_at_nine_devices_costs_as_many_statements_as_at_one(app, sessions, make):
    fleet_engines.use_engines({"sandbox": make.engine})  # the application brought its own
    counts = []
    for devices in (1, 9):
        database.use_sessions(sessions)
        database.become(SYSTEM)
        story = Story(make)
        order = story.send(*make.fleet(story.client, devices))
        for number in range(devices):
            story.hear(said(), number=number - devices)
        visitor = entered(app, sessions, story.contact)
        page = f"/portal/positions/orders/{order.reference}"
        token = TOKEN.search(visitor.get(page).text)[1]
        with counting(app) as statements:
            answer = visitor.post(page, data={"csrf_token": token})
        assert answer.text.count('class="spot"') == devices
        counts.append(len(statements))
    assert counts[0] == counts[1] <= 17


def test_nine_what_ifs_and_nine_other_verdicts_cost_as_many_statements_as_one(app, sessions, make):
    database.use_sessions(sessions)
    story, counts = WhatIfStory(make), []
    for rows in (1, 8):
        database.use_sessions(sessions)
        database.become(SYSTEM)
        for _ in range(rows):
            story.resolved(45)
        for _ in range(rows):
            asked = story.ask(factor_percent=40)
            count(what_if_id=asked.id)
        visitor = entered(app, sessions, story.supervisor)
        with counting(app) as statements:
            listed = visitor.get("/desk/what-if/")
            shown = visitor.get(f"/desk/what-if/{asked.reference}")
        assert listed.text.count("SIM-") >= rows
        assert shown.text.count("PET-") >= rows
        counts.append(len(statements))
    assert counts[0] == counts[1] <= 16


def test_nine_planned_tasks_and_runs_cost_as_many_statements_as_one(app, sessions, make):
    database.use_sessions(sessions)
    client, supervisor = make.client(), make.supervisor()
    first = plan_task(supervisor, steps_draft(client))
    counts = []
    for rows in (1, 8):
        database.use_sessions(sessions)
        database.become(SYSTEM)
        for _ in range(rows):
            follows = After(minutes=5, zone="Europe/Madrid")
            task = plan_task(
                supervisor, steps_draft(client, schedule=follows, after=first.reference)
            )
            run_now(supervisor, task.reference)
            run = run_now(supervisor, first.reference)
            do_run(run.id)
        visitor = entered(app, sessions, supervisor)
        paths = ["", f"/{first.reference}", f"/{first.reference}/runs/{run.id}"]
        addresses = [f"/desk/planned/tasks{path}" for path in paths]
        for address in addresses:
            assert visitor.get(address).status_code == 200
        counts.append([])
        for address in addresses:
            with counting(app) as statements:
                visitor.get(address)
            counts[-1].append(len(statements))
    assert counts[0] == counts[1]
    assert max(counts[0]) <= 12


def test_nine_reviews_and_their_actions_cost_as_many_statements_as_one(app, sessions, make):
    database.use_sessions(sessions)
    client = make.client()
    manager = make.person(Role.ACCOUNT_MANAGER, client)
    month, counts = date.today().replace(day=1), []
    for rows in (1, 8):
        database.use_sessions(sessions)
        database.become(SYSTEM)
        for _ in range(rows):
            reference = review_of(client, month)
            month = (month - timedelta(days=1)).replace(day=1)
        for number in range(rows):
            add_action(manager, reference, f"Do {number}", "Ana", date.today())
        visitor = entered(app, sessions, manager)
        one = f"/desk/reviews/{reference}"
        counts.append([])
        for page in ("/desk/reviews/", one, f"{one}/write", f"{one}/figures/volume"):
            visitor.get(page)
            with counting(app) as statements:
                assert visitor.get(page).status_code == 200
            counts[-1].append(len(statements))
    assert counts[0] == counts[1]
    assert max(counts[0]) <= 14


@pytest.mark.parametrize(
    ("path", "most"),
    [("/desk/service-levels/", 9), ("/desk/admin/calendars/", 8), ("/desk/admin/plans/", 8)],
)
def test_lists_of_service_levels_cost_the_same_whatever_their_length(
    app, sessions, make, path, most
):
    database.use_sessions(sessions)
    supervisor = make.supervisor()
    plan = replace(standard_plan(), notice_calendar="")
    counts = []
    for rows in (1, 9):
        database.use_sessions(sessions)
        database.become(SYSTEM)
        for number in range(rows):
            make.client()
            named = {"name": f"{rows} {number}", "effective_on": date(2020, 1, 1)}
            week = (((OpenInterval(540, 1020),),) * 5) + ((), ())
            hours = CalendarDefinition(time_zone="Europe/Madrid", weekly=week)
            create_calendar(supervisor, CalendarDraft(**named, definition=hours))
            create_plan(supervisor, PlanDraft(**named, definition=plan))
        visitor = entered(app, sessions, supervisor)
        visitor.get(path)
        with counting(app) as statements:
            assert visitor.get(path).status_code == 200
        counts.append(len(statements))
    assert counts[0] == counts[1] <= most
