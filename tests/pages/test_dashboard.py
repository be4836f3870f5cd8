"""The dashboard in the browser's eyes: every link opens as many tickets as its figure says."""

from __future__ import annotations

import random
import re
from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser
from urllib.parse import parse_qsl, urlsplit

import pytest
from playwright.sync_api import expect

from servicedesk.core import database
from servicedesk.core.actors import SYSTEM
from servicedesk.sla.evidence import Evidence
from servicedesk.sla.jobs import watch
from servicedesk.tickets.handling import move_ticket
from tests.operations.test_dashboard import Life, news_are_promised
from tests.pages.test_statements import app, counting, entered
from tests.sla_figures import behind, read

__all__ = ["app", "news_are_promised"]  # fixtures

NUMBER = re.compile(r"\d[\d.,]*$")


class Links(HTMLParser):
    """Every link of a page with its words and its label."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[tuple[str, str]] = []
        self.open: list[str] | None = None
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        if tag == "a":
            self.open = []
            self.href, self.label = dict(attrs).get("href", ""), dict(attrs).get("aria-label")

    def handle_data(self, data):
        if self.open is not None:
            self.open.append(data)

    def handle_endtag(self, tag):
        if tag == "a" and self.open is not None:
            words = self.label or " ".join("".join(self.open).split())
            self.found.append((self.href, words))
            self.open = None


def to_tickets(page: str) -> list[tuple[Evidence, str, str]]:
    """Return what stands behind each link to a list, its words and its address."""
    return [
        (Evidence.read(dict(parse_qsl(urlsplit(href).query))), words, href)
        for href, words in Links(page).found
        if "/tickets/?" in href
    ]


def amount_of(words: str) -> int | None:
    """Return the figure in a link's words: at its end, or before its name."""
    found = NUMBER.search(words) or re.match(r"[\d.,]+", words)
    return int(re.sub(r"\D", "", found[0])) if found else None


def live(make, seed: int) -> Life:
    """Live through months, up to this moment: the desk's own clock is the page's."""
    life = Life(make, random.Random(seed), datetime.now(UTC) - timedelta(seconds=1))
    life.go_on(120)
    watch()
    return life


@pytest.mark.parametrize(
    "query", ["", "?metric=periodic_update", "?kind=incident&metric=first_response"]
)
def test_every_link_opens_as_many_tickets_as_its_figure_says(
    app, sessions, make, news_are_promised, query
):
    database.use_sessions(sessions)
    life = live(make, len(query))
    for person, place in ((life.agents[0], "desk"), (life.contacts[0], "portal")):
        database.use_sessions(sessions)
        ledgers = read(person)
        visitor = entered(app, sessions, person)
        page = visitor.get(f"/{place}/sla/{query}").text
        links = to_tickets(page)
        assert len(links) > 40
        walked: set[str] = set()
        for evidence, words, href in links:
            expected = behind(ledgers, evidence)
            if amount_of(words) is not None:
                assert amount_of(words) == expected.total(), (words, href)
            if href not in walked:
                walked.add(href)
                opens(visitor, href, expected)
        assert walked


def opens(visitor, href: str, expected) -> None:
    """The list says how many cycles in how many tickets, and has them."""
    listed = visitor.get(href).text
    said = re.search(r'<div class="note.*?</div>\s*</div>', listed, re.DOTALL)[0]
    numbers = {
        int(found) for found in re.findall(r"\b\d+\b", re.sub(r"<[^>]+>|\b20\d\d\b", " ", said))
    }
    assert {expected.total(), len(expected)} <= numbers
    rows = re.findall(r'<td class="lead">', listed)
    assert len(rows) == min(len(expected), 25)
    if len(expected) <= 25:
        assert all(reference in listed for reference in expected)


@pytest.mark.parametrize(
    "path", ["/desk/sla/", "/desk/sla/?agent=none&kind=query", "/desk/sla/wall"]
)
def test_more_tickets_cost_no_more_statements(app, sessions, make, path):
    database.use_sessions(sessions)
    client = make.client()
    contact, agent = make.contact(client), make.agent()
    counts = []
    for rows in (1, 9):
        database.use_sessions(sessions)
        database.become(SYSTEM)
        for _ in range(rows):
            make.request(contact, "device.lock", make.device(client, "ios"))
        visitor = entered(app, sessions, agent)
        visitor.get(path)
        with counting(app) as statements:
            assert visitor.get(path).status_code == 200
        counts.append(len(statements))
    assert counts[0] == counts[1] <= 10


def test_a_contact_sees_neither_agents_nor_queues_nor_the_wall(app, sessions, make):
    database.use_sessions(sessions)
    client = make.client()
    contact, agent = make.contact(client), make.agent()
    make.request(contact, "device.lock", make.device(client))
    visitor = entered(app, sessions, contact)
    page = visitor.get(f"/portal/sla/?agent={agent.user_id}&queue=support").text
    assert agent.name not in page
    assert 'name="agent"' not in page
    links = to_tickets(page)
    assert links
    assert not [href for evidence, _, href in links if evidence.agent or evidence.queue]
    assert visitor.get("/portal/sla/wall").status_code == 404
    assert visitor.get("/desk/sla/wall").status_code == 404
    listed = visitor.get("/portal/tickets/?agent=none&show=all&sla=open").text
    assert 'class="lead"' in listed


def test_the_wall_shows_no_subject_and_no_person(app, sessions, make):
    database.use_sessions(sessions)
    client = make.client(name="Norte Distribución, S. A.")
    contact, agent = make.contact(client), make.agent()
    ticket = make.request(contact, "device.lock", make.device(client), subject="Lost by Ana")
    page = entered(app, sessions, agent).get("/desk/sla/wall").text
    assert ticket.reference in page
    assert "Norte Distribución" in page
    for private in ("Lost by Ana", "S. A.", contact.name, agent.name, client.reference):
        assert private not in page


@pytest.mark.parametrize(
    "query",
    ["month=1999-01", "month=x", "metric=%00", "agent=999999999999999999", "kind=x", "hour=99"],
)
def test_what_is_not_understood_is_left_out(app, sessions, make, query):
    database.use_sessions(sessions)
    visitor = entered(app, sessions, make.agent())
    for page in ("sla/", "sla/wall", "tickets/"):
        assert visitor.get(f"/desk/{page}?{query}").status_code == 200
    assert visitor.get("/desk/sla/?client=CLI-9999").status_code == 404


def test_the_api_says_what_the_page_says_and_lists_what_it_counts(desk):
    make = desk.make
    client = make.client()
    contact, agent = make.contact(client), make.agent()
    for _ in range(3):
        make.request(contact, "device.lock", make.device(client))
    api = desk.api(agent)
    figures = api.get("/sla", params={"client": client.reference}).json()
    assert figures["asked"]["metric"] == "resolution"
    assert sum(figures["open"].values()) == 3
    assert figures["arrived"][-1]["tickets"] == 3
    assert {line["ticket"] for line in figures["next"]} >= {
        line["reference"]
        for line in api.get("/tickets", params={"sla": "open", "client": client.reference}).json()[
            "items"
        ]
    }
    refused = api.get("/tickets", params={"month": "2026-13"})
    assert refused.status_code == 422
    assert "month" in refused.text
    assert api.get("/sla", params={"client": "CLI-NONE"}).status_code == 404


def test_a_wall_keeps_its_figures_while_the_desk_is_away_and_says_how_old_they_are(desk, sign_in):
    make = desk.make
    client = make.client()
    ticket = make.request(make.contact(client), "device.lock", make.device(client))
    # a page of its own: what the browser says about the lost network is no complaint here
    wall = sign_in(make.agent()).context.new_page()
    wall.clock.install()
    wall.goto(f"{desk.address}/desk/sla/wall?client={client.reference}")
    said = wall.locator("[data-age]")
    wall.route("**/sla/wall*", lambda route: route.abort())
    wall.clock.run_for(100_000)
    expect(said).to_contain_text("1 min")
    expect(wall.get_by_text(ticket.reference).first).to_be_visible()
    later = make.request(make.contact(client), "device.lock", make.device(client))
    wall.unroute("**/sla/wall*")
    with wall.expect_response("**/sla/wall*"):
        wall.clock.run_for(31_000)
    expect(wall.get_by_text(later.reference).first).to_be_visible()
    wall.clock.run_for(2_000)
    expect(said).to_have_text("")


def test_of_many_clients_ten_are_shown_and_all_on_demand(app, sessions, make):
    database.use_sessions(sessions)
    agent = make.agent()
    for _ in range(12):
        client = make.client()
        ticket = make.request(make.contact(client), "device.lock", make.device(client))
        move_ticket(agent, ticket.reference, "resolve", words="Done.")
    visitor = entered(app, sessions, agent)
    page = visitor.get("/desk/sla/").text
    table = page.split('id="attained-client"')[1].split("</section>")[0]
    assert table.count('<th scope="row">') == 10
    more = re.search(r'href="([^"]*rows=all[^"]*)"', table)[1].replace("&amp;", "&")
    table = visitor.get(more).text.split('id="attained-client"')[1].split("</section>")[0]
    assert table.count('<th scope="row">') == 12
    assert "rows=all" not in table
