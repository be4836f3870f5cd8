"""The pages of reports, with a worker that really makes them."""

from __future__ import annotations

import hashlib
import io
import re
import zipfile
from datetime import datetime

import pytest
from openpyxl import load_workbook

from servicedesk.core.actors import Role
from tests.desk_on_loopback import until
from tests.pages.test_accessible import look
from tests.visitor import visiting


@pytest.fixture
def story(desk):
    client = desk.make.client()
    contact = desk.make.contact(client)
    desk.make.request(contact, "device.lock", desk.make.device(client), subject="=cmd|x")
    return client, contact


def filled(**more):
    return {
        "title": "",
        "period": "this_month",
        "columns": ["reference", "subject", "created", "took"],
        "format": "xlsx",
        "act": "run",
    } | more


def made(visitor, place="portal", kind="tickets", **more):
    address = f"/{place}/reports/new?kind={kind}"
    visitor.get(address)
    answer = visitor.post(address, **filled(**more))
    assert answer.status_code == 302, answer.text
    page = answer.headers["location"]

    def over():
        found = visitor.get(page)
        return None if 'hx-trigger="every 2s"' in found.text else found

    return page, until(over)


def test_a_contact_looks_at_the_first_rows_has_it_made_and_takes_it(desk, story):
    _client, contact = story
    with visiting(desk, contact) as visitor:
        visitor.get("/portal/reports/new?kind=tickets")
        first = visitor.post("/portal/reports/new?kind=tickets", **filled(act="preview"))
        assert first.status_code == 200
        assert "=cmd|x" in first.text
        assert re.search(r'checked[^>]*value="took"', first.text)
        assert not re.search(r'checked[^>]*value="state"', first.text)
        page, done = made(visitor)
        assert "SHA-256" in done.text
        answer = visitor.get(f"{page}/download")
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["Content-Disposition"].startswith("attachment; filename=tickets-")
        assert answer.headers["Cache-Control"] == "no-store"
        assert visitor.get(f"{page}/progress").headers["HX-Refresh"] == "true"
        listed = visitor.get("/portal/reports/")
        assert page.rsplit("/", 1)[-1] in listed.text
    book = load_workbook(io.BytesIO(answer.content))
    about, sheet = book.worksheets
    _reference, subject, created, took = next(sheet.iter_rows(min_row=2, values_only=True))
    assert subject == "=cmd|x"
    assert sheet.cell(row=2, column=2).data_type == "s"
    assert isinstance(created, datetime)
    assert took is None
    assert sheet.freeze_panes == "A2"
    assert sheet.auto_filter.ref == "A1:D2"
    told = {row[0]: row[1] for row in about.iter_rows(min_row=3, values_only=True) if row[0]}
    assert told["Zona horaria"] == "Europe/Madrid"
    assert told["Filas"] == "1"
    assert told["Hecho para"] == contact.name
    with zipfile.ZipFile(io.BytesIO(answer.content)) as packed:
        assert not any(b"<f>" in packed.read(name) for name in packed.namelist())


def test_paper_is_tagged(desk, story):
    _client, contact = story
    with visiting(desk, contact) as visitor:
        page, _done = made(visitor, format="pdf")
        paper = visitor.get(f"{page}/download").content
        assert paper.startswith(b"%PDF-")
        assert b"/StructTreeRoot" in paper
        assert b"pdfuaid" in paper


def test_what_is_wrong_stands_beside_its_field_and_what_was_typed_stays(desk, story):
    _client, contact = story
    address = "/portal/reports/new?kind=tickets"
    with visiting(desk, contact) as visitor:
        visitor.get(address)
        for more, says in (
            ({"columns": []}, 'value="A title"'),
            ({"columns": ["nonsense"]}, 'value="A title"'),
            ({"period": "own", "first_on": "2026-02-31", "last_on": "2026-03-01"}, "2026-02-31"),
            ({"period": "own", "first_on": "2026-03-02", "last_on": "2026-03-01"}, "2026-03-02"),
            ({"period": "own"}, 'value="A title"'),
            ({"period": "x"}, 'value="A title"'),
            ({"format": "x"}, 'value="A title"'),
            ({"filter_kind": "x"}, 'value="A title"'),
        ):
            for act in ("run", "preview"):
                answer = visitor.post(address, **filled(title="A title", act=act, **more))
                assert answer.status_code == 422, more
                assert "field-error" in answer.text, more
                assert says in answer.text, more
        usual = visitor.post(address, **filled(title="A title", act="usual"))
        assert usual.status_code == 200
        assert 'value="A title"' in usual.text
        assert visitor.get("/portal/reports/new?kind=nonsense").status_code == 404
        assert visitor.get("/portal/reports/?cursor=nonsense").status_code == 422


def test_a_file_that_tells_of_people_is_noted_when_it_is_taken(desk, story):
    _client, contact = story
    with visiting(desk, contact) as visitor:
        page, _done = made(visitor, kind="fleet", columns=["reference", "holder"], format="csv")
        visitor.get(f"{page}/download")
        _page, _done = made(visitor, kind="audit", columns=["act", "subject"], format="csv")
        taken = visitor.get(f"{_page}/download").text
    assert taken.count("reports.download") == 1


def test_one_is_saved_changed_and_comes_by_itself(desk, story):
    _client, contact = story
    address = "/portal/reports/new?kind=tickets"
    with visiting(desk, contact) as visitor:
        visitor.get(address)
        unnamed = visitor.post(address, **filled(act="save"))
        assert unnamed.status_code == 422
        assert "field-error" in unnamed.text
        page = visitor.post(address, **filled(act="save", title="Weekly")).headers["location"]
        assert "Weekly" in visitor.get(page).text
        edited = filled(act="change", title="Each week", columns=["reference"])
        assert visitor.post(f"{page}/edit", **edited).status_code == 302
        assert 'value="Each week"' in visitor.get(f"{page}/edit").text
        assert visitor.get(f"{page}/schedule").status_code == 200
        plan = {"rhythm": "weekly", "weekday": "0", "month_day": "0", "hour": "8"}
        for more in ({"recipients": []}, {"recipients": ["x"]}, {"recipients": ["1"], "hour": "x"}):
            wrong = visitor.post(f"{page}/schedule", **plan | more)
            assert wrong.status_code == 422, more
            assert "field-error" in wrong.text
        kept = visitor.post(f"{page}/schedule", **plan, recipients=[str(contact.user_id)])
        assert kept.status_code == 302
        assert contact.name in visitor.get(page).text
        assert visitor.post(f"{page}/unschedule").status_code == 302
        assert visitor.post(f"{page}/delete").status_code == 302
        assert visitor.get(page).status_code == 404
        _file, done = made(visitor, format="csv")
        report = "/portal/reports/REP-" + done.text.split("/portal/reports/REP-")[1].split('"')[0]
        assert visitor.post(f"{report}/keep", title="").status_code == 422
        assert visitor.post(f"{report}/keep", title="Kept").status_code == 302
        again = visitor.post(f"{report}/run")
        assert "/portal/reports/files/" in again.headers["location"]


def test_the_api_makes_one_and_gives_its_file(desk, story):
    _client, contact = story
    api = desk.api(contact)
    kinds = {kind["code"]: kind for kind in api.get("/reports/kinds").json()["items"]}
    assert "changes" not in {column["code"] for column in kinds["audit"]["columns"]}
    asked = api.post(
        "/reports",
        json={"kind": "tickets", "columns": ["reference"], "period": "this_month"},
    )
    assert asked.status_code == 202, asked.text
    key = asked.json()["key"]

    def over():
        found = api.get(f"/reports/files/{key}").json()
        return found if found["state"] == "done" else None

    done = until(over)
    taken = api.get(f"/reports/files/{key}/download")
    assert hashlib.sha256(taken.content).hexdigest() == done["sha256"]
    assert taken.headers["Content-Disposition"].startswith("attachment")
    one = api.get(f"/reports/{done['report']}").json()
    assert one["newest"]["key"] == key
    assert api.get("/reports").json()["items"][0]["reference"] == done["report"]
    for body, field in (
        ({"kind": "nonsense"}, "kind"),
        ({"kind": "tickets", "columns": ["x"]}, "columns"),
        ({"kind": "tickets", "period": "own"}, "first_on"),
        ({"kind": "tickets", "client": "CLI-9999"}, "client"),
    ):
        refused = api.post("/reports", json=body)
        assert refused.status_code == 422
        assert [fault["field"] for fault in refused.json()["errors"]] == [field]


def test_nobody_else_finds_it(desk, story):
    client, contact = story
    with visiting(desk, contact) as visitor:
        page, _done = made(visitor, format="csv")
        reference = visitor.get(page).text.split("/portal/reports/REP-")[1].split('"')[0]
    for person, place in (
        (desk.make.contact(), "portal"),
        (desk.make.person(Role.ACCOUNT_MANAGER, client), "desk"),
        (desk.make.supervisor(), "desk"),
    ):
        with visiting(desk, person) as visitor:
            key = page.rsplit("/", 1)[-1]
            report = f"/{place}/reports/REP-{reference}"
            for path in ("", "/progress", "/download"):
                assert visitor.get(f"/{place}/reports/files/{key}{path}").status_code == 404
            assert visitor.post(f"/{place}/reports/files/{key}/cancel").status_code == 404
            assert visitor.get(report).status_code == 404
            for act in ("run", "delete"):
                assert visitor.post(f"{report}/{act}").status_code == 404


def test_the_pages_are_accessible(desk, sign_in, story):
    _client, contact = story
    with visiting(desk, contact) as visitor:
        page, done = made(visitor, format="csv")
        reference = done.text.split("/portal/reports/REP-")[1].split('"')[0]
        visitor.post(f"/portal/reports/REP-{reference}/keep", title="Kept")
    kinds = ("fleet", "tickets")
    pages = [
        "/portal/reports/",
        *(f"/portal/reports/new?kind={kind}" for kind in kinds),
        page,
        f"/portal/reports/REP-{reference}",
        f"/portal/reports/REP-{reference}/edit",
        f"/portal/reports/REP-{reference}/schedule",
    ]
    assert look(desk, sign_in(contact), pages) == []
