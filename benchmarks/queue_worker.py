"""A worker with the one job that `queue.py` measures, as a process: it writes a row of its own."""

from __future__ import annotations

import sys
import time

from sqlalchemy import text

from servicedesk.core.database import session
from servicedesk.core.jobs import job
from servicedesk.processes import worker

NAME = "bench.mark"
MARK = "INSERT INTO bench_mark (number, started_at) VALUES (:number, :now)"


@job(NAME)
def mark(*, number: int) -> None:
    """Write down when it began."""
    current, now = session(), time.time()
    current.execute(text(MARK), {"number": number, "now": now})
    current.commit()


if __name__ == "__main__":
    sys.exit(worker.main())
