"""Reviews as people read, write and answer them, on pages and through the API."""

from __future__ import annotations

import hashlib
import re
from datetime import date, timedelta
from decimal import Decimal

import pytest

from servicedesk.core.actors import Role
from servicedesk.core.errors import NotAllowedNow
from servicedesk.engagement.outcomes import cancel_visit
from servicedesk.reviews.actions import add_action, remove_action
from servicedesk.reviews.meeting import book_meeting
from servicedesk.reviews.models import Place
from servicedesk.reviews.publishing import add_addendum
from servicedesk.reviews.queries import review_view
from servicedesk.reviews.writing import write_text
from servicedesk.tickets.models import TicketState
from servicedesk.tickets.queries import ticket_named
from tests.engagement_story import entries, plan, with_contract
from tests.pages.test_accessible import look
from tests.pages.test_engagement_pages import text_of
from tests.review_drafts import VERDICT, published_by, review_of
from tests.visitor import visiting

TOMORROW = date.today() + timedelta(days=1)
MEETING = {
    "title": "Talk about it",
    "day": TOMORROW.isoformat(),
    "at": "09:30",
    "days": "0.25",
    "where": "remote",
}
HTMX = {"HX-Request": "true"}


class Story:
    """A client with a ticket, its people and its draft."""

    def __init__(self, make) -> None:
        self.client = make.client(name="Talleres Norte")
        self.manager = make.person(Role.ACCOUNT_MANAGER, self.client)
        self.contact, self.agent = make.contact(self.client), make.agent()
        self.ticket = make.request(self.contact, "device.lock", make.device(self.client, "ios"))
        self.reference = review_of(self.client)
        self.desk = f"/desk/reviews/{self.reference}"
        self.portal = f"/portal/reviews/{self.reference}"


@pytest.fixture
def story(desk):
    return Story(desk.make)


def saved(visitor, story, body: str, version: int, **more: object):
    visitor.get(f"{story.desk}/write")
    return visitor.http.post(
        f"{story.desk}/texts/verdict",
        data={"csrf_token": visitor.token, "body": body, "version": version, **more},
        headers=HTMX,
    )


def test_nobody_of_the_client_knows_of_a_draft(desk, story):
    with visiting(desk, story.contact) as visitor:
        for page in ("", "/figures/volume", "/content.json", "/evidence.json"):
            assert visitor.get(story.portal + page).status_code == 404
        for page in ("/comments", "/acknowledge"):
            assert visitor.post(story.portal + page, body="x").status_code == 404
        assert story.reference not in visitor.get("/portal/reviews/").text
    api = desk.api(story.contact)
    assert api.get(f"/reviews/{story.reference}").status_code == 404
    assert api.get("/reviews").json()["items"] == []


def test_who_only_works_on_tickets_reads_a_draft_and_writes_nothing(desk, story):
    with visiting(desk, story.agent) as visitor:
        shown = visitor.get(story.desk)
        assert "vista previa" in shown.text
        assert "/publish" not in shown.text
        assert visitor.get(f"{story.desk}/write").status_code == 403
        assert visitor.get(f"{story.desk}/recounting").status_code == 403
        assert visitor.post(f"{story.desk}/publish", fingerprint="x").status_code == 403


def test_two_who_write_at_one_place_lose_nothing(desk, story):
    with visiting(desk, story.manager) as visitor:
        assert "Guardado" in saved(visitor, story, "Mine", 0).text
        write_text(story.manager, story.reference, Place.VERDICT, "Theirs <b>", version=1)
        refused = saved(visitor, story, "Mine too", 1)
        assert 'name="version" value="1"' in refused.text
        assert "Theirs &lt;b&gt;" in refused.text
        assert "Mine too" in refused.text
        joined = saved(visitor, story, "Mine too", 1, do="join")
        assert re.search(
            r"<textarea[^>]*>\s*Theirs &lt;b&gt;\s*Mine too\s*</textarea>", joined.text
        )
        assert 'name="version" value="2"' in joined.text
        whole = visitor.post(f"{story.desk}/texts/verdict", body="Mine too", version="1")
        assert whole.status_code == 409  # without scripts: the page, with what was typed
        assert whole.text.count("Mine too") == 2
        assert visitor.post(f"{story.desk}/texts/verdict", body="B", seen="2").status_code == 302
        assert visitor.post(f"{story.desk}/texts/nowhere", body="B").status_code == 404
        long = visitor.post(f"{story.desk}/texts/verdict", body="x" * 6000, version="3")
        assert long.status_code == 422
        assert "x" * 6000 in long.text
    assert review_view(story.manager, story.reference).texts[Place.VERDICT].body == "B"


def test_what_changed_after_the_preview_is_not_published(desk, story):
    with visiting(desk, story.manager) as visitor:
        assert "Vuelto a contar" in visitor.get(f"{story.desk}/recounting").text
        missing = visitor.get(story.desk).text
        seen = re.search(r'name="fingerprint" value="(\w+)"', missing)[1]
        assert visitor.post(f"{story.desk}/publish", fingerprint=seen).status_code == 422
        assert visitor.post(f"{story.desk}/mark", mark="great").status_code == 422
        assert visitor.post(f"{story.desk}/mark", mark="good").status_code == 302
        assert saved(visitor, story, VERDICT, 0).status_code == 200
        changed = visitor.post(f"{story.desk}/publish", fingerprint=seen)
        assert changed.status_code == 409
        assert VERDICT in changed.text
        seen = re.search(r'name="fingerprint" value="(\w+)"', changed.text)[1]
        assert visitor.post(f"{story.desk}/publish", fingerprint=seen).status_code == 302
        late = saved(visitor, story, "Late", 1)
        assert "Late" not in visitor.get(story.desk).text
        assert late.status_code == 200
        assert "adenda" in late.text


def test_a_contact_reads_checks_and_acknowledges(desk, story):
    published_by(story.manager, story.reference)
    add_addendum(story.manager, story.reference, "One more ticket", recounted=False)
    with visiting(desk, story.contact) as visitor:
        assert story.reference in visitor.get("/portal/reviews/").text
        page = visitor.get(story.portal)
        assert page.text.index("One more ticket") < page.text.index(VERDICT)
        content = visitor.get(f"{story.portal}/content.json").content
        digest = hashlib.sha256(content).hexdigest()
        assert digest in page.text
        evidence = visitor.get(f"{story.portal}/evidence.json").content
        assert hashlib.sha256(evidence).hexdigest() in content.decode()
        behind = visitor.get(f"{story.portal}/figures/volume?by=flow&of=created&page=99999")
        assert f"/portal/tickets/{story.ticket.reference}" in behind.text
        assert "1 elemento" in behind.text
        assert visitor.get(f"{story.portal}/figures/nothing").status_code == 404
        visitor.get(story.portal)
        assert visitor.post(f"{story.portal}/acknowledge", body="x" * 6000).status_code == 422
        assert visitor.post(f"{story.portal}/acknowledge", body="Thanks").status_code == 302
        read = text_of(visitor.get(story.portal).text)
        assert "Thanks" in read
        assert "Lo he leído" not in read
        assert visitor.post(f"{story.portal}/comments", body="").status_code == 422
        assert visitor.post(f"{story.portal}/comments", body="One more").status_code == 302


def test_actions_open_tickets_and_taking_them_out_withdraws_these(desk, story):
    manager, reference = story.manager, story.reference
    action = add_action(manager, reference, "Renew certificates", "Ana", TOMORROW)
    with visiting(desk, manager) as visitor:
        visitor.get(f"{story.desk}/write")
        refused = visitor.post(f"{story.desk}/actions", words="Kept", owner="", due_on="never")
        assert refused.status_code == 422
        assert 'value="Kept"' in refused.text
        done = visitor.post(
            f"{story.desk}/actions", words="x", owner="Luis", due_on=TOMORROW.isoformat()
        )
        assert done.status_code == 302
        assert action.ticket.reference in visitor.get(story.desk).text
    remove_action(manager, reference, action.id)
    assert ticket_named(manager, action.ticket.reference).state is TicketState.CANCELLED
    published_by(manager, reference)
    with pytest.raises(NotAllowedNow):
        add_action(manager, reference, "Too late", "Ana", TOMORROW)


def test_a_meeting_takes_days_and_meets_their_wall(desk, story):
    with_contract(desk.make, story.client, engagement_days=Decimal("0.75"))
    with visiting(desk, story.manager) as visitor:
        booking = f"{story.desk}/meeting"
        assert "Revisión del servicio" in visitor.get(booking).text
        refused = visitor.post(booking, **(MEETING | {"days": "1"}))
        assert refused.status_code == 409
        assert 'value="Talk about it"' in refused.text
        assert "0,75" in re.search(r'field-error">([^<]+)', refused.text)[1]
        assert entries(story.client) == []
        assert visitor.post(booking, **MEETING).status_code == 302
        assert "Talk about it" in visitor.get(story.desk).text
        assert visitor.post(booking, **MEETING).status_code == 409
    assert [entry.quarters for entry in entries(story.client)] == [1]
    published_by(story.manager, story.reference)
    visit = review_view(story.manager, story.reference).review.visit
    cancel_visit(story.manager, visit.reference, "Ill", version=visit.version)
    again = book_meeting(story.manager, story.reference, plan(quarters=2))
    assert review_view(story.manager, story.reference).review.visit.reference == again.reference


def test_the_api_tells_writes_and_publishes(desk, story):
    manager, contact = desk.api(story.manager), desk.api(story.contact)
    one = f"/reviews/{story.reference}"
    text = {"body": VERDICT, "version": 0}
    assert manager.put(f"{one}/texts/verdict", json=text).json()["version"] == 1
    other = manager.put(f"{one}/texts/verdict", json=text | {"body": "Another"})
    assert (other.status_code, other.json()["type"]) == (409, "/problems/written-by-somebody-else")
    draft = manager.put(f"{one}/mark", json={"mark": "watch"}).json()
    assert draft["content"]["texts"] == {"verdict": VERDICT}
    assert manager.post(f"{one}/publish", json={"fingerprint": "x"}).status_code == 409
    seen = {"fingerprint": draft["fingerprint"]}
    assert desk.api(story.agent).post(f"{one}/publish", json=seen).status_code == 403
    assert manager.post(f"{one}/publish", json=seen).json()["state"] == "published"
    told = contact.get(one).json()
    assert hashlib.sha256(told["content_text"].encode()).hexdigest() == told["hash"]
    assert contact.get("/reviews").json()["items"][0]["mark"] == "watch"
    behind = contact.get(f"{one}/figures/volume", params={"by": "flow", "of": "created"}).json()
    assert [item["reference"] for item in behind["items"]] == [story.ticket.reference]
    assert contact.post(f"{one}/comments", json={"body": "Why?"}).status_code == 201
    assert contact.post(f"{one}/acknowledge", json={}).json()["state"] == "acknowledged"
    assert contact.post(f"{one}/acknowledge", json={}).status_code == 409


def test_pages_of_reviews_are_for_everybody(desk, sign_in, story):
    write = f"{story.desk}/write"
    add_action(story.manager, story.reference, "Renew certificates", "Ana", TOMORROW)
    drafted = ["/desk/reviews/", story.desk, write, f"{story.desk}/meeting"]
    assert look(desk, sign_in(story.manager), drafted) == []
    published_by(story.manager, story.reference)
    read = ["/portal/reviews/", story.portal, f"{story.portal}/figures/service_levels"]
    assert look(desk, sign_in(story.contact), read) == []
    assert look(desk, sign_in(story.manager), [f"{story.desk}/addendum"]) == []
