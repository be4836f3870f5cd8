"""Headers, request identity and protection against forged forms."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING

import structlog
from flask import g, request
from flask_wtf import CSRFProtect
from werkzeug.middleware.proxy_fix import ProxyFix

if TYPE_CHECKING:
    from flask import Flask, Response

    from config import Settings

csrf = CSRFProtect()

POLICY = (
    "default-src 'self'; img-src 'self' data:; object-src 'none'; base-uri 'none';"
    " form-action 'self'; frame-ancestors 'none'"
)
HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}
# answers that browsers and programs may keep; nothing else, files that people download neither
KEPT = frozenset({"static", "feed_door.fetch"})
SECRETS = frozenset({"token", "secret"})  # parts of an address that let in whoever knows them


def install(app: Flask, settings: Settings) -> None:
    """Name each request, protect forms and cookies, and send the headers."""
    app.config.update(
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Lax",
        SESSION_COOKIE_SECURE=settings.is_production,
        SESSION_COOKIE_NAME="desk",
        PERMANENT_SESSION_LIFETIME=12 * 3600,
        WTF_CSRF_TIME_LIMIT=None,
    )
    if settings.trusted_proxies:
        hops = settings.trusted_proxies
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=hops, x_proto=hops)  # type: ignore[method-assign]

    @app.before_request
    def name_request() -> None:
        g.request_id = secrets.token_hex(8)
        structlog.contextvars.clear_contextvars()
        structlog.contextvars.bind_contextvars(request=g.request_id, path=logged_path())

    csrf.init_app(app)

    @app.after_request
    def add_headers(response: Response) -> Response:
        for name, value in HEADERS.items():
            response.headers.setdefault(name, value)
        response.headers["X-Request-Id"] = g.get("request_id", "")
        if settings.is_production:
            response.headers["Strict-Transport-Security"] = "max-age=31536000"
        if request.endpoint not in KEPT:
            response.headers["Cache-Control"] = "no-store"
        return response


def logged_path() -> str:
    """Return the path as logs may have it: of addresses that are secrets only their form."""
    rule = request.url_rule
    return rule.rule if rule is not None and SECRETS & rule.arguments else request.path
