"""One word finds a ticket's work in all processes' logs, and no log tells a secret or a place."""

from __future__ import annotations

import json
import re

import pytest
from sqlalchemy import select, text

from servicedesk.core import database
from servicedesk.core.audit import AuditEntry, verify
from servicedesk.devices.commands import CommandBatch
from servicedesk.orders.positions.models import PLACE, DevicePosition
from tests.desk_on_loopback import PASSWORD, client_at, until
from tests.visitor import visiting


def logs(desk) -> dict[str, str]:
    return {path.stem: path.read_text(errors="replace") for path in desk.folder.glob("*.log")}


def lines(desk, name: str, *words: str) -> list[str]:
    return [line for line in logs(desk)[name].splitlines() if all(word in line for word in words)]


def ask(desk, contact, device, code: str, parameters: dict[str, str]) -> dict:
    body = {
        "kind": "request",
        "subject": "Canary-Subject",
        "description": "Canary-Description",
        "impact": "low",
        "urgency": "high",
        "action": {
            "code": code,
            "targets": {"devices": [device.reference]},
            "parameters": parameters,
        },
    }
    opened = desk.api(contact).post("/tickets", json=body, headers={"Idempotency-Key": code})
    assert opened.status_code == 201, opened.text
    return opened.json()


@pytest.fixture
def locked(desk):
    """Who asked for a lock, who executed it, and the number the execution was answered with."""
    client = desk.make.client()
    contact, agent = desk.make.contact(client), desk.make.agent()
    device = desk.make.device(client, "ios")
    desk.enrol(device)
    ticket = ask(desk, contact, device, "device.lock", {"message": "Call us"})
    order = ticket["work_orders"][0]["reference"]
    working = desk.api(agent)
    working.post(f"/tickets/{ticket['reference']}/transitions", json={"transition": "take"})
    executed = working.post(f"/work-orders/{order}/execute")
    assert executed.status_code == 200
    until(lambda: working.get(f"/work-orders/{order}").json()["state"] == "done")
    return agent, order, executed.headers["X-Request-ID"]


def test_a_ticket_is_followed_from_the_click_to_the_engines_answer(desk, locked):
    agent, order, number = locked
    clicked = f"trace={number}"

    (request,) = lines(desk, "web", "servicedesk.access", clicked)
    assert "endpoint=api-work-orders.Execution" in request or "execut" in request.lower()
    assert f"user_id={agent.user_id}" in request
    assert "role=agent" in request
    assert re.search(r"ms=\d", request)
    (call,) = lines(desk, "worker", "engine called", clicked)
    assert "outcome=accepted" in call
    until(lambda: lines(desk, "worker", "job done", "devices.send_commands", clicked))
    # the answer came as a request of its own, or was asked for by a job of its own
    (answer,) = lines(desk, "web", "command answered", clicked) or lines(
        desk, "worker", "command answered", clicked
    )
    assert "state=acknowledged" in answer
    # and the mail that says so
    until(lambda: lines(desk, "worker", "job done", "mail.send", clicked), what="mail")
    session = database.session()
    session.rollback()
    acts = set(
        session.scalars(select(AuditEntry.act).where(AuditEntry.payload.contains(number))).all()
    )
    assert {"orders.execute", "devices.send_command"} & acts == {"orders.execute"} & acts
    assert "orders.execute" in acts
    assert len(acts) >= 2, "what followed of it is under the same identity"
    assert session.scalars(select(CommandBatch.trace).where(CommandBatch.trace == number)).all()
    of_it = select(AuditEntry).where(AuditEntry.act == "orders.execute")
    entry = session.scalars(of_it.where(AuditEntry.payload.contains(number))).one()
    assert json.loads(entry.payload)["trace"] == number
    assert verify(session) == []
    session.rollback()
    assert order


def test_a_number_is_taken_from_no_stranger(desk):
    with client_at(desk.address) as http:
        answer = http.get("/sign-in", headers={"X-Request-ID": "chosen-by-a-stranger"})
    assert answer.headers["X-Request-ID"] != "chosen-by-a-stranger"
    assert not lines(desk, "web", "chosen-by-a-stranger")


def test_no_log_tells_a_secret_a_person_or_a_place(desk):
    client = desk.make.client(name="Canary-Client")
    contact, agent = desk.make.contact(client), desk.make.agent()
    device = desk.make.device(client, "ios")
    desk.enrol(device)
    token = desk.token(contact)
    desk.api(contact, token)
    ticket = ask(desk, contact, device, "device.locate", {"purpose": "Canary-Purpose"})
    order = ticket["work_orders"][0]["reference"]
    assert desk.api(agent).post(f"/work-orders/{order}/execute").status_code == 200
    session = database.session()

    def position():
        session.rollback()
        return session.execute(
            select(DevicePosition.latitude, DevicePosition.longitude).where(
                DevicePosition.device_id == device.id
            )
        ).first()

    latitude, longitude = until(position)
    session.rollback()
    with visiting(desk, contact) as visitor:
        visitor.get("/portal/tickets/?q=Canary-Search")
        visitor.get("/portal/tickets/Canary-Path")
    with client_at(desk.address) as http:
        http.post("/sign-in", data={"email": contact.email, "password": "Canary-Password"})
        http.get("/api/v1/tickets", headers={"Authorization": "Bearer Canary-Token-0123456789"})
    fail_a_job_with(desk, contact.email)
    until(lambda: lines(desk, "worker", "job failed"), what="a job that fails")

    told = "\n".join(logs(desk).values())
    assert "servicedesk.access" in told
    secrets = [PASSWORD, token, contact.email, agent.email, "Canary-"]
    secrets += [desk.environment["SECRET_KEY"], desk.environment["SANDBOX_KEY"]]
    secrets += [f"{abs(latitude):.5f}", f"{abs(longitude):.5f}"]  # with less, a time is one too
    assert PLACE
    for secret in secrets:
        assert secret not in told, secret


def fail_a_job_with(desk, email: str) -> None:
    """Have a worker fail at something whose error quotes a person."""
    del desk
    session = database.session()
    arguments = json.dumps({"mail_id": f"Canary-Argument {email}"})
    session.connection().execute(text("RESET ROLE"))
    session.execute(
        text("SELECT desk_enqueue('mail', 'mail.send', NULL, NULL, CAST(:told AS jsonb), NULL)"),
        {"told": arguments},
    )
    session.commit()
