"""axe finds no serious violation on any page, light and dark, wide and narrow."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect
from sqlalchemy import select
from sqlalchemy.orm import joinedload

from config import Settings
from servicedesk.app import create_app
from servicedesk.clients.house import operator_house
from servicedesk.core import clock, database
from servicedesk.core.actors import SYSTEM, Role
from servicedesk.core.files import Upload
from servicedesk.core.unit_of_work import unit_of_work
from servicedesk.devices.conformity.editing import RuleDraft, create_rule
from servicedesk.devices.conformity.inventory import Inventory, take_inventories
from servicedesk.devices.policies.documents import add_document, fetch_document
from servicedesk.devices.policies.editing import begin_draft, create_profile_draft, put_setting
from servicedesk.devices.queries import FleetFilter
from servicedesk.devices.questions import create_question
from servicedesk.orders.models import WorkOrder
from servicedesk.planning.models import LineKind, PlannedRun, RunState, WorkKind
from servicedesk.planning.run_log import tell
from servicedesk.planning.schedule import Once
from servicedesk.planning.steering import run_now
from servicedesk.planning.tasks import plan_task
from servicedesk.tickets import closing_links
from servicedesk.tickets.breaches import Explanation
from servicedesk.tickets.handling import answer_ticket, move_ticket
from servicedesk.tickets.intake import NewTicket, open_ticket
from servicedesk.tickets.models import TicketKind
from servicedesk.tickets.ticking import skip_step, tick_step, write_steps
from tests.calendar_story import planned, ran
from tests.planned_task_story import action_draft, steps_draft
from tests.policy_story import PASSCODE, WIFI, bring, group_of, own_setting, report
from tests.warning_story import notify, warned

SERIOUS = {"serious", "critical"}


def violations(page) -> list[str]:
    found = Axe().run(page).response["violations"]
    return [
        f"{page.url}: {v['id']}: {node['html'][:160]}"
        for v in found
        if v["impact"] in SERIOUS
        for node in v["nodes"]
    ]


def look(desk, page, paths) -> list[str]:
    found = []
    for scheme, width in (("light", 1280), ("dark", 390)):
        page.emulate_media(color_scheme=scheme)
        page.set_viewport_size({"width": width, "height": 900})
        for path in paths:
            page.goto(desk.address + path)
            # what is still being asked for is shown pale
            expect(page.locator(".htmx-request")).to_have_count(0)
            found += violations(page)
            too_wide = page.evaluate(
                "document.documentElement.scrollWidth > document.documentElement.clientWidth + 1"
            )
            if too_wide:
                found.append(f"{path} is wider than {width}")
    return found


@pytest.fixture
def story(desk):
    make = desk.make
    client = make.client()
    contact, agent = make.contact(client), make.agent()
    devices = [make.device(client, kind) for kind in ("ios", "personal", "old")]
    take_inventories(SYSTEM, {devices[0].id: Inventory(has_passcode=False)})
    draft = RuleDraft(name="Passcode", kind="passcode_missing", consequences=["withhold_wifi"])
    rule = create_rule(agent, client.reference, draft)
    ticket = make.request(contact, "device.full_wipe", *devices)
    question = create_question(contact, "", "iPhones", FleetFilter(platform="ios"))
    query = open_ticket(
        contact, NewTicket(kind=TicketKind.QUERY, subject="How many?", description="Please.")
    )
    answer_ticket(agent, query.reference, question.reference, "Here they are.")
    write_steps(agent, ticket.reference, ["Ring them up", "Wipe it", "Say so", "Tidy up"])
    tick_step(agent, ticket.reference, 1)
    skip_step(agent, ticket.reference, 2, "They found it again.")
    warned(ticket)
    notify(client.id, ticket.reference, contact)
    notify(client.id, ticket.reference, contact, left=-7200)
    _plan_work(agent, client, devices[0])
    session = database.session()
    order = session.scalars(select(WorkOrder).order_by(WorkOrder.id.desc()).limit(1)).one()
    session.expunge_all()
    session.rollback()
    return client, contact, agent, ticket, order, devices[0], rule, question, query


def _plan_work(agent, client, device):
    """Plan two messages that meet each other, and let one have been missed."""
    at = datetime.now(UTC) + timedelta(minutes=90)
    message = {
        "work_kind": WorkKind.ACTION,
        "code": "device.push_message",
        "parameters": {"title": "x", "text": "y"},
        "devices": [device.reference],
        "schedule": Once(at=at, zone="Europe/Madrid"),
    }
    task = planned(agent, client, **message)
    planned(agent, client, **message)
    ran(task, at - timedelta(hours=3), RunState.MISSED)


@pytest.fixture
def closings(story, monkeypatch):
    """A resolved ticket to decide on, with its link, and one to be resolved late."""
    _client, contact, agent, *_rest = story
    word = str(uuid4())
    monkeypatch.setattr(closing_links.secrets, "token_urlsafe", lambda _size=32: word)
    incident = NewTicket(kind=TicketKind.INCIDENT, subject="No mail", description="Please.")
    with clock.told_as(datetime.now(UTC) - timedelta(days=30)):
        resolved, late = (open_ticket(contact, incident).reference for _ in range(2))
    why = Explanation(cause="workload", words="A peak.")
    move_ticket(agent, resolved, "resolve", words="Done.", why=why)
    return resolved, late, f"/closing/{word}"


@pytest.fixture
def policies(desk, story):
    """A policy with two versions and a draft, own settings, and a document somebody fetched."""
    client, contact, agent, _ticket, _order, device, *_rest = story
    document = add_document(contact, client.reference, Upload(name="Guide.txt", content=b"Hello"))
    reference = create_profile_draft(agent, client.reference, "Field work", "Who drives").reference
    put_setting(agent, reference, "wifi", WIFI, 1)
    put_setting(agent, reference, "documents", {"document": document.reference}, 2)
    bring(reference, 1, groups=(group_of(client, "Drivers", device),), devices=(device,))
    begin_draft(agent, reference)
    put_setting(agent, reference, "passcode", PASSCODE, 1)
    bring(reference, 2)
    begin_draft(agent, reference, 1)
    own_setting(client, "passcode", {"min_length": "10"}, device_id=device.id)
    report(device, wifi={"Office": "wrong"}, passcode={"": "x"})
    fetch_document(SYSTEM, document.secret, device.external_id)
    return reference, document.reference


@pytest.fixture
def planned_tasks(desk, story):
    """A task that waits for approval, one with steps, one with runs of which one found problems."""
    client, _contact, agent, *_rest = story
    devices = desk.make.fleet(client, 2)
    waits = plan_task(agent, action_draft(client, devices, "device.lock"))
    steps = plan_task(agent, steps_draft(client, description="Every week", notice_days=2))
    task = plan_task(agent, action_draft(client, devices, window_minutes=60))
    run = run_now(agent, task.reference)
    with unit_of_work(SYSTEM, "test.lines") as work:
        row = work.session.get_one(PlannedRun, run.id, options=[joinedload(PlannedRun.task)])
        for kind in LineKind:
            tell(work, row, "It began.", kind=kind, subject=devices[0].reference)
    return waits.reference, steps.reference, task.reference, run.id


def test_the_portal(desk, sign_in, story, policies, planned_tasks, closings):
    policy, document = policies
    waits, steps, task, run = planned_tasks
    _client, contact, _agent, ticket, order, device, rule, question, query = story
    pages = [
        "/portal/",
        "/portal/notices/",
        f"/portal/tickets/{closings[0]}",
        f"{closings[2]}?verdict=solved_but",
        "/portal/tickets/",
        "/portal/tickets/?q=nothing-like-it",
        f"/portal/tickets/{ticket.reference}",
        f"/portal/orders/{order.reference}",
        f"/portal/tickets/{query.reference}",
        "/portal/sla/receipts/",
        f"/portal/sla/receipts/{ticket.reference}",
        f"/portal/sla/receipts/{ticket.reference}/resolution/1",
        "/portal/devices/",
        "/portal/devices/?version=odd",
        "/portal/devices/state",
        "/portal/devices/compatibility",
        "/portal/devices/questions/",
        f"/portal/devices/questions/{question.reference}",
        f"/portal/devices/questions/{question.reference}/rename",
        "/portal/devices/questions/new?state=enrolled",
        f"/portal/devices/{device.reference}",
        "/portal/conformity/",
        f"/portal/conformity/{rule.reference}",
        "/portal/policies/",
        f"/portal/policies/{policy}",
        f"/portal/policies/{policy}/versions",
        f"/portal/policies/{policy}/versions/1",
        f"/portal/policies/{policy}/compare",
        "/portal/documents/",
        f"/portal/documents/{document}",
        "/portal/ask/",
        f"/portal/ask/action/device.full_wipe?device={device.reference}&q=x",
        "/portal/ask/incident",
        "/portal/sla/",
        "/portal/planned/",
        "/portal/planned/?view=week",
        "/portal/planned/?view=agenda",
        "/portal/planned/punctuality",
        "/portal/planned/punctuality/runs?figure=missed",
        "/portal/planned/feeds",
        "/portal/tickets/?sla=open&show=all",
        "/portal/planned/tasks",
        f"/portal/planned/tasks/{steps}",
        f"/portal/planned/tasks/{waits}/dry-run",
        f"/portal/planned/tasks/{task}/runs/{run}",
        "/account/",
    ]
    assert look(desk, sign_in(contact), pages) == []


def test_the_desk(desk, sign_in, story, policies, planned_tasks, closings):
    policy, document = policies
    waits, steps, task, run = planned_tasks
    client, _contact, _agent, ticket, order, device, rule, question, query = story
    supervisor = desk.make.person(Role.SUPERVISOR)
    notify(client.id, ticket.reference, supervisor)
    app = create_app(Settings.from_environment(desk.environment))
    plain = [
        rule.rule
        for rule in app.url_map.iter_rules()
        if rule.rule.startswith(("/desk", "/account"))
        and not rule.arguments
        and "GET" in rule.methods
        and not rule.rule.endswith(("/export.csv", "/export.xlsx", "/reading"))
    ]
    desk.take_over()
    assert len(plain) > 8
    with unit_of_work(SYSTEM, "tests.house") as work:
        house = operator_house(work)
    pages = [
        *plain,
        f"/desk/clients/{house.reference}",
        "/desk/clients/?q=operaci",
        "/desk/tickets/?show=all",
        "/desk/tickets/?show=all&metric=resolution&outcome=met&month=2026-11&agent=none",
        "/desk/sla/wall?theme=light",
        "/desk/planned/?view=week",
        "/desk/planned/?view=agenda",
        "/desk/planned/punctuality/runs?figure=missed",
        f"/desk/admin/clients/{client.reference}/edit",
        f"/desk/tickets/{closings[0]}",
        f"/desk/tickets/{closings[1]}",
        f"/desk/tickets/{ticket.reference}",
        f"/desk/tickets/{query.reference}",
        f"/desk/sla/receipts/{ticket.reference}/first_response/1",
        f"/desk/devices/questions/{question.reference}",
        f"/desk/orders/{order.reference}",
        f"/desk/devices/{device.reference}",
        f"/desk/conformity/{rule.reference}",
        f"/desk/conformity/{rule.reference}/edit",
        f"/desk/conformity/new/app_outdated?client={client.reference}",
        f"/desk/clients/{client.reference}",
        f"/desk/policies/{policy}",
        f"/desk/policies/{policy}/versions/1",
        f"/desk/policies/{policy}/compare",
        f"/desk/policies/{policy}/rename",
        f"/desk/policies/{policy}/draft",
        f"/desk/policies/{policy}/draft/wifi?key=Office",
        f"/desk/policies/{policy}/draft/certificates",
        f"/desk/documents/{document}",
        "/desk/planned/tasks?client=-",
        f"/desk/planned/tasks/{waits}",
        f"/desk/planned/tasks/{steps}",
        f"/desk/planned/tasks/{steps}/edit",
        f"/desk/planned/tasks/{task}/edit?q=x",
        f"/desk/planned/tasks/{task}/dry-run",
        f"/desk/planned/tasks/{task}/runs/{run}",
    ]
    assert look(desk, sign_in(supervisor), pages) == []


def test_what_everybody_sees(desk, browser):
    page = browser.new_page()
    paths = [
        "/sign-in",
        "/password/forgotten",
        "/password/link/none",
        "/closing/none",
        "/nowhere",
        "/api/v1/",
    ]
    assert look(desk, page, paths) == []
    page.close()
