"""What the database knows of how the service runs: a few statements over small indexes.

Read as the owner of the tables, since no role of the application may see jobs or mails; nothing of a
client or a person is read.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import text

from servicedesk.core.actors import SYSTEM
from servicedesk.core.database import acting_as
from servicedesk.sla.counting import Reach, Slice, counts
from servicedesk.sla.cycles import OPEN_STANDINGS
from servicedesk.sla.tallies import open_figure

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from sqlalchemy import Connection, Engine

HEARTBEAT_LIMIT = 15  # seconds; workers beat every three
NEVER = 365 * 24 * 3600.0  # seconds
PATIENCE = "SET LOCAL statement_timeout = '4s'"

# of what waits: how many may begin, and since when the one may that waits longest
JOBS = text("""
    WITH open AS (
      SELECT queue_name, task_name,
             count(*) FILTER (WHERE status = 'todo' AND scheduled_at > now()) AS planned,
             count(*) FILTER (WHERE status = 'todo' AND coalesce(scheduled_at, now()) <= now())
               AS waiting,
             count(*) FILTER (WHERE status = 'doing') AS doing,
             min(id) FILTER (WHERE status = 'todo' AND scheduled_at IS NULL) AS first_id,
             min(scheduled_at) FILTER (WHERE status = 'todo' AND scheduled_at <= now()) AS due_at
        FROM procrastinate_jobs WHERE status IN ('todo', 'doing') GROUP BY 1, 2)
    SELECT queue_name, task_name, waiting, planned, doing,
           extract(epoch FROM now() - least(due_at, (
             SELECT min(at) FROM procrastinate_events
              WHERE job_id = first_id AND type = 'deferred')))::float
      FROM open ORDER BY 1, 2
""")
FAILED = text("""
    SELECT queue_name, task_name, count(*) FROM procrastinate_jobs WHERE status = 'failed'
     GROUP BY 1, 2 ORDER BY 1, 2
""")
WORKERS = text("""
    SELECT count(*) FILTER (WHERE last_heartbeat > now() - make_interval(secs => :limit)),
           extract(epoch FROM now() - max(last_heartbeat))::float FROM procrastinate_workers
""")
LEASE = text("""
    SELECT holder, term, elected_at, extract(epoch FROM expires_at - clock_timestamp())::float
      FROM clock_lease
""")
ENGINES = text("""
    SELECT a.key, a.name, c.looked_at, c.answered_at, c.mute_since,
           extract(epoch FROM now() - c.mute_since)::float, c.milliseconds
      FROM engine_account a LEFT JOIN engine_contact c ON c.engine_id = a.id ORDER BY a.key
""")
COMMANDS = text("""
    SELECT a.key, c.state, count(*) FROM device_command c
      JOIN device d ON d.id = c.device_id JOIN engine_account a ON a.id = d.engine_id
     WHERE c.state IN ('queued', 'sent', 'not_now', 'unknown') GROUP BY 1, 2 ORDER BY 1, 2
""")
# an address that no server takes is one person's matter and no silence
MAILS = text("""
    SELECT count(*), count(*) FILTER (WHERE error IS NOT NULL),
           extract(epoch FROM now() - min(created_at))::float,
           extract(epoch FROM now() - min(created_at) FILTER (
             WHERE coalesce(error, '') NOT LIKE 'SMTPRecipientsRefused%'))::float
      FROM outgoing_mail WHERE sent_at IS NULL AND held_at IS NULL AND withdrawn_at IS NULL
""")


@dataclass(frozen=True, kw_only=True)
class Backlog:
    """The jobs of one name; `oldest` is how many seconds the first has been waiting."""

    queue: str
    job: str
    waiting: int
    planned: int
    doing: int
    oldest: float | None


@dataclass(frozen=True, kw_only=True)
class Lease:
    """Which process is the clock, and for how many seconds more."""

    holder: str
    term: int
    elected_at: datetime | None
    left: float


@dataclass(frozen=True, kw_only=True)
class EngineState:
    """What is known of an engine; all is None before the first look."""

    key: str
    name: str
    looked_at: datetime | None
    answered_at: datetime | None
    mute_since: datetime | None
    mute_seconds: float | None
    milliseconds: float | None


@dataclass(frozen=True, kw_only=True)
class Mails:
    """Mails that have not left; `undelivered` is the age in seconds of what should have."""

    waiting: int
    failing: int
    oldest: float | None
    undelivered: float | None


@dataclass(frozen=True, kw_only=True)
class Readings:
    """One look at how the service runs."""

    jobs: Sequence[Backlog]
    failed: Mapping[tuple[str, str], int]
    workers: int
    heartbeat: float | None  # seconds since the youngest
    lease: Lease
    engines: Sequence[EngineState]
    commands: Mapping[tuple[str, str], int]
    mails: Mails
    sla: Mapping[str, int]  # open subjects by standing


def read(engine: Engine) -> Readings:
    """Look once. Raises SQLAlchemyError when the database does not answer in time."""
    with engine.connect() as connection:
        connection.execute(text(PATIENCE))
        workers, heartbeat = connection.execute(WORKERS, {"limit": HEARTBEAT_LIMIT}).one()
        found = Readings(
            jobs=[
                Backlog(queue=q, job=j, waiting=w, planned=p, doing=d, oldest=o)
                for q, j, w, p, d, o in connection.execute(JOBS)
            ],
            failed={(queue, job): count for queue, job, count in connection.execute(FAILED)},
            workers=workers,
            heartbeat=heartbeat,
            lease=_lease(connection),
            engines=_engines(connection),
            commands={(key, state): count for key, state, count in connection.execute(COMMANDS)},
            mails=_mails(connection),
            sla=_standings(),
        )
        connection.rollback()
    return found


def _lease(connection: Connection) -> Lease:
    row = connection.execute(LEASE).one_or_none()
    if row is None:  # there never was a clock
        return Lease(holder="—", term=0, elected_at=None, left=-NEVER)
    return Lease(holder=row[0], term=row[1], elected_at=row[2], left=row[3])


def _engines(connection: Connection) -> list[EngineState]:
    return [
        EngineState(
            key=key,
            name=name,
            looked_at=looked_at,
            answered_at=answered_at,
            mute_since=mute_since,
            mute_seconds=seconds,
            milliseconds=milliseconds,
        )
        for key, name, looked_at, answered_at, mute_since, seconds, milliseconds in (
            connection.execute(ENGINES)
        )
    ]


def _mails(connection: Connection) -> Mails:
    waiting, failing, oldest, undelivered = connection.execute(MAILS).one()
    return Mails(waiting=waiting, failing=failing, oldest=oldest, undelivered=undelivered)


def _standings() -> dict[str, int]:
    """Return how many subjects are open by standing, from the counters dashboards read."""
    figures = {open_figure(standing): standing.value for standing in OPEN_STANDINGS}
    wanted = Slice(name="open", figures=tuple(figures), by=())
    told = dict.fromkeys(figures.values(), 0)
    with acting_as(SYSTEM):
        for count in counts(Reach(), [wanted])["open"]:
            told[figures[count.figure]] += count.amount
    return told
