"""Lists of reports and of their files cost as many SQL statements for many as for one."""

from __future__ import annotations

import pytest

from servicedesk.core import database
from servicedesk.core.actors import SYSTEM
from servicedesk.reports.scheduling import keep_report
from tests.pages.test_statements import app, counting, entered
from tests.report_story import made

__all__ = ["app"]


@pytest.mark.parametrize(
    ("path", "most"),
    [("/desk/reports/", 6), ("/desk/reports/{report}", 8), ("/desk/reports/files/{key}", 6)],
)
def test_many_reports_cost_as_many_statements_as_one(app, sessions, make, path, most):
    database.use_sessions(sessions)
    supervisor, counts = make.supervisor(), []
    for rows in (1, 4):
        database.use_sessions(sessions)
        database.become(SYSTEM)
        for _ in range(rows):
            client = make.client()
            make.device(client)
            with app.app_context():  # words are the shell's here, as in a worker
                run = made(supervisor, client=client.reference)
        keep_report(supervisor, run.reference, "Kept")
        visitor = entered(app, sessions, supervisor)
        address = path.format(report=run.reference, key=run.key)
        visitor.get(address)
        with counting(app) as statements:
            assert visitor.get(address).status_code == 200
        counts.append(len(statements))
    assert counts[0] == counts[1] <= most, counts
