"""Rules on their pages and in the API: kept input, a preview, plain words for the client."""

from __future__ import annotations

import json

import pytest

from servicedesk.core import clock, database
from servicedesk.core.actors import SYSTEM, Role
from servicedesk.core.mail import OutgoingMail
from servicedesk.devices.conformity.editing import RuleDraft, create_rule
from servicedesk.devices.conformity.inventory import App, Inventory, take_inventories
from servicedesk.shell.mail import render
from tests.pages.test_statements import app, counting, entered
from tests.visitor import visiting

HUGE = "9" * 30
DRAFT = RuleDraft(
    name="Outlook needed",
    kind="app_missing",
    parameters={"app": "com.example.outlook", "title": "Outlook"},
    consequences=["withhold_wifi"],
)
__all__ = ["app"]  # a fixture


@pytest.fixture
def fleet(desk):
    make = desk.make
    client = make.client()
    agent, contact = make.agent(), make.contact(client)
    devices = [make.device(client, "android") for _ in range(3)]
    with_app = Inventory(has_passcode=True, apps=[App(identifier="com.example.outlook")])
    take_inventories(SYSTEM, {devices[0].id: with_app, devices[1].id: Inventory()})
    return client, agent, contact, devices


def address(client) -> str:
    return f"/desk/conformity/new/app_missing?client={client.reference}"


def test_a_preview_says_who_would_fail_and_saves_nothing(desk, fleet):
    client, agent, _contact, devices = fleet
    filled = {
        "name": "Outlook needed",
        "app": "com.example.outlook",
        "title": "Outlook",
        "consequences": ["mark", "tell"],
        "grace_hours": "24",
        "platform": "",
        "group": "",
    }
    with visiting(desk, agent) as visitor:
        assert client.name in visitor.get("/desk/conformity/new").text
        assert "com.example.outlook" in visitor.get(address(client)).text
        seen = visitor.post(address(client), **filled, preview="yes")
        assert seen.status_code == 200
        preview = seen.text.split('id="preview"')[1].split("<form")[0]
        assert "1 de 3" in preview
        assert "Quienes los llevan" in preview
        assert 'value="Outlook needed"' in seen.text
        mine = {"client": client.reference}
        assert desk.api(agent).get("/conformity-rules", params=mine).json()["items"] == []
        saved = visitor.post(address(client), **filled)
        assert saved.status_code == 302
        page = visitor.get(saved.headers["Location"]).text
        assert devices[1].name in page
        assert devices[0].name not in page


def test_a_refused_form_keeps_what_was_typed_with_the_reason_beside_it(desk, fleet):
    client, agent, _contact, _devices = fleet
    with visiting(desk, agent) as visitor:
        visitor.get(address(client))
        answer = visitor.post(
            address(client),
            name="Keep these words",
            app="no spaces allowed",
            group="",
            platform="",
        )
        assert answer.status_code == 422
        for kept in ("Keep these words", "no spaces allowed"):
            assert kept in answer.text
        assert answer.text.count('class="field-error"') == 2  # app, consequences
        assert 'aria-invalid="true"' in answer.text


def test_a_rule_is_edited_switched_off_and_not_deleted_once_it_was_failed(desk, fleet):
    client, agent, _contact, _devices = fleet
    rule = create_rule(agent, client.reference, DRAFT)
    path = f"/desk/conformity/{rule.reference}"
    with visiting(desk, agent) as visitor:
        form = visitor.get(f"{path}/edit").text
        assert 'value="Outlook needed"' in form
        assert 'value="com.example.outlook"' in form
        changed = visitor.post(
            f"{path}/edit",
            name="Mail app",
            app="com.example.outlook",
            title="Outlook",
            consequences=["mark"],
            group="",
            platform="",
            grace_hours="1",
        )
        assert changed.status_code == 302
        assert "Mail app" in visitor.get(path).text
        visitor.post(f"{path}/delete")
        assert visitor.get(path).status_code == 200
        visitor.post(f"{path}/deactivate")
        told = desk.api(agent).get(f"/conformity-rules/{rule.reference}").json()
        assert (told["active"], told["devices"]["failing"]) == (False, 0)
        visitor.post(f"{path}/activate")
        told = desk.api(agent).get(f"/conformity-rules/{rule.reference}").json()
        assert told["devices"] == {"failing": 1, "not_known": 1, "total": 3}


def test_the_contact_reads_rules_in_plain_words_and_cannot_change_them(desk, fleet):
    client, agent, contact, devices = fleet
    rule = create_rule(agent, client.reference, DRAFT)
    with visiting(desk, contact) as visitor:
        visitor.post("/language", language="en", next="/portal/")
        listed = visitor.get("/portal/conformity/").text
        assert "Devices without the app Outlook lose wifi." in listed
        assert "/new" not in listed
        shown = visitor.get(f"/portal/conformity/{rule.reference}").text
        assert devices[1].name in shown
        assert "/edit" not in shown
        card = visitor.get(f"/portal/devices/{devices[1].reference}").text
        assert "Does not conform" in card
        assert "Outlook needed" in card
        for path in ("/portal/conformity/new", f"/portal/conformity/{rule.reference}/edit"):
            assert visitor.get(path).status_code == 404
    api = desk.api(contact)
    body = {"client": client.reference, "name": "x", "kind": "compromised"}
    refused = api.post("/conformity-rules", json={**body, "consequences": ["mark"]})
    assert refused.status_code == 403


def test_an_account_manager_reads_but_does_not_change(desk, fleet):
    client, agent, _contact, _devices = fleet
    rule = create_rule(agent, client.reference, DRAFT)
    manager = desk.make.person(Role.ACCOUNT_MANAGER, client)
    with visiting(desk, manager) as visitor:
        shown = visitor.get(f"/desk/conformity/{rule.reference}")
        assert shown.status_code == 200
        assert "/edit" not in shown.text
        for path in ("/desk/conformity/new", f"/desk/conformity/{rule.reference}/edit"):
            assert visitor.get(path).status_code == 403
        assert visitor.post(f"/desk/conformity/{rule.reference}/delete").status_code == 403


def test_a_rule_of_another_client_does_not_exist(desk, fleet):
    client, agent, _contact, _devices = fleet
    rule = create_rule(agent, client.reference, DRAFT)
    for stranger in (desk.make.contact(), desk.make.person(Role.ACCOUNT_MANAGER)):
        room = "portal" if stranger.is_contact else "desk"
        with visiting(desk, stranger) as visitor:
            assert visitor.get(f"/{room}/conformity/{rule.reference}").status_code == 404
            assert visitor.get(f"/{room}/conformity/{rule.reference}/edit").status_code == 404
            assert rule.name not in visitor.get(f"/{room}/conformity/?client=CLI-0001").text
        answer = desk.api(stranger).get(f"/conformity-rules/{rule.reference}")
        assert answer.status_code == 404


def test_fleet_page_api_and_export_can_be_narrowed_to_who_fails(desk, fleet):
    client, agent, contact, devices = fleet
    create_rule(agent, client.reference, DRAFT)
    api = desk.api(contact)
    states = {d["reference"]: d["conformity"] for d in api.get("/devices").json()["items"]}
    expected = ["conforming", "failing", "unknown"]
    assert [states[device.reference] for device in devices] == expected
    assert api.get(f"/devices/{devices[1].reference}").json()["conformity"] == "failing"
    with visiting(desk, contact) as visitor:
        for wanted, device in zip(expected, devices, strict=True):
            listed = api.get("/devices", params={"conformity": wanted}).json()["items"]
            assert [d["reference"] for d in listed] == [device.reference]
            page = visitor.get(f"/portal/devices/?conformity={wanted}").text
            assert [d.reference in page for d in devices] == [d is device for d in devices]
            rows = visitor.get(f"/portal/devices/export.csv?conformity={wanted}").text.split("\n")
            assert len([row for row in rows if row.strip()]) == 2
    assert api.get("/devices", params={"conformity": "perhaps"}).status_code == 422


def test_the_api_makes_a_rule_and_tells_of_it(desk, fleet):
    client, agent, _contact, _devices = fleet
    api = desk.api(agent)
    body = {
        "client": client.reference,
        "name": "Passcode",
        "kind": "passcode_missing",
        "consequences": ["tell", "mark", "tell"],
        "platform": "android",
    }
    made = api.post("/conformity-rules", json=body)
    assert made.status_code == 201, made.text
    told = made.json()
    assert told["consequences"] == ["tell", "mark"]
    assert told["devices"] == {"failing": 0, "not_known": 2, "total": 3}
    assert api.get(f"/conformity-rules/{told['reference']}").json() == told
    listed = api.get("/conformity-rules", params={"client": client.reference})
    assert listed.json()["items"] == [told]
    document = api.get("/openapi.json").json()
    assert set(document["paths"]["/api/v1/conformity-rules"]) >= {"get", "post"}


@pytest.mark.parametrize(
    "change",
    [
        {"kind": "poem"},
        {"kind": ["app_missing"]},
        {"parameters": {"app": "\x00"}},
        {"parameters": {"app": "\ud800"}},
        {"parameters": {"app": "x", "title": "\ud800"}},
        {"parameters": {"app": {"deep": 1}}},
        {"parameters": {"app": "x" * 100_000}},
        {"parameters": {"nothing": "x"}},
        {"parameters": {}},
        {"kind": "os_outdated", "parameters": {"version": HUGE * 10}},
        {"kind": "os_outdated", "parameters": {"version": "-1"}},
        {"kind": "not_seen", "parameters": {"days": HUGE}},
        {"name": "\x00"},
        {"name": "\ud800"},
        {"client": "\x00"},
        {"client": "CLI-9999"},
        {"group": "\x00"},
        {"group": "\ud800"},
        {"platform": "windows"},
        {"consequences": []},
        {"consequences": ["explode"]},
        {"grace_hours": int(HUGE)},
        {"grace_hours": "soon"},
    ],
)
def test_odd_rules_are_answered_with_problems(desk, fleet, change):
    client, agent, _contact, _devices = fleet
    body = {
        "client": client.reference,
        "name": "x",
        "kind": "app_missing",
        "parameters": {"app": "a"},
        "consequences": ["mark"],
    }
    answer = desk.api(agent).post(
        "/conformity-rules",
        content=json.dumps({**body, **change}),
        headers={"Content-Type": "application/json"},
    )
    assert answer.status_code == 422, answer.text
    assert answer.headers["Content-Type"] == "application/problem+json"


@pytest.mark.parametrize(
    "path",
    [
        "/desk/conformity/?client=%00&cursor=zzz",
        "/desk/conformity/?cursor=WzFd",
        "/desk/conformity/%00",
        "/desk/conformity/%F0%9F%98%80/edit",
        "/desk/conformity/new?client=%00",
        "/desk/conformity/new/poem?client=CLI-0001",
        "/desk/conformity/new/app_missing",
        "/desk/conformity/new/app_missing?client=%00",
        "/desk/devices/?conformity=%00",
    ],
)
def test_odd_addresses_are_answered(desk, fleet, path):
    with visiting(desk, fleet[1]) as visitor:
        assert visitor.get(path).status_code < 500


def test_the_mail_reads_well_with_a_hostile_name(app):
    context = {
        "holder": "Ana <b>Ruiz</b>",
        "device": "iPhone 100% <x>",
        "model": "iPhone 15",
        "advice": "Update the system to version %(version)s or later.",
        "values": {"version": "17.7"},
        "withheld": ["mail", "wifi"],
        "grace": 24,
    }
    with app.test_request_context():
        for language, words in (("es", "17.7"), ("en", "Update the system to version 17.7")):
            message = render(
                OutgoingMail(
                    recipient="ana@example.test",
                    language=language,
                    template="conformity_told",
                    context=context,
                    subject_reference="REG-2026-000001",
                    message_id="x",
                    created_at=clock.now(),
                )
            )
            assert words in message.body
            assert "iPhone 100% <x>" in message.body
            assert "iPhone 100% <x>" in message.subject
            assert "<b>Ruiz" not in message.html
            assert "24 h" in message.html


@pytest.mark.parametrize("path", ["/desk/conformity/", "/desk/devices/?conformity=failing"])
def test_more_rules_and_devices_cost_no_more_statements(app, sessions, make, path):
    database.use_sessions(sessions)
    client, agent = make.client(), make.agent()
    counts = []
    for rows in (1, 8):
        database.use_sessions(sessions)
        database.become(SYSTEM)
        found = [make.device(client, "ios") for _ in range(rows)]
        take_inventories(SYSTEM, dict.fromkeys([d.id for d in found], Inventory()))
        for _ in range(rows):
            create_rule(agent, client.reference, DRAFT)
        visitor = entered(app, sessions, agent)
        visitor.get(path)
        with counting(app) as statements:
            assert visitor.get(path).status_code == 200
        counts.append(len(statements))
    assert counts[0] == counts[1] <= 9
