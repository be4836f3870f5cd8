"""Another client's data does not exist: every route, with every foreign reference."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import httpx
import pytest
from sqlalchemy import select

from config import Settings
from servicedesk.accounts.models import ApiToken
from servicedesk.app import create_app
from servicedesk.clients.models import Contract
from servicedesk.core import database
from servicedesk.core.actors import Role
from servicedesk.core.files import Upload
from servicedesk.devices.commands import DeviceCommand
from servicedesk.devices.conformity.editing import RuleDraft, create_rule
from servicedesk.devices.policies.documents import add_document
from servicedesk.devices.policies.editing import begin_draft, create_profile_draft, put_setting
from servicedesk.devices.queries import FleetFilter
from servicedesk.devices.questions import create_question
from servicedesk.engagement.amendments import offer_days
from servicedesk.engagement.minutes import add_documents
from servicedesk.engagement.models import VisitDocument
from servicedesk.engagement.visits import book_visit
from servicedesk.orders.execution import execute_order
from servicedesk.orders.models import WorkOrder
from servicedesk.orders.positions.looking import look_at_device
from servicedesk.orders.positions.models import DevicePosition
from servicedesk.planning.feeds import make_feed
from servicedesk.planning.models import CalendarFeed, RunState
from servicedesk.planning.schedule import Once
from servicedesk.planning.steering import run_now
from servicedesk.planning.tasks import plan_task
from servicedesk.reports.asking import ask_report
from servicedesk.sla.what_if.asking import ask_what_if
from servicedesk.sla.what_if.wishes import Wish
from servicedesk.tickets.handling import add_message
from servicedesk.tickets.models import Attachment
from servicedesk.tickets.ticking import write_steps
from tests.calendar_story import planned, ran
from tests.desk_on_loopback import until
from tests.engagement_story import plan
from tests.planned_task_story import action_draft
from tests.policy_story import bring, own_setting
from tests.report_story import wish
from tests.review_drafts import review_of
from tests.visitor import visiting
from tests.warning_story import notify

CANARY = "Kanarienvogel"


@pytest.fixture(scope="session")
def rules(running_desk) -> list:
    """Every route of the application."""
    app = create_app(Settings.from_environment(running_desk.environment))
    return list(app.url_map.iter_rules())


@pytest.fixture
def foreign(desk) -> dict[str, list[str]]:
    """A client with one of everything, by the name of the route's variable."""
    make = desk.make
    client = make.client(name=f"{CANARY} Ltd")
    contact, agent = make.contact(client), make.agent()
    device = make.device(client, "ios")
    draft = RuleDraft(name=f"{CANARY} rule", kind="compromised", consequences=["mark"])
    rule = create_rule(agent, client.reference, draft)
    question = create_question(contact, "", f"{CANARY} list", FleetFilter(platform="ios"))
    profile = create_profile_draft(agent, client.reference, f"{CANARY} line")
    put_setting(agent, profile.reference, "wifi", {"ssid": CANARY, "security": "open"}, 1)
    bring(profile.reference, 1, devices=(device,))
    begin_draft(agent, profile.reference)
    own = own_setting(client, "passcode", {"min_length": "6"}, device_id=device.id)
    leaflet = Upload(name=f"{CANARY} leaflet.txt", content=b"text")
    document = add_document(contact, client.reference, leaflet)
    ticket = make.request(contact, "device.lock", device, subject=f"{CANARY} lock")
    write_steps(agent, ticket.reference, [f"{CANARY} step"])
    add_message(contact, ticket.reference, CANARY, uploads=[Upload(name="a.txt", content=b"text")])
    session = database.session()
    order = session.scalars(select(WorkOrder).where(WorkOrder.client_id == client.id)).one()
    session.rollback()
    execute_order(agent, order.reference)
    found = located(desk, contact, agent, device)
    command = session.scalars(
        select(DeviceCommand.id)
        .join(WorkOrder, WorkOrder.batch_id == DeviceCommand.batch_id)
        .where(WorkOrder.reference == order.reference)
    ).one()
    file = session.scalars(
        select(Attachment.reference).where(Attachment.client_id == client.id)
    ).one()
    contract = session.scalars(
        select(Contract.reference).where(Contract.client_id == client.id)
    ).one()
    manager = make.person(Role.ACCOUNT_MANAGER, client)
    what_if = ask_what_if(manager, Wish(contract=contract, months=1, factor_percent=50))
    task = plan_task(agent, action_draft(client, [device], title=f"{CANARY} line"))
    run = run_now(agent, task.reference)
    visit = book_visit(manager, client.reference, plan(title=f"{CANARY} review"))
    add_documents(manager, visit.reference, [Upload(name="a.txt", content=b"slides")])
    offer = offer_days(manager, client.reference, plan().day, 4, f"{CANARY} more")
    slides = session.scalars(
        select(VisitDocument.reference).where(VisitDocument.client_id == client.id)
    ).one()
    desk.token(contact)
    token = session.scalars(select(ApiToken.id).where(ApiToken.user_id == contact.user_id)).one()
    session.rollback()
    at = datetime.now(UTC) + timedelta(days=1)
    task = planned(
        agent, client, title=f"{CANARY} look", schedule=Once(at=at, zone="Europe/Madrid")
    )
    ran(task, at - timedelta(days=2), RunState.MISSED)
    review = review_of(client)
    make_feed(contact, f"{CANARY} list", client.reference)
    feed = session.scalars(
        select(CalendarFeed.id).where(CalendarFeed.user_id == contact.user_id)
    ).one()
    session.rollback()
    report = ask_report(contact, wish(contact, title=f"{CANARY} list"), "es")
    ours = ask_report(manager, wish(manager, title=f"{CANARY} list"), "es")
    return {
        "reference": [
            ticket.reference,
            order.reference,
            found,
            device.reference,
            client.reference,
            contract,
            rule.reference,
            question.reference,
            profile.reference,
            own,
            document.reference,
            what_if.reference,
            task.reference,
            visit.reference,
            offer.reference,
            report.reference,
            ours.reference,
            review,
        ],
        "key": [report.key],
        "figure": ["service_levels"],
        "place": ["verdict"],
        "action_id": ["1"],
        "run_id": [str(run.id)],
        "secret": [document.secret],
        "file": [file, slides],
        "command_id": [str(command)],
        "user_id": [str(contact.user_id)],
        "token_id": [str(token)],
        "token": ["no-address-of-anybody"],
        "feed_id": [str(feed)],
        "notice_id": [str(notice) for notice in notify(client.id, ticket.reference, contact)],
        "contract": [contract],
        "metric": ["resolution"],
        "ordinal": ["1"],
    }


def located(desk, contact, agent, device) -> str:
    """Have a device's position known; return the order that found it."""
    desk.enrol(device)
    purpose = {"purpose": f"{CANARY} lost on the way"}
    order = desk.make.request(contact, "device.locate", device, parameters=purpose).orders[0]
    execute_order(agent, order.reference)

    def is_known() -> bool:
        session = database.session()
        session.rollback()
        known = select(DevicePosition.id).where(DevicePosition.device_id == device.id)
        return session.scalar(known) is not None

    until(is_known)
    look_at_device(contact, device.reference)
    return order.reference


# what anybody may ask for, and what belongs to nobody's client
NOT_TENANT = (
    *(
        "static",
        "sign_in.",
        "dev_mail.",
        "engines.",
        "health.",
        "metrics.",
        "language.",
        "api-docs.",
    ),
)


_SCHEDULE = {"kind": "cron", "expression": "0 9 * * 1"}
# of a planned task in the API, by what follows its reference
PLANNED = {
    "": {
        "title": "x",
        "category": "workaround",
        "work": "checklist",
        "schedule": _SCHEDULE,
        "version": 1,
    },
    "schedule": {"schedule": _SCHEDULE, "version": 1},
    "approve": {"content_hash": "x"},
}
WALKED = (
    "/desk/what-if/",
    "/desk/planned/",
    "/desk/engagement/",
    "/desk/reports/",
    "/desk/reviews/",
)
VISIT_DEPTH = 4
PLANNED_VISIT = {
    "kind": "training",
    "title": "x",
    "day": "2026-11-24",
    "at": "09:00:00",
    "days": "1",
    "is_on_site": False,
    "version": 1,
}
BODIES = {
    "/transitions": {"transition": "cancel"},
    "/approve": {},
    "/answers": {"question": "x"},
    "/merge": {"into": "PET-2026-000001"},
    "/closing": {"verdict": "solved"},
    "/breaches": {"cause": "other", "cause_words": "x"},
    "/steps": {"steps": ["x"]},
    "/steps/1": {"done": True},
    "/amendments": {"days": "1", "day": "2026-11-24", "reason": "x"},
    "/agree": {},
    "/end": {"reason": "x"},
    "/outcome": {"outcome": "cancelled", "reason": "x", "version": 1},
    "/plan": {"stages": [{"size": "1"}]},
    "/draft": {},
    "/texts/verdict": {"body": "x", "version": 0},
    "/mark": {"mark": "good"},
    "/publish": {"fingerprint": "x"},
    "/draft/settings": {"section": "wifi", "values": {}, "revision": 1},
}


def addresses(rules, foreign):
    """Yield method and address of each route that names something, filled with foreign names."""
    for rule in rules:
        if not rule.arguments or rule.endpoint.startswith(NOT_TENANT):
            continue
        for reference in foreign["reference"]:
            values = {
                name: reference if name == "reference" else foreign.get(name, ["1"])[0]
                for name in rule.arguments
            }
            if "kind" in values or "code" in values:
                continue  # a kind of thing, nobody's
            path = rule.rule
            for name, value in values.items():
                for converter in ("", "int:", "string:", "path:"):
                    path = path.replace(f"<{converter}{name}>", value)
            for method in sorted(rule.methods - {"HEAD", "OPTIONS"}):
                yield method, path


def test_no_route_answers_a_foreign_reference(desk, rules, foreign):
    make = desk.make
    contact = make.contact(make.client())
    walked = 0
    with visiting(desk, contact) as visitor:
        api = desk.api(contact)
        for method, path in addresses(rules, foreign):
            if path.startswith("/api/"):
                answer = api.request(
                    method, path.removeprefix("/api/v1"), json=_body(path), params=_query(path)
                )
            elif method == "GET":
                answer = visitor.get(path)
            else:
                answer = visitor.post(
                    path, body="x", move="take", seen="yes", rating="5", impact="low", reason="x"
                )
            assert answer.status_code == 404, (method, path, answer.status_code)
            assert CANARY not in answer.text
            walked += 1
    assert walked > 100


def test_no_page_of_the_desk_answers_another_account_managers_reference(desk, rules, foreign):
    """Where contacts never come, an account manager of another client might."""
    manager = desk.make.person(Role.ACCOUNT_MANAGER, desk.make.client())
    with visiting(desk, manager) as visitor:
        walked = 0
        for method, path in addresses(rules, foreign):
            if not path.startswith(WALKED):
                continue
            answer = visitor.get(path) if method == "GET" else visitor.post(path)
            assert answer.status_code == 404, (method, path, answer.status_code)
            assert CANARY not in answer.text
            walked += 1
    assert walked > 5


def _body(path: str) -> dict[str, object]:
    if path.startswith("/api/v1/planned-tasks/"):
        return PLANNED.get("".join(path.split("/")[5:]), {})
    if path.startswith("/api/v1/visits/") and path.count("/") == VISIT_DEPTH:
        return PLANNED_VISIT
    ending = next((ending for ending in BODIES if path.endswith(ending)), None)
    if ending is None and path.startswith(("/api/v1/policies/", "/api/v1/fleet-questions/")):
        return {"name": "x"}
    return BODIES[ending] if ending else {"body": "x"}


def _query(path: str) -> dict[str, str]:
    return {"revision": "1", "section": "wifi"} if "/draft" in path else {}


def test_no_list_search_or_export_shows_a_foreign_name(desk, rules, foreign):
    make = desk.make
    contact = make.contact(make.client())
    with visiting(desk, contact) as visitor:
        for rule in rules:
            if rule.arguments or "GET" not in rule.methods or rule.endpoint.startswith(NOT_TENANT):
                continue
            for query in ("", f"?q={CANARY}&show=all", "?client=CLI-0001"):
                answer = visitor.get(rule.rule + query)
                assert answer.status_code < 500, rule.rule
                assert f"{CANARY} l" not in answer.text.lower().replace(CANARY.lower(), CANARY), (
                    rule.rule
                )
        for path in (
            "/tickets",
            "/devices",
            "/clients",
            "/conformity-rules",
            "/fleet-questions",
            "/policies",
            "/documents",
            "/planned-tasks",
            "/sla",
            "/service-levels",
            "/engagement",
            "/visits",
            "/reviews",
        ):
            listed = desk.api(contact).get(path, params={"limit": 200})
            assert CANARY not in listed.text


def test_figures_count_and_open_nothing_of_another_client(desk, foreign):
    make = desk.make
    client, ticket = foreign["reference"][4], foreign["reference"][0]
    for actor in (make.contact(make.client()), make.person(Role.ACCOUNT_MANAGER, make.client())):
        api = desk.api(actor)
        figures = api.get("/sla").json()
        assert not sum(figures["open"].values())
        assert not figures["next"]
        assert not figures["hours"]
        assert not sum(month["tickets"] for month in figures["arrived"])
        assert api.get("/sla", params={"client": client}).status_code == 404
        for behind in ({"sla": "open"}, {"metric": "resolution"}, {"hour": "9", "client": client}):
            assert ticket not in api.get("/tickets", params=behind | {"state": "all"}).text
        with visiting(desk, actor) as visitor:
            place = "portal" if actor.is_contact else "desk"
            assert visitor.get(f"/{place}/sla/?client={client}").status_code == 404
            listed = visitor.get(f"/{place}/tickets/?sla=open&show=all").text
            assert ticket not in listed


def test_a_foreign_device_cannot_be_acted_on(desk, foreign):
    make = desk.make
    contact = make.contact(make.client())
    device = foreign["reference"][3]
    with visiting(desk, contact) as visitor:
        page = visitor.get(f"/portal/ask/action/device.lock?device={device}")
        assert device not in page.text.split("</head>")[1].replace(f"device={device}", "")
        sent = visitor.post(
            "/portal/ask/action/device.lock",
            device=device,
            subject="x",
            description="x",
            impact="low",
            urgency="low",
        )
        assert sent.status_code == 422


def test_a_page_says_nothing_to_nobody(desk, rules):
    with httpx.Client(base_url=desk.address, trust_env=False) as http:
        for rule in rules:
            if rule.arguments or "GET" not in rule.methods or rule.endpoint.startswith(NOT_TENANT):
                continue
            answer = http.get(rule.rule)
            public = rule.endpoint in {"front", "api-reference.show"}
            assert answer.status_code in ({200, 302} if public else {302, 401}), rule.rule


def test_a_document_is_of_its_visit_and_of_its_client_only(desk, foreign):
    """The walk names the first file there is: that of a ticket. This one is a visit's."""
    make, (visit,) = desk.make, [r for r in foreign["reference"] if r.startswith("VIS-")]
    slides = foreign["file"][1]
    for actor in (make.contact(make.client()), make.person(Role.ACCOUNT_MANAGER, make.client())):
        place = "portal" if actor.is_contact else "desk"
        with visiting(desk, actor) as visitor:
            path = f"/{place}/engagement/visits/{visit}/documents/{slides}"
            assert visitor.get(path).status_code == 404
    with visiting(desk, make.agent()) as visitor:
        path = f"/desk/engagement/visits/{visit}/documents/{slides}"
        assert visitor.get(path).content == b"slides"
        assert visitor.get(path.replace(visit, "VIS-2026-999999")).status_code == 404
