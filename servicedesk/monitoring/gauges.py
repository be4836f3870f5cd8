"""What the database knows, as Prometheus reads it: asked when somebody asks, at most every five seconds."""

from __future__ import annotations

import hmac
import ipaddress
import threading
import time
from typing import TYPE_CHECKING, Any

from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector
from sqlalchemy.exc import SQLAlchemyError

from config import ROOT
from servicedesk.core.metrics import registry_with
from servicedesk.monitoring.readings import read

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from prometheus_client import CollectorRegistry
    from sqlalchemy import Engine

    from config import Settings
    from servicedesk.monitoring.readings import Mails, Readings

KEPT = 5.0  # seconds
HEAD = (ROOT / "migrations" / "HEAD").read_text(encoding="ascii").strip()


def is_welcome(settings: Settings, authorization: str, address: str) -> bool:
    """Whether a caller may read the metrics: with the token, or from this machine while developing."""
    if settings.metrics_token:
        kind, _, told = authorization.partition(" ")
        wanted = settings.metrics_token.encode()
        return kind.lower() == "bearer" and hmac.compare_digest(told.strip().encode(), wanted)
    if settings.is_production or settings.trusted_proxies:
        return False
    try:
        return ipaddress.ip_address(address).is_loopback
    except ValueError:
        return False


def registry_of(engine: Engine) -> CollectorRegistry:
    """Return everything that is told to Prometheus."""
    return registry_with(Gauges(engine))


class Gauges(Collector):
    """Asks the database when it is asked; a database that is away is an answer too."""

    def __init__(self, engine: Engine) -> None:
        """Keep the way to the database; nothing is asked yet."""
        self._engine = engine
        self._one_at_a_time = threading.Lock()
        self._kept: tuple[float, list[GaugeMetricFamily]] = (-KEPT, [])

    def describe(self) -> Iterable[GaugeMetricFamily]:
        """Name nothing in advance: to register must not ask the database."""
        return []

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """Give what was read, now or within the last seconds."""
        with self._one_at_a_time:
            at, families = self._kept
            if time.monotonic() - at >= KEPT:
                families = list(self._read())
                self._kept = (time.monotonic(), families)
        yield from families

    def _read(self) -> Iterator[GaugeMetricFamily]:
        yield _labelled(
            "desk_build_info", "The release, by its newest migration.", {(HEAD,): 1}, "migration"
        )
        try:
            found = read(self._engine)
        except SQLAlchemyError:
            yield _plain("desk_database_up", "Whether the database answers.", 0)
            return
        yield _plain("desk_database_up", "Whether the database answers.", 1)
        yield from _of_jobs(found)
        yield from _of_processes(found)
        yield from _of_engines(found)
        yield from _of_mails(found.mails)
        yield _labelled(
            "desk_sla_open",
            "Open tickets by how they stand against their service level.",
            {(standing,): count for standing, count in found.sla.items()},
            "standing",
        )


def _plain(name: str, help_: str, value: float) -> GaugeMetricFamily:
    return GaugeMetricFamily(name, help_, value=value)


def _labelled(
    name: str, help_: str, values: Mapping[Any, float], *labels: str
) -> GaugeMetricFamily:
    family = GaugeMetricFamily(name, help_, labels=labels)
    for told, value in values.items():
        family.add_metric(told, value)
    return family


def _of_jobs(found: Readings) -> Iterator[GaugeMetricFamily]:
    by_name = {(each.queue, each.job): each for each in found.jobs}
    for name, help_, values in (
        ("waiting", "Jobs that may begin.", {k: j.waiting for k, j in by_name.items()}),
        ("planned", "Jobs whose time has not come.", {k: j.planned for k, j in by_name.items()}),
        ("doing", "Jobs that a worker has begun.", {k: j.doing for k, j in by_name.items()}),
        ("failed", "Jobs given up within the last 30 days.", found.failed),
    ):
        yield _labelled(f"desk_jobs_{name}", help_, values, "queue", "job")
    yield _labelled(
        "desk_jobs_oldest_waiting_seconds",
        "How long the job that has been waiting longest may have begun already.",
        {k: j.oldest for k, j in by_name.items() if j.oldest is not None},
        "queue",
        "job",
    )


def _of_processes(found: Readings) -> Iterator[GaugeMetricFamily]:
    yield _plain("desk_workers_alive", "Workers whose heart beats.", found.workers)
    if found.heartbeat is not None:
        yield _plain(
            "desk_worker_heartbeat_age_seconds", "Since a worker's last beat.", found.heartbeat
        )
    lease = found.lease
    since = {(lease.holder,): lease.elected_at.timestamp()} if lease.elected_at else {}
    yield _labelled(
        "desk_clock_leader_since_seconds",
        "When the process that is the clock was elected, as Unix time.",
        since,
        "holder",
    )
    yield _plain("desk_clock_term", "How many elections there were.", lease.term)
    yield _plain(
        "desk_clock_lease_left_seconds",
        "What is left of the lease; below 0: no clock.",
        lease.left,
    )


def _of_engines(found: Readings) -> Iterator[GaugeMetricFamily]:
    looked = [engine for engine in found.engines if engine.looked_at is not None]
    yield _labelled(
        "desk_engine_reachable",
        "Whether the engine answered when it was last asked.",
        {(engine.key,): float(engine.mute_since is None) for engine in looked},
        "engine",
    )
    yield _labelled(
        "desk_engine_last_contact_seconds",
        "When the engine last answered, as Unix time.",
        {(e.key,): e.answered_at.timestamp() for e in looked if e.answered_at is not None},
        "engine",
    )
    yield _labelled(
        "desk_engine_answer_seconds",
        "How long the engine took to answer when it was last asked.",
        {(e.key,): (e.milliseconds or 0) / 1000 for e in looked},
        "engine",
    )
    yield _labelled(
        "desk_engine_commands",
        "Commands that are not settled, by what is known of them.",
        found.commands,
        "engine",
        "state",
    )


def _of_mails(mails: Mails) -> Iterator[GaugeMetricFamily]:
    yield _plain("desk_mails_waiting", "Mails that have not left.", mails.waiting)
    yield _plain("desk_mails_failing", "Of these, tried without success.", mails.failing)
    yield _plain("desk_mails_oldest_seconds", "Age of the oldest that waits.", mails.oldest or 0)
    yield _plain(
        "desk_mails_undelivered_seconds",
        "Age of the oldest that waits and whose address was not refused.",
        mails.undelivered or 0,
    )
