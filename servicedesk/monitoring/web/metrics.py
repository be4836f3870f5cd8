"""What Prometheus asks for: numbers without names, for whoever has the token."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flask import Blueprint, Response, abort, request
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from servicedesk.core import database
from servicedesk.monitoring.gauges import is_welcome, registry_of
from servicedesk.shell.session import caller_address

if TYPE_CHECKING:
    from prometheus_client import CollectorRegistry

    from config import Settings


def blueprint(settings: Settings) -> Blueprint:
    """Return `/metrics`; for everybody else it does not exist."""
    pages = Blueprint("metrics", __name__)
    made: list[CollectorRegistry] = []

    @pages.get("/metrics")
    def show() -> Response:
        if not is_welcome(settings, request.headers.get("Authorization", ""), caller_address()):
            abort(404)
        if not made:
            made.append(registry_of(database.session().get_bind().engine))
        return Response(generate_latest(made[0]), content_type=CONTENT_TYPE_LATEST)

    return pages
