"""The sandbox and its connector, over real HTTP: what every engine's connector has to hold."""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import httpx
import pytest

from servicedesk.devices.engines.contract import (
    BadNotification,
    Cancellation,
    EngineOrder,
    NotKnown,
    ObservedState,
    SubmissionOutcome,
    Unreachable,
)
from servicedesk.devices.engines.sandbox.client import SandboxEngine
from servicedesk.devices.instructions import EraseDevice, LocateDevice, LockDevice
from tests.desk_on_loopback import ROOT, answers, free_port, until

KEY = "a-key-of-the-test"


class Server:
    """A sandbox process that can be killed and started again."""

    def __init__(self, folder) -> None:
        self.port, self.folder = free_port(), folder
        self.url = f"http://127.0.0.1:{self.port}"
        self.process = None
        self.start()

    def start(self) -> None:
        self.process = subprocess.Popen(
            [
                *(sys.executable, "-m", "servicedesk.sandbox", "--port", str(self.port)),
                *("--state", str(self.folder / "state.sqlite3")),
                *("--callback-url", "http://127.0.0.1:1/nowhere"),
            ],
            cwd=ROOT,
            env=os.environ | {"SANDBOX_KEY": KEY, "SANDBOX_DELAY_SCALE": "0"},
        )
        until(lambda: answers(self.url), what="the sandbox")

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()

    def control(self, **values) -> None:
        answer = httpx.put(
            f"{self.url}/v1/control",
            json=values,
            headers={"Authorization": f"Bearer {KEY}"},
            trust_env=False,
        )
        assert answer.is_success

    def history(self, device: str) -> list[dict]:
        answer = httpx.get(
            f"{self.url}/v1/devices/{device}/history",
            headers={"Authorization": f"Bearer {KEY}"},
            trust_env=False,
        )
        return answer.json()["items"]


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    running = Server(tmp_path_factory.mktemp("sandbox"))
    yield running
    running.kill()


@pytest.fixture
def engine(server):
    connector = SandboxEngine(server.url, KEY)
    yield connector
    connector.close()


@pytest.fixture
def device(engine):
    def enrol(kind: str = "prompt", **facts) -> str:
        name = str(uuid4())
        seen = datetime.now(UTC).isoformat()
        engine.enrol([{"id": name, "last_contact": seen, "behaviour": {"kind": kind}, **facts}])
        return name

    return enrol


def order(device: str, instruction=None, minutes: float = 60) -> EngineOrder:
    return EngineOrder(
        idempotency_key=uuid4(),
        device_external_id=device,
        instruction=instruction or LockDevice(),
        not_after=datetime.now(UTC) + timedelta(minutes=minutes),
    )


def outcome(engine, wanted: EngineOrder, state: ObservedState):
    def there():
        found = engine.lookup(wanted.idempotency_key)
        return found if getattr(found, "state", None) is state else None

    return until(there, 10, str(state))


def test_told_twice_done_once(engine, server, device):
    wanted = order(device())
    assert engine.submit(wanted).outcome is SubmissionOutcome.ACCEPTED
    assert engine.submit(wanted).outcome is SubmissionOutcome.ALREADY_ACCEPTED
    outcome(engine, wanted, ObservedState.ACKNOWLEDGED)
    (command,) = server.history(wanted.device_external_id)
    assert (command["executions"], command["submissions"]) == (1, 2)


def test_a_lost_answer_is_unclear_and_found_by_looking_it_up(engine, server, device):
    wanted = order(device())
    server.control(drop_answers=True)
    try:
        assert engine.submit(wanted).outcome is SubmissionOutcome.UNCLEAR
    finally:
        server.control(drop_answers=False)
    assert engine.lookup(wanted.idempotency_key).idempotency_key == wanted.idempotency_key


def test_an_engine_that_is_down_is_unclear_and_unreachable(engine, server, device):
    wanted = order(device())
    server.control(down=True)
    try:
        assert engine.submit(wanted).outcome is SubmissionOutcome.UNCLEAR
        assert engine.lookup(wanted.idempotency_key) is Unreachable.UNREACHABLE
        assert not engine.health().reachable
    finally:
        server.control(down=False)
    assert isinstance(engine.lookup(wanted.idempotency_key), NotKnown)
    assert engine.health().reachable


def test_where_nobody_listens_nothing_was_sent(device):
    nowhere = SandboxEngine(f"http://127.0.0.1:{free_port()}", KEY)
    assert nowhere.submit(order("any")).outcome is SubmissionOutcome.NOT_SENT
    nowhere.close()


def test_unknown_devices_and_impossible_wishes_are_told_apart(engine, device):
    assert engine.submit(order("nobody")).outcome is SubmissionOutcome.GONE
    private = device(ownership="personal", management="work_profile_personal")
    refused = engine.submit(order(private, EraseDevice()))
    assert refused.outcome is SubmissionOutcome.UNSUPPORTED
    assert "MANAGEMENT_MODE" in refused.evidence


def test_a_wrong_key_sends_nothing(server, device):
    stranger = SandboxEngine(server.url, "another key")
    assert stranger.submit(order(device())).outcome is SubmissionOutcome.NOT_SENT
    stranger.close()


def test_what_no_device_took_can_be_withdrawn(engine, device):
    waiting, done = order(device("offline")), order(device())
    ref = engine.submit(waiting).engine_ref
    assert engine.cancel(ref) is Cancellation.CANCELLED
    ref = engine.submit(done).engine_ref
    outcome(engine, done, ObservedState.ACKNOWLEDGED)
    assert engine.cancel(ref) is Cancellation.TOO_LATE


def test_what_no_device_took_in_time_expires(engine, device):
    wanted = order(device("offline"), minutes=0.01)
    engine.submit(wanted)
    outcome(engine, wanted, ObservedState.EXPIRED)


def test_a_device_says_where_it_is(engine, device):
    wanted = order(device(management="supervised"), LocateDevice())
    ref = engine.submit(wanted).engine_ref
    outcome(engine, wanted, ObservedState.ACKNOWLEDGED)
    (told,) = engine.poll([ref])
    assert 35 < told.result.latitude < 45


def test_the_queue_survives_a_killed_server(engine, server, device):
    wanted = order(device("offline"))
    ref = engine.submit(wanted).engine_ref
    server.kill()
    server.start()
    assert engine.lookup(wanted.idempotency_key).engine_ref == ref


def test_a_wiped_device_is_gone(engine, device):
    name = device(management="fully_managed", ownership="corporate")
    wanted = order(name, EraseDevice())
    engine.submit(wanted)
    outcome(engine, wanted, ObservedState.ACKNOWLEDGED)
    assert engine.submit(order(name)).outcome is SubmissionOutcome.GONE


def signed(body: bytes, key: str = KEY, age: int = 0) -> dict[str, str]:
    stamp = str(int(time.time()) - age)
    mark = hmac.new(key.encode(), stamp.encode() + b"." + body, hashlib.sha256).hexdigest()
    return {"X-Sandbox-Timestamp": stamp, "X-Sandbox-Signature": mark}


def test_only_the_engines_own_young_notifications_are_believed(engine):
    event = {
        "event_id": "1",
        "id": "ref",
        "idempotency_key": str(uuid4()),
        "device": "d",
        "state": "acknowledged",
        "at": datetime.now(UTC).isoformat(),
    }
    body = json.dumps({"events": [event]}).encode()
    (told,) = engine.receive(signed(body), body)
    assert told.state is ObservedState.ACKNOWLEDGED
    for headers, content in (
        ({}, body),
        (signed(body, "another key"), body),
        (signed(body, age=3600), body),
        (signed(body), body + b" "),
        (signed(b"{}"), b"{}"),
        (signed(b'{"events": [{}]}'), b'{"events": [{}]}'),
    ):
        with pytest.raises(BadNotification):
            engine.receive(headers, content)
