"""Whose job it is: a worker that was taken for dead, an answer that was lost, a database that is away."""

from __future__ import annotations

import asyncio

import pytest
from procrastinate import PsycopgConnector, exceptions
from procrastinate.jobs import Status
from sqlalchemy import create_engine, text

from servicedesk.processes import job_book
from servicedesk.processes.job_book import JobBook, rescue_stalled
from servicedesk.processes.preparation import conninfo
from tests.relay import relay_to

ONE_JOB = "SELECT desk_enqueue('default', 'test.job', NULL, 'test.job', '{}', NULL)"
STATE = "SELECT status::text, attempts, worker_id FROM procrastinate_jobs ORDER BY id"
FORGET_WORKER = "DELETE FROM procrastinate_workers WHERE id = :id"
SILENCE = (
    "UPDATE procrastinate_workers SET last_heartbeat = now() - interval '1 hour' WHERE id = :id"
)


class Worker:
    """A book, and the number under which its worker is known."""

    async def at(self, address: str) -> Worker:
        self.connector = PsycopgConnector(
            conninfo=conninfo(address), min_size=1, timeout=0.5, reconnect_timeout=0.5
        )
        await self.connector.open_async()
        self.book = JobBook(self.connector, {"test.job": None})
        self.number = await self.book.register_worker()
        return self

    async def fetch(self):
        return await self.book.fetch_job(None, self.number)

    async def close(self) -> None:
        await self.connector.close_async()


@pytest.fixture
def engine(database_address):
    engine = create_engine(database_address)
    with engine.begin() as connection:
        connection.execute(text(ONE_JOB))
    yield engine
    engine.dispose()


def states(engine) -> list[tuple[str, int, int | None]]:
    with engine.connect() as connection:
        return [tuple(row) for row in connection.execute(text(STATE))]


def do(engine, statement: str, **facts: object) -> None:
    with engine.begin() as connection:
        connection.execute(text(statement), facts)


@pytest.mark.parametrize("same_worker", [False, True])
@pytest.mark.parametrize("ending", ["succeeded", "failed", "retry"])
def test_a_worker_taken_for_dead_ends_nothing_that_another_one_has(
    engine, database_address, ending, same_worker
):
    async def story() -> None:
        sleeper = await Worker().at(database_address)
        other = sleeper if same_worker else await Worker().at(database_address)
        old = await sleeper.fetch()
        do(engine, SILENCE, id=sleeper.number)
        await rescue_stalled(other.connector)
        new = await other.fetch()
        assert states(engine) == [("doing", 1, other.number)]

        if ending == "retry":
            await sleeper.book.retry_job(old)
        else:
            await sleeper.book.finish_job(old, Status(ending), delete_job=False)
        assert states(engine) == [("doing", 1, other.number)]

        await other.book.finish_job(new, Status.SUCCEEDED, delete_job=False)
        assert [state[:2] for state in states(engine)] == [("succeeded", 2)]
        for worker in {sleeper, other}:
            await worker.close()

    asyncio.run(story())


def test_a_retried_job_waits_beside_a_new_one_of_its_name(engine, database_address):
    async def story() -> None:
        worker = await Worker().at(database_address)
        job = await worker.fetch()
        do(engine, ONE_JOB)

        await worker.book.retry_job(job)

        assert [state[:2] for state in states(engine)] == [("todo", 1), ("todo", 0)]
        await worker.close()

    asyncio.run(story())


def test_a_forgotten_worker_is_heard_of_again_and_works_on(engine, database_address):
    async def story() -> None:
        worker = await Worker().at(database_address)
        do(engine, FORGET_WORKER, id=worker.number)

        assert await worker.fetch() is None  # its number is nobody's
        job = await worker.fetch()

        assert states(engine) == [("doing", 0, worker.number)]
        await worker.book.finish_job(job, Status.SUCCEEDED, delete_job=False)
        assert states(engine)[0][0] == "succeeded"
        await worker.close()

    asyncio.run(story())


def test_a_job_given_by_an_answer_that_was_lost_is_given_again_and_those_running_are_not(
    engine, database_address, monkeypatch
):
    async def story() -> None:
        worker = await Worker().at(database_address)
        running = await worker.fetch()
        do(engine, ONE_JOB)
        ask = worker.connector.execute_query_all_async

        async def lose_the_answer(*arguments, **more):
            await ask(*arguments, **more)
            raise exceptions.ConnectorException

        monkeypatch.setattr(worker.connector, "execute_query_all_async", lose_the_answer)
        assert await worker.fetch() is None
        assert [state[0] for state in states(engine)] == ["doing", "doing"]
        monkeypatch.undo()

        again = await worker.fetch()

        assert again.id != running.id
        assert states(engine) == [("doing", 0, worker.number), ("doing", 1, worker.number)]
        await worker.close()

    asyncio.run(story())


def test_how_a_run_ended_is_written_when_the_database_is_back(
    engine, database_address, monkeypatch
):
    monkeypatch.setattr(job_book, "TRY_AGAIN", 0.05)

    async def story() -> None:
        with relay_to(database_address) as way:
            worker = await Worker().at(way.address)
            job = await worker.fetch()
            way.end()
            ending = asyncio.create_task(
                worker.book.finish_job(job, Status.SUCCEEDED, delete_job=False)
            )
            await worker.book.update_heartbeat(worker.number)
            assert await worker.fetch() is None
            assert not ending.done()
            assert states(engine)[0][0] == "doing"
            direct = await Worker().at(database_address)
            worker.book.connector = direct.connector  # the same database is there again
            await asyncio.wait_for(ending, 20)
            assert states(engine)[0][0] == "succeeded"
            await worker.close()
            await direct.close()

    asyncio.run(story())
