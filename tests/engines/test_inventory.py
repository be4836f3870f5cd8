"""What an engine tells of its devices: from the sandbox over HTTP, and from one that lies."""

from __future__ import annotations

import itertools
import json
from datetime import UTC, datetime, timedelta

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from servicedesk.devices.engines.contract import DeviceReport, ReportedApp, Unreachable
from servicedesk.devices.engines.sandbox import client as connector
from servicedesk.devices.engines.sandbox.client import SandboxEngine
from servicedesk.devices.engines.sandbox.translation import report_of
from tests.desk_on_loopback import until
from tests.engines.test_sandbox import KEY, Server, engine

__all__ = ["engine"]  # a fixture

APP = {"identifier": "org.example.work", "name": "Work", "version": "1.2"}
FACTS = {
    "os_version": "15",
    "has_passcode": True,
    "is_encrypted": False,
    "is_compromised": None,
    "apps": [APP],
}


@pytest.fixture
def server(tmp_path):
    running = Server(tmp_path)
    yield running
    running.kill()


def enrol(engine, *names: str, **facts) -> None:
    seen = datetime.now(UTC).isoformat()
    engine.enrol(
        [{"id": name, "platform": "android", "last_contact": seen, **facts} for name in names]
    )


def walked(engine) -> dict[str, DeviceReport]:
    return {report.external_id: report for report in engine.inventory()}


def put(server, device: str, **changes) -> httpx.Response:
    return httpx.put(
        f"{server.url}/v1/devices/{device}/inventory",
        json=changes,
        headers={"Authorization": f"Bearer {KEY}"},
        trust_env=False,
    )


def test_devices_tell_what_they_are_and_have(engine, server):
    enrol(engine, "telling", inventory=FACTS)
    enrol(engine, "silent")
    found = walked(engine)
    assert found["telling"].os_version == "15"
    assert found["telling"].has_passcode is True
    assert found["telling"].is_encrypted is False
    assert found["telling"].is_compromised is None
    assert found["telling"].apps == (ReportedApp("org.example.work", "Work", "1.2"),)
    assert found["silent"].apps is None
    assert found["silent"].is_enrolled
    assert found["silent"].last_contact_at is not None


def test_a_test_can_change_what_a_device_has_and_let_its_user_live_faster(engine, server):
    enrol(engine, "changing", inventory=FACTS)
    forbidden = {"identifier": "com.anydesk.anydeskandroid", "name": "AnyDesk", "version": "7"}
    assert put(server, "changing", apps=[APP, forbidden], has_passcode=False).is_success
    report = walked(engine)["changing"]
    assert [app.identifier for app in report.apps or ()] == [
        APP["identifier"],
        "com.anydesk.anydeskandroid",
    ]
    assert (report.has_passcode, report.os_version) == (False, "15")
    assert put(server, "nobody", has_passcode=False).status_code == 404
    assert put(server, "changing", colour="red").status_code == 400
    enrol(engine, *(f"user-{n}" for n in range(50)), inventory=FACTS)
    server.control(pace=30 * 86_400)  # a month in a second
    try:
        until(
            lambda: {report.os_version for report in walked(engine).values()} == {"15", "16"},
            what="some to update their system, and others not",
        )
    finally:
        server.control(pace=1.0)


def test_a_large_fleet_comes_in_pages(engine, server):
    names = [f"device-{number:05d}" for number in range(2300)]
    enrol(engine, *names, inventory=FACTS)
    assert list(walked(engine)) == names


def test_an_engine_that_is_down_is_unreachable(engine, server):
    server.control(down=True)
    try:
        assert engine.inventory() is Unreachable.UNREACHABLE
    finally:
        server.control(down=False)


# one that lies


def lying(answer) -> SandboxEngine:
    """Return a connector to an engine that answers so."""
    made = SandboxEngine("http://engine.test", KEY)
    made.close()
    made._http = httpx.Client(base_url="http://engine.test", transport=httpx.MockTransport(answer))
    return made


def page(items: object, following: object = None) -> httpx.Response:
    return httpx.Response(200, json={"items": items, "next": following})


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"null",
        b"{",
        b'"words"',
        b"[" * 100_000,
        b"\xff\xfe",
        b'{"items": ' + b"[" * 100_000,
    ],
)
def test_what_is_no_page_is_no_answer(body):
    assert lying(lambda _: httpx.Response(200, content=body)).inventory() is Unreachable.UNREACHABLE


@pytest.mark.parametrize(
    "items", [None, {}, "words", 7, [None], [7], ["x"], [[]], [{}], [{"id": 7}], [{"id": None}]]
)
def test_what_is_no_device_is_passed_over(items):
    assert list(lying(lambda _: page(items)).inventory()) == []


def test_a_page_that_never_ends_and_one_that_is_too_large_are_dropped(monkeypatch):
    monkeypatch.setattr(connector, "MOST_BYTES", 100_000)

    def endless(_request):
        return httpx.Response(200, content=(b" " * 10_000 for _ in itertools.count()))

    assert lying(endless).inventory() is Unreachable.UNREACHABLE
    monkeypatch.setattr(connector, "PATIENCE", -1.0)
    assert lying(lambda _: page([])).inventory() is Unreachable.UNREACHABLE


@pytest.mark.parametrize("following", ["a", "", 7, True, {}, "\x00"])
def test_an_engine_that_leads_in_circles_is_not_followed(following):
    calls = []

    def answer(request):
        calls.append(request)
        return page([{"id": "a", "enrolled": True}], following)

    assert len(list(lying(answer).inventory())) <= 2
    assert len(calls) <= 2


def test_a_walk_ends_where_the_engine_falls_silent():
    def answer(request):
        if "after" in request.url.params:
            raise httpx.ReadTimeout("slow", request=request)
        return page([{"id": "a", "enrolled": True}], "a")

    assert [report.external_id for report in lying(answer).inventory()] == ["a"]

    def silent(request):
        raise httpx.ReadTimeout("slow", request=request)

    assert lying(silent).inventory() is Unreachable.UNREACHABLE


anything = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=True)
    | st.text(max_size=30)
    | st.sampled_from(
        [
            "2026-05-04T12:00:00+00:00",
            "9999-12-31T23:59:59-14:00",
            "0001-01-01T00:00:00+14:00",
            "2026-05-04T12:00:00",
        ]
    ),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4)
    ),
    max_leaves=12,
)
NAMES = ("id", "last_contact", "enrolled", "inventory", "policy")
INNER = ("os_version", "has_passcode", "is_encrypted", "is_compromised", "apps")
items = st.fixed_dictionaries(
    {},
    optional=dict.fromkeys(NAMES, anything)
    | {"id": st.text(max_size=10)}
    | {"inventory": anything | st.fixed_dictionaries({}, optional=dict.fromkeys(INNER, anything))},
)


@given(items | anything)
def test_whatever_is_told_of_a_device_is_understood_or_left_out(told):
    told = json.loads(json.dumps(told))
    report = report_of(told)
    if report is None:
        return
    assert isinstance(report.external_id, str)
    assert isinstance(report.os_version, str)
    for flag in (report.has_passcode, report.is_encrypted, report.is_compromised):
        assert flag in {True, False, None}
    assert report.apps is None or all(isinstance(app.identifier, str) for app in report.apps)
    if report.last_contact_at is not None:
        assert report.last_contact_at.utcoffset() == timedelta(0)
