"""Policies and documents for programs, and the door where devices fetch documents."""

from __future__ import annotations

import base64
import hashlib
import json

import pytest
from sqlalchemy import select

from servicedesk.core import database
from servicedesk.core.actors import SYSTEM, Role
from servicedesk.core.files import Upload
from servicedesk.devices.policies.documents import ClientDocument, add_document
from servicedesk.devices.policies.editing import begin_draft, create_profile_draft, put_setting
from servicedesk.devices.web import document_door
from servicedesk.shell import misses
from tests.pages.test_statements import app
from tests.policy_story import (
    PASSCODE,
    PASSWORD,
    WIFI,
    bring,
    group_of,
    own_setting,
    report,
    report_all,
)

HUGE = "9" * 30
__all__ = ["app"]  # a fixture


@pytest.fixture
def house(desk):
    """A client with a device, an agent and the contact."""
    make = desk.make
    client = make.client()
    return client, make.agent(), make.contact(client), make.device(client, "android")


def setting(section, values, revision, key=None) -> dict[str, object]:
    return {"section": section, "values": values, "revision": revision, "key": key}


def test_a_policy_is_written_by_a_program_and_read_by_the_client(desk, house):
    client, agent, contact, device = house
    api, reading = desk.api(agent), desk.api(contact)
    made = api.post("/policies", json={"client": client.reference, "name": "Field"})
    assert made.status_code == 201, made.text
    reference = made.json()["reference"]
    assert (made.json()["draft"], made.json()["published"]) == (1, None)
    draft = f"/policies/{reference}/draft"
    put = api.put(f"{draft}/settings", json=setting("wifi", WIFI, 1))
    assert put.status_code == 200, put.text
    (entry,) = put.json()["settings"]
    assert entry["values"] == {"ssid": "Office", "security": "wpa2_personal", "hidden": "yes"}
    assert entry["sealed"] == ["password"]
    assert entry["summary"] == "Se conecta a la wifi Office con WPA2 Personal"
    changed = {**WIFI, "ssid": "Other", "password": ""}
    again = api.put(f"{draft}/settings", json=setting("wifi", changed, 2, "Office"))
    assert [one["key"] for one in again.json()["settings"]] == ["Other"]
    api.put(f"{draft}/settings", json=setting("passcode", PASSCODE, 3))
    query = {"section": "passcode", "revision": 4}
    dropped = api.delete(f"{draft}/settings", params=query)
    assert (dropped.status_code, dropped.json()["revision"]) == (200, 5)
    renamed = api.put(f"/policies/{reference}", json={"name": "Fields", "description": "x"})
    assert (renamed.json()["name"], renamed.json()["description"]) == ("Fields", "x")
    group = group_of(client, "Drivers", device)
    bring(reference, 1, groups=(group,))
    begun = api.post(draft, json={})
    assert (begun.status_code, begun.json()["number"]) == (201, 2)
    assert api.post(draft, json={}).json()["type"] == "/problems/has-draft"
    told = reading.get(f"/policies/{reference}").json()
    assert told["groups"] == [{"name": "Drivers", "precedence": 100, "devices": 1}]
    assert told["devices"] == {"desired": 1, "drifting": 1}
    listed = reading.get("/policies", params={"client": client.reference}).json()
    assert [one["reference"] for one in listed["items"]] == [reference]
    versions = reading.get(f"/policies/{reference}/versions").json()["items"]
    assert [(one["number"], one["state"]) for one in versions] == [(2, "draft"), (1, "published")]
    first = reading.get(f"/policies/{reference}/versions/1").json()
    assert first["published_by"] == SYSTEM.name
    assert api.delete(draft, params={"revision": 1}).status_code == 204
    assert api.get(draft).status_code == 404
    for answer in (put, again, reading.get(f"/policies/{reference}/versions/1")):
        assert PASSWORD not in answer.text
        assert "sealed:" not in answer.text


def test_a_diff_tells_each_setting_and_of_a_secret_only_that_it_changed(desk, house):
    client, agent, contact, device = house
    reference = create_profile_draft(agent, client.reference, "Field").reference
    put_setting(agent, reference, "wifi", WIFI, 1)
    bring(reference, 1, devices=(device,))
    begin_draft(agent, reference)
    other = {**WIFI, "password": "quite another one", "hidden": ""}
    put_setting(agent, reference, "wifi", other, 1, "Office")
    put_setting(agent, reference, "passcode", {"min_length": "8"}, 2)
    api = desk.api(contact)
    told = api.get(f"/policies/{reference}/diff").json()
    assert (told["before"], told["after"]) == (1, 2)
    assert told["changes"] == [
        {
            "section": "passcode",
            "key": "",
            "change": "added",
            "settings": [{"name": "min_length", "before": None, "after": "8", "sealed": False}],
        },
        {
            "section": "wifi",
            "key": "Office",
            "change": "changed",
            "settings": [
                {"name": "hidden", "before": "yes", "after": None, "sealed": False},
                {"name": "password", "before": None, "after": None, "sealed": True},
            ],
        },
    ]
    whole = api.get(f"/policies/{reference}/diff", params={"before": 0, "after": 1}).json()
    assert [one["change"] for one in whole["changes"]] == ["added"]
    assert api.get(f"/policies/{reference}/diff", params={"after": 9}).status_code == 404


def test_the_policy_of_a_device_says_why_and_in_what_it_differs(desk, house):
    client, agent, contact, device = house
    api = desk.api(contact)
    empty = api.get(f"/devices/{device.reference}/policy").json()
    assert (empty["settings"], empty["desired_at"]) == ([], None)
    assert api.get(f"/devices/{device.reference}").json()["drift"] is None
    reference = create_profile_draft(agent, client.reference, "Field").reference
    put_setting(agent, reference, "passcode", PASSCODE, 1)
    bring(reference, 1, devices=(device,))
    own = own_setting(client, "passcode", {"min_length": "10"}, device_id=device.id)
    report(device, passcode={"": "wrong"}, wifi={"Strange": "x"})
    told = api.get(f"/devices/{device.reference}/policy").json()
    (entry,) = told["settings"]
    assert entry["values"] == {"min_length": "10", "complexity": "alphanumeric"}
    assert entry["sources"] == {"min_length": own, "complexity": reference}
    assert told["conflicts"] == [
        {"section": "passcode", "key": "", "setting": "min_length", "kept": own, "lost": reference}
    ]
    assert told["drift"] == [
        {"section": "passcode", "key": "", "kind": "different"},
        {"section": "wifi", "key": "Strange", "kind": "unexpected"},
    ]
    drifting = api.get("/devices", params={"drift": "yes"}).json()["items"]
    assert [(one["reference"], one["drift"]) for one in drifting] == [(device.reference, True)]
    having = api.get("/devices", params={"policy": reference}).json()["items"]
    assert [one["reference"] for one in having] == [device.reference]
    report_all(device)
    assert api.get("/devices", params={"drift": "yes"}).json()["items"] == []
    assert api.get(f"/devices/{device.reference}").json()["drift"] is False
    stranger = desk.api(desk.make.contact())
    assert stranger.get(f"/devices/{device.reference}/policy").status_code == 404


def test_who_may_not_write_is_refused_and_every_fault_has_its_name(desk, house):
    client, agent, contact, _device = house
    reference = create_profile_draft(agent, client.reference, "Field").reference
    body = {"client": client.reference, "name": "x"}
    for person in (contact, desk.make.person(Role.ACCOUNT_MANAGER, client)):
        api = desk.api(person)
        assert api.post("/policies", json=body).status_code == 403
        assert api.put(f"/policies/{reference}", json={"name": "x"}).status_code == 403
        refused = api.put(f"/policies/{reference}/draft/settings", json=setting("wifi", WIFI, 1))
        assert refused.status_code == 403
        gone = api.delete(f"/policies/{reference}/draft", params={"revision": 1})
        assert gone.status_code == 403
    api = desk.api(agent)
    assert api.post("/policies", json={**body, "name": "Field"}).json()["errors"] == [
        {"field": "name", "detail": "El cliente ya tiene una política con este nombre."}
    ]
    bad = api.put(
        f"/policies/{reference}/draft/settings",
        json=setting("wifi", {"ssid": "", "security": "x", "surprise": "y"}, 1),
    )
    assert bad.status_code == 422
    fields = {fault["field"] for fault in bad.json()["errors"]}
    assert fields == {"values.ssid", "values.security", "values.surprise"}
    late = api.put(f"/policies/{reference}/draft/settings", json=setting("wifi", WIFI, 7))
    assert (late.status_code, late.json()["type"]) == (409, "/problems/draft-changed")


ODD_SETTINGS = (
    {"section": "poem"},
    {"section": ["wifi"]},
    {"values": {}},
    {"values": "x"},
    {"values": {**WIFI, "ssid": "\x00"}},
    {"values": {**WIFI, "ssid": "\ud800"}},
    {"values": {**WIFI, "password": "\ud800" * 8}},
    {"values": {**WIFI, "ssid": "x" * 100_000}},
    {"values": {**WIFI, "ssid": {"deep": 1}}},
    {"values": {**WIFI, "ssid": 5}},
    {"key": "\x00"},
    {"key": "\ud800"},
    {"key": "x" * 1000},
    {"revision": 0},
    {"revision": int(HUGE)},
    {"revision": "1"},
    {"revision": None},
)
ODD_ADDRESSES = (
    "/policies/%00",
    "/policies/{}/versions/" + HUGE,
    "/policies/{}/versions/-1",
    "/policies/{}/diff?before=" + HUGE,
    "/policies?cursor=WzFd",
    "/policies?client=%00",
    "/documents/%00",
    "/documents/x/fetches?cursor=x",
    "/devices/%00/policy",
    "/devices?drift=no",
)


def test_odd_settings_and_addresses_are_answered_with_problems(desk, house):
    client, agent, _contact, _device = house
    reference = create_profile_draft(agent, client.reference, "Field").reference
    api = desk.api(agent)
    for change in ODD_SETTINGS:
        body = json.dumps({"section": "wifi", "values": WIFI, "revision": 1, **change})
        answer = api.put(
            f"/policies/{reference}/draft/settings",
            content=body,
            headers={"Content-Type": "application/json"},
        )
        assert answer.status_code == 422, (change, answer.text)
        assert answer.headers["Content-Type"] == "application/problem+json"
    for path in ODD_ADDRESSES:
        answer = api.get(path.format(reference))
        assert answer.status_code in {200, 404, 422}, path
        if answer.status_code != 200:
            assert answer.headers["Content-Type"] == "application/problem+json", path


def test_documents_are_put_in_by_program_and_devices_fetch_them_with_their_checksum(desk, house):
    client, agent, contact, device = house
    api = desk.api(contact)
    content = b"What to do in the warehouse"
    made = api.post("/documents", files={"file": ("Guide.txt", content)})
    assert made.status_code == 201, made.text
    reference = made.json()["reference"]
    assert made.json()["client"] == client.reference
    assert "secret" not in made.json()
    for files in ({}, {"file": ("a.exe", b"MZ\x90" + bytes(90))}, {"file": ("empty.txt", b"")}):
        refused = api.post("/documents", files=files or {"other": ("a.txt", b"x")})
        assert refused.status_code == 422
        assert {fault["field"] for fault in refused.json()["errors"]} == {"file"}
    for_whom = desk.api(agent).post("/documents", files={"file": ("Guide.txt", content)})
    assert for_whom.json()["errors"][0]["field"] == "client"
    profile = create_profile_draft(agent, client.reference, "Field").reference
    put_setting(agent, profile, "documents", {"document": reference}, 1)
    bring(profile, 1, devices=(device,))
    address = f"{desk.address}/d/{secret_of(reference)}"
    nobody = {"headers": {"Authorization": ""}}
    got = api.get(address, params={"device": device.external_id}, **nobody)
    assert got.content == content
    digest = base64.b64encode(hashlib.sha256(content).digest()).decode()
    assert got.headers["Repr-Digest"] == f"sha-256=:{digest}:"
    assert got.headers["Content-Disposition"].startswith("attachment")
    assert got.headers["Cache-Control"] == "no-store"
    assert api.head(address, params={"device": device.external_id}, **nobody).status_code == 405
    for query in ({}, {"device": ""}, {"device": "somebody"}):
        missed = api.get(address, params=query, **nobody)
        assert (missed.status_code, missed.text) == (404, "Not found")
    wrong = api.get(f"{address}x", params={"device": device.external_id}, **nobody)
    assert (wrong.status_code, wrong.headers["Content-Type"].split(";")[0]) == (404, "text/plain")
    fetches = api.get(f"/documents/{reference}/fetches").json()["items"]
    assert [(one["device"], one["times"]) for one in fetches] == [(device.reference, 1)]
    listed = api.get("/documents").json()["items"]
    assert [(one["reference"], one["fetched"]) for one in listed] == [(reference, 1)]


def secret_of(reference) -> str:
    session = database.session()
    query = select(ClientDocument.secret).where(ClientDocument.reference == reference)
    secret = session.scalars(query).one()
    session.rollback()
    return secret


def test_who_asks_again_and_again_for_what_is_not_there_waits(app, make, sessions, monkeypatch):
    now = [1000.0]
    monkeypatch.setattr(misses, "monotonic", lambda: now[0])
    monkeypatch.setattr(document_door, "_misses", misses.Misses())
    database.use_sessions(sessions)
    client, agent = make.client(), make.agent()
    device = make.device(client, "ios")
    document = add_document(agent, client.reference, Upload(name="a.txt", content=b"words"))
    profile = create_profile_draft(agent, client.reference, "Field").reference
    put_setting(agent, profile, "documents", {"document": document.reference}, 1)
    bring(profile, 1, devices=(device,))
    right = f"/d/{document.secret}?device={device.external_id}"
    database.use_sessions(app.extensions["sqlalchemy"].session)
    visitor = app.test_client()

    def status_of(path, **options) -> int:
        with visitor.get(path, **options) as answer:
            return answer.status_code

    for _ in range(misses.MISSES + 5):
        assert status_of(right) == 200  # who is right never waits
    statuses = [status_of("/d/guess") for _ in range(misses.MISSES + 3)]
    assert statuses == [404] * misses.MISSES + [429] * 3
    waiting = visitor.get(right)
    assert waiting.status_code == 429
    assert 0 < int(waiting.headers["Retry-After"]) <= misses.WITHIN + 1
    assert status_of(right, environ_overrides={"REMOTE_ADDR": "192.0.2.7"}) == 200
    now[0] += misses.WITHIN + 1
    assert status_of(right) == 200


def test_only_so_many_addresses_are_remembered(monkeypatch):
    monkeypatch.setattr(misses, "MOST_ADDRESSES", 3)
    counted = misses.Misses()
    for number in range(10):
        counted.note(f"192.0.2.{number}")
    assert len(counted._times) == 3
