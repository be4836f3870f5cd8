"""The calls to the sandbox, over HTTP like to any engine."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

import httpx

from servicedesk.devices.engines.contract import (
    BadNotification,
    Cancellation,
    Capability,
    DeviceFacts,
    DeviceReport,
    EngineHealth,
    EngineOrder,
    NotKnown,
    Observation,
    Submission,
    SubmissionOutcome,
    Unreachable,
)
from servicedesk.devices.engines.sandbox import translation
from servicedesk.devices.engines.sandbox.callbacks import verified_events

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from uuid import UUID

TIMEOUT = httpx.Timeout(10.0, connect=2.0)
INVENTORY_PAGE = 1000
MOST_BYTES = 32 * 1024 * 1024  # of a page of the inventory
PATIENCE = 600.0  # seconds for the whole walk: a large fleet takes one
# the connection was never made: the request surely did not arrive
_NOT_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)
_OUTCOMES = {
    200: SubmissionOutcome.ALREADY_ACCEPTED,
    202: SubmissionOutcome.ACCEPTED,
    400: SubmissionOutcome.REFUSED,
    401: SubmissionOutcome.NOT_SENT,
    404: SubmissionOutcome.GONE,
    422: SubmissionOutcome.UNSUPPORTED,
    429: SubmissionOutcome.NOT_SENT,
}


class SandboxEngine:
    """Implements `contract.Engine` for the sandbox at `url`."""

    key = "sandbox"

    def __init__(self, url: str, secret: str) -> None:
        """Prepare a client; nothing is called yet."""
        self._secret = secret
        self._http = httpx.Client(
            base_url=url,
            headers={"Authorization": f"Bearer {secret}"},
            timeout=TIMEOUT,
            trust_env=False,
        )

    def capability(self, device: DeviceFacts, instruction_kind: str) -> Capability:
        """Say whether the sandbox can do that to that device."""
        return translation.capability(device, instruction_kind)

    def submit(self, order: EngineOrder) -> Submission:
        """Post one command under its idempotency key."""
        body = {
            "device": order.device_external_id,
            "type": translation.COMMAND_TYPES[order.instruction.kind],
            "parameters": order.instruction.to_json(),
            "not_after": order.not_after.isoformat(),
        }
        headers = {"Idempotency-Key": str(order.idempotency_key)}
        if order.trace:
            headers["X-Request-ID"] = order.trace
        try:
            answer = self._http.post("/v1/commands", json=body, headers=headers)
        except _NOT_SENT as error:
            return Submission(outcome=SubmissionOutcome.NOT_SENT, evidence=_words(error))
        except httpx.HTTPError as error:
            return Submission(outcome=SubmissionOutcome.UNCLEAR, evidence=_words(error))
        return _submission_of(answer)

    def lookup(self, key: UUID) -> Observation | NotKnown | Unreachable:
        """Ask by idempotency key."""
        found = self._get("/v1/commands", {"idempotency_key": str(key)})
        if found is None:
            return Unreachable.UNREACHABLE
        commands = _observations(found)
        return commands[0] if commands else NotKnown()

    def poll(self, refs: Sequence[str]) -> Sequence[Observation] | Unreachable:
        """Ask about many commands at once."""
        try:
            answer = self._http.post("/v1/commands/query", json={"ids": list(refs)})
            answer.raise_for_status()
            return _observations(answer.json())
        except (httpx.HTTPError, ValueError):
            return Unreachable.UNREACHABLE

    def receive(self, headers: Mapping[str, str], body: bytes) -> tuple[Observation, ...]:
        """Check the signature and read the events. Raises BadNotification."""
        events = verified_events(self._secret, headers, body)
        try:
            return tuple(translation.observation_of(event) for event in events)
        except (KeyError, ValueError, TypeError) as error:
            raise BadNotification("the notification is not understood") from error

    def cancel(self, ref: str) -> Cancellation:
        """Ask to withdraw a command."""
        try:
            answer = self._http.post(f"/v1/commands/{ref}/cancel")
        except httpx.HTTPError:
            return Cancellation.UNREACHABLE
        if answer.status_code == httpx.codes.OK:
            return Cancellation.CANCELLED
        if answer.status_code in {httpx.codes.CONFLICT, httpx.codes.NOT_FOUND}:
            return Cancellation.TOO_LATE
        return Cancellation.UNREACHABLE

    def inventory(self) -> Iterator[DeviceReport] | Unreachable:
        """Page through the sandbox's devices; a page that fails ends the walk."""
        until = time.monotonic() + PATIENCE
        first = self._page("", until)
        if first is None:
            return Unreachable.UNREACHABLE
        return self._reports(first, until)

    def _reports(self, page: dict[str, Any] | None, until: float) -> Iterator[DeviceReport]:
        after = ""
        while page:
            items, following = page.get("items"), page.get("next")
            for item in items if isinstance(items, list) else ():
                if report := translation.report_of(item):
                    yield report
            # an engine that leads in circles is not followed
            if not isinstance(following, str) or following <= after:
                return
            after = following
            page = self._page(after, until)

    def _page(self, after: str, until: float) -> dict[str, Any] | None:
        """Return a page of devices; None when it is none, too large, or takes too long."""
        query = {"limit": str(INVENTORY_PAGE)} | ({"after": after} if after else {})
        body = bytearray()
        try:
            with self._http.stream("GET", "/v1/devices", params=query) as answer:
                answer.raise_for_status()
                for piece in answer.iter_bytes():
                    body += piece
                    if len(body) > MOST_BYTES or time.monotonic() > until:
                        return None
            found = json.loads(body)
        except (httpx.HTTPError, ValueError, RecursionError):
            return None
        return found if isinstance(found, dict) else None

    def health(self) -> EngineHealth:
        """Call the health address and measure."""
        began = time.perf_counter()
        found = self._get("/v1/health", {})
        taken = (time.perf_counter() - began) * 1000
        if found is None:
            return EngineHealth(reachable=False, detail="", milliseconds=taken)
        return EngineHealth(reachable=True, detail=str(found.get("status")), milliseconds=taken)

    def enrol(self, devices: Sequence[Mapping[str, Any]]) -> None:
        """Bring simulated devices to life. Raises httpx.HTTPError; only the demonstration calls it."""
        self._http.post("/v1/devices", json={"devices": list(devices)}).raise_for_status()

    def close(self) -> None:
        """Give the connections back."""
        self._http.close()

    def _get(self, path: str, query: Mapping[str, str]) -> dict[str, Any] | None:
        try:
            answer = self._http.get(path, params=dict(query))
            answer.raise_for_status()
            found = answer.json()
        except (httpx.HTTPError, ValueError):
            return None
        return found if isinstance(found, dict) else None


def _submission_of(answer: httpx.Response) -> Submission:
    outcome = _OUTCOMES.get(answer.status_code, SubmissionOutcome.UNCLEAR)
    ref = None
    if outcome in {SubmissionOutcome.ACCEPTED, SubmissionOutcome.ALREADY_ACCEPTED}:
        try:
            ref = str(answer.json()["id"])
        except (ValueError, KeyError, TypeError):
            outcome = SubmissionOutcome.UNCLEAR
    wait = answer.headers.get("Retry-After", "")
    return Submission(
        outcome=outcome,
        evidence=f"{answer.status_code} {answer.text[:2000]}",
        engine_ref=ref,
        retry_after=float(wait) if wait.isdigit() else None,
    )


def _observations(page: dict[str, Any]) -> list[Observation]:
    return [translation.observation_of(item) for item in page["items"]]


def _words(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"
