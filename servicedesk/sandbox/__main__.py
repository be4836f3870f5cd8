"""Run the sandbox: `python -m servicedesk.sandbox --port 8001 --state FILE --callback-url URL`."""

from __future__ import annotations

import argparse
import hashlib
import hmac
import json
import logging
import os
import signal
import threading
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
from werkzeug.serving import WSGIRequestHandler, make_server

from servicedesk.sandbox import behaviour
from servicedesk.sandbox.server import Control, create_server
from servicedesk.sandbox.store import Store

if TYPE_CHECKING:
    import sqlite3
    from types import FrameType

TICK = 0.05  # seconds between looks at what is due
TRIES = 6


class Quiet(WSGIRequestHandler):
    """One log line a request is more than anybody reads."""

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Say nothing."""


def act(store: Store, seed: int, stop: threading.Event) -> None:
    """Have the devices do what is due, until told to stop."""
    while not stop.wait(TICK):
        now = time.time()
        for step in store.due_steps(now):
            store.take(step, now, _result(store, step, seed))


def _result(store: Store, step: sqlite3.Row, seed: int) -> dict[str, object] | None:
    """Return what a device gives back with its answer."""
    if step["state"] != "acknowledged":
        return None
    if step["type"] == "Locate":
        return behaviour.position(step["device"], seed, datetime.now(UTC))
    if step["type"] == "ApplyPolicy":
        device = store.device(step["device"]) or {}
        return {"policy": behaviour.applied(device, json.loads(step["parameters"]))}
    return None


def tell(store: Store, url: str, key: str, stop: threading.Event) -> None:
    """Send signed notifications; one that is not taken is tried again with growing waits."""
    with httpx.Client(timeout=5.0, trust_env=False) as http:
        while not stop.wait(TICK):
            for row in store.due_notifications(time.time()):
                if _send(http, url, key, row["body"].encode()) or row["tries"] >= TRIES:
                    store.told(row["id"])
                else:
                    store.tell_later(row["id"], time.time() + 2.0 ** row["tries"])
                if stop.is_set():
                    return


def _send(http: httpx.Client, url: str, key: str, body: bytes) -> bool:
    stamp = str(int(time.time()))
    signature = hmac.new(key.encode(), stamp.encode() + b"." + body, hashlib.sha256).hexdigest()
    headers = {
        "Content-Type": "application/json",
        "X-Sandbox-Timestamp": stamp,
        "X-Sandbox-Signature": signature,
    }
    try:
        return http.post(url, content=body, headers=headers).is_success
    except httpx.HTTPError:
        return False


def arguments() -> argparse.Namespace:
    """Read the command line; the key comes from the environment, where no process list shows it."""
    parser = argparse.ArgumentParser(prog="sandbox")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--state", type=Path, required=True)
    parser.add_argument("--callback-url", required=True)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument(
        "--delay-scale", type=float, default=float(os.environ.get("SANDBOX_DELAY_SCALE", "1"))
    )
    return parser.parse_args()


def main() -> None:
    """Serve until SIGINT or SIGTERM."""
    options = arguments()
    key = os.environ["SANDBOX_KEY"]
    store = Store(options.state)
    logging.getLogger("httpx").setLevel(logging.WARNING)
    app = create_server(store, key, options.seed, Control(delay_scale=options.delay_scale))
    server = make_server(options.host, options.port, app, threaded=True, request_handler=Quiet)
    stop = threading.Event()
    threads = [
        threading.Thread(target=act, args=(store, options.seed, stop)),
        threading.Thread(target=tell, args=(store, options.callback_url, key, stop)),
    ]

    def finish(signum: int, frame: FrameType | None) -> None:
        del signum, frame
        stop.set()
        threading.Thread(target=server.shutdown).start()

    signal.signal(signal.SIGINT, finish)
    signal.signal(signal.SIGTERM, finish)
    for thread in threads:
        thread.start()
    server.serve_forever(poll_interval=0.1)
    for thread in threads:
        thread.join()


if __name__ == "__main__":
    main()
