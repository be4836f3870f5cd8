"""The sandbox's HTTP face: what a real engine's API would be, and controls for tests."""

from __future__ import annotations

import hmac
import socket
import threading
import time
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from flask import Flask, abort, jsonify, request
from werkzeug.exceptions import HTTPException

from servicedesk.sandbox import behaviour, facts

if TYPE_CHECKING:
    from flask.typing import ResponseReturnValue

    from servicedesk.sandbox.store import Store

COMMAND_TYPES = frozenset(
    {
        *("Lock", "EnterpriseWipe", "Erase", "Message", "Locate"),
        *("ApplyPolicy", "ClearPasscode", "Enrol", "Release"),
    }
)
MAX_PAGE = 1000


@dataclass
class Control:
    """What a test or a demonstration can make go wrong."""

    down: bool = False
    drop_answers: bool = False  # the command is stored, the caller never hears of it
    delay_scale: float = 1.0
    latency_ms: int = 0
    pace: float = 1.0  # days that users live in a day


def create_server(store: Store, key: str, seed: int, control: Control) -> Flask:  # noqa: C901, PLR0915
    """Build the WSGI application."""
    app = Flask("sandbox", static_folder=None)
    arrivals = threading.Lock()

    @app.before_request
    def check() -> ResponseReturnValue | None:
        if request.path == "/":
            return None
        given = request.headers.get("Authorization", "").removeprefix("Bearer ")
        if not hmac.compare_digest(given.encode(), key.encode()):
            abort(401)
        if control.down and request.path != "/v1/control":
            abort(503)
        time.sleep(control.latency_ms / 1000)
        return None

    @app.errorhandler(HTTPException)
    def fault(error: HTTPException) -> ResponseReturnValue:
        return {"error": {"code": error.name, "message": error.description}}, error.code or 500

    @app.get("/")
    def front() -> str:
        rows = "".join(f"<li>{name}: {count}</li>" for name, count in store.counts().items())
        return f"<!doctype html><title>Sandbox</title><h1>Sandbox: simulated devices</h1><ul>{rows}</ul>"

    @app.get("/v1/health")
    def health() -> ResponseReturnValue:
        return {"status": "ok", "engine": "sandbox", "simulated": True}

    @app.route("/v1/control", methods=["GET", "PUT"])
    def controls() -> ResponseReturnValue:
        for name, value in (request.get_json() if request.method == "PUT" else {}).items():
            if not hasattr(control, name):
                abort(400, f"there is no {name}")
            setattr(control, name, value)
        return asdict(control)

    @app.post("/v1/devices")
    def enrol() -> ResponseReturnValue:
        devices = _body().get("devices")
        if not isinstance(devices, list) or not all(_is_device(device) for device in devices):
            abort(400, "devices is a list of objects with an id")
        store.enrol([facts.stamped(device, datetime.now(UTC)) for device in devices])
        return {"enrolled": len(devices)}

    @app.get("/v1/devices")
    def devices() -> ResponseReturnValue:
        limit = min(request.args.get("limit", 100, type=int), MAX_PAGE)
        items = store.devices(request.args.get("after", ""), limit)
        now = datetime.now(UTC)
        told = [facts.present(item, seed, now, control.pace) for item in items]
        return {"items": told, "next": items[-1]["id"] if len(items) == limit else None}

    @app.put("/v1/devices/<device_id>/inventory")
    def change(device_id: str) -> ResponseReturnValue:
        changes = _body()
        if not changes.keys() <= set(facts.FACTS):
            abort(400, f"an inventory has {', '.join(facts.FACTS)}")
        if not facts.change(store, device_id, changes):
            abort(404, "no such device")
        return {"changed": sorted(changes)}

    @app.get("/v1/devices/<device_id>/history")
    def history(device_id: str) -> ResponseReturnValue:
        return {"items": store.commands("device", [device_id])}

    @app.post("/v1/commands")
    def submit() -> ResponseReturnValue:
        idempotency_key = request.headers.get("Idempotency-Key", "")
        if not idempotency_key:
            abort(400, "the header Idempotency-Key is missing")
        with arrivals:
            if known := store.repeat(idempotency_key):
                return jsonify(known), 200
            stored = _accept(idempotency_key)
        if control.drop_answers:
            # closing the connection without an answer: the caller cannot know that we have it
            request.environ["werkzeug.socket"].shutdown(socket.SHUT_RDWR)
        return jsonify(stored), 202

    def _accept(idempotency_key: str) -> dict[str, Any]:
        body = _body()
        command: dict[str, Any] = {
            "idempotency_key": idempotency_key,
            "device": str(body.get("device")),
            "type": body.get("type"),
            "parameters": body.get("parameters") or {},
            "not_after": str(body.get("not_after")),
        }
        try:
            expiry = datetime.fromisoformat(command["not_after"])
        except ValueError:
            abort(400, "not_after is no instant")
        if command["type"] not in COMMAND_TYPES or expiry.tzinfo is None:
            abort(400, "type or not_after is not understood")
        device = store.device(command["device"])
        if command["type"] == "Enrol":
            device = store.awaited(command["device"], command["parameters"].get("facts") or {})
        if device is None:
            abort(404, "no such device")
        if refusal := behaviour.refusal(device, command["type"]):
            abort(422, ": ".join(refusal))
        now = datetime.now(UTC)
        steps = behaviour.plan(device, command, seed, control.delay_scale, now)
        return store.add(command, steps, now.timestamp())

    @app.get("/v1/commands")
    def lookup() -> ResponseReturnValue:
        found = store.commands("idempotency_key", request.args.getlist("idempotency_key"))
        return {"items": found}

    @app.post("/v1/commands/query")
    def query() -> ResponseReturnValue:
        ids = _body().get("ids")
        if not isinstance(ids, list) or len(ids) > MAX_PAGE:
            abort(400, "ids is a list of up to 1000")
        return {"items": store.commands("id", [str(item) for item in ids])}

    @app.post("/v1/commands/<command_id>/cancel")
    def cancel(command_id: str) -> ResponseReturnValue:
        if not store.commands("id", [command_id]):
            abort(404, "no such command")
        if not store.cancel(command_id, time.time()):
            abort(409, "a device has it already")
        return {"state": "cancelled"}

    return app


def _body() -> dict[str, Any]:
    body = request.get_json()
    if not isinstance(body, dict):
        abort(400, "an object is expected")
    return body


def _is_device(value: object) -> bool:
    return isinstance(value, dict) and isinstance(value.get("id"), str)
