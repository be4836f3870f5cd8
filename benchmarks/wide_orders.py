"""An order for 20,000 devices: how long until it is accepted, and until its first stage is queued."""

from __future__ import annotations

import statistics
import time
from typing import TYPE_CHECKING, Any

from sqlalchemy import create_engine, text

from servicedesk.core import database
from servicedesk.core.actors import SYSTEM
from servicedesk.orders.queries import order_view

if TYPE_CHECKING:
    from flask import Flask

WIDE = 20_000
ROUNDS = 5
AIM = 2000  # ms
AT_ONCE = {"stages": [{"size": "100 %"}]}

STATEMENTS = (
    """INSERT INTO device_group (client_id, name) VALUES (2, 'Everybody')""",
    """INSERT INTO device (client_id, reference, name, serial, imei, phone_number, platform,
           os_version, manufacturer, model, ownership, management, state, engine_id, external_id,
           enrolled_at, last_contact_at)
       SELECT 2, 'DEV-W' || n, 'XCover7 ' || n, 'WID' || n, '36' || n, '', 'android',
           (ARRAY['14', '15', '7'])[1 + n % 3], 'Samsung', 'Galaxy XCover7', 'corporate',
           'fully_managed', 'enrolled', 1, 'wide' || n, now(), now() - n * interval '1 minute'
       FROM generate_series(1, :wide) n""",
    """INSERT INTO device_group_member (group_id, device_id, client_id)
       SELECT g.id, d.id, 2 FROM device d JOIN device_group g ON g.name = 'Everybody'
       WHERE d.reference LIKE 'DEV-W%'""",
    """INSERT INTO "user" (email, name, role, language, time_zone, is_active, session_version,
           created_at)
       VALUES ('wide@bench.test', 'Wide', 'contact', 'es', 'Europe/Madrid', true, 1, now())""",
    """INSERT INTO authorised_contact (user_id, client_id, phone)
       SELECT id, 2, '' FROM "user" WHERE email = 'wide@bench.test'""",
)


def measure_wide_order(app: Flask, token: str, owner_address: str) -> None:
    """Print the time to ask for a message to 20,000 devices, and to execute and look at the order.

    Executed is its canary, or everything at once where the plan was changed to that.
    """
    engine = create_engine(owner_address)
    with engine.begin() as connection:
        for statement in STATEMENTS:
            connection.execute(text(statement), {"wide": WIDE} if ":wide" in statement else {})
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("VACUUM ANALYZE"))
    engine.dispose()
    client, headers = app.test_client(), {"Authorization": f"Bearer {token}"}
    body = {
        "kind": "request",
        "subject": "Aviso",
        "description": "A todos.",
        "client": "CLI-B2",
        "action": {
            "code": "device.push_message",
            "targets": {"groups": ["Everybody"]},
            "parameters": {"text": "Mañana hay simulacro."},
        },
    }
    names = ("asked for", "executed", "executed at once", "looked at", "progress")
    times: dict[str, list[float]] = {name: [] for name in names}

    def timed(name: str, method: str, path: str, status: int, **options: Any) -> Any:
        began = time.perf_counter()
        answer = client.open(f"/api/v1{path}", method=method, headers=headers, **options)
        times[name].append((time.perf_counter() - began) * 1000)
        if answer.status_code != status:
            raise RuntimeError(answer.text[:300])
        return answer.get_json()

    for number in range(2 * ROUNDS):
        ticket = timed("asked for", "POST", "/tickets", 201, json=body)
        path = f"/work-orders/{ticket['work_orders'][0]['reference']}"
        at_once = number % 2
        if at_once:
            client.post(f"/api/v1{path}/plan", headers=headers, json=AT_ONCE)
        timed("executed at once" if at_once else "executed", "POST", f"{path}/execute", 200)
        timed("looked at", "GET", path, 200)
        times["progress"].append(_progress(app, path.rsplit("/", 1)[1]))
    print(f"an order for {WIDE:,} devices, every one in the answer; medians of {ROUNDS}")
    for name, measured in times.items():
        aim = AIM if name == "asked for" else ""
        print(f"{'wide order: ' + name:28}{statistics.median(measured):8.0f}{'':23}{aim:>6}")


def _progress(app: Flask, order: str) -> float:
    """Return the milliseconds of what the page asks for again and again."""
    with app.app_context(), database.acting_as(SYSTEM):
        began = time.perf_counter()
        order_view(SYSTEM, order)
        taken = (time.perf_counter() - began) * 1000
        database.session().rollback()
    return taken
