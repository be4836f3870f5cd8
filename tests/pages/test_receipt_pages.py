"""Receipts as pages, paper and JSON: the same to the byte for ever, and only for whose they are."""

from __future__ import annotations

import hashlib
import io
import json
from datetime import UTC, date, datetime, timedelta

import pytest
from pypdf import PdfReader
from sqlalchemy import select, update

from servicedesk.core import clock, database
from servicedesk.core.actors import SYSTEM
from servicedesk.core.errors import InvalidInput, NotFound
from servicedesk.core.unit_of_work import unit_of_work
from servicedesk.sla import issuing
from servicedesk.sla.calendar import CalendarDefinition, OpenInterval
from servicedesk.sla.checking import rebuild_all
from servicedesk.sla.clocks import record
from servicedesk.sla.cycles import Metric, Party
from servicedesk.sla.evaluation import EventKind
from servicedesk.sla.models import CalendarVersion, SlaLedger
from servicedesk.sla.receipt_json import content_of, hash_of
from servicedesk.sla.terms import forget_terms
from servicedesk.tickets.handling import move_ticket, reclassify_ticket
from servicedesk.tickets.models import Impact, Urgency
from tests.desk_on_loopback import until
from tests.pages.test_statements import app, counting, entered  # noqa: F401  a fixture
from tests.visitor import visiting
from tests.warning_story import WHY

MONDAY = datetime(2026, 11, 16, 9, tzinfo=UTC)  # ten in Madrid
HOUR = timedelta(hours=1)


def at(hours: float):
    return clock.told_as(MONDAY + hours * HOUR)


def happen(agent, ticket, kind, hours, **options) -> None:
    with at(hours), unit_of_work(agent, "test") as work:
        ledger = work.session.scalars(
            select(SlaLedger).where(SlaLedger.subject == ticket.reference)
        ).one()
        record(work, ledger, kind, **options)


@pytest.fixture
def story(make, sessions):
    """A ticket that waited for a device and the client, and was resolved on the second day."""
    database.use_sessions(sessions)  # an application brings its own
    database.become(SYSTEM)
    client = make.client()
    contact, agent = make.contact(client), make.agent()
    with at(0):
        ticket = make.request(contact, "device.lock", make.device(client, "ios"))
    with at(1):
        reclassify_ticket(agent, ticket.reference, Impact.HIGH, Urgency.MEDIUM)
    device = {"device": "DEV-900001", "last_contact_at": (MONDAY - HOUR).isoformat(), "queue": "x"}
    happen(agent, ticket, EventKind.PAUSED, 2, party=Party.DEVICE, **device)
    happen(agent, ticket, EventKind.RESUMED, 4, party=Party.DEVICE)
    with at(25):
        move_ticket(agent, ticket.reference, "wait_for_client", words="Which one?")
    with at(26):
        move_ticket(agent, ticket.reference, "resume")
    with at(26.5):
        move_ticket(agent, ticket.reference, "resolve", words="Done.", why=WHY)
    return ticket, contact, agent, client


def words_of_pdf(content: bytes) -> str:
    pages = PdfReader(io.BytesIO(content)).pages
    return "".join("".join(page.extract_text().split()) for page in pages).replace("\u200b", "")


def test_a_stopped_cycle_is_the_same_to_the_byte_for_ever(app, sessions, make, story):  # noqa: F811
    ticket, contact, agent, _client = story
    path = f"/portal/sla/receipts/{ticket.reference}/resolution/2"

    def files(hours: float) -> tuple[bytes, bytes]:
        with at(hours):
            visitor = entered(app, sessions, contact)
            return tuple(visitor.get(f"{path}.{form}").data for form in ("json", "pdf"))

    first = files(49)
    database.use_sessions(sessions)
    database.become(SYSTEM)
    other = make.client()
    with at(60):
        another = make.request(make.contact(other), "device.lock", make.device(other, "ios"))
        reclassify_ticket(agent, another.reference, Impact.HIGH, Urgency.HIGH)
        make.request(contact, "device.lock", make.device(story[3], "ios"))
    shorter = CalendarDefinition(
        time_zone="Europe/Madrid", weekly=((OpenInterval(600, 660),),) * 5 + ((), ())
    )
    with database.acting_as(SYSTEM):
        session = database.session()
        session.add(
            CalendarVersion(
                code="office",
                version=2,
                name="Shorter hours",
                effective_on=date(2026, 11, 30),
                definition=shorter.to_json(),
                created_at=MONDAY + 70 * HOUR,
                author_name="x",
            )
        )
        session.commit()
    happen(agent, ticket, EventKind.REOPENED, 80)
    forget_terms()
    assert files(24 * 365) == first
    plain, paper = first
    said = json.loads(plain)
    digest = hashlib.sha256(plain).hexdigest()
    words = words_of_pdf(paper)
    assert digest in words
    # the stop, on the calendar's clock
    assert f"{PdfReader(io.BytesIO(paper)).metadata.creation_date:%Y-%m-%d %H:%M}" == (
        "2026-11-17 12:30"
    )
    assert (said["verdict"], said["sum"]["waiting_seconds"]["device"]) == ("met", "7200")
    for part in ("Esperandoalterminal", "DEV-900001", contact.name.replace(" ", "")):
        assert part in words, part
    assert '"queue"' not in plain.decode()
    database.use_sessions(sessions)
    database.become(SYSTEM)
    with pytest.raises(NotFound):
        issuing.receipt_of(make.contact(make.client()), ticket.reference, "resolution", 2)


def test_the_pages_show_every_clock_and_lead_to_the_files(desk, story_on_desk):
    ticket, contact, agent = story_on_desk
    for person, room in ((contact, "portal"), (agent, "desk")):
        with visiting(desk, person) as visitor:
            page = visitor.get(f"/{room}/tickets/{ticket.reference}").text
            assert f"/{room}/sla/receipts/{ticket.reference}/resolution/2" in page
            listed = visitor.get(f"/{room}/sla/receipts/{ticket.reference}").text
            assert f"/{room}/sla/receipts/{ticket.reference}/resolution/1" in listed
            path = f"/{room}/sla/receipts/{ticket.reference}/resolution/2"
            shown = visitor.get(path)
            assert shown.status_code == 200
            plain = visitor.get(f"{path}.json")
            assert plain.headers["Content-Disposition"].endswith('resolution-2.json"')
            assert json.loads(plain.content)["is_final"] is False
            assert visitor.get(f"{path}?format=json").headers["Location"] == f"{path}.json"
            assert visitor.get(f"{path}.pdf").content.startswith(b"%PDF")
    stranger = desk.make.contact(desk.make.client())
    with visiting(desk, stranger) as visitor:
        for suffix in ("", "/resolution/2", "/resolution/2.pdf", "/resolution/2.json"):
            answer = visitor.get(f"/portal/sla/receipts/{ticket.reference}{suffix}")
            assert answer.status_code == 404
    with visiting(desk, contact) as visitor:
        for suffix in ("/resolution/9", "/nothing/1", f"/resolution/{10**30}"):
            answer = visitor.get(f"/portal/sla/receipts/{ticket.reference}{suffix}")
            assert answer.status_code == 404


@pytest.fixture
def story_on_desk(desk):
    """An open ticket of today whose priority was corrected."""
    make = desk.make
    client = make.client()
    contact, agent = make.contact(client), make.agent()
    ticket = make.request(contact, "device.lock", make.device(client, "ios"))
    reclassify_ticket(agent, ticket.reference, Impact.HIGH, Urgency.MEDIUM)
    return ticket, contact, agent


def test_the_api_gives_the_cycles_with_intervals_and_the_hash(desk, story_on_desk):
    ticket, contact, _agent = story_on_desk
    move_ticket(contact, ticket.reference, "cancel")
    found = desk.api(contact).get(f"/tickets/{ticket.reference}/clocks").json()["items"]
    assert [(row["metric"], row["ordinal"], row["verdict"]) for row in found] == [
        ("first_response", 1, "withdrawn"),
        ("first_response", 2, "withdrawn"),
        ("resolution", 1, "withdrawn"),
        ("resolution", 2, "withdrawn"),
    ]
    path = f"/tickets/{ticket.reference}/clocks/resolution/2"
    plain = desk.api(contact).get(path)
    assert hashlib.sha256(plain.content).hexdigest() == found[3]["sha256"]
    assert json.loads(plain.content)["intervals"] == found[3]["intervals"]
    stranger = desk.api(desk.make.contact(desk.make.client()))
    assert stranger.get(path).status_code == 404
    assert stranger.get(f"/tickets/{ticket.reference}/clocks").status_code == 404


def test_a_receipt_brought_back_is_told_to_be_right_or_where_it_differs(desk, story_on_desk):
    ticket, contact, _agent = story_on_desk
    page = "/portal/sla/receipts/"
    with visiting(desk, contact) as visitor:
        # of an open cycle: it is held against what the ledger gave then
        text = visitor.get(f"{page}{ticket.reference}/resolution/2.json").text
        forged = text.replace('"priority": "high"', '"priority": "low"')
        assert forged != text
        visitor.get(page)
        right = visitor.post(page, text=text)
        assert "Es lo que da el registro" in right.text
        assert "byte" in right.text
        wrong = visitor.post(page, text=forged)
        assert "terms.priority" in wrong.text
        assert (right.status_code, wrong.status_code) == (200, 200)
        for bad in (
            "",
            "x",
            "[" * 100_000,
            '{"format": 1}',
            text.replace(ticket.reference, "INC-1999-000001"),
            text.replace('"ordinal": 2', '"ordinal": 99'),
            text.replace('"metric": "resolution"', '"metric": "x"'),
        ):
            answer = visitor.post(page, text=bad)
            assert answer.status_code == 422
            assert "field-error" in answer.text
        odd = text.replace('"as_of": "2', '"as_of": "9')
        assert visitor.post(page, text=odd).status_code == 200
    stranger = desk.make.contact(desk.make.client())
    with visiting(desk, stranger) as visitor:
        visitor.get(page)
        assert visitor.post(page, text=text).status_code == 422


def test_holding_it_against_the_ledger_knows_bytes_from_meaning(make, story):
    ticket, contact, _agent, _client = story
    receipt = issuing.receipt_of(contact, ticket.reference, Metric.RESOLUTION, 2)
    text = content_of(receipt)
    found = issuing.compare(contact, text)
    assert (found.is_same, found.is_same_text, found.differences) == (True, True, [])
    loose = json.dumps(json.loads(text)).encode()
    found = issuing.compare(contact, loose)
    assert (found.is_same, found.is_same_text) == (True, False)
    assert len(hash_of(receipt)) == 64
    with pytest.raises(InvalidInput):
        issuing.compare(contact, b"x" * (issuing.LARGEST_RECEIPT + 1))


def test_a_long_ticket_costs_as_many_statements_as_a_short_one(app, sessions, make, story):  # noqa: F811
    ticket, contact, agent, _client = story
    counts = []
    for _ in range(2):
        visitor = entered(app, sessions, contact)
        path = f"/portal/sla/receipts/{ticket.reference}"
        visitor.get(path)
        with counting(app) as statements:
            assert visitor.get(path).status_code == 200
        counts.append(len(statements))
        database.use_sessions(sessions)
        database.become(SYSTEM)
        for hours in range(60, 70):
            kind = EventKind.REOPENED if hours % 2 == 0 else EventKind.RESOLVED
            happen(agent, ticket, kind, hours)
    assert counts[0] == counts[1] <= 10


def test_a_supervisor_has_everything_checked_and_sees_what_differs(desk, story_on_desk):
    ticket, _contact, agent = story_on_desk
    supervisor = desk.make.supervisor()
    with database.acting_as(SYSTEM):
        session = database.session()
        wrong = update(SlaLedger).where(SlaLedger.subject == ticket.reference)
        session.execute(wrong.values(standing="breached"))
        session.commit()
    page = "/desk/admin/sla-checks/"
    with visiting(desk, supervisor) as visitor:
        visitor.get(page)
        assert visitor.post(page).headers["Location"] == page
        assert "hx-trigger" in visitor.get(page).text  # it shows how far it is

        def found() -> bool:
            return ticket.reference in visitor.get(page).text

        until(found)
        shown = visitor.get(page).text
        assert f"/desk/tickets/{ticket.reference}" in shown
        assert "breached" in shown
        assert page in visitor.get("/desk/").text  # the alarm stands
        mailed = desk.folder / "mail"
        until(lambda: any(mailed.glob("*.eml")))
    with visiting(desk, agent) as visitor:
        assert visitor.get(page).status_code == 404
        assert page not in visitor.get("/desk/").text
    with database.acting_as(SYSTEM):
        rebuild_all()
        session.rollback()
