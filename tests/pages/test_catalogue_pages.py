"""The list of orders, the registration of devices, and the catalogue in the API."""

from __future__ import annotations

import re
from html import unescape

import pytest

from servicedesk.devices.catalogue import ACTIONS, action_named
from tests.journeys.test_every_action import CASES
from tests.visitor import visiting


@pytest.fixture
def scene(desk):
    make = desk.make
    client = make.client()
    return desk, client, make.contact(client), make.agent()


def test_orders_are_listed_by_what_they_need_and_only_ones_own(scene):
    desk, client, contact, agent = scene
    make = desk.make
    wipe = make.request(contact, "device.full_wipe", make.device(client, "android"))
    make.request(contact, "device.lock", make.device(client, "android"))
    other = make.contact()
    with visiting(desk, agent) as page:
        listed = page.get(f"/desk/orders/?show=attention&client={client.reference}").text
        assert len(re.findall(r"/desk/orders/OT-", listed)) == 1
        assert page.get("/desk/orders/?show=nonsense&action=x&client=%00").status_code == 200
        assert page.get("/desk/orders/?cursor=nonsense").status_code == 422
    with visiting(desk, contact) as page:
        assert len(re.findall(r"/portal/orders/OT-", page.get("/portal/orders/").text)) == 2
    with visiting(desk, other) as page:
        assert "/portal/orders/OT-" not in page.get("/portal/orders/").text
    assert wipe


def test_a_wrong_list_of_devices_stays_in_the_form_with_every_fault(scene):
    desk, client, contact, agent = scene
    with visiting(desk, agent) as page:
        page.get("/desk/register-devices")
        bad = "serial;platform;model\nX1;symbian;Communicator"
        answer = page.post("/desk/register-devices", client=client.reference, rows=bad, group="")
        assert answer.status_code == 422
        assert "symbian" in unescape(answer.text)
        assert "Escriba ios, ipados o android." in answer.text
        good = bad.replace("symbian", "android")
        sent = page.post("/desk/register-devices", client=client.reference, rows=good, group="")
        assert sent.status_code == 302
        assert "/desk/ask/action/device.enrol?device=DEV-" in sent.headers["Location"]
        assert "X1" in page.get(sent.headers["Location"]).text or "DEV-" in sent.text
    with visiting(desk, contact) as page:
        assert page.get("/desk/register-devices").status_code in {403, 404}
        assert page.get("/portal/register-devices").status_code == 404


def test_the_catalogue_says_what_each_action_takes(scene):
    desk, _client, contact, _agent = scene
    items = desk.api(contact).get("/actions").json()["items"]
    assert [item["code"] for item in items] == [action.code for action in ACTIONS]
    for item in items:
        known = item["parameters"]["properties"]
        case = CASES[item["code"]]
        assert set(case.fields) <= set(known)
        for name, value in case.fields.items():
            schema = known[name]
            assert value in schema.get("enum", [value])
            assert re.search(schema.get("pattern", ""), value)
        assert item["inverse"] is None or action_named(item["inverse"])
    one = desk.api(contact).get("/actions/config.wifi").json()
    assert one["parameters"]["properties"]["password"]["writeOnly"]
    assert desk.api(contact).get("/actions/nothing").status_code == 404


def test_what_was_typed_stays_when_a_device_is_searched_for(scene):
    desk, client, contact, _agent = scene
    device = desk.make.device(client, "android")
    with visiting(desk, contact) as page:
        page.get(f"/portal/ask/action/config.wifi?device={device.reference}")
        looked = page.post(
            "/portal/ask/action/config.wifi",
            look="search",
            q=device.serial,
            device=device.reference,
            ssid="Oficina",
            password="una clave larga",
            description="Para la nave.",
        )
        assert looked.status_code == 200
        assert 'value="Oficina"' in looked.text
        assert "Para la nave." in looked.text
        assert "una clave larga" not in looked.text  # a secret is never sent back
        assert device.reference in looked.text


def test_every_fault_of_an_action_stands_beside_its_field(scene):
    desk, client, contact, _agent = scene
    device = desk.make.device(client, "android")
    with visiting(desk, contact) as page:
        page.get(f"/portal/ask/action/config.wifi?device={device.reference}")
        refused = page.post(
            "/portal/ask/action/config.wifi",
            device=device.reference,
            ssid="Oficina",
            security="wpa2_enterprise",
            subject="x",
            description="x",
            impact="low",
            urgency="medium",
        )
        assert refused.status_code == 422
        assert "field-error" in refused.text
        assert "Es necesario con lo elegido arriba." in refused.text
