"""Reports: whose rows, which periods, what spreadsheets take them for, and workers that die."""

from __future__ import annotations

import csv
import io
import os
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from openpyxl import load_workbook
from sqlalchemy import select, update

from servicedesk.core import clock, database
from servicedesk.core.actors import SYSTEM, Role
from servicedesk.core.errors import InvalidInput, NotAllowedNow, NotFound
from servicedesk.reports import asking, cleaning, folder, queries, writing
from servicedesk.reports.asking import ask_report, cancel_run, delete_report, run_again
from servicedesk.reports.formats import xlsx_file
from servicedesk.reports.formats.pdf_file import PdfFile
from servicedesk.reports.kinds import KINDS, kinds_for
from servicedesk.reports.models import KEPT, SILENT, ReportRun, RunState
from servicedesk.tickets.handling import add_message
from tests.report_story import made, seen, text_of, wish


def rows(run, language="es"):
    return list(csv.reader(io.StringIO(text_of(run)), delimiter=";" if language == "es" else ","))


@pytest.fixture
def client(make):
    return make.client()


@pytest.fixture
def contact(make, client):
    return make.contact(client)


def test_every_kind_is_made_for_everybody_it_is_for(make, client, contact, monkeypatch):
    make.request(contact, "device.lock", make.device(client))
    people = (contact, make.agent(), make.person(Role.ACCOUNT_MANAGER, client), make.supervisor())
    for person in people:
        for kind in kinds_for(person):
            columns = [column.code for column in kind.columns_for(person)]
            run = made(person, kind.code, columns=columns)
            assert run.state is RunState.DONE, (person.role, kind.code, run.problem)
            assert len(rows(run)) == run.rows_done + 1
            assert len(rows(run)[0]) == len(columns)
    offered = [{kind.code for kind in kinds_for(person)} for person in people]
    everything = {kind.code for kind in KINDS}
    assert offered == [everything, everything - {"audit"}, everything - {"audit"}, everything]


def test_a_file_has_the_rows_that_the_list_shows_and_of_nobody_else(make, client, contact):
    stranger = make.contact()
    for person, of in ((contact, client), (stranger, None)):
        where = of or database.session().get_one(type(client), min(person.client_ids))
        database.session().rollback()
        make.fleet(where, 3)
        make.request(person, "device.lock", make.device(where), subject=f"of {person.name}")
    fleet = rows(made(contact, columns=["reference"]))
    tickets = rows(made(contact, "tickets", columns=["subject"]))
    assert len(fleet) == 1 + 4
    assert tickets[1:] == [[f"of {contact.name}"]]
    both = rows(made(make.agent(), "tickets", columns=["client", "subject"]))
    assert len(both) == 1 + 2
    one = made(make.agent(), "tickets", columns=["subject"], client=client.reference)
    assert rows(one)[1:] == [[f"of {contact.name}"]]


def test_a_client_is_told_what_happened_and_nothing_of_what_is_ours(make, client, contact):
    agent = make.agent()
    ticket = make.request(contact, "device.lock", make.device(client))
    add_message(agent, ticket.reference, "For us alone", is_public=False)
    told = rows(made(contact, "audit", columns=["actor", "role", "act", "subject"]))
    acts = [(row[0], row[2]) for row in told[1:]]
    assert (contact.name, "tickets.open") in acts
    assert (agent.name, "tickets.message") not in acts
    add_message(agent, ticket.reference, "For you")
    told = rows(made(contact, "audit", columns=["actor", "act", "subject"]))
    assert [row for row in told if row[:2] == [agent.name, "tickets.message"]]
    with pytest.raises(InvalidInput):
        made(contact, "audit", columns=["changes"])
    whole = rows(made(make.supervisor(), "audit", columns=["act", "changes"]))
    assert any("ticket" in row[1] for row in whole[1:] if row[0] == "tickets.open")
    assert not rows(made(make.contact(), "audit", columns=["act"]))[1:] or all(
        row == ["reports.ask"] for row in rows(made(make.contact(), "audit", columns=["act"]))[1:]
    )


@pytest.mark.parametrize("opener", ["=1+1", "+1", "-1", "@x", "\t=1", " =1", "\uff1d1"])
def test_what_people_typed_is_never_a_formula(make, client, contact, opener):
    make.request(contact, "device.lock", make.device(client), subject=f"{opener}|cmd")
    run = made(contact, "tickets", columns=["subject"])
    assert rows(run)[1][0].startswith("'")


def test_spanish_and_english_files_are_read_by_their_own_spreadsheets(make, client, contact):
    make.request(contact, "device.lock", make.device(client), subject='a;b,"c"\nd')
    for language, separator in (("es", ";"), ("en", ",")):
        run = made(contact, "tickets", language, columns=["reference", "subject"])
        assert folder.path_of(run.key).read_bytes().startswith(b"\xef\xbb\xbf")
        assert separator in text_of(run).splitlines()[0]
        assert rows(run, language)[1][1] == 'a;b,"c"\nd'


def test_times_and_periods_are_of_the_clients_wall_clock(make, client, contact, sessions):
    """The last Sunday of October has 25 hours in Madrid: its days begin at 22:00 and 23:00 UTC."""
    tickets = [make.request(contact, "device.lock", make.device(client)) for _ in range(4)]
    instants = (
        "2025-10-25T21:59:59",
        "2025-10-25T22:00:00",
        "2025-10-26T22:59:59",
        "2025-10-26T23:00:00",
    )
    for ticket, at in zip(tickets, instants, strict=True):
        when = datetime.fromisoformat(at).replace(tzinfo=UTC)
        sessions().execute(
            update(type(ticket)).where(type(ticket).id == ticket.id).values(created_at=when)
        )
    sessions().commit()
    day = datetime(2025, 10, 26, tzinfo=UTC).date()
    own = {"period": "own", "first_on": day, "last_on": day}
    told = rows(made(contact, "tickets", columns=["reference", "created"], **own))
    assert [row[0] for row in told[1:]] == [t.reference for t in tickets[1:3]]
    assert [row[1] for row in told[1:]] == ["2025-10-26 00:00:00", "2025-10-26 23:59:59"]


def test_what_cannot_be_asked_for_is_refused_at_its_field(make, contact):
    day = clock.now().date()
    for more, field in (
        ({"kind": "nonsense"}, "kind"),
        ({"columns": []}, "columns"),
        ({"columns": ["nonsense"]}, "columns"),
        ({"format": "exe"}, "format"),
        ({"period": "x"}, "period"),
        ({"period": "own", "first_on": day}, "last_on"),
        ({"period": "own", "first_on": day, "last_on": day - timedelta(days=1)}, "last_on"),
        ({"period": "own", "first_on": day - timedelta(days=1098), "last_on": day}, "last_on"),
        ({"client": "CLI-9999"}, "client"),
        ({"filters": {"kind": "nonsense"}}, "filter_kind"),
        ({"filters": {"nonsense": "x"}}, "filter_nonsense"),
        ({"title": "x" * 200}, "title"),
    ):
        with pytest.raises(InvalidInput) as refused:
            ask_report(contact, replace(wish(contact, "tickets"), **more), "es")
        assert refused.value.field == field, more


def test_a_person_has_three_at_a_time_and_cancels_one(contact):
    runs = [ask_report(contact, wish(contact), "es") for _ in range(asking.MOST_AT_A_TIME)]
    with pytest.raises(NotAllowedNow):
        ask_report(contact, wish(contact), "es")
    cancel_run(contact, runs[0].key)
    with pytest.raises(NotAllowedNow):
        cancel_run(contact, runs[0].key)
    writing.write_run(runs[0].id)
    assert seen(runs[0]).state is RunState.CANCELLED
    assert ask_report(contact, wish(contact), "es")


def test_a_worker_that_dies_half_way_leaves_nothing_and_the_next_begins_anew(
    make, client, contact, monkeypatch
):
    make.fleet(client, 5)
    monkeypatch.setattr(writing, "CHUNK", 2)
    monkeypatch.setattr(writing, "SIGN_SECONDS", 0)
    run = ask_report(contact, wish(contact, columns=["reference"]), "es")
    sign, signs = writing._sign, []

    def die(task, done, total):
        sign(task, done, total)
        signs.append((done, total))
        if done == 4:
            raise SystemExit

    monkeypatch.setattr(writing, "_sign", die)
    with pytest.raises(SystemExit):
        writing.write_run(run.id)
    assert signs == [(0, 5), (2, 5), (4, 5)]
    half = seen(run)
    assert (half.state, half.rows_done, half.rows_total) == (RunState.WORKING, 4, 5)
    assert not folder.path_of(run.key).exists()
    monkeypatch.setattr(writing, "_sign", sign)
    writing.write_run(run.id)
    whole = seen(run)
    assert (whole.state, whole.rows_done) == (RunState.DONE, 5)
    assert len(rows(whole)) == 6
    writing.write_run(run.id)  # a job may come twice
    assert seen(run).finished_at == whole.finished_at


def test_a_worker_thought_dead_gives_up_when_another_has_taken_over(
    make, client, contact, monkeypatch
):
    make.fleet(client, 3)
    run = ask_report(contact, wish(contact, columns=["reference"]), "es")
    finish, over = writing._finish, []

    def late(task, half, count, after):
        if not over:
            over.append(task.claim)
            writing.write_run(run.id)
        finish(task, half, count, after)

    monkeypatch.setattr(writing, "_finish", late)
    writing.write_run(run.id)
    done = seen(run)
    assert done.state is RunState.DONE
    assert done.claim != over[0]
    assert [path.name for path in folder.path_of("").iterdir()] == [run.key]


def test_what_fell_silent_is_said_to_have_failed_and_what_is_left_over_goes(
    make, client, contact, sessions, monkeypatch
):
    make.device(client)
    silent = ask_report(contact, wish(contact), "es")
    kept = made(contact)
    database.become(SYSTEM)
    old = clock.now() - SILENT - timedelta(seconds=1)
    sessions().execute(
        update(ReportRun)
        .where(ReportRun.id == silent.id)
        .values(state=RunState.WORKING, claim="x", seen_at=old)
    )
    sessions().commit()
    half = folder.half_of(silent.key, "x")
    strange = folder.path_of("nobody")
    for path in (half, strange):
        path.write_text("left")
        os.utime(path, (time.time() - 2 * folder.LEFT_SECONDS,) * 2)
    cleaning.clean()
    failed = seen(silent)
    assert failed.state is RunState.FAILED
    assert "Try again" in str(failed.problem)
    assert not half.exists()
    assert not strange.exists()
    assert folder.path_of(kept.key).exists()
    again = run_again(contact, failed.reference)
    writing.write_run(again.id)
    assert seen(again).state is RunState.DONE
    with clock.told_as(clock.now() + KEPT + timedelta(minutes=1)):
        cleaning.clean()
    gone = seen(kept)
    assert not gone.has_file
    assert not folder.path_of(kept.key).exists()


def test_reports_belong_to_their_author_and_a_clients_contacts_share_theirs(make, client, contact):
    colleague, stranger = make.contact(client), make.contact()
    manager, agent = make.person(Role.ACCOUNT_MANAGER, client), make.agent()
    theirs, ours = made(contact), made(manager)
    for person, own, others in (
        (colleague, theirs, ours),
        (manager, ours, theirs),
        (make.supervisor(), ours, theirs),
    ):
        with database.acting_as(person):
            assert queries.run_named(person, own.key).reference == own.reference
            assert queries.report_named(person, own.reference)
            for ask, name in (
                (queries.run_named, others.key),
                (queries.report_named, others.reference),
            ):
                with pytest.raises(NotFound):
                    ask(person, name)
            database.session().rollback()
    for person in (stranger, agent):
        for run in (theirs, ours):
            with database.acting_as(person):
                with pytest.raises(NotFound):
                    queries.run_named(person, run.key)
                database.session().rollback()
                # nor for the database, whatever a query forgets
                assert (
                    not database.session()
                    .scalars(select(ReportRun).where(ReportRun.author_side == "client"))
                    .all()
                )
                database.session().rollback()
            with pytest.raises(NotFound):
                delete_report(person, run.reference)


def test_who_lost_a_client_has_lost_the_file(make, client):
    manager = make.person(Role.ACCOUNT_MANAGER, client, make.client())
    run = made(manager)
    without = make.person(Role.ACCOUNT_MANAGER, client)
    narrowed = type(manager)(
        role=manager.role, name=manager.name, user_id=manager.user_id, client_ids=without.client_ids
    )
    with database.acting_as(narrowed):
        with pytest.raises(NotFound):
            queries.run_named(narrowed, run.key)
        database.session().rollback()


def test_deleting_takes_the_files_too(make, client, contact):
    run = made(contact)
    delete_report(contact, run.reference)
    assert not folder.path_of(run.key).exists()
    with database.acting_as(contact):
        with pytest.raises(NotFound):
            queries.report_named(contact, run.reference)
        database.session().rollback()


def test_what_is_too_long_for_paper_is_refused_with_its_number(make, client, contact, monkeypatch):
    make.fleet(client, 3)
    monkeypatch.setattr(PdfFile, "most_rows", 2)
    run = made(contact, format="pdf", columns=["reference"])
    assert run.state is RunState.FAILED
    assert str(run.problem).startswith("3 rows are too many for paper, which holds 2")
    every = [column.code for column in KINDS[0].columns_for(contact)]
    with pytest.raises(InvalidInput) as refused:
        ask_report(contact, wish(contact, format="pdf", columns=every), "es")
    assert refused.value.field == "columns"


def test_a_workbook_goes_on_in_another_sheet(make, client, contact, monkeypatch):
    make.fleet(client, 5)
    monkeypatch.setattr(xlsx_file, "MOST_ON_A_SHEET", 2)
    run = made(contact, format="xlsx", columns=["reference", "last_contact"])
    with folder.path_of(run.key).open("rb") as file:
        book = load_workbook(file)
    about, *sheets = book.worksheets
    assert [sheet.max_row for sheet in sheets] == [3, 3, 2]
    assert {sheet.cell(row=1, column=1).value for sheet in sheets} == {"Reference"}
    local = sheets[0].cell(row=2, column=2).value
    here = clock.now().astimezone(ZoneInfo("Europe/Madrid")).replace(tzinfo=None)
    assert abs(here - local) < timedelta(minutes=1)
    assert ["Rows", "5"] in [list(row) for row in about.iter_rows(values_only=True)]
