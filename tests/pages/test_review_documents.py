"""A review as PDF and XLSX: for whom, what they say, and that they stay the same to the byte."""

from __future__ import annotations

import io
import json
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from openpyxl import load_workbook
from pypdf import PdfReader
from sqlalchemy import select

from servicedesk.accounts.tokens import create_token
from servicedesk.clients.models import Contract
from servicedesk.core import clock, database
from servicedesk.core.actors import SYSTEM, Role
from servicedesk.reviews import publishing
from servicedesk.reviews.drafting import draft_review
from servicedesk.reviews.metrics import BY_CODE, FIGURES
from servicedesk.reviews.metrics.figure import Unit
from servicedesk.reviews.models import Mark, Place
from servicedesk.reviews.publishing import add_addendum, publish_review
from servicedesk.reviews.queries import all_evidence, review_view
from servicedesk.reviews.writing import give_mark, write_text
from servicedesk.tickets.breaches import Explanation
from servicedesk.tickets.handling import move_ticket
from servicedesk.tickets.intake import NewTicket, open_ticket
from servicedesk.tickets.models import Impact, TicketKind, Urgency
from tests.engagement_story import looking
from tests.pages.test_statements import app, entered  # noqa: F401  a fixture

HOSTILE = '#panic("x") *bold* $a^2$ ]"\\ <b> '
FORMULA = '=HYPERLINK("http://a.example","x")'
ZONE = ZoneInfo("Europe/Madrid")
LARGEST = 300_000
DAYS = 86_400


def mid_month() -> datetime:
    """Return ten in the morning of the fourteenth of last month."""
    last = datetime.now(ZONE).replace(day=1) - timedelta(days=1)
    return last.replace(day=14, hour=10, minute=0, second=0, microsecond=0)


def ask(actor, subject: str, kind: TicketKind = TicketKind.QUERY, urgency=Urgency.LOW):
    return open_ticket(
        actor,
        NewTicket(
            kind=kind, subject=subject, description="Please.", impact=Impact.LOW, urgency=urgency
        ),
    )


@pytest.fixture
def story(make, sessions, monkeypatch):
    """A client's draft of last month: three tickets, one of them resolved, one far too late."""
    # who hears of it is another test's
    monkeypatch.setattr(publishing, "tell_contacts", lambda *_args, **_facts: None)
    database.use_sessions(sessions)  # an application brings its own
    database.become(SYSTEM)
    client = make.client(name="Norte & Sons")
    contact, agent = make.contact(client), make.agent()
    manager = make.person(Role.ACCOUNT_MANAGER, client)
    at = mid_month()
    with clock.told_as(at):
        first = ask(contact, FORMULA, TicketKind.INCIDENT, Urgency.HIGH)
        late = ask(contact, "Answered late", TicketKind.INCIDENT, Urgency.HIGH)
        ask(contact, "-1+1")
    with clock.told_as(at + timedelta(hours=1)):
        for ticket in (first, late):
            move_ticket(agent, ticket.reference, "take")
    with clock.told_as(at + timedelta(hours=2)):
        move_ticket(agent, first.reference, "resolve", words="Done.")
    with clock.told_as(at + timedelta(days=4)):
        why = Explanation(cause="workload", words="+1 Too many came at once.")
        move_ticket(agent, late.reference, "resolve", words="Sorry.", why=why)
    (contract,) = looking(select(Contract).where(Contract.client_id == client.id))
    with database.acting_as(SYSTEM):
        reference = draft_review(contract.id, at.date().replace(day=1))
    return reference, contact, manager, make.contact(make.client())


def publish(manager, reference: str) -> None:
    with database.acting_as(manager):
        write_text(manager, reference, Place.VERDICT, f"All is well. {HOSTILE}", version=0)
        write_text(manager, reference, Place.RISKS, HOSTILE * 100, version=0)
        give_mark(manager, reference, Mark.WATCH)
        fingerprint = review_view(manager, reference).fingerprint
        publish_review(manager, reference, fingerprint=fingerprint)


def squeezed(words: str) -> str:
    return "".join(words.split()).replace("\u200b", "")


def words_of(paper: bytes) -> str:
    return squeezed("".join(page.extract_text() for page in PdfReader(io.BytesIO(paper)).pages))


def test_a_draft_is_marked_and_nobody_but_the_operator_gets_it(app, sessions, story):  # noqa: F811
    reference, contact, manager, stranger = story
    at_desk = entered(app, sessions, manager).get(
        f"/desk/reviews/{reference}/review.pdf?language=en"
    )
    assert at_desk.headers["Content-Disposition"] == f'attachment; filename="{reference}-draft.pdf"'
    pages = PdfReader(io.BytesIO(at_desk.data)).pages
    assert all("DRAFT" in page.extract_text() for page in pages)
    assert "nobodyhaspublishedit" in words_of(at_desk.data)
    files = [f"/portal/reviews/{reference}/review.{kind}" for kind in ("pdf", "xlsx")]
    for person in (contact, stranger):
        visitor = entered(app, sessions, person)
        assert [visitor.get(path).status_code for path in files] == [404, 404]
    database.use_sessions(sessions)
    publish(manager, reference)
    visitor = entered(app, sessions, contact)
    assert [visitor.get(path).status_code for path in files] == [200, 200]
    visitor = entered(app, sessions, stranger)
    assert [visitor.get(path).status_code for path in files] == [404, 404]


def test_a_published_review_is_accessible_paper_and_the_same_to_the_byte_for_ever(
    app,  # noqa: F811
    sessions,
    story,
):
    reference, contact, manager, _stranger = story
    publish(manager, reference)
    asked = ("pdf?language=es", "pdf?language=en", "pdf?language=x+y", "xlsx?language=en")
    paths = [f"/portal/reviews/{reference}/review.{one}" for one in asked]

    def files() -> list[bytes]:
        visitor = entered(app, sessions, contact)
        return [visitor.get(path).data for path in paths]

    with database.acting_as(SYSTEM):
        headers = {"Authorization": f"Bearer {create_token(contact, 'test')}"}

    first = files()
    database.use_sessions(sessions)
    with database.acting_as(SYSTEM):
        digest = review_view(manager, reference).review.hash
        database.session().rollback()
    with clock.told_as(mid_month()):
        ask(contact, "Another one", TicketKind.INCIDENT)
    with clock.told_as(datetime.now(UTC) + timedelta(days=400)):
        assert files() == first
    address = f"/api/v1/reviews/{reference}/review"
    told = [app.test_client().get(f"{address}.{one}", headers=headers) for one in asked]
    assert [answer.status_code for answer in told] == [200, 200, 422, 200]
    assert [told[0].data, told[3].data] == [first[0], first[3]]
    spanish, english, default = first[:3]
    assert default == spanish
    assert max(map(len, first[:3])) < LARGEST
    for paper, language in ((spanish, "es"), (english, "en")):
        reader = PdfReader(io.BytesIO(paper))
        root = reader.trailer["/Root"]
        assert (root["/Lang"], root["/MarkInfo"]["/Marked"]) == (language, True)
        assert root["/ViewerPreferences"]["/DisplayDocTitle"]
        assert root["/StructTreeRoot"]["/K"]
        assert b"<pdfuaid:part>1</pdfuaid:part>" in root["/Metadata"].get_data()
        assert paper.count(b"/ToUnicode") >= 3  # every letter can be read out
        assert b"/Alt" in paper  # the charts have words
        assert "Norte & Sons" in reader.metadata.title
        words = words_of(paper)
        assert squeezed(HOSTILE) in words
        assert digest in words
        assert f"1/{len(reader.pages)}" in words
    assert "Anexo:cómocomprobarestarevisión" in words_of(spanish)
    assert "Annex:howtocheckthisreview" in words_of(english)
    database.use_sessions(sessions)
    add_addendum(manager, reference, f"One was counted twice. {HOSTILE}", recounted=False)
    corrected = entered(app, sessions, contact).get(paths[1]).data
    assert squeezed("It has 1 addendum that corrects it") in words_of(corrected)
    assert squeezed(f"One was counted twice. {HOSTILE}") in words_of(corrected)


def test_the_spreadsheet_has_the_figures_of_the_review_and_every_item_behind_them(
    app,  # noqa: F811
    sessions,
    story,
):
    reference, contact, manager, _stranger = story
    publish(manager, reference)
    view = review_view(contact, reference)
    content, evidence = view.content, all_evidence(contact, reference)
    path = f"/portal/reviews/{reference}/review.xlsx?language=en"
    answer = entered(app, sessions, contact).get(path)
    book = load_workbook(io.BytesIO(answer.data))

    def told(cell, unit: Unit) -> float | None:
        value = cell.value
        if isinstance(value, timedelta):
            return value.total_seconds()
        if value is None:
            return None
        return value * {Unit.QUARTERS: 4}.get(unit, DAYS if "seconds" in unit else 1)

    figures = dict(content["figures"])
    heads = [cell.value for cell in book["Figures"][1]]
    for row in book["Figures"].iter_rows(min_row=2):
        code = next(one.code for one in FIGURES if label(one) == row[1].value)
        unit, kept = BY_CODE[code].unit, figures.pop(code)
        by_head = dict(zip(heads, row, strict=True))
        for head, name in (
            ("This month", "amount"),
            ("Mean", "mean"),
            ("Median", "median"),
            ("90th percentile", "percentile_90"),
        ):
            assert told(by_head[head], unit) == pytest.approx(kept.get(name)), (code, name)
        assert (by_head["n"].value, by_head["Part"].value) == (kept["n"], kept.get("part"))
        for point in content["trend"][code]:
            month = by_head[datetime.fromisoformat(point["month"])]
            assert told(month, unit) == pytest.approx(point["amount"])
    assert not figures
    listed = [
        (row[0].value, row[1].value, row[-2].value == "Yes", row[-1].value or "")
        for sheet in book.worksheets[3:-2]
        for row in sheet.iter_rows(min_row=2)
    ]
    assert sorted(listed) == sorted(
        (label(BY_CODE[code]), item.reference, item.counts, item.about)
        for code, items in evidence.items()
        for item in items
    )
    assert any(about == FORMULA for *_rest, about in listed)
    cells = [cell for sheet in book for row in sheet.iter_rows() for cell in row]
    assert not [cell for cell in cells if cell.data_type == "f"]
    breaches = [[cell.value for cell in row[:2]] for row in book["Breaches"].iter_rows(min_row=2)]
    assert breaches == [
        [one["reference"], one["subject"]] for one in content["chapters"]["breaches"]
    ]
    assert "Answered late" in {subject for _reference, subject in breaches}
    about = {row[0].value: row[1].value for row in book.worksheets[-1].iter_rows(min_row=2)}
    assert about["SHA-256 of the content"] == view.review.hash
    assert json.loads(view.text)["evidence_sha256"] == about["SHA-256 of the evidence"]


def label(figure) -> str:
    """Return what a figure is called in English, in which it is written."""
    return str(figure.label)
