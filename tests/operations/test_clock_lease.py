"""The election of the clock with several connections, and what one term may write."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from threading import Event, Thread

import pytest
import time_machine
from sqlalchemy import text
from sqlalchemy.exc import InternalError, OperationalError

from servicedesk.core import beats
from servicedesk.core.beats import BEATS, Beat, beat
from servicedesk.core.clock_lease import LEASE, elect, give_back, leader, prolong
from servicedesk.processes import scheduler
from servicedesk.processes.job_book import RESCUE
from tests.desk_on_loopback import until

WRITTEN = "SELECT count(*) FROM reference_counter"
WRITE = "INSERT INTO reference_counter (prefix, last) VALUES ('beat', 1)"


@pytest.fixture
def engine(database_address):
    engine = scheduler.engine_at(database_address)
    yield engine
    engine.dispose()


@pytest.fixture
def first(engine):
    with engine.connect() as connection:
        yield connection


@pytest.fixture
def second(engine):
    with engine.connect() as connection:
        yield connection


def candidate(connection, name: str) -> int | None:
    term = elect(connection, name)
    connection.commit()
    return term


def expire(connection, by: str = "-1 second") -> None:
    connection.execute(text(f"UPDATE clock_lease SET expires_at = now() + interval '{by}'"))
    connection.commit()


def clock_on(connection, name: str) -> scheduler.Clock:
    return scheduler.Clock(connection, name, candidate(connection, name))


def ask(connection, question: str) -> object:
    found = connection.execute(text(question)).scalar()
    connection.commit()
    return found


def jobs(connection) -> list[tuple[str, int]]:
    rows = connection.execute(text("SELECT queueing_lock, priority FROM procrastinate_jobs")).all()
    connection.commit()
    return [tuple(row) for row in rows]


# who is elected


def test_one_is_elected_and_the_other_only_when_the_lease_has_run_out(first, second):
    assert candidate(first, "one") == 1
    assert candidate(second, "two") is None
    expire(second)

    assert candidate(second, "two") == 2
    assert not prolong(first, "one", 1)


def test_renewing_moves_the_end_by_the_time_of_the_database(first):
    candidate(first, "one")
    expire(first, "1 second")

    with time_machine.travel("2001-01-01"):
        assert prolong(first, "one", 1)

    left = ask(first, "SELECT expires_at - clock_timestamp() FROM clock_lease")
    assert LEASE - timedelta(seconds=1) < left <= LEASE


def test_who_lost_its_connection_takes_its_own_lease_anew_and_its_old_term_is_over(first, second):
    assert candidate(first, "one") == 1

    assert candidate(second, "one") == 2

    assert not prolong(first, "one", 1)
    assert prolong(second, "one", 2)


def test_a_lease_given_back_is_free_at_once_and_only_its_holder_can_give_it(first, second):
    candidate(first, "one")
    give_back(second, "two", 1)
    second.commit()
    assert candidate(second, "two") is None

    give_back(first, "one", 1)
    first.commit()
    assert candidate(second, "two") == 2


def test_a_lease_from_the_future_of_a_server_that_was_set_back_holds_nobody_up(first, second):
    candidate(first, "one")
    expire(first, "1 hour")

    assert candidate(second, "two") == 2


def test_of_many_who_stand_at_the_same_instant_one_is_elected(engine, first):
    candidate(first, "before")
    expire(first)
    ready, terms = Event(), []

    def stand(number: int) -> None:
        with engine.connect() as connection:
            ready.wait()
            terms.append(candidate(connection, f"candidate {number}"))

    threads = [Thread(target=stand, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    ready.set()
    for thread in threads:
        thread.join()

    assert sorted(terms, key=str) == [2, *[None] * 7]


def test_nobody_is_elected_before_what_the_leader_is_writing_is_committed(first, second):
    candidate(first, "one")
    expire(first)
    prolong(first, "one", 1)  # and the transaction stays open
    first.execute(text("UPDATE clock_lease SET expires_at = now() - interval '1 second'"))

    with pytest.raises(OperationalError, match="lock timeout"):
        stand_against_an_open_transaction(second)
    first.commit()
    second.rollback()
    assert candidate(second, "two") == 2


def stand_against_an_open_transaction(connection) -> None:
    # what the candidate sees without waiting is the lease before the open transaction
    connection.execute(text("SET LOCAL lock_timeout = '100ms'"))
    elect(connection, "two")


def test_a_term_that_is_stopped_amid_a_transaction_lets_go_of_the_lease(engine, first, second):
    with engine.connect() as stopped:
        stopped.execute(text("SET idle_in_transaction_session_timeout = '200ms'"))
        stopped.commit()
        candidate(stopped, "one")
        prolong(stopped, "one", 1)
        stopped.execute(text(WRITE))
        until(lambda: ask(first, "SELECT count(*) FROM pg_locks WHERE mode LIKE 'RowEx%'") == 0)
        expire(first)

        assert candidate(second, "two") == 2
        with pytest.raises(InternalError, match="idle-in-transaction"):
            stopped.commit()
    assert ask(second, WRITTEN) == 0


def test_what_the_limits_let_a_stopped_session_hold_is_no_longer_than_the_lease():
    held = scheduler.LIMITS["statement_timeout"]
    held += scheduler.LIMITS["idle_in_transaction_session_timeout"]
    assert held <= LEASE.total_seconds() * 1000


def test_who_leads_can_be_read(first):
    assert leader(first) is None
    candidate(first, "one")

    found = leader(first)
    assert (found.holder, found.term, found.is_held) == ("one", 1, True)
    assert found.expires_at - found.elected_at == LEASE

    first.commit()
    expire(first)
    assert not leader(first).is_held


# what a term writes


def test_who_lost_the_lease_writes_nothing(first, second):
    old = clock_on(first, "one")
    expire(second)
    candidate(second, "two")

    assert not old.write("test", lambda current: current.execute(text(WRITE)))

    assert old.lost.is_set()
    assert ask(second, WRITTEN) == 0


def test_a_lost_connection_is_the_end_of_the_term(first, second):
    old = clock_on(first, "one")
    ask(
        second,
        "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE"
        " datname = current_database() AND application_name = 'servicedesk clock'"
        " AND pid <> pg_backend_pid()",
    )

    assert not old.write("test", lambda current: current.execute(text(WRITE)))

    assert old.lost.is_set()
    assert ask(second, WRITTEN) == 0


def test_a_beat_that_fails_is_undone_and_neither_stops_the_clock_nor_others(first, second):
    term = clock_on(first, "one")

    def fail(current) -> int:
        current.execute(text(WRITE))
        raise LookupError

    assert not term.write("fails", fail)
    assert not term.write("cannot", lambda current: current.execute(text("SELECT nothing")))
    assert not term.write("lasts", lasts_too_long)
    assert ask(second, WRITTEN) == 0

    assert term.write("works", lambda current: current.execute(text(WRITE)))
    assert not term.lost.is_set()
    assert ask(second, WRITTEN) == 1


def lasts_too_long(current) -> int:
    current.execute(text("SET LOCAL statement_timeout = '100ms'"))
    current.execute(text("SELECT pg_sleep(60)"))
    return 0


def test_a_session_the_server_ended_amid_a_transaction_is_the_end_of_the_term(first):
    def dawdle(current) -> int:
        current.execute(text("SET LOCAL idle_in_transaction_session_timeout = '50ms'"))
        time.sleep(0.3)
        return 0

    term = clock_on(first, "one")
    assert not term.write("dawdles", dawdle)
    assert term.lost.is_set()


def test_a_tick_adds_no_second_job_while_the_first_waits_and_the_rescue_goes_first(first, second):
    term = clock_on(first, "one")
    acts = {name: act for name, _, act in scheduler.duties()}

    for _ in range(2):
        assert term.write(RESCUE.name, acts[RESCUE.name])

    assert jobs(second) == [(RESCUE.name, RESCUE.rank)]
    assert RESCUE.rank > 0


# time


def test_a_slow_beat_takes_no_tick_from_the_others_and_a_failed_one_comes_soon_again(
    first, monkeypatch
):
    ran = []

    def note(name: str, seconds: float = 0.0, fails: int = 0):
        def run(_current) -> int:
            ran.append(name)
            time.sleep(seconds)
            if ran.count(name) <= fails:
                raise LookupError
            return 0

        return run

    monkeypatch.setattr(scheduler, "SOON", timedelta(seconds=0.2))
    declared = (
        Beat(name="slow", every=timedelta(seconds=0.4), run=note("slow", 0.3)),
        Beat(name="quick", every=timedelta(seconds=0.4), run=note("quick")),
        Beat(name="daily", every=timedelta(days=1), run=note("daily", fails=2)),
    )
    for one in declared:
        monkeypatch.setitem(BEATS, one.name, one)
    began = time.monotonic()
    term = clock_on(first, "one")
    term.start()
    until(lambda: ran.count("slow") >= 6, seconds=20)
    lasted = time.monotonic() - began
    term.stop()

    assert ran.count("quick") >= min(lasted / 0.4, 7) - 2
    assert ran.count("daily") == 3


@pytest.mark.parametrize("hours", [-3, 3])
def test_a_clock_whose_host_was_set_begins_a_new_term(first, hours):
    term = clock_on(first, "one")
    term.look()
    assert not term.lost.is_set()

    steady = time.monotonic()
    with time_machine.travel(datetime.now(UTC) + timedelta(hours=hours), tick=True):
        assert abs(time.monotonic() - steady) < 60
        term.look()

    assert term.lost.is_set()


def test_two_beats_of_one_name_are_refused(monkeypatch):
    monkeypatch.setattr(beats, "BEATS", {})
    declared = beat("test.one", every=timedelta(seconds=1))(lambda _: 0)

    assert beats.BEATS["test.one"].run is declared
    with pytest.raises(ValueError, match=r"test\.one"):
        beat("test.one", every=timedelta(seconds=2))(lambda _: 0)
