"""The fleet's pages: what is possible, its state, and questions kept about it."""

from __future__ import annotations

import html
import json
import re

import pytest

from servicedesk.clients.models import FunctionalBlock
from servicedesk.core import clock, database
from servicedesk.core.actors import Role
from servicedesk.core.mail import OutgoingMail
from servicedesk.devices.catalogue import ACTIONS, POINT_ACTIONS
from servicedesk.devices.queries import FleetFilter
from servicedesk.devices.questions import create_question
from servicedesk.shell.mail import render
from servicedesk.tickets.handling import answer_ticket
from servicedesk.tickets.intake import NewTicket, open_ticket
from servicedesk.tickets.models import TicketKind
from tests.pages.test_statements import app, counting, entered
from tests.visitor import visiting

__all__ = ["app"]  # a fixture
ANDROID = FleetFilter(platform="android")
ROW = re.compile(
    r'href="(/portal/devices/\?[^"]*)"><span class="visually-hidden">[^<]*</span>(\d+)'
)


@pytest.fixture
def fleet(desk):
    make = desk.make
    client = make.client(FunctionalBlock.DEVICE_SECURITY, FunctionalBlock.MESSAGING)
    devices = [make.device(client, kind) for kind in ("ios", "android", "old", "personal")]
    return client, make.contact(client), make.agent(), devices


def in_english(visitor):
    visitor.post("/language", language="en", next="/account/")


def query_of(contact):
    new = NewTicket(kind=TicketKind.QUERY, subject="How many Android?", description="Please.")
    return open_ticket(contact, new)


def test_the_matrix_says_what_asking_says(desk, fleet):
    _client, contact, _agent, devices = fleet
    with visiting(desk, contact) as visitor:
        in_english(visitor)
        page = html.unescape(visitor.get("/portal/devices/compatibility").text)
        assert all(action.label in page for action in ACTIONS)
        refusals = set()
        for action in ACTIONS:
            chosen = "&".join(f"device={device.reference}" for device in devices)
            asked = html.unescape(visitor.get(f"/portal/ask/action/{action.code}?{chosen}").text)
            refusals |= set(re.findall(r"Not possible</span> <span>([^<]+)</span>", asked))
        said = {refusal for refusal in refusals if not refusal.startswith("It needs Android")}
        assert any("does not contain the block “Location”" in refusal for refusal in said)
        assert len(said) > 2
        for refusal in said:
            assert refusal in page
        assert "It needs Android 8 or later; the device has 7.1." in refusals
        assert "from 8" in page
        narrowed = visitor.get("/portal/devices/compatibility?platform=ios").text
        assert "Fully managed" not in narrowed.split("<main")[1].split("Why not")[0]


def test_an_operator_chooses_the_client_and_a_foreign_one_does_not_exist(desk, fleet):
    client, contact, agent, _devices = fleet
    other = desk.make.client()
    manager = desk.make.person(Role.ACCOUNT_MANAGER, client)
    for person in (agent, manager):
        with visiting(desk, person) as visitor:
            page = visitor.get(f"/desk/devices/compatibility?client={client.reference}")
            assert f'value="{client.reference}" selected' in page.text
    for person, room in ((manager, "desk"), (contact, "portal")):
        with visiting(desk, person) as visitor:
            address = f"/{room}/devices/compatibility?client={other.reference}"
            assert visitor.get(address).status_code == 404
            assert visitor.get(f"/{room}/devices/compatibility?engine=none").status_code == 404
        asked = desk.api(person).get("/compatibility", params={"client": other.reference})
        assert asked.status_code == 404
    nobody = desk.make.person(Role.ACCOUNT_MANAGER)
    with visiting(desk, nobody) as visitor:
        assert visitor.get("/desk/devices/compatibility").status_code == 404
    assert desk.api(agent).get("/compatibility").status_code == 422


def test_the_api_tells_the_matrix(desk, fleet):
    client, contact, _agent, _devices = fleet
    told = desk.api(contact).get("/compatibility").json()
    assert (told["client"], told["engine"]) == (client.reference, "sandbox")
    by_code = {action["code"]: action for action in told["actions"]}
    assert set(by_code) == {action.code for action in ACTIONS}
    assert by_code["device.locate"]["contracted"] is False
    assert by_code["device.locate"]["device_states"] == []
    wipe = by_code["device.full_wipe"]
    assert (wipe["risk"], wipe["block"]) == ("destructive", "device_security")
    cells = {(k["platform"], k["ownership"], k["management"]): k for k in wipe["kinds"]}
    assert cells["android", "corporate", "fully_managed"]["from_version"] == "8"
    assert cells["ios", "corporate", "managed"] == {
        "platform": "ios",
        "ownership": "corporate",
        "management": "managed",
        "possible": True,
        "from_version": None,
        "reason": None,
    }
    refused = cells["ios", "personal", "user_enrolment"]
    assert refused["possible"] is False
    assert refused["reason"]


def test_every_figure_of_the_state_leads_to_as_many_devices(desk, fleet):
    _client, contact, _agent, devices = fleet
    with visiting(desk, contact) as visitor:
        page = visitor.get("/portal/devices/state")
        found = ROW.findall(page.text)
        assert len(found) >= 4 + 2 + 4 + 4 + 3
        for address, count in found:
            listed = visitor.get(html.unescape(address)).text
            rows = sum(device.reference in listed for device in devices)
            assert rows == int(count), address
    told = desk.api(contact).get("/fleet-state").json()
    assert told["total"] == told["enrolled"]["devices"] == len(devices)
    for section in ("activation", "platforms", "versions", "conformity", "contact"):
        for figure in told[section]:
            listed = desk.api(contact).get("/devices", params=figure["filter"])
            assert len(listed.json()["items"]) == figure["devices"], figure


def test_new_filters_narrow_page_api_and_export(desk, fleet):
    _client, contact, _agent, devices = fleet
    old = devices[2]
    api = desk.api(contact)
    for query in ({"version": "7"}, {"version": "<14"}, {"platform": "android", "version": "7"}):
        listed = api.get("/devices", params=query).json()["items"]
        assert [device["reference"] for device in listed] == [old.reference]
        with visiting(desk, contact) as visitor:
            for address in ("/portal/devices/", "/portal/devices/export.csv"):
                text = visitor.get(address, params=query).text
                assert [d.reference in text for d in devices] == [d is old for d in devices]
    for odd in ({"version": "x"}, {"seen": "ever"}, {"conformity": "perhaps"}, {"state": "?"}):
        assert api.get("/devices", params=odd).status_code == 422
    with visiting(desk, contact) as visitor:
        kept = visitor.get("/portal/devices/?version=seven")
        assert 'value="seven"' in kept.text
        assert 'aria-invalid="true"' in kept.text


def test_ticked_devices_go_to_the_action_without_a_script(desk, fleet):
    _client, contact, _agent, devices = fleet
    with visiting(desk, contact) as visitor:
        page = visitor.get("/portal/devices/").text
        assert page.count('name="device"') == len(devices)
        assert 'formaction="/portal/ask/action/device.lock"' in page
        chosen = {"device": [devices[0].reference, devices[3].reference], "code": "device.lock"}
        led = visitor.get("/portal/ask/action", params=chosen)
        assert led.status_code == 302
        form = visitor.get(led.headers["Location"]).text
        assert [d.reference in form for d in devices] == [True, False, False, True]
        assert visitor.get("/portal/ask/action?code=device.fly").status_code == 404
        assert visitor.get("/portal/ask/action").headers["Location"] == "/portal/ask/"


def test_the_actions_beyond_the_five_stand_in_a_list_by_block(app, sessions, make):
    database.use_sessions(sessions)
    client = make.client()
    device, contact = make.device(client, "ios"), make.contact(client)
    visitor = entered(app, sessions, contact)
    page = visitor.get("/portal/devices/").text
    listed = [
        action
        for action in ACTIONS
        if not (action.is_point_action or action.needs_groups or action.finds_its_targets)
    ]
    assert page.count('formaction="/portal/ask/action/') == len(POINT_ACTIONS) == 5
    assert page.count("<optgroup") == len({action.block for action in listed})
    options = re.findall(r'<option value="([a-z]+\.[a-z_]+)"', page)
    assert sorted(options) == sorted(action.code for action in listed)
    sent = {"device": device.reference, "code": "device.locate"}
    led = visitor.get("/portal/ask/action", query_string=sent)
    assert led.headers["Location"] == (
        f"/portal/ask/action/device.locate?device={device.reference}"
    )


def test_a_question_is_saved_from_the_filter_asked_renamed_and_deleted(desk, fleet):
    _client, contact, _agent, devices = fleet
    with visiting(desk, contact) as visitor:
        in_english(visitor)
        listed = visitor.get("/portal/devices/?platform=android&version=%3C14").text
        save = html.unescape(re.search(r'href="([^"]*questions/new[^"]*)"', listed)[1])
        assert "lower than 14" in html.unescape(visitor.get(save).text)
        refused = visitor.post(save, name=" ")
        assert refused.status_code == 422
        kept = visitor.post(save, name="Old Android")
        assert kept.status_code == 302
        path = kept.headers["Location"]
        asked = visitor.get(path).text
        assert [d.reference in asked for d in devices] == [False, False, True, False]
        assert "Old Android" in visitor.get("/portal/devices/questions/").text
        again = visitor.post(save, name="Old Android")
        assert again.status_code == 422
        assert 'value="Old Android"' in again.text
        assert again.text.count('class="field-error"') == 1
        assert visitor.post(f"{path}/rename", name="Aged").status_code == 302
        assert "Aged" in visitor.get(path).text
        assert visitor.post(f"{path}/delete").status_code == 302
        assert visitor.get(path).status_code == 404


def test_an_operator_saves_a_question_for_the_client_that_is_chosen(desk, fleet):
    client, contact, agent, _devices = fleet
    with visiting(desk, agent) as visitor:
        path = "/desk/devices/questions/new?platform=ios"
        assert f'value="{client.reference}"' in visitor.get(path).text
        assert visitor.post(path, name="iPhones", client=client.reference).status_code == 302
        preset = f"/desk/devices/questions/new?platform=ios&client={client.reference}"
        assert 'name="client"' not in visitor.get(preset).text
        assert visitor.post(preset, name="iPhones, too").status_code == 302
    names = {q["name"] for q in desk.api(contact).get("/fleet-questions").json()["items"]}
    assert names == {"iPhones", "iPhones, too"}


def test_the_contact_sees_what_was_counted_and_what_is_now(desk, fleet):
    client, contact, agent, _devices = fleet
    question = create_question(contact, "", "Android", ANDROID)
    ticket = query_of(contact)
    path = f"/desk/tickets/{ticket.reference}"
    with visiting(desk, agent) as visitor:
        in_english(visitor)
        assert question.reference in visitor.get(path).text
        refused = visitor.post(f"{path}/answers", question="PRG-0", words="Keep these words")
        assert refused.status_code == 422
        assert "Keep these words" in refused.text
        assert "The client has no such question." in refused.text
        sent = visitor.post(f"{path}/answers", question=question.reference, words="Here.")
        assert sent.status_code == 302
    desk.make.device(client, "android")
    with visiting(desk, contact) as visitor:
        in_english(visitor)
        page = html.unescape(visitor.get(f"/portal/tickets/{ticket.reference}").text)
        assert "answered with the question to the fleet “Android”" in page
        assert re.search(r"3 devices on \d+ \w+ \d{4}, \d\d:\d\d", page)
        assert "now 4." in page
        assert "Answer from the fleet" not in page
        live = re.search(r'href="(/portal/devices/\?[^"]*platform=android[^"]*)"', page)[1]
        assert "4 devices" in visitor.get(live).text
        refused = visitor.post(
            f"/portal/tickets/{ticket.reference}/answers", question=question.reference
        )
        assert refused.status_code == 403


def test_the_api_keeps_asks_and_answers(desk, fleet):
    client, contact, agent, _devices = fleet
    mine, operator = desk.api(contact), desk.api(agent)
    body = {"name": "Android", "filter": {"platform": "android"}}
    assert operator.post("/fleet-questions", json=body).status_code == 422
    made = mine.post("/fleet-questions", json=body)
    assert made.status_code == 201, made.text
    told = made.json()
    assert (told["client"], told["devices"]) == (client.reference, 3)
    assert told["filter"] == {"platform": "android"}
    one = f"/fleet-questions/{told['reference']}"
    assert mine.patch(one, json={"name": "All Android"}).json()["name"] == "All Android"
    listed = operator.get("/fleet-questions", params={"client": client.reference}).json()["items"]
    assert [question["name"] for question in listed] == ["All Android"]
    ticket = query_of(contact)
    answers = f"/tickets/{ticket.reference}/answers"
    given = operator.post(answers, json={"question": told["reference"], "words": "Here."})
    assert given.status_code == 201, given.text
    assert given.json()["answer"]["devices"] == given.json()["answer"]["devices_now"] == 3
    assert mine.post(answers, json={"question": told["reference"]}).status_code == 403
    desk.make.device(client, "android")
    timeline = mine.get(f"/tickets/{ticket.reference}").json()["timeline"]
    (answer,) = [entry["answer"] for entry in timeline if entry["answer"]]
    assert (answer["devices"], answer["devices_now"]) == (3, 4)
    assert mine.get(one).json()["devices"] == 4
    assert mine.delete(one).status_code == 204
    assert mine.get(one).status_code == 404


@pytest.mark.parametrize(
    "body",
    [
        {"name": "x", "filter": {"platform": "windows"}},
        {"name": "x", "filter": {"version": "9" * 40}},
        {"name": "x", "filter": {"client": "CLI-0001"}},
        {"name": "x", "filter": []},
        {"name": "\ud800", "filter": {}},
        {"name": "x" * 200, "filter": {}},
        {"filter": {}},
        {"name": "x", "filter": {"group": "\ud800"}},
    ],
)
def test_odd_questions_are_answered_with_problems(desk, fleet, body):
    answer = desk.api(fleet[1]).post(
        "/fleet-questions",
        content=json.dumps(body),
        headers={"Content-Type": "application/json"},
    )
    assert answer.status_code == 422, answer.text
    assert answer.headers["Content-Type"] == "application/problem+json"


@pytest.mark.parametrize(
    "path",
    [
        "/desk/devices/state?client=%00&group=%F0%9F%98%80&platform=x",
        "/desk/devices/compatibility?client=%00&platform=%00&engine=%00",
        "/desk/devices/questions/?client=%00&cursor=zzz",
        "/desk/devices/questions/%00",
        "/desk/devices/questions/new?version=%00&q=%00&client=%00",
        "/desk/devices/?version=%3C999999999&seen=days&conformity=none&group=%00",
        "/desk/ask/action?code=%00&device=%00",
    ],
)
def test_odd_addresses_are_answered(desk, fleet, path):
    with visiting(desk, fleet[2]) as visitor:
        assert visitor.get(path).status_code < 500


@pytest.mark.parametrize("devices", [1, 1204])
def test_the_mail_of_an_answer_names_question_and_figure(app, devices):
    context = {
        "news": "answered",
        "reference": "CON-2026-000001",
        "title": "How many?",
        "author": "Marta",
        "body": "Here.",
        "for_client": True,
        "question": "Old <b>Android</b>",
        "devices": devices,
    }
    words = {"es": "terminal" if devices == 1 else "terminales", "en": "device"}
    with app.test_request_context():
        for language, unit in words.items():
            message = render(
                OutgoingMail(
                    recipient="ana@example.test",
                    language=language,
                    template="ticket_news",
                    context=context,
                    subject_reference="CON-2026-000001",
                    message_id="x",
                    created_at=clock.now(),
                )
            )
            assert f"{devices} {unit}" in message.body
            assert "Old <b>Android</b>" in message.body
            assert "<b>Android" not in message.html


@pytest.mark.parametrize(
    ("path", "most"),
    [("/desk/devices/questions/", 7), ("/desk/devices/state", 8), ("/desk/tickets/{}", 21)],
)
def test_nine_more_cost_no_more_statements(app, sessions, make, path, most):
    database.use_sessions(sessions)
    client = make.client()
    contact, agent = make.contact(client), make.agent()
    ticket = query_of(contact)
    counts = []
    for rows in (1, 9):
        database.use_sessions(sessions)
        for _ in range(rows):
            device = make.device(client, "android")
            wanted = FleetFilter(q=device.serial)
            question = create_question(contact, "", f"About {device.serial}", wanted)
            answer_ticket(agent, ticket.reference, question.reference)
        visitor = entered(app, sessions, agent)
        visitor.get(path.format(ticket.reference))
        with counting(app) as statements:
            assert visitor.get(path.format(ticket.reference)).status_code == 200
        counts.append(len(statements))
    assert counts[0] == counts[1] <= most
