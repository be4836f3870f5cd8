"""Clocks that are killed, stopped, cut off or told a wrong time: one ticks, and no other wrote after it."""

from __future__ import annotations

import signal
import subprocess
import sys
import time

import pytest
from sqlalchemy import NullPool, create_engine, text

from config import ROOT
from servicedesk.core import embedded_postgres
from servicedesk.core.clock_lease import leader
from tests import ticking_process
from tests.conftest import copied_database
from tests.desk_on_loopback import until
from tests.relay import relay_to

TAKEN_OVER = 10  # seconds, as promised
START = 10  # seconds until a process stands for election
# rows are numbered within their transactions, which come one after another
OUT_OF_TURN = """
SELECT count(*) FROM (SELECT term, lag(term) OVER (ORDER BY id) AS before FROM beaten) AS told
 WHERE term < before
"""
TWO_TERMS_OF_TWO = (
    "SELECT count(*) FROM (SELECT term FROM beaten GROUP BY 1 HAVING count(DISTINCT pid) > 1) t"
)

CONNECTED = """
SELECT count(*) FROM pg_stat_activity
 WHERE application_name = 'servicedesk clock' AND datname = current_database()
"""


class Clocks:
    """Some clock processes on one database, and what they wrote there."""

    def __init__(self, address: str) -> None:
        self.address = address
        self.engine = create_engine(address, poolclass=NullPool)
        self.processes: list[subprocess.Popen] = []
        with self.engine.begin() as connection:
            connection.execute(text(ticking_process.TABLE))

    def start(self, *options: str, address: str = "") -> subprocess.Popen:
        command = [sys.executable, "-m", "tests.ticking_process", address or self.address, *options]
        self.processes.append(subprocess.Popen(command, cwd=ROOT))
        return self.processes[-1]

    def ask(self, question: str, **facts: object):
        with self.engine.connect() as connection:
            return connection.execute(text(question), facts).scalar()

    def leader(self):
        with self.engine.connect() as connection:
            return leader(connection)

    def beats_of(self, process: subprocess.Popen) -> int:
        return self.ask("SELECT count(*) FROM beaten WHERE pid = :pid", pid=process.pid)

    def leading(self) -> subprocess.Popen:
        """Wait until one leads and has written, and return it."""
        return until(self._leading, what="a clock to be elected")

    def _leading(self) -> subprocess.Popen | None:
        found = self.leader()
        pid = found and found.is_held and int(found.holder.split(":")[1])
        mine = [process for process in self.processes if process.pid == pid]
        written = mine and self.ask("SELECT count(*) FROM beaten WHERE term = :t", t=found.term)
        return mine[0] if written else None

    def taken_over_by(self, other: subprocess.Popen) -> float:
        """Return the seconds until `other` has written."""
        before, began = self.beats_of(other), time.monotonic()
        until(lambda: self.beats_of(other) > before, seconds=TAKEN_OVER, what="the other one")
        return time.monotonic() - began

    def assert_one_at_a_time(self) -> None:
        assert self.ask(OUT_OF_TURN) == 0
        assert self.ask(TWO_TERMS_OF_TWO) == 0

    def end(self) -> None:
        for process in self.processes:
            process.kill()
            process.wait()
        self.engine.dispose()


@pytest.fixture
def clocks(instance, migrated):
    """Clocks on a database of their own."""
    with copied_database(instance, migrated) as address:
        clocks = Clocks(address)
        yield clocks
        clocks.end()


def two(clocks: Clocks, *options: str) -> tuple[subprocess.Popen, subprocess.Popen]:
    """Start two and return the elected one first."""
    return in_turn(clocks, clocks.start(*options), clocks.start(*options))


def in_turn(clocks: Clocks, *pair: subprocess.Popen) -> tuple[subprocess.Popen, subprocess.Popen]:
    """Wait until one is elected and the other stands by to take over."""
    first = clocks.leading()
    (other,) = set(pair) - {first}
    until(lambda: clocks.ask(CONNECTED) == 2, what="the other one to stand by")
    return first, other


def test_another_takes_over_within_ten_seconds_when_the_clock_is_killed(clocks):
    first, other = two(clocks)
    assert clocks.beats_of(other) == 0

    first.kill()

    clocks.taken_over_by(other)
    clocks.assert_one_at_a_time()


def test_a_clock_that_is_told_to_end_hands_over_at_once(clocks):
    first, other = two(clocks)
    first.terminate()

    assert first.wait(10) == 0
    assert clocks.taken_over_by(other) < 4
    clocks.assert_one_at_a_time()


def test_a_clock_stopped_amid_its_writing_wakes_up_without_writing_more(clocks):
    first, other = two(clocks, "--slow", "2")
    sleeping = (
        "SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'SELECT pg_sleep%'"
        " AND state = 'active' AND datname = current_database()"
    )
    until(lambda: clocks.ask(sleeping), what="a beat that has renewed the lease and sleeps")

    first.send_signal(signal.SIGSTOP)
    stopped_at = clocks.ask("SELECT clock_timestamp()")
    clocks.taken_over_by(other)
    until(
        lambda: clocks.ask(
            "SELECT count(*) FROM beaten WHERE kind = 'slow' AND pid = :pid", pid=other.pid
        )
    )
    assert clocks.leading() is other
    first.send_signal(signal.SIGCONT)

    # awake again it stands for election, and is elected when the other one goes
    other.terminate()
    until(lambda: clocks.leading() is first, what="the first one again")
    clocks.assert_one_at_a_time()
    last = "SELECT max(term) FROM beaten WHERE pid = :pid"
    assert clocks.ask(last, pid=first.pid) > clocks.ask(last, pid=other.pid)
    late = "SELECT count(*) FROM beaten WHERE term = 1 AND at > :at"
    assert clocks.ask(late, at=stopped_at) == 0


def test_a_clock_cut_off_from_the_database_writes_nothing_when_it_is_back(clocks):
    with relay_to(clocks.address) as way:
        cut_off = clocks.start(address=way.address)
        assert clocks.leading() is cut_off
        other = clocks.start()
        until(lambda: clocks.beats_of(cut_off) > 10)

        way.cut()
        until(lambda: clocks.leading() is other, seconds=TAKEN_OVER + START)
        had, reached = clocks.beats_of(cut_off), clocks.leader().term
        way.heal()
        until(lambda: clocks.ask("SELECT count(*) FROM beaten WHERE term = :t", t=reached) > 20)

        assert clocks.beats_of(cut_off) == had
        clocks.assert_one_at_a_time()
        other.terminate()
        until(lambda: clocks.leading() is cut_off, what="the one that was cut off")
        clocks.end()


def test_clocks_find_each_other_again_when_the_server_was_restarted(own_server):
    clocks = Clocks(embedded_postgres.url(own_server))
    try:
        two(clocks)
        term = clocks.leader().term

        embedded_postgres.stop(own_server)
        embedded_postgres.ensure_running(own_server, throw_away=True)

        began = time.monotonic()
        until(lambda: clocks.leader().term > term and clocks.leading(), seconds=TAKEN_OVER)
        assert time.monotonic() - began < TAKEN_OVER
        assert [process.poll() for process in clocks.processes] == [None, None]
        clocks.assert_one_at_a_time()
    finally:
        clocks.end()


def test_a_clock_on_a_host_with_a_wrong_time_is_as_good_as_any(clocks):
    ahead, behind = clocks.start("--shift", "5"), clocks.start("--shift", "-5")
    first, other = in_turn(clocks, ahead, behind)
    until(lambda: clocks.beats_of(first) > 10)
    assert clocks.ask("SELECT min(abs(extract(epoch FROM at - host_time))) FROM beaten") > 17_000
    assert clocks.beats_of(other) == 0

    first.kill()

    clocks.taken_over_by(other)
    clocks.assert_one_at_a_time()
    assert abs(clocks.ask("SELECT extract(epoch FROM now() - elected_at) FROM clock_lease")) < 60
