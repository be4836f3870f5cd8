"""A door for Prometheus in a worker or a clock, for hosts where no web server stands."""

from __future__ import annotations

import threading
from socketserver import ThreadingMixIn
from typing import TYPE_CHECKING
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from servicedesk.core.database import session
from servicedesk.monitoring.gauges import is_welcome, registry_of

if TYPE_CHECKING:
    from collections.abc import Iterable
    from wsgiref.types import StartResponse, WSGIEnvironment

    from flask import Flask

    from config import Settings


class Threaded(ThreadingMixIn, WSGIServer):
    """One caller does not wait for another."""

    daemon_threads = True


class Quiet(WSGIRequestHandler):
    """Says nothing of each call, and waits for nobody who says nothing."""

    timeout = 10

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  the parent's name
        """Say nothing."""


def open_metrics_door(app: Flask, settings: Settings) -> None:
    """Answer /metrics on METRICS_PORT from a thread; nothing happens where that is not set."""
    if settings.metrics_port is None:
        return
    with app.app_context():
        registry = registry_of(session().get_bind().engine)

    def answer(environ: WSGIEnvironment, start: StartResponse) -> Iterable[bytes]:
        told = environ.get("HTTP_AUTHORIZATION", "")
        address = environ.get("REMOTE_ADDR", "")
        if environ["PATH_INFO"] != "/metrics" or not is_welcome(settings, told, address):
            start("404 Not Found", [("Content-Type", "text/plain")])
            return [b"not found\n"]
        start("200 OK", [("Content-Type", CONTENT_TYPE_LATEST), ("Cache-Control", "no-store")])
        with app.app_context():
            return [generate_latest(registry)]

    server = make_server(
        settings.host, settings.metrics_port, answer, server_class=Threaded, handler_class=Quiet
    )
    threading.Thread(target=server.serve_forever, name="metrics", daemon=True).start()
