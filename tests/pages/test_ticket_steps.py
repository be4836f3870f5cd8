"""The checklist on a ticket's page and in the API: for the operator's people, by keyboard or without scripts."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from servicedesk.clients.house import operator_house
from servicedesk.core import database
from servicedesk.core.actors import SYSTEM, Role
from servicedesk.core.text import Text, msgid
from servicedesk.core.unit_of_work import unit_of_work
from servicedesk.tickets.desk_tickets import note_from_desk, open_for_desk
from servicedesk.tickets.handling import move_ticket
from servicedesk.tickets.intake import NewTicket
from servicedesk.tickets.models import TicketKind
from servicedesk.tickets.queries import ticket_view
from servicedesk.tickets.ticking import tick_step, write_steps
from tests.pages.test_statements import app, counting, entered
from tests.visitor import visiting

__all__ = ["app"]  # fixtures

NEW = NewTicket(kind=TicketKind.INCIDENT, subject="A run failed", description="See below.")
STEPS = ["Look at the disk", "Renew the certificate", "Say that it is done"]


@pytest.fixture
def cast(desk):
    make = desk.make
    client = make.client()
    contact, agent = make.contact(client), make.agent()
    with unit_of_work(SYSTEM, "tests.open") as work:
        ticket = open_for_desk(work, client_id=client.id, new=NEW, steps=STEPS)
    return contact, agent, ticket.reference


def steps(agent, reference) -> list[tuple[str | None, str | None]]:
    found = ticket_view(agent, reference).steps
    database.session().rollback()
    return [(step.done_by_name, step.skipped_because) for step in found]


def test_an_agent_ticks_leaves_out_and_adds_without_any_script(desk, cast):
    _contact, agent, reference = cast
    page = f"/desk/tickets/{reference}"
    with visiting(desk, agent) as visitor:
        shown = visitor.get(page).text
        assert "0 de 3" in shown
        assert shown.count('aria-pressed="false"') == 3
        done = visitor.post(f"{page}/steps/1", do="done")
        assert (done.status_code, done.headers["location"]) == (302, f"{page}#checklist")
        visitor.post(f"{page}/steps/2", do="skip", reason="No hace falta.")
        visitor.post(f"{page}/steps/3", do="remove")
        visitor.post(f"{page}/steps", steps="Uno más\n\nY otro")
        shown = visitor.get(page).text
        assert "2 de 4" in shown
        assert "No hace falta." in shown
        assert "dejó fuera el paso 2:" in shown
        assert "añadió 2 pasos a la lista" in shown
        visitor.post(f"{page}/steps/1", do="open")
    assert steps(agent, reference) == [
        (None, None),
        (agent.name, "No hace falta."),
        (None, None),
        (None, None),
    ]


def test_what_is_refused_stays_and_is_said_beside_its_field(desk, cast):
    _contact, agent, reference = cast
    page = f"/desk/tickets/{reference}"
    with visiting(desk, agent) as visitor:
        refused = visitor.post(f"{page}/steps/2", do="skip", reason="x" * 501)
        assert refused.status_code == 422
        assert "x" * 501 in refused.text
        assert 'aria-describedby="step-2-reason-says"' in refused.text
        refused = visitor.post(f"{page}/steps", steps="good\n" + "y" * 301)
        assert refused.status_code == 422
        assert "y" * 301 in refused.text
        refused = visitor.post(f"{page}/messages", body="Ya está.", move="resolve")
        assert refused.status_code == 409
        assert "Pasos aún pendientes: 3." in refused.text
        assert "Ya está." in refused.text
        for wrong in (f"{page}/steps/99", f"{page}/steps/{10**30}"):
            assert visitor.post(wrong, do="done").status_code == 404


def test_who_comes_second_reads_who_was_first(desk, cast):
    _contact, agent, reference = cast
    other = desk.make.agent()
    page = f"/desk/tickets/{reference}"
    with visiting(desk, other) as visitor:
        visitor.get(page)
        tick_step(agent, reference, 1)
        late = visitor.post(f"{page}/steps/1", do="done")
        assert late.status_code == 302
        assert f"{agent.name} ya ha marcado este paso." in visitor.get(page).text
    assert steps(agent, reference)[0] == (agent.name, None)


def test_a_contact_sees_no_step_and_may_do_nothing_with_them(desk, cast):
    contact, agent, reference = cast
    tick_step(agent, reference, 1)
    page = f"/portal/tickets/{reference}"
    with visiting(desk, contact) as visitor:
        shown = visitor.get(page).text
        assert STEPS[0] not in shown
        assert 'id="checklist"' not in shown
        assert visitor.post(f"{page}/steps/1", do="done").status_code == 403
        assert visitor.post(f"{page}/steps", steps="x").status_code == 403
    api = desk.api(contact)
    told = api.get(f"/tickets/{reference}")
    assert told.json()["steps"] == []
    assert STEPS[0] not in told.text
    for answer in (
        api.post(f"/tickets/{reference}/steps/1", json={"done": True}),
        api.post(f"/tickets/{reference}/steps", json={"steps": ["x"]}),
        api.delete(f"/tickets/{reference}/steps/1"),
    ):
        assert answer.status_code == 403


def test_an_account_manager_reads_them_and_has_no_buttons(desk, cast):
    contact, _agent, reference = cast
    client = ticket_view(contact, reference).ticket.client
    database.session().rollback()
    manager = desk.make.person(Role.ACCOUNT_MANAGER, client)
    with visiting(desk, manager) as visitor:
        shown = visitor.get(f"/desk/tickets/{reference}").text
        assert STEPS[0] in shown
        assert "aria-pressed" not in shown
        assert visitor.post(f"/desk/tickets/{reference}/steps/1").status_code == 403


def test_the_api_tells_and_settles_steps(desk, cast):
    _contact, agent, reference = cast
    other = desk.make.agent()
    api = desk.api(agent)
    place = f"/tickets/{reference}/steps"
    done = api.post(f"{place}/1", json={"done": True})
    assert (done.status_code, done.json()["done_by"]) == (200, agent.name)
    skipped = api.post(f"{place}/2", json={"skipped_because": "Not needed."}).json()
    assert skipped["skipped_because"] == "Not needed."
    late = desk.api(other).post(f"{place}/1", json={})
    assert (late.status_code, late.json()["type"]) == (409, "/problems/step-taken")
    assert agent.name in late.json()["detail"]
    assert api.post(f"{place}/1", json={"done": False}).json()["done_at"] is None
    assert api.delete(f"{place}/3").status_code == 204
    added = api.post(place, json={"steps": ["One more"]})
    assert added.status_code == 201
    assert [step["number"] for step in added.json()] == [1, 2, 4]
    told = api.get(f"/tickets/{reference}").json()["steps"]
    assert told == added.json()
    assert api.post(place, json={"steps": [" "]}).status_code == 422
    refused = api.post(
        f"/tickets/{reference}/transitions", json={"transition": "resolve", "body": "Done."}
    )
    assert (refused.status_code, refused.json()["type"]) == (409, "/problems/not-allowed-now")


def test_the_desks_notes_are_told_in_the_readers_language(desk, cast):
    contact, agent, reference = cast
    ticket_id = ticket_view(agent, reference).ticket.id
    database.session().rollback()
    with unit_of_work(SYSTEM, "tests.note") as work:
        ticket = ticket_view(SYSTEM, reference).ticket
        assert ticket.id == ticket_id
        note_from_desk(work, ticket, Text(msgid("Nothing to do.")), is_public=True)
        words = msgid("%(name)s has ticked this step already.")
        note_from_desk(work, ticket, Text(words, {"name": "Closed"}))
    with visiting(desk, agent) as visitor:
        assert "Closed ya ha marcado este paso." in visitor.get(f"/desk/tickets/{reference}").text
    bodies = [
        entry["body"] for entry in desk.api(agent).get(f"/tickets/{reference}").json()["timeline"]
    ]
    assert "Closed ya ha marcado este paso." in bodies
    with visiting(desk, contact) as visitor:
        assert "Closed ya ha" not in visitor.get(f"/portal/tickets/{reference}").text


def test_the_operators_own_client_and_its_tickets_are_marked(desk):
    agent = desk.make.agent()
    with unit_of_work(SYSTEM, "tests.open") as work:
        house = operator_house(work)
        ticket = open_for_desk(work, client_id=None, new=NEW, requester=(agent.user_id, agent.name))
    with visiting(desk, agent) as visitor:
        for page in (f"/desk/clients/{house.reference}", f"/desk/tickets/{ticket.reference}"):
            assert "Interno" in visitor.get(page).text
        assert house.name not in visitor.get("/desk/clients/").text
        assert house.name in visitor.get("/desk/clients/?q=operaci").text
    listed = desk.api(agent).get("/clients", params={"limit": 200}).json()["items"]
    assert house.reference not in {one["reference"] for one in listed}
    supervisor = desk.make.supervisor()
    with visiting(desk, supervisor) as visitor:
        shown = visitor.get(f"/desk/clients/{house.reference}").text
        assert "contacts/new" not in shown
        assert (
            visitor.post(
                f"/desk/admin/clients/{house.reference}/contacts/new",
                email="a@b.example",
                name="A",
                language="es",
            ).status_code
            == 409
        )


def test_many_steps_cost_as_many_statements_as_few(app, sessions, make):
    database.use_sessions(sessions)
    client = make.client()
    contact, agent = make.contact(client), make.agent()
    ticket = make.request(contact, "device.lock", make.device(client, "ios"))
    counts = []
    for number in (1, 20):
        database.use_sessions(sessions)
        database.become(SYSTEM)
        write_steps(agent, ticket.reference, ["Look"] * number)
        visitor = entered(app, sessions, agent)
        visitor.get(f"/desk/tickets/{ticket.reference}")
        with counting(app) as statements:
            assert visitor.get(f"/desk/tickets/{ticket.reference}").status_code == 200
        counts.append(len(statements))
    assert counts[0] == counts[1]


def test_steps_are_ticked_by_keyboard_without_loading_the_page_anew(desk, cast, sign_in):
    _contact, agent, reference = cast
    page = sign_in(agent)
    page.goto(f"{desk.address}/desk/tickets/{reference}")
    page.evaluate("window.isTheSamePage = true")
    box = page.get_by_role("button", name=f"Step 1: {STEPS[0]}")
    box.focus()
    page.keyboard.press("Space")
    expect(box).to_have_attribute("aria-pressed", "true")
    expect(box).to_be_focused()
    expect(page.locator("#story-lines")).to_contain_text("did step 1:")
    page.get_by_text("Not done, because …").first.click()
    page.get_by_label("Not done, because", exact=True).first.fill("It is new.")
    page.keyboard.press("Enter")
    expect(page.locator("#checklist")).to_contain_text("It is new.")
    tick_step(desk.make.person(Role.AGENT, name="Ines Gil"), reference, 3)
    page.get_by_role("button", name=f"Step 3: {STEPS[2]}").click()
    expect(page.locator("#messages")).to_contain_text("Ines Gil has ticked this step already.")
    assert page.evaluate("window.isTheSamePage")
    expect(page.get_by_role("status").filter(has_text="3 of 3")).to_be_visible()
    move_ticket(agent, reference, "resolve", words="Done.")
