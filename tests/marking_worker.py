"""A worker with one more job, as a process: it leaves a mark for each number, and another for each try."""

from __future__ import annotations

import os
import sys

from sqlalchemy import text

from servicedesk.core.database import session
from servicedesk.core.jobs import job
from servicedesk.processes import worker

NAME = "test.mark"
TABLES = """
CREATE TABLE mark (number bigint PRIMARY KEY, pid bigint);
CREATE TABLE mark_try (number bigint, pid bigint, at timestamptz DEFAULT clock_timestamp());
GRANT SELECT, INSERT ON mark, mark_try TO desk_worker
"""
TRY = "INSERT INTO mark_try (number, pid) VALUES (:number, :pid)"
IS_MARKED = "SELECT EXISTS (SELECT FROM mark WHERE number = :number)"
MARK = "INSERT INTO mark (number, pid) VALUES (:number, :pid)"


@job(NAME)
def mark(*, number: int) -> None:
    """Look whether the mark is there, and leave it if not."""
    current, mine = session(), {"number": number, "pid": os.getpid()}
    current.execute(text(TRY), mine)
    if not current.execute(text(IS_MARKED), {"number": number}).scalar():
        current.execute(text(MARK), mine)
    current.commit()


if __name__ == "__main__":
    sys.exit(worker.main())
