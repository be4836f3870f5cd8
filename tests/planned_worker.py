"""A worker with one more check, as a process: it leaves a mark for each run, and another for each try."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

from sqlalchemy import text

from servicedesk.core.database import session
from servicedesk.core.text import Text
from servicedesk.planning import checks
from servicedesk.planning.checks.check import Check
from servicedesk.processes import worker

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sqlalchemy.orm import Session

    from servicedesk.planning.checks.check import Round

CODE = "test.mark"
TABLES = """
CREATE TABLE mark (run_id bigint PRIMARY KEY, pid bigint);
CREATE TABLE mark_try (run_id bigint, pid bigint, at timestamptz DEFAULT clock_timestamp());
GRANT SELECT, INSERT ON mark, mark_try TO desk_worker
"""
TRY = "INSERT INTO mark_try (run_id, pid) VALUES (:run_id, :pid)"
MARK = "INSERT INTO mark (run_id, pid) VALUES (:run_id, :pid) ON CONFLICT DO NOTHING"


class Marking(Check):
    """Leave a mark, once a run."""

    code = CODE
    label = description = "Leaves a mark."

    def run(self, given: Round, parameters: Mapping[str, str]) -> Text:
        del parameters
        current, mine = session(), {"run_id": given.run_id, "pid": os.getpid()}  # type: ignore[attr-defined]
        current.execute(text(TRY), mine)
        current.commit()
        given.seen(0, 1)
        current.execute(text(MARK), mine)
        current.commit()
        return Text("Marked.")

    def preview(
        self, session: Session, client_id: int | None, parameters: Mapping[str, str]
    ) -> Sequence[Text]:
        del session, client_id, parameters
        return []


if __name__ == "__main__":
    checks.CHECKS = (*checks.CHECKS, Marking())
    sys.exit(worker.main())
