"""The same job for programs."""

from __future__ import annotations

from tests.desk_on_loopback import PASSWORD, until


def test_a_request_goes_from_opened_to_closed(desk):
    make = desk.make
    client = make.client()
    contact, agent = make.contact(client), make.agent()
    devices = [make.device(client, kind) for kind in ("ios", "android", "old")]
    desk.enrol(*devices)
    # one of them as whoever runs the desk gets it for a program
    asking = desk.api(contact, desk.token_of_the_command_line(contact))
    working = desk.api(agent)
    body = {
        "kind": "request",
        "subject": "Lock them",
        "description": "Lost on the train.",
        "impact": "low",
        "urgency": "high",
        "action": {
            "code": "device.lock",
            "targets": {"devices": [device.reference for device in devices]},
            "parameters": {"message": "Call us"},
        },
    }

    opened = asking.post("/tickets", json=body, headers={"Idempotency-Key": "once"})
    assert opened.status_code == 201, opened.text
    again = asking.post("/tickets", json=body, headers={"Idempotency-Key": "once"})
    ticket = opened.json()
    assert again.json()["reference"] == ticket["reference"]
    assert (ticket["state"], ticket["priority"]) == ("new", "medium")
    assert ticket["sla"]["resolution_due"]
    (order,) = ticket["work_orders"]
    verdicts = {verdict["device"]: verdict["possible"] for verdict in order["verdicts"]}
    assert list(verdicts.values()).count(True) == 2
    assert not verdicts[devices[2].reference]

    assert asking.post(f"/work-orders/{order['reference']}/execute").status_code == 403
    taken = working.post(f"/tickets/{ticket['reference']}/transitions", json={"transition": "take"})
    assert taken.json()["state"] == "in_progress"
    assert working.post(f"/work-orders/{order['reference']}/execute").status_code == 200

    def done():
        found = working.get(f"/work-orders/{order['reference']}").json()
        return found["state"] == "done" and found

    finished = until(done)
    assert [command["state"] for command in finished["commands"]] == ["acknowledged"] * 2
    assert asking.get(f"/tickets/{ticket['reference']}").json()["state"] == "resolved"
    closed = asking.post(
        f"/tickets/{ticket['reference']}/transitions", json={"transition": "confirm"}
    )
    assert closed.json()["state"] == "closed"
    # the contact was told by mail that it was received, and that it was solved
    until(lambda: len(mails_about(desk, ticket["reference"])) >= 2, what="mails")


def mails_about(desk, reference: str) -> list[str]:
    found = [path.read_text() for path in (desk.folder / "mail").glob("[0-9]*.eml")]
    return [mail for mail in found if reference in mail and "multipart/alternative" in mail]


def test_full_wipe_is_refused_to_its_own_author(desk):
    make = desk.make
    client = make.client()
    make.contact(client)
    author, other = make.agent(), make.agent()
    device = make.device(client, "android")
    desk.enrol(device)
    order = make.request(author, "device.full_wipe", device)
    reference = (
        desk.api(author).get(f"/tickets/{order.reference}").json()["work_orders"][0]["reference"]
    )
    desk.give_password(author, other)
    proof = {"password": PASSWORD, "confirmation": device.serial[-4:]}
    refused = desk.api(author).post(f"/work-orders/{reference}/approve", json=proof)
    assert refused.status_code == 403
    assert refused.headers["Content-Type"] == "application/problem+json"
    assert refused.json()["type"] == "/problems/own-approval"
    assert desk.api(author).post(f"/work-orders/{reference}/execute").status_code == 409
    alone = desk.api(other).post(f"/work-orders/{reference}/approve", json={})
    assert (alone.status_code, alone.json()["type"]) == (403, "/problems/proof-needed")
    guessed = {"password": PASSWORD, "confirmation": "0000"}
    unsure = desk.api(other).post(f"/work-orders/{reference}/approve", json=guessed)
    assert (unsure.status_code, unsure.json()["type"]) == (422, "/problems/not-confirmed")
    assert desk.api(other).post(f"/work-orders/{reference}/approve", json=proof).status_code == 200
    assert desk.api(author).post(f"/work-orders/{reference}/execute").status_code == 200
    until(lambda: desk.api(other).get(f"/work-orders/{reference}").json()["state"] == "done")


def test_faults_are_problems_and_other_clients_do_not_exist(desk):
    make = desk.make
    mine, theirs = make.client(), make.client()
    contact, other = make.contact(mine), make.contact(theirs)
    device = make.device(theirs, "ios")
    ticket = make.request(other, "device.lock", device)
    api = desk.api(contact)
    order = desk.api(other).get(f"/tickets/{ticket.reference}").json()["work_orders"][0]
    for path in (
        f"/tickets/{ticket.reference}",
        f"/devices/{device.reference}",
        f"/work-orders/{order['reference']}",
        "/tickets/PET-2026-999999",
    ):
        answer = api.get(path)
        assert (answer.status_code, answer.json()["type"]) == (404, "/problems/not-found")
    body = {
        "kind": "request",
        "subject": "x",
        "description": "x",
        "action": {"code": "device.lock", "targets": {"devices": [device.reference]}},
    }
    refused = api.post("/tickets", json=body)
    assert refused.status_code == 422
    assert refused.json()["errors"][0]["field"] == "action.targets.devices"
    nameless = api.post("/tickets", json={"kind": "request"})
    assert {fault["field"] for fault in nameless.json()["errors"]} == {"subject", "description"}
    assert [client["reference"] for client in api.get("/clients").json()["items"]] == [
        mine.reference
    ]
