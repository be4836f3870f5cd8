"""A clock as a process: `ticking_process.py ADDRESS [--shift HOURS] [--slow SECONDS]`.

It writes down in a table of the test which term each beat belonged to; a slow one does so after a sleep
in the database, between the renewal of the lease and the row.
"""

from __future__ import annotations

import argparse
import os
import signal
import threading
from datetime import UTC, datetime, timedelta

import time_machine
from sqlalchemy import text

from servicedesk.core.beats import beat
from servicedesk.processes import scheduler

TABLE = """
CREATE TABLE beaten (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, pid bigint, kind text, term bigint,
    host_time timestamptz, at timestamptz DEFAULT clock_timestamp())
"""
WRITE = """
INSERT INTO beaten (pid, kind, term, host_time)
SELECT :pid, :kind, term, :now FROM clock_lease
"""


def declare(slow: float) -> None:
    """Have the clock write: often, and slowly if so asked."""

    def write(current, kind: str) -> int:
        now = datetime.now(UTC)
        current.execute(text(WRITE), {"pid": os.getpid(), "kind": kind, "now": now})
        return 1

    beat("test.quick", every=timedelta(seconds=0.1))(lambda current: write(current, "quick"))
    if slow:

        @beat("test.slow", every=timedelta(seconds=0.1))
        def slowly(current) -> int:
            current.execute(text("SELECT pg_sleep(:slow)"), {"slow": slow})
            return write(current, "slow")


def main() -> None:
    """Stand for election until somebody ends the process."""
    parser = argparse.ArgumentParser()
    parser.add_argument("address")
    parser.add_argument("--shift", type=float, default=0)
    parser.add_argument("--slow", type=float, default=0)
    asked = parser.parse_args()
    declare(asked.slow)
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    with time_machine.travel(datetime.now(UTC) + timedelta(hours=asked.shift), tick=True):
        scheduler.serve(asked.address, stop)


if __name__ == "__main__":
    main()
