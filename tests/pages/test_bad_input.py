"""Nothing a user can send makes a 5xx, and a form keeps what was typed."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.visitor import visiting

HUGE = "9" * 30


@pytest.fixture
def people(desk):
    make = desk.make
    client = make.client()
    contact, agent = make.contact(client), make.agent()
    device = make.device(client, "ios")
    ticket = make.request(contact, "device.lock", device)
    return client, contact, agent, ticket, device


@pytest.mark.parametrize(
    "path",
    [
        "/desk/tickets/a%00b",
        "/desk/tickets/%F0%9F%98%80",
        "/desk/devices/?q=%00%27%22&cursor=zzzz",
        "/desk/tickets/?cursor=WzFd&q=%27%29%3B--&state=x&priority=%00",
        "/desk/tickets/?q=" + "a%20" * 300,
        "/desk/devices/?q=" + "%27%3A%2A%20%26%20%21" * 20,
        "/desk/ask/action/device.nothing",
        "/desk/ask/poem",
        "/desk/ask/action/device.lock?device=%00&q=%00",
        "/desk/clients/%00",
        "/desk/nowhere",
    ],
)
def test_odd_addresses_are_answered(desk, people, path):
    with visiting(desk, people[2]) as visitor:
        assert visitor.get(path).status_code < 500


def test_odd_posts_are_answered(desk, people):
    ticket = people[3]
    with visiting(desk, people[2]) as visitor:
        page = visitor.get(f"/desk/tickets/{ticket.reference}")
        order = page.text.split("/desk/orders/")[1].split('"')[0]
        for path, data in (
            (f"/desk/tickets/{ticket.reference}/move", {"move": "fly"}),
            (f"/desk/tickets/{ticket.reference}/move", {"move": "confirm"}),
            (f"/desk/tickets/{ticket.reference}/messages", {"body": "\x00"}),
            (f"/desk/tickets/{ticket.reference}/messages", {"body": "", "move": "resolve"}),
            (f"/desk/tickets/{ticket.reference}/assignment", {"assignee": HUGE, "queue": "x"}),
            (f"/desk/tickets/{ticket.reference}/rating", {"rating": "99"}),
            (f"/desk/tickets/{ticket.reference}/relations", {"other": "\x00"}),
            (f"/desk/orders/{order}/commands/{HUGE}/settle", {"happened": "yes"}),
            (f"/desk/orders/{order}/retry", {}),
            ("/language", {"language": "xx", "next": "//evil.example"}),
        ):
            answer = visitor.post(path, **data)
            assert answer.status_code < 500, (path, answer.status_code)
            assert "evil.example" not in answer.headers.get("Location", "")
        unprotected = visitor.http.post(f"/desk/tickets/{ticket.reference}/move", data={})
        assert unprotected.status_code == 400


def test_a_refused_message_is_kept_with_the_reason_beside_it(desk, people):
    ticket = people[3]
    with visiting(desk, people[2]) as visitor:
        visitor.get(f"/desk/tickets/{ticket.reference}")
        answer = visitor.http.post(
            f"/desk/tickets/{ticket.reference}/messages",
            data={"csrf_token": visitor.token, "body": "Keep these words"},
            files={"files": ("tool.exe", b"MZ\x90\x00" + bytes(200))},
        )
        assert answer.status_code == 422
        assert "Keep these words" in answer.text
        assert "tool.exe" in answer.text


@pytest.mark.parametrize(
    ("name", "content", "stored"),
    [
        ("a.txt", b"plain words", True),
        ("photo.png", b"\x89PNG\r\n\x1a\n" + bytes(60), True),
        ("page.html", b"<html><script>1</script></html>", False),
        ("picture.svg", b"<svg onload='x'/>", False),
        ("fake.png", b"<script>alert(1)</script>", False),
        ("../../etc/passwd.txt", b"root", True),
        ("empty.txt", b"", False),
    ],
)
def test_files_are_judged_by_content_and_come_back_as_downloads(
    desk, people, name, content, stored
):
    ticket = people[3]
    with visiting(desk, people[1]) as visitor:
        path = f"/portal/tickets/{ticket.reference}"
        visitor.get(path)
        answer = visitor.http.post(
            f"{path}/messages",
            data={"csrf_token": visitor.token, "body": "see file"},
            files={"files": (name, content)},
        )
        assert answer.status_code == (302 if stored else 422), answer.text[-500:]
        if stored:
            page = visitor.get(path).text
            link = page.rsplit("/files/", 1)[1].split('"')[0]
            file = visitor.get(f"{path}/files/{link}")
            assert file.content == content
            assert file.headers["Content-Disposition"].startswith("attachment")
            assert ".." not in file.headers["Content-Disposition"]


def test_the_api_answers_odd_bodies_with_problems(desk, people):
    api = desk.api(people[1])
    bodies = (
        b"",
        b"{",
        b"[]",
        b'"x"',
        b'{"kind": "request", "subject": "\\ud800", "description": "\\u0000"}',
        json.dumps({"kind": "query", "subject": "x" * 100_000, "description": "y"}).encode(),
        json.dumps(
            {"kind": "query", "subject": "a", "description": "b", "devices": [HUGE]}
        ).encode(),
    )
    for body in bodies:
        answer = api.post("/tickets", content=body, headers={"Content-Type": "application/json"})
        assert 400 <= answer.status_code < 500, (body[:60], answer.status_code)
        assert answer.headers["Content-Type"] == "application/problem+json"
    assert api.get("/tickets", headers={"Authorization": "Bearer nonsense"}).status_code == 401
    assert api.request("DELETE", "/tickets").status_code == 405


def test_two_repeats_at_once_open_one_ticket(desk, people):
    api = desk.api(people[1])
    body = {"kind": "query", "subject": "once", "description": "only"}

    def send(_number: int):
        return api.post("/tickets", json=body, headers={"Idempotency-Key": "same"})

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(send, range(8)))
    assert {answer.status_code for answer in answers} <= {201, 409}
    assert len({a.json()["reference"] for a in answers if a.status_code == 201}) == 1


def test_somebody_locked_out_is_told_when_to_come_back(desk):
    agent = desk.make.agent()
    with visiting(desk, agent) as visitor:
        visitor.post("/sign-out")
        visitor.get("/sign-in")
        for _ in range(12):
            refused = visitor.post("/sign-in", email=agent.email, password="wrong")
    assert refused.status_code == 429
    assert 0 < int(refused.headers["Retry-After"]) <= 15 * 60
