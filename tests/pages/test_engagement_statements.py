"""Pages about days cost as many SQL statements for many visits and clients as for one."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from servicedesk.core import database
from servicedesk.core.actors import SYSTEM
from servicedesk.core.files import Upload
from servicedesk.engagement.amendments import offer_days
from servicedesk.engagement.minutes import add_action_point, add_documents
from servicedesk.engagement.outcomes import confirm_visit
from servicedesk.engagement.visits import book_visit
from tests.engagement_story import plan
from tests.pages.test_statements import app, counting, entered

__all__ = ["app"]
TODAY = date.today()
DAY = timedelta(days=1)


def fill(supervisor, client, rows: int) -> str:
    """Write `rows` of everything; return a visit with as much hanging on it."""
    for _ in range(rows):
        book_visit(supervisor, client.reference, plan(TODAY + DAY, 1))
        done = book_visit(supervisor, client.reference, plan(TODAY - DAY, 1))
        confirm_visit(supervisor, done.reference, 1, version=done.version)
        book_visit(supervisor, client.reference, plan(TODAY - DAY, 1))
        offer_days(supervisor, client.reference, TODAY, 1, "more")
        add_documents(supervisor, done.reference, [Upload(name="a.txt", content=b"text")])
    for _ in range(rows):
        add_action_point(supervisor, done.reference, "Do it", "Ana", TODAY + DAY)
        add_documents(supervisor, done.reference, [Upload(name="a.txt", content=b"text")])
    return done.reference


@pytest.mark.parametrize(
    ("path", "most"),
    [
        ("/desk/portfolio/", 20),
        ("/desk/engagement/", 9),
        ("/desk/engagement/calendar", 6),
        ("/desk/engagement/clients/{client}", 10),
        ("/desk/engagement/visits/{visit}", 9),
    ],
)
def test_many_visits_cost_as_many_statements_as_one(app, sessions, make, path, most):
    database.use_sessions(sessions)
    supervisor, counts = make.supervisor(), []
    for rows in (1, 6):
        database.use_sessions(sessions)
        database.become(SYSTEM)
        for _ in range(rows):
            client = make.client()
            make.contact(client)
            visit = fill(supervisor, client, rows)
        visitor = entered(app, sessions, supervisor)
        address = path.format(client=client.reference, visit=visit)
        visitor.get(address)
        with counting(app) as statements:
            assert visitor.get(address).status_code == 200
        counts.append(len(statements))
    assert counts[0] == counts[1] <= most, counts
