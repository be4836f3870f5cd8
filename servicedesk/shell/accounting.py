"""Each request gets a number, is measured, and leaves one line in the log that says who and what."""

from __future__ import annotations

import secrets
import time
from typing import TYPE_CHECKING

import structlog
from flask import g, request

from servicedesk.core import trace
from servicedesk.core.actors import GATE
from servicedesk.core.metrics import REQUEST_SECONDS, REQUESTS_IN_FLIGHT

if TYPE_CHECKING:
    from flask import Flask, Response

    from config import Settings

HEADER = "X-Request-ID"
# asked every few seconds by machines: measured, but no line for each
UNTOLD = frozenset({"static", "health", "metrics"})
METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})

log = structlog.get_logger("servicedesk.access")


def install(app: Flask, settings: Settings) -> None:
    """Account for each request under a number of its own; install it before every other hook."""

    @app.before_request
    def begin() -> None:
        g.began = time.perf_counter()
        REQUESTS_IN_FLIGHT.inc()
        g.is_counted = True
        structlog.contextvars.clear_contextvars()
        g.request_id = _number(trusted=settings.trusted_proxies > 0)
        trace.follow(g.request_id)

    @app.after_request
    def account(response: Response) -> Response:
        response.headers[HEADER] = g.get("request_id", "")
        if "began" in g:
            _account(response, time.perf_counter() - g.began)
        return response

    @app.teardown_request
    def end(error: BaseException | None) -> None:
        del error
        if g.pop("is_counted", False):
            REQUESTS_IN_FLIGHT.dec()
        trace.forget()


def _number(*, trusted: bool) -> str:
    """Return the number a proxy of ours gave, or a new one; nobody else's word goes into the log."""
    told = request.headers.get(HEADER, "") if trusted else ""
    return told if trace.is_well_formed(told) else secrets.token_hex(8)


def _account(response: Response, seconds: float) -> None:
    # what anybody may type is no label: there would be as many series as somebody likes
    endpoint = request.endpoint or "unknown"
    method = request.method if request.method in METHODS else "other"
    status = f"{response.status_code // 100}xx"
    REQUEST_SECONDS.labels(endpoint, method, status).observe(seconds)
    if (request.blueprint or endpoint) in UNTOLD and response.status_code < 500:  # noqa: PLR2004
        return
    actor = g.get("actor", GATE)
    # neither path nor query: they carry one-time links, search words and names
    log.info(
        "request",
        method=method,
        endpoint=endpoint,
        status=response.status_code,
        ms=round(seconds * 1000, 1),
        role=actor.role.value,
        user_id=actor.user_id,
    )
