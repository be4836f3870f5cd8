"""What each process measures of itself, for Prometheus; what the database knows is `monitoring`'s.

With PROMETHEUS_MULTIPROC_DIR set before this is imported, the processes of a host keep their numbers
in files of that folder, and whoever is asked adds them up. Labels name things of the program, never
a client, a person or anything somebody typed.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from prometheus_client import REGISTRY, CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.multiprocess import MultiProcessCollector
from sqlalchemy import event

if TYPE_CHECKING:
    from prometheus_client.registry import Collector
    from sqlalchemy import Pool

SHARED = "PROMETHEUS_MULTIPROC_DIR"
REQUEST_BUCKETS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
JOB_BUCKETS = (0.01, 0.05, 0.25, 1.0, 5.0, 15.0, 60.0, 300.0, 1800.0)

REQUEST_SECONDS = Histogram(
    "desk_request_seconds",
    "Time to answer a request, by endpoint, method and class of status.",
    ("endpoint", "method", "status"),
    buckets=REQUEST_BUCKETS,
)
REQUESTS_IN_FLIGHT = Gauge(
    "desk_requests_in_flight", "Requests being answered.", multiprocess_mode="livesum"
)
JOB_SECONDS = Histogram(
    "desk_job_seconds",
    "Time a worker took for a job, by its name and how it ended.",
    ("job", "outcome"),
    buckets=JOB_BUCKETS,
)
CONNECTIONS = Gauge(
    "desk_database_connections",
    "Connections of the processes' pools: open, and of these in use.",
    ("state",),
    multiprocess_mode="livesum",
)
LOST_CONNECTIONS = Counter(
    "desk_database_connections_lost",
    "Connections that were found dead, after a restart of the database or a cut of the network.",
)


def watch_pool(pool: Pool) -> None:
    """Count the connections of a pool as they come and go."""
    opened, used = CONNECTIONS.labels("open"), CONNECTIONS.labels("in_use")
    event.listen(pool, "connect", lambda *_: opened.inc())
    event.listen(pool, "close", lambda *_: opened.dec())
    event.listen(pool, "checkout", lambda *_: used.inc())
    event.listen(pool, "checkin", lambda *_: used.dec())
    event.listen(pool, "invalidate", lambda *_: LOST_CONNECTIONS.inc())


def registry_with(*collectors: Collector) -> CollectorRegistry:
    """Return what is told when somebody asks: all processes of this host, and these collectors."""
    registry = CollectorRegistry()
    if os.environ.get(SHARED):
        MultiProcessCollector(registry)  # type: ignore[no-untyped-call]  # registers itself
    else:
        registry.register(REGISTRY)
    for collector in collectors:
        registry.register(collector)
    return registry
