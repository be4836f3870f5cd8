"""The account manager's home: what waits, clients by health, and nobody else's."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, time, timedelta

from sqlalchemy import select

from servicedesk.clients.models import Contract
from servicedesk.core import clock, database
from servicedesk.core.actors import SYSTEM, Role
from servicedesk.engagement.visits import book_visit
from servicedesk.reviews.drafting import draft_review
from servicedesk.reviews.health import Health, Sign
from servicedesk.reviews.models import Mark, Place
from servicedesk.reviews.period import month_before, next_month
from servicedesk.reviews.portfolio import portfolio
from servicedesk.reviews.publishing import comment_review, publish_review
from servicedesk.reviews.queries import review_view
from servicedesk.reviews.waiting import waiting_for
from servicedesk.reviews.writing import give_mark, write_text
from servicedesk.tickets.closing import rate_ticket
from servicedesk.tickets.handling import move_ticket
from tests.engagement_story import looking, plan
from tests.pages.test_engagement_pages import text_of
from tests.pages.test_statements import app, counting, entered
from tests.visitor import visiting

__all__ = ["app"]
LAST = month_before(date.today())


def drafted(client, month: date) -> str:
    (contract,) = looking(select(Contract).where(Contract.client_id == client.id))
    with database.acting_as(SYSTEM):
        return draft_review(contract.id, month)


def published(manager, client, month: date) -> str:
    reference = drafted(client, month)
    with database.acting_as(manager):
        write_text(manager, reference, Place.VERDICT, "All is well.", version=0)
        give_mark(manager, reference, Mark.GOOD)
        fingerprint = review_view(manager, reference).fingerprint
        publish_review(manager, reference, fingerprint=fingerprint)
    return reference


def test_a_manager_lands_among_their_clients_and_knows_of_no_others(desk):
    make = desk.make
    mine, other = make.client(name="Talleres Norte"), make.client(name="Kanarienvogel Ltd")
    manager = make.person(Role.ACCOUNT_MANAGER, mine)
    theirs = make.person(Role.ACCOUNT_MANAGER, other)
    contact = make.contact(other)
    book_visit(theirs, other.reference, plan(date.today() - timedelta(days=1), 1))
    drafted(other, LAST)
    said = published(theirs, other, month_before(LAST))
    with database.acting_as(contact):
        comment_review(contact, said, "Kanarienvogel asks.")
    review = drafted(mine, LAST)
    with visiting(desk, manager) as visitor:
        assert visitor.get("/").headers["location"] == "/desk/portfolio/"
        page = visitor.get("/desk/portfolio/")
        assert f"/desk/reviews/{review}" in page.text
        assert "Talleres Norte" in page.text
        assert "Kanarienvogel" not in page.text
        assert "REV-" not in page.text.replace(review, "")
        assert visitor.get("/desk/").status_code == 200  # the tickets are still there
        assert visitor.get("/desk/portfolio/?cursor=x").status_code in {400, 422}
    with visiting(desk, theirs) as visitor:
        assert "Kanarienvogel asks." in text_of(visitor.get("/desk/portfolio/").text)
    with visiting(desk, make.supervisor()) as visitor:
        assert visitor.get("/").headers["location"] == "/desk/"
        assert "Kanarienvogel Ltd" in visitor.get("/desk/portfolio/").text
    with visiting(desk, make.agent()) as visitor:
        assert visitor.get("/desk/portfolio/").status_code == 403
        assert "/desk/portfolio/" not in visitor.get("/desk/").text


def test_the_worst_come_first_page_by_page(make):
    clients = [make.client(name=name) for name in ("Anna", "Berta", "Carla", "Dora")]
    manager = make.person(Role.ACCOUNT_MANAGER, *clients)
    late = month_before(month_before(month_before(LAST)))
    drafted(clients[2], late)  # bad: nobody published it for months
    drafted(clients[1], LAST)
    at = datetime.combine(next_month(LAST) + timedelta(days=12), time(12), UTC)
    with database.acting_as(manager), clock.told_as(at):
        first = portfolio(manager, size=2)
        second = portfolio(manager, first.page.next, size=2)
        database.session().rollback()
    lines = [*first.page.items, *second.page.items]
    assert lines[0].days.client.name == "Carla"
    assert lines[0].verdict.health is Health.BAD
    assert Sign.REVIEW_LATE in {reason.sign for reason in lines[0].verdict.reasons}
    assert sorted(line.days.client.name for line in lines) == ["Anna", "Berta", "Carla", "Dora"]
    assert [line.rank for line in lines] == sorted(line.rank for line in lines)
    assert second.page.next is None
    assert sum(first.healths.values()) == 4


def fill(make, client, contact, manager, agent, rows: int) -> None:
    """Give a client reviews, comments and scores."""
    month = LAST
    drafted(client, month)
    for _ in range(rows):
        month = month_before(month)
        reference = published(manager, client, month)
        with database.acting_as(contact):
            comment_review(contact, reference, "A word.")
        ticket = make.request(contact, "device.lock", make.device(client, "ios"))
        with database.acting_as(agent):
            move_ticket(agent, ticket.reference, "resolve", words="Done.")
        with database.acting_as(contact):
            rate_ticket(contact, ticket.reference, 1, "Slow.")


def test_many_clients_and_reviews_cost_as_many_statements_as_one(app, sessions, make):
    database.use_sessions(sessions)
    supervisor, agent, counts = make.supervisor(), make.agent(), []
    for rows in (1, 3):
        database.use_sessions(sessions)
        database.become(SYSTEM)
        for _ in range(rows):
            client = make.client()
            manager = make.person(Role.ACCOUNT_MANAGER, client)
            fill(make, client, make.contact(client), manager, agent, rows)
        visitor = entered(app, sessions, supervisor)
        visitor.get("/desk/portfolio/")
        with counting(app) as statements:
            page = visitor.get("/desk/portfolio/")
        assert page.text.count("A word.") == (1 if rows == 1 else 10)  # as many as are shown
        assert len(set(re.findall(r"/desk/tickets/(PET-[0-9-]+)", page.text))) == (
            1 if rows == 1 else 10
        )
        counts.append(len(statements))
    assert counts[0] == counts[1] <= 20, counts


def test_what_waits_goes_away_when_it_is_done(make):
    client = make.client()
    contact, manager = make.contact(client), make.person(Role.ACCOUNT_MANAGER, client)
    reference = published(manager, client, LAST)
    for actor, waits in ((contact, 1), (manager, 0)):
        with database.acting_as(actor):
            comment_review(actor, reference, "A word.")
        with database.acting_as(manager):
            assert len(waiting_for(manager).comments) == waits
            assert waiting_for(manager).drafts == []
            database.session().rollback()
