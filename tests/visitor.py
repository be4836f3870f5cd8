"""Somebody signed in without a browser: cookies, protected forms, plain requests."""

from __future__ import annotations

import re
from contextlib import contextmanager
from typing import TYPE_CHECKING

from tests.desk_on_loopback import PASSWORD, client_at

if TYPE_CHECKING:
    from collections.abc import Iterator

    import httpx

    from servicedesk.core.actors import Actor
    from tests.desk_on_loopback import Desk

TOKEN = re.compile(r'name="csrf_token"[^>]*value="([^"]+)"')


class Visitor:
    """A signed-in person's requests."""

    def __init__(self, http: httpx.Client) -> None:
        self.http = http
        self.token = ""

    def get(self, path: str, **options: object) -> httpx.Response:
        answer = self.http.get(path, **options)
        if found := TOKEN.search(answer.text):
            self.token = found[1]
        return answer

    def post(self, path: str, **data: object) -> httpx.Response:
        return self.http.post(path, data={"csrf_token": self.token, **data})


@contextmanager
def visiting(desk: Desk, person: Actor) -> Iterator[Visitor]:
    """Sign a person in until the block ends."""
    desk.give_password(person)
    with client_at(desk.address) as http:
        visitor = Visitor(http)
        visitor.get("/sign-in")
        entered = visitor.post("/sign-in", email=person.email, password=PASSWORD)
        assert entered.status_code == 302, entered.text
        visitor.get("/account/")
        yield visitor
