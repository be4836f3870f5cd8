"""The database goes away under load and comes back: 503 meanwhile, and everything goes on by itself."""

from __future__ import annotations

import threading
import time
from collections import Counter
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import create_engine, text

from servicedesk.core import embedded_postgres
from servicedesk.core.embedded_postgres import _pg_ctl, _privileges, _run
from tests.conftest import running_copy
from tests.desk_on_loopback import client_at, desk_on, until
from tests.visitor import visiting

if TYPE_CHECKING:
    import httpx

AWAY = 4.0  # seconds; a whole minute shows the same
LONGEST = 6.0  # seconds that anybody may have to wait for an answer
BACK = 5.0  # seconds after its return in which an answer may still be 503
CALLERS = 8


@pytest.fixture
def desk_of_its_own(pristine, tmp_path):
    """A desk on a server that the test may stop."""
    home, folder = tmp_path / "server", tmp_path / "desk"
    home.mkdir()
    folder.mkdir()
    with (
        running_copy(pristine, home),
        desk_on(embedded_postgres.url(home), folder, with_worker=False) as desk,
    ):
        yield desk, home


def stop_at_once(home) -> None:
    """End the server as a crash would: no connection is said goodbye to."""
    folder = home / "postgres"
    command = [*_privileges(folder), *_pg_ctl("stop", folder, 10), "-m", "immediate"]
    assert _run(command).returncode == 0


class Callers:
    """People who ask again and again, each with a session of their own."""

    def __init__(self, desk, cookies, token: str) -> None:
        self.desk, self.cookies, self.token = desk, cookies, token
        self.seen: list[tuple[float, float, int, httpx.Headers]] = []
        self.stop = threading.Event()
        self.threads = [threading.Thread(target=self.ask, args=(n,)) for n in range(CALLERS)]

    def ask(self, number: int) -> None:
        paths = ("/desk/", "/desk/tickets/", "/api/v1/tickets", "/desk/devices/")
        with client_at(self.desk.address, cookies=self.cookies) as http:
            while not self.stop.is_set():
                path = paths[number % len(paths)]
                headers = {"Authorization": f"Bearer {self.token}"} if "/api/" in path else {}
                began = time.monotonic()
                answer = http.get(path, headers=headers)
                self.seen.append(
                    (began, time.monotonic() - began, answer.status_code, answer.headers)
                )
                self.stop.wait(0.02)

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_error):
        self.stop.set()
        for thread in self.threads:
            thread.join(30)

    def statuses(self, since: float, until_: float) -> Counter[int]:
        return Counter(status for began, _, status, _ in self.seen if since <= began < until_)


def test_requests_answer_503_while_the_database_is_away_and_200_when_it_is_back(desk_of_its_own):
    desk, home = desk_of_its_own
    agent = desk.make.agent()
    token = desk.token(agent)
    with visiting(desk, agent) as visitor:
        cookies = visitor.http.cookies
        with Callers(desk, cookies, token) as callers:
            until(lambda: len(callers.seen) > 50, what="load")
            desk.let_go()
            gone = time.monotonic()
            stop_at_once(home)
            stopped = time.monotonic()
            refused = until(lambda: callers.statuses(stopped, time.monotonic())[503] > 20)
            assert refused
            page = visitor.http.get("/desk/")
            problem = visitor.http.get(
                "/api/v1/tickets", headers={"Authorization": f"Bearer {token}"}
            )
            told = visitor.http.get("/metrics").text
            callers.stop.wait(max(AWAY - (time.monotonic() - gone), 0))
            embedded_postgres.ensure_running(home)
            back = time.monotonic()
            until(lambda: callers.statuses(back + BACK, time.monotonic()).total() > 20)
        ended = time.monotonic()

    assert page.status_code == 503
    assert page.headers["Retry-After"] == "5"
    assert page.headers["X-Request-ID"] in page.text
    assert problem.status_code == 503
    assert problem.headers["Content-Type"] == "application/problem+json"
    assert problem.json()["type"] == "/problems/database-away"
    assert "\ndesk_database_up 0.0\n" in told
    everything = callers.statuses(0, ended)
    assert set(everything) == {200, 503}, everything
    assert callers.statuses(stopped, back - 0.5).keys() == {503}
    assert callers.statuses(back + BACK, ended).keys() == {200}
    assert max(seconds for _, seconds, _, _ in callers.seen) < LONGEST


def test_the_first_request_after_a_restart_in_the_night_finds_no_connection_of_before(
    desk_of_its_own,
):
    desk, home = desk_of_its_own
    agent = desk.make.agent()
    token = desk.token(agent)
    with visiting(desk, agent) as visitor:
        with Callers(desk, visitor.http.cookies, token) as callers:
            until(lambda: len(callers.seen) > 50, what="connections in every process")
        desk.let_go()
        stop_at_once(home)
        embedded_postgres.ensure_running(home)

        with Callers(desk, visitor.http.cookies, token) as callers:
            until(lambda: len(callers.seen) > 50)

    assert {status for _, _, status, _ in callers.seen} == {200}


def test_a_process_whose_database_is_away_has_counted_nobody_twice(desk_of_its_own):
    desk, _ = desk_of_its_own
    with client_at(desk.address) as http:
        until(lambda: "desk_database_up 1.0" in http.get("/metrics").text)
        told = http.get("/metrics").text
    engine = create_engine(desk.environment["DATABASE_URL"])
    with engine.connect() as connection:
        connections = connection.execute(
            text("SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()")
        ).scalar_one()
    engine.dispose()
    opened = float(told.split('desk_database_connections{state="open"} ')[1].split("\n")[0])
    assert 1 <= opened <= connections
