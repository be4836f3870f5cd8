"""The end of a ticket on its page, by the links of a mail, and in the API."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

from servicedesk.core import clock
from servicedesk.core.actors import Role
from servicedesk.tickets import closing_links
from servicedesk.tickets.handling import move_ticket
from servicedesk.tickets.intake import NewTicket, open_ticket
from servicedesk.tickets.models import TicketKind, TicketState
from tests.desk_on_loopback import client_at
from tests.visitor import Visitor, visiting
from tests.warning_story import fresh

NEW = NewTicket(kind=TicketKind.INCIDENT, subject="No mail", description="A secret of the ticket.")


@pytest.fixture
def cast(desk):
    client = desk.make.client()
    return client, desk.make.contact(client), desk.make.agent()


@pytest.fixture
def words(monkeypatch) -> list[str]:
    """The secret words of links: a worker may have sent their mails before a test can look."""
    given = []

    def token(_size: int = 32) -> str:
        given.append(f"word-{uuid4()}")
        return given[-1]

    monkeypatch.setattr(closing_links.secrets, "token_urlsafe", token)
    return given


@pytest.fixture
def resolved(cast, words):
    _client, contact, agent = cast
    ticket = open_ticket(contact, NEW)
    move_ticket(agent, ticket.reference, "resolve", words="The server is back.")
    return ticket


@pytest.fixture
def late(cast):
    _client, contact, _agent = cast
    with clock.told_as(datetime.now(UTC) - timedelta(days=30)):
        return open_ticket(contact, NEW)


def test_the_contact_decides_in_one_form_that_keeps_what_was_typed(desk, cast, resolved):
    _client, contact, _agent = cast
    page = f"/portal/tickets/{resolved.reference}"
    with visiting(desk, contact) as visitor:
        shown = visitor.get(page).text
        assert shown.count('name="verdict"') == 3
        assert 'value="confirm"' not in shown
        assert 'value="reopen"' not in shown
        refused = visitor.post(f"{page}/closing", verdict="solved_but", comment="Keep these words")
        assert refused.status_code == 422
        assert "Keep these words" in refused.text
        assert re.search(r'<input checked[^>]*value="solved_but"', refused.text)
        answer = visitor.post(
            f"{page}/closing", verdict="solved_but", rating="2", comment="Keep these words"
        )
        assert answer.status_code == 302
        assert fresh(resolved).rating == 2
        late_one = visitor.post(f"{page}/closing", verdict="not_solved", comment="Mine as well")
        assert late_one.status_code == 409
        assert "Mine as well" in late_one.text
        assert 'value="reopen"' in late_one.text, "a closed ticket can still be reopened"


def test_opening_a_link_decides_nothing_and_its_form_decides_once(desk, cast, resolved, words):
    _client, contact, _agent = cast
    link = f"/closing/{words[0]}"
    with client_at(desk.address) as http:
        nobody = Visitor(http)
        for verdict in ("solved", "solved_but", "not_solved", "x"):
            page = nobody.get(f"{link}?verdict={verdict}")
            assert page.status_code == 200
            assert (page.text.count("checked") == 1) is (verdict != "x")
        assert page.headers["Referrer-Policy"] == "no-referrer"
        assert page.headers["Cache-Control"] == "no-store"
        assert fresh(resolved).state is TicketState.RESOLVED
        assert resolved.reference in page.text
        assert "The server is back." in page.text
        assert "A secret of the ticket." not in page.text
        assert http.get(f"/portal/tickets/{resolved.reference}").status_code == 302
        refused = nobody.post(link, verdict="not_solved", comment=" ")
        assert refused.status_code == 422
        unprotected = http.post(link, data={"verdict": "solved"})
        assert unprotected.status_code == 400
        done = nobody.post(link, verdict="not_solved", comment="Still nothing.")
        assert done.status_code == 200
        assert fresh(resolved).state is TicketState.IN_PROGRESS
        over = nobody.post(link, verdict="solved")
        assert over.status_code == 404
        over = nobody.get(link)
        unknown = nobody.get("/closing/never-was")
        odd = nobody.get("/closing/%00%FF")
        assert (over.status_code, unknown.status_code, odd.status_code) == (404, 404, 404)
        told = [over.text.replace(link, ""), unknown.text.replace("/closing/never-was", "")]
        assert told[0] == told[1]
        assert "/sign-in" in over.text
    with visiting(desk, contact) as visitor:
        told = visitor.get(f"/portal/tickets/{resolved.reference}").text
        assert contact.name in told.split("Still nothing.")[0].rsplit("<li>", 1)[1]


def test_a_late_ticket_asks_for_the_cause_where_it_is_resolved(desk, cast, late):
    _client, contact, agent = cast
    page = f"/desk/tickets/{late.reference}"
    with visiting(desk, agent) as visitor:
        assert 'name="cause"' in visitor.get(page).text
        refused = visitor.post(f"{page}/messages", move="resolve", body="Done at last.")
        assert refused.status_code == 422
        assert "Done at last." in refused.text
        assert refused.text.count("field-error") == 2
        answer = visitor.post(
            f"{page}/messages",
            move="resolve",
            body="Done at last.",
            cause="third_party",
            cause_words="The maker was late.",
        )
        assert answer.status_code == 302
        refused = visitor.post(
            f"{page}/breaches", cycle="resolution.1", cause="", cause_words="Half typed"
        )
        assert refused.status_code == 422
        assert "Half typed" in refused.text
        for odd in ("resolution.9", "resolution.x", "x.1", "resolution." + "9" * 30):
            answer = visitor.post(f"{page}/breaches", cycle=odd, cause="other", cause_words="x")
            assert answer.status_code == 404
        corrected = visitor.post(
            f"{page}/breaches", cycle="resolution.1", cause="workload", cause_words="A peak."
        )
        assert corrected.status_code == 302
        assert visitor.get("/desk/tickets/?show=all&unexplained=1").status_code == 200
    with visiting(desk, contact) as visitor:
        shown = visitor.get(f"/portal/tickets/{late.reference}").text
        assert "A peak." in shown
        assert 'name="cause"' not in shown


def test_a_ticket_in_time_asks_for_no_cause_and_a_wrong_one_can_be_withdrawn(desk, cast):
    _client, contact, agent = cast
    ticket = open_ticket(contact, NEW)
    page = f"/desk/tickets/{ticket.reference}"
    with visiting(desk, agent) as visitor:
        shown = visitor.get(page).text
        assert 'name="cause"' not in shown
        assert 'value="cancel_as_spam"' in shown
        assert visitor.post(f"{page}/move", move="cancel_as_spam").status_code == 302
    assert fresh(ticket).left_out_as == "spam"


def test_an_incident_is_asked_for_with_its_category(desk, cast):
    _client, contact, _agent = cast
    with visiting(desk, contact) as visitor:
        visitor.get("/portal/ask/incident")
        told = {"subject": "No mail", "description": "Nothing.", "impact": "low", "urgency": "low"}
        refused = visitor.post("/portal/ask/incident", **told)
        assert refused.status_code == 422
        answer = visitor.post("/portal/ask/incident", **told, category="mail")
        assert answer.status_code == 302
        reference = answer.headers["Location"].rsplit("/", 1)[1]
        assert reference in visitor.get("/portal/tickets/?category=mail").text
        assert reference not in visitor.get("/portal/tickets/?category=access").text
    agent = desk.make.agent()
    with visiting(desk, agent) as visitor:
        page = f"/desk/tickets/{reference}"
        visitor.get(page)
        visitor.post(f"{page}/classification", impact="low", urgency="low", category="access")
    listed = desk.api(contact).get("/tickets", params={"category": "access"}).json()
    assert [one["reference"] for one in listed["items"]] == [reference]


def test_the_api_closes_explains_and_says_what_is_wrong(desk, cast, resolved, late):
    client, contact, agent = cast
    api, working = desk.api(contact), desk.api(agent)
    one = f"/tickets/{resolved.reference}"
    refused = api.post(f"{one}/closing", json={"verdict": "solved_but"})
    assert refused.status_code == 422
    assert refused.headers["Content-Type"] == "application/problem+json"
    assert {fault["field"] for fault in refused.json()["errors"]} == {"rating", "comment"}
    assert working.post(f"{one}/closing", json={"verdict": "solved"}).status_code == 403
    done = api.post(f"{one}/closing", json={"verdict": "solved", "rating": 4}).json()
    assert (done["state"], done["closing_verdict"], done["rating"]) == ("closed", "solved", 4)
    again = api.post(f"{one}/closing", json={"verdict": "solved"})
    assert (again.status_code, again.json()["type"]) == (409, "/problems/already-decided")
    overdue = f"/tickets/{late.reference}"
    resolving = {"transition": "resolve", "body": "Done."}
    refused = working.post(f"{overdue}/transitions", json=resolving)
    assert {fault["field"] for fault in refused.json()["errors"]} == {"cause", "cause_words"}
    why = {"cause": "workload", "cause_words": "A peak."}
    done = working.post(f"{overdue}/transitions", json=resolving | why).json()
    assert {one["cause"] for one in done["breach_causes"]} == {"workload"}
    manager = desk.make.person(Role.ACCOUNT_MANAGER, client)
    better = {"cause": "other", "cause_words": "A storm.", "metric": "resolution"}
    done = desk.api(manager).post(f"{overdue}/breaches", json=better).json()
    assert "A storm." in {one["words"] for one in done["breach_causes"]}
    nothing = working.get("/tickets", params={"unexplained": True, "client": client.reference})
    assert nothing.json()["items"] == []
