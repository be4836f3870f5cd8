"""Pages of planned tasks: planning, trying, approving, watching; what is odd is said beside its field."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

import pytest

from servicedesk.core import database
from servicedesk.core.actors import SYSTEM, Role
from servicedesk.core.unit_of_work import unit_of_work
from servicedesk.planning.models import LineKind, PlannedRun, PlannedTask, RunState, TaskState
from servicedesk.planning.run_log import tell
from servicedesk.planning.schedule import Once
from servicedesk.planning.steering import run_now
from servicedesk.planning.tasks import plan_task, switch_off
from servicedesk.tickets.intake import NewTicket, open_ticket
from servicedesk.tickets.models import Impact, TicketKind, Urgency
from tests.desk_on_loopback import until
from tests.planned_task_story import MADRID, action_draft, check_draft, steps_draft
from tests.policy_story import group_of
from tests.visitor import visiting

HUGE = "9" * 30
TASKS = "/desk/planned/tasks"


@pytest.fixture
def story(desk):
    make = desk.make
    client = make.client()
    agent, phones = make.agent(), make.fleet(client, 2)
    group_of(client, "Drivers", *phones)
    return client, agent, phones


def filled(of, **more):
    """What the form sends for a message to a group each week."""
    return {
        "title": "Tell of the maintenance",
        "client": of.reference,
        "category": "preventive_maintenance",
        "work_kind": "action",
        "code": "device.push_message",
        "with-text": "Maintenance tonight",
        "group": "Drivers",
        "schedule_kind": "cron",
        "cron": "30 9 * * 5",
        "zone": MADRID,
        "queue": "operations",
        "misfire": "run_once",
        "overlap": "skip",
        "owner_id": "0",
        "notice_days": "0",
        "shown_to_client": "yes",
        "version": "0",
    } | more


def task_at(answer):
    assert answer.status_code == 302, answer.text
    return answer.headers["Location"].rsplit("/", 1)[1]


def task_named(reference):
    session = database.session()
    session.rollback()
    return session.query(PlannedTask).filter_by(reference=reference).one()


def test_a_task_is_tried_planned_run_and_watched(desk, story):
    client, agent, phones = story
    with visiting(desk, agent) as visitor:
        visitor.get(f"{TASKS}/new")
        tried = visitor.post(f"{TASKS}/new", **filled(client, **{"try": "yes"}))
        assert tried.status_code == 200
        assert f"{len(phones)} de {len(phones)} terminales" in tried.text
        assert "Maintenance tonight" in tried.text
        reference = task_at(visitor.post(f"{TASKS}/new", **filled(client)))
        page = visitor.get(f"{TASKS}/{reference}").text
        assert "cada viernes a las 09:30 (Europe/Madrid)" in page
        assert "Drivers" in page
        assert "Drivers" in visitor.get(f"{TASKS}/{reference}/dry-run").text
        assert reference in visitor.get(f"{TASKS}?state=active&client={client.reference}").text
        assert reference not in visitor.get(f"{TASKS}?shipped=yes").text
        assert reference not in visitor.get(f"{TASKS}?client=-").text
        run = visitor.post(f"{TASKS}/{reference}/run-now").headers["Location"]
        assert visitor.get(run).status_code == 200
        assert visitor.get(f"{run}/progress").status_code == 200
        assert "HX-Refresh" in visitor.get(f"{run}/progress?was=prepared").headers


@pytest.mark.parametrize(
    ("more", "says"),
    [
        ({"title": ""}, "title"),
        ({"title": "a\x00b"}, "title"),
        ({"title": "x" * 500}, "title"),
        ({"client": ""}, "client"),
        ({"client": "CLI-9999"}, "client"),
        ({"code": ""}, "code"),
        ({"code": "engines.reachable"}, "code"),
        ({"with-text": ""}, "with-text"),
        ({"with-text": "a\x00b"}, "with-text"),
        ({"with-title": "x" * 61}, "with-title"),
        ({"cron": "nonsense"}, "cron"),
        ({"cron": "0 0 30 2 *"}, "cron"),
        ({"cron": "\x00 * * * *"}, "cron"),
        ({"cron": "1," * 500 + "1 * * * *"}, "cron"),
        ({"zone": "Nowhere"}, "zone"),
        ({"zone": "../../etc/passwd"}, "zone"),
        ({"zone": "\x00"}, "zone"),
        ({"schedule_kind": "once", "once_at": "1999-01-01T00:00"}, "once_at"),
        ({"schedule_kind": "once", "once_at": "9999-12-31T23:59"}, "once_at"),
        ({"schedule_kind": "once", "once_at": "2090-01-01T00:00", "zone": "Nowhere"}, "zone"),
        ({"schedule_kind": "once", "once_at": "soon"}, "once_at"),
        ({"schedule_kind": "once", "zone": "America/New_York", "once_at": ""}, "once_at"),
        ({"schedule_kind": "interval", "interval_starts_at": ""}, "interval_starts_at"),
        ({"schedule_kind": "interval", "interval_starts_at": "0001-01-01T00:00"}, "interval_start"),
        (
            {
                "schedule_kind": "interval",
                "interval_starts_at": "2026-01-01T10:00",
                "interval_count": HUGE,
            },
            "interval_count",
        ),
        (
            {
                "schedule_kind": "interval",
                "interval_starts_at": "2026-01-01T10:00",
                "interval_unit": "second",
            },
            "interval_unit",
        ),
        ({"schedule_kind": "after", "after": "TP-2026-999999"}, "after"),
        ({"schedule_kind": "after", "after": "", "after_minutes": HUGE}, "after"),
        ({"window_minutes": HUGE}, "window_minutes"),
        ({"window_minutes": "-1"}, "window_minutes"),
        ({"window_minutes": "soon"}, "window_minutes"),
        ({"notice_days": HUGE}, "notice_days"),
        ({"owner_id": HUGE}, "owner_id"),
        ({"owner_id": "x"}, "owner_id"),
        ({"incident": "\x00"}, "title"),
        ({"incident": "INC-2026-999999"}, "incident"),
        ({"category": "workaround"}, "incident"),
        ({"category": "poem"}, "category"),
        ({"misfire": "run_each"}, "overlap"),
        ({"work_kind": "checklist", "steps": ""}, "steps"),
        ({"work_kind": "checklist", "steps": "x\n" * 51}, "steps"),
        ({"work_kind": "checklist", "steps": "x\x00"}, "steps"),
    ],
)
def test_what_cannot_be_is_said_beside_its_field_and_what_was_typed_stays(desk, story, more, says):
    client, agent, _phones = story
    with visiting(desk, agent) as visitor:
        visitor.get(f"{TASKS}/new")
        answer = visitor.post(f"{TASKS}/new", **filled(client, description="Keep me", **more))
        if more == {"incident": "\x00"}:  # nothing that could be stored was typed
            assert answer.status_code == 302
            return
        assert answer.status_code == 422, answer.headers.get("Location")
        assert "field-error" in answer.text
        at_fault = re.findall(
            r'id="([^"]+)-says"[^>]*>(?:(?!id=).)*?field-error', answer.text, re.DOTALL
        )
        assert any(name.startswith(says) for name in at_fault), at_fault
        assert "Keep me" in answer.text


def test_groups_and_devices_of_another_client_are_not_there(desk, story):
    client, agent, _phones = story
    other = desk.make.client()
    foreign = desk.make.device(other)
    group_of(other, "Foreign group", foreign)
    with visiting(desk, agent) as visitor:
        visitor.get(f"{TASKS}/new")
        body = filled(client, group="Foreign group", device=foreign.reference)
        answer = visitor.post(f"{TASKS}/new", **body)
        assert answer.status_code == 422
        assert "field-error" in answer.text
        body = filled(client, group="", device=foreign.reference)
        assert visitor.post(f"{TASKS}/new", **body).status_code == 422


def test_a_choice_shows_other_fields_and_keeps_what_was_typed(desk, story):
    client, agent, _phones = story
    with visiting(desk, agent) as visitor:
        visitor.get(f"{TASKS}/new")
        page = visitor.post(
            f"{TASKS}/new", **filled(client, look="yes", work_kind="checklist", cron="x")
        )
        assert page.status_code == 200
        assert 'name="steps"' in page.text
        assert 'name="with-text"' not in page.text
        assert 'value="Tell of the maintenance"' in page.text
        once = visitor.post(f"{TASKS}/new", **filled(client, look="yes", schedule_kind="once"))
        assert 'name="once_at"' in once.text
        assert 'name="cron"' not in once.text
        odd = filled(client, look="yes", schedule_kind="x", work_kind="x", interval_unit="x")
        assert visitor.post(f"{TASKS}/new", **odd).status_code == 200


@pytest.mark.parametrize(
    ("query", "says"),
    [
        (
            "schedule_kind=cron&cron=30+2+*+*+1-5&zone=Europe/Madrid",
            "de lunes a viernes a las 02:30",
        ),
        ("schedule_kind=cron&cron=0+0+L+*+*&zone=UTC", "el último día de cada mes a las 00:00"),
        ("schedule_kind=cron&cron=1-5+0+*+2+*&zone=UTC", "según la expresión 1-5 0 * 2 *"),
        ("schedule_kind=cron&cron=*/15+*+*+*+*&zone=UTC", "cada 15 minutos"),
        ("schedule_kind=cron&cron=x&zone=UTC", "cinco campos"),
        ("schedule_kind=cron&cron=%00&zone=%00", "zona horaria"),
        ("schedule_kind=poem&zone=UTC", "Diga cuándo"),
        (
            (
                "schedule_kind=interval&interval_count=2&interval_unit=week&zone=UTC"
                "&interval_starts_at=2026-03-02T11:00"
            ),
            "cada 2 semanas, el lunes a las 11:00",
        ),
        (
            (
                "schedule_kind=interval&interval_count=1&interval_unit=month&zone=UTC"
                "&interval_starts_at=2026-03-31T11:00"
            ),
            "el día 31 de cada mes a las 11:00 (o el último",
        ),
        (
            (
                "schedule_kind=interval&interval_count=x&interval_unit=day&zone=UTC"
                "&interval_starts_at=2026-03-31T11:00"
            ),
            "número",
        ),
    ],
)
def test_a_schedule_is_read_back_while_it_is_typed(desk, story, query, says):
    with visiting(desk, story[1]) as visitor:
        answer = visitor.get(f"{TASKS}/reading?{query}")
        assert answer.status_code == 200
        assert says in answer.text


def test_who_saves_an_old_form_is_told_and_then_replaces_knowingly(desk, story):
    client, agent, _phones = story
    other = desk.make.agent()
    with visiting(desk, agent) as first, visiting(desk, other) as second:
        first.get(f"{TASKS}/new")
        reference = task_at(first.post(f"{TASKS}/new", **filled(client)))
        address = f"{TASKS}/{reference}/edit"
        assert first.get(address).status_code == second.get(address).status_code == 200
        saved = second.post(address, **filled(client, version="1", title="From the second"))
        assert saved.status_code == 302
        answer = first.post(address, **filled(client, version="1", title="From the first"))
        assert answer.status_code == 409
        assert "From the first" in answer.text
        assert task_named(reference).title == "From the second"
        version = re.search(r'name="version"[^>]*value="(\d+)"', answer.text)[1]
        again = first.post(address, **filled(client, version=version, title="From the first"))
        assert again.status_code == 302
        assert task_named(reference).title == "From the first"
        for odd in ("", "x", HUGE, "-1"):
            assert first.post(address, **filled(client, version=odd)).status_code == 409


def test_a_secret_is_never_shown_and_stays_when_it_is_left_blank(desk, story):
    client, agent, _phones = story
    wifi = {
        "code": "config.wifi",
        "with-ssid": "Warehouse",
        "with-security": "wpa2_personal",
        "with-password": "very hidden words",
        "with-profile": "",
    }
    with visiting(desk, agent) as visitor:
        visitor.get(f"{TASKS}/new")
        refused = visitor.post(f"{TASKS}/new", **filled(client, title="", **wifi))
        assert refused.status_code == 422
        assert "very hidden words" not in refused.text
        reference = task_at(visitor.post(f"{TASKS}/new", **filled(client, **wifi)))
        kept = task_named(reference).parameters["password"]
        assert "hidden" not in kept
        address = f"{TASKS}/{reference}"
        for page in (address, f"{address}/edit", f"{address}/dry-run"):
            text = visitor.get(page).text
            assert "very hidden words" not in text
            assert kept not in text
        changed = filled(client, version="1", **wifi | {"with-password": "", "with-ssid": "Dock"})
        assert visitor.post(f"{address}/edit", **changed).status_code == 302
        task = task_named(reference)
        assert task.parameters["ssid"] == "Dock"
        assert task.parameters["password"]
        told = desk.api(agent).get(f"/planned-tasks/{reference}").json()
        assert told["parameters"]["password"] == "•••"


def test_the_second_person_sees_what_is_approved_and_its_author_no_button(desk, story):
    client, agent, _phones = story
    other = desk.make.agent()
    with visiting(desk, agent) as author, visiting(desk, other) as second:
        author.get(f"{TASKS}/new")
        body = filled(client, code="device.lock")
        reference = task_at(author.post(f"{TASKS}/new", **body))
        address = f"{TASKS}/{reference}"
        assert "/approve" not in author.get(address).text
        seen = re.search(r'name="seen" value="(\w{64})"', second.get(address).text)[1]
        assert author.post(f"{address}/approve", seen=seen).status_code == 302
        assert task_named(reference).state is TaskState.AWAITING_APPROVAL
        assert second.post(f"{address}/approve", seen="other").status_code == 302
        assert task_named(reference).state is TaskState.AWAITING_APPROVAL
        second.post(f"{address}/approve", seen=seen)
        assert task_named(reference).state is TaskState.ACTIVE
        for act, state in (
            ("switch-off", TaskState.PAUSED),
            ("switch-on", TaskState.ACTIVE),
            ("switch-on", TaskState.ACTIVE),
            ("end", TaskState.ENDED),
            ("end", TaskState.ENDED),
        ):
            assert author.post(f"{address}/{act}").status_code == 302
            assert task_named(reference).state is state


def test_a_contact_reads_own_tasks_changes_none_and_sees_no_log_of_the_service(desk, story):
    client, agent, phones = story
    make = desk.make
    contact = make.contact(client)
    supervisor = make.supervisor()
    own = plan_task(agent, action_draft(client, phones))
    hidden = plan_task(agent, steps_draft(client, shown_to_client=False))
    service = plan_task(supervisor, check_draft(title="For everybody"))
    run = run_now(supervisor, service.reference)
    with unit_of_work(SYSTEM, "test.line") as work:
        tell(
            work, work.session.get_one(PlannedRun, run.id), "Somebody's device", kind=LineKind.INFO
        )
    with visiting(desk, contact) as visitor:
        listed = visitor.get("/portal/planned/tasks").text
        assert own.reference in listed
        assert service.reference in listed
        assert hidden.reference not in listed
        base = f"/portal/planned/tasks/{own.reference}"
        page = visitor.get(base).text
        assert "run-now" not in page
        assert visitor.get(f"{base}/dry-run").status_code == 200
        for act in ("approve", "switch-on", "switch-off", "end", "run-now"):
            assert visitor.post(f"{base}/{act}").status_code == 403
        for form in (f"{base}/edit", f"{base}/adjust", "/portal/planned/tasks/new"):
            assert visitor.get(form).status_code == 403
            assert visitor.post(form, **filled(client)).status_code == 403
        assert visitor.get(f"/portal/planned/tasks/{hidden.reference}").status_code == 404
        base = f"/portal/planned/tasks/{service.reference}"
        assert visitor.get(base).status_code == 200
        shown = visitor.get(f"{base}/runs/{run.id}")
        assert shown.status_code == 200
        assert "Somebody's device" not in shown.text
        assert visitor.get(f"{base}/dry-run").status_code == 403
        lines = desk.api(contact).get(f"/planned-tasks/{service.reference}/runs/{run.id}/lines")
        assert lines.json()["items"] == []
    with visiting(desk, supervisor) as visitor:
        shown = visitor.get(f"{TASKS}/{service.reference}/runs/{run.id}")
        assert "Somebody&#39;s device" in shown.text


def test_of_what_ships_only_its_time_is_offered(desk):
    supervisor = desk.make.supervisor()
    task = plan_task(supervisor, check_draft())
    with database.acting_as(SYSTEM):
        session = database.session()
        session.get_one(PlannedTask, task.id).key = f"test.{task.reference}"
        session.commit()
    address = f"{TASKS}/{task.reference}"
    with visiting(desk, supervisor) as visitor:
        assert f"{address}/adjust" in visitor.get(address).text
        assert visitor.get(f"{address}/edit").status_code == 302
        page = visitor.get(f"{address}/adjust")
        assert 'value="after"' not in page.text
        body = {"schedule_kind": "cron", "zone": MADRID, "cron": "30 2 * * *", "version": "2"}
        bad = visitor.post(f"{address}/adjust", **body | {"cron": "x"})
        assert bad.status_code == 422
        old = visitor.post(f"{address}/adjust", **body | {"version": "1"})
        assert old.status_code == 409
        assert visitor.post(f"{address}/adjust", **body).status_code == 302
        assert "cada día a las 02:30" in visitor.get(address).text
    with visiting(desk, desk.make.agent()) as visitor:
        assert visitor.get(f"{address}/adjust").status_code == 403
        assert visitor.post(f"{address}/adjust", **body).status_code == 403


def test_an_incident_offers_a_workaround_and_then_names_it(desk, story):
    client, agent, _phones = story
    contact = desk.make.contact(client)
    new = NewTicket(
        kind=TicketKind.INCIDENT,
        subject="Mail stands still",
        description="Since this morning",
        impact=Impact.LOW,
        urgency=Urgency.LOW,
    )
    incident = open_ticket(contact, new)
    with visiting(desk, agent) as visitor:
        page = visitor.get(f"/desk/tickets/{incident.reference}").text
        assert f"incident={incident.reference}" in page
        form = visitor.get(f"{TASKS}/new?incident={incident.reference}").text
        assert "Mail stands still" in form
        assert f'value="{incident.reference}"' in form
        body = filled(client, category="workaround", incident=incident.reference)
        reference = task_at(visitor.post(f"{TASKS}/new", **body))
        assert reference in visitor.get(f"/desk/tickets/{incident.reference}").text
        assert incident.reference in visitor.get(f"{TASKS}/{reference}").text
    with visiting(desk, contact) as visitor:
        page = visitor.get(f"/portal/tickets/{incident.reference}").text
        assert reference in page
        assert "planned/tasks/new" not in page


def test_an_order_and_a_ticket_say_of_which_run_they_are(desk, story):
    client, agent, phones = story
    desk.enrol(*phones)
    task = plan_task(agent, action_draft(client, phones))
    later = Once(at=datetime.now(UTC) + timedelta(days=1), zone=MADRID)
    people = plan_task(agent, steps_draft(client, schedule=later))
    with visiting(desk, agent) as visitor:
        for each, place in ((task, "orders"), (people, "tickets")):
            run = visitor.post(f"{TASKS}/{each.reference}/run-now").headers["Location"]
            assert each.reference in visitor.get(named_by(visitor, run, place)).text


def named_by(visitor, run, place):
    """Wait until the page of a run leads to its order or ticket."""
    link = re.compile(rf"/desk/{place}/[A-Z]+-\d+-\d+")
    return until(lambda: link.search(visitor.get(run).text))[0]


def test_runs_go_on_by_key_and_odd_cursors_are_refused(desk, story):
    client, agent, _phones = story
    task = plan_task(agent, steps_draft(client))
    switch_off(agent, task.reference)
    now = datetime.now(UTC)
    with database.acting_as(SYSTEM):
        session = database.session()
        for number in range(30):
            at = now - timedelta(days=number)
            session.add(
                PlannedRun(
                    task_id=task.id,
                    client_id=client.id,
                    due_at=at,
                    state=RunState.DONE,
                    created_at=at,
                    started_at=at + timedelta(minutes=number),
                    finished_at=at + timedelta(hours=1),
                )
            )
        session.commit()
    with visiting(desk, agent) as visitor:
        first = visitor.get(f"{TASKS}/{task.reference}").text
        following = re.search(r'rel="next" href="([^"]+)"', first)[1].replace("&amp;", "&")
        second = visitor.get(following).text
        named = [set(re.findall(r"/runs/(\d+)", page)) for page in (first, second)]
        assert [len(each) for each in named] == [25, 5]
        assert not named[0] & named[1]
        for path in (
            f"{TASKS}?cursor=zzz&state=x&category=%00&client=%00&shipped=x",
            f"{TASKS}/{task.reference}?cursor=zzz",
            f"{TASKS}/{task.reference}/runs/{HUGE}",
            f"{TASKS}/{task.reference}/runs/1?cursor=zzz",
            f"{TASKS}/TP-%00",
            f"{TASKS}/new?incident=%00&client=%00&code=x&work_kind=x&q=%00&device=%00",
        ):
            assert visitor.get(path).status_code < 500, path


@pytest.mark.parametrize("role", [Role.ACCOUNT_MANAGER])
def test_an_account_manager_reads_and_changes_nothing(desk, story, role):
    client, agent, phones = story
    task = plan_task(agent, action_draft(client, phones))
    manager, stranger = desk.make.person(role, client), desk.make.person(role, desk.make.client())
    address = f"{TASKS}/{task.reference}"
    with visiting(desk, manager) as visitor:
        assert visitor.get(address).status_code == 200
        assert visitor.post(f"{address}/run-now").status_code == 403
        assert visitor.get(f"{TASKS}/new").status_code == 403
    with visiting(desk, stranger) as visitor:
        assert visitor.get(address).status_code == 404
        assert visitor.post(f"{address}/run-now").status_code == 404
