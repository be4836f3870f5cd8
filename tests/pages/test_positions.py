"""Where a device was, on the running desk: shown by a look, and in nothing else that leaves it."""

from __future__ import annotations

import io
import re
import zipfile

import pytest
from babel.numbers import format_decimal
from sqlalchemy import select, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import undefer_group

from config import Settings
from servicedesk.app import create_app
from servicedesk.core import database
from servicedesk.core.actors import Role
from servicedesk.orders.execution import execute_order
from servicedesk.orders.positions.models import PLACE, DevicePosition, PositionLook
from tests.desk_on_loopback import until
from tests.pages.test_accessible import violations
from tests.visitor import visiting

PURPOSE = "Perdido en la estación de Sants"


class Located:
    """An order whose devices have said where they are, through the sandbox and its notification."""

    def __init__(self, desk, count=1):
        make = desk.make
        self.client = make.client(name="Located & Sons")
        self.contact, self.agent = make.contact(self.client), make.agent()
        self.devices = make.fleet(self.client, count)
        desk.enrol(*self.devices)
        parameters = {"purpose": PURPOSE}
        ticket = make.request(self.contact, "device.locate", *self.devices, parameters=parameters)
        self.ticket, self.order = ticket.reference, ticket.orders[0].reference
        self.device = self.devices[0].reference
        execute_order(self.agent, self.order)
        session = database.session()

        def positions() -> list[DevicePosition]:
            session.rollback()
            found = session.scalars(
                select(DevicePosition)
                .where(DevicePosition.client_id == self.client.id)
                .options(undefer_group(PLACE))
                .order_by(DevicePosition.id)
            ).all()
            return found if len(found) == count else []

        self.positions = list(until(positions))
        session.expunge_all()
        session.rollback()

    def is_told_in(self, words: str) -> bool:
        """Whether the first position is written there, however rounded; seconds are no degrees."""
        degrees = (self.positions[0].latitude, self.positions[0].longitude)
        points = "|".join(f"{abs(number):.5f}"[:-2].replace(".", "[.,]") for number in degrees)
        return re.search(rf"(?<![\d:.,])(?:{points})\d", words) is not None

    def looks(self) -> list[PositionLook]:
        session = database.session()
        session.rollback()
        found = session.scalars(
            select(PositionLook).where(PositionLook.client_id == self.client.id)
        ).all()
        session.expunge_all()
        session.rollback()
        return list(found)


@pytest.fixture
def located(desk) -> Located:
    return Located(desk)


def test_the_pages_say_that_it_is_known_and_only_a_look_says_where(desk, located):
    page = f"/portal/positions/devices/{located.device}"
    with visiting(desk, located.contact) as visitor:
        for path in (f"/portal/orders/{located.order}", f"/portal/devices/{located.device}"):
            told = visitor.get(path).text
            assert "Posición conocida, tomada" in told
            assert page in told
        before = visitor.get(page)
        assert PURPOSE in before.text
        assert "Ver la posición" in before.text
        assert not located.is_told_in(before.text)
        assert located.looks() == []
        seen = visitor.post(page)
        assert seen.status_code == 200
        first = located.positions[0]
        assert coordinates_in_spanish(first) in seen.text
        assert seen.text.count(coordinates_in_spanish(first)) >= 2  # beside the map, and in it
        assert 'role="img"' in seen.text
        assert not re.search(r"\sstyle=|<style", seen.text)
        assert seen.headers["Cache-Control"] == "no-store"
        visitor.post(page)  # a reload sends it again: it is another look
        assert len(located.looks()) == 2
        assert visitor.get(page).text.count(located.contact.name) >= 3  # the menu, and two looks


def coordinates_in_spanish(position: DevicePosition) -> str:
    latitude, longitude = (
        format_decimal(abs(degrees), "0.0000", locale="es")
        for degrees in (position.latitude, position.longitude)
    )
    return f"{latitude}° N, {longitude}° {'E' if position.longitude >= 0 else 'O'}"


def test_the_client_reads_who_of_the_operator_looked(desk, located):
    with visiting(desk, located.agent) as visitor:
        visitor.get(f"/desk/positions/devices/{located.device}")
        assert visitor.post(f"/desk/positions/devices/{located.device}").status_code == 200
        assert visitor.post(f"/desk/positions/orders/{located.order}").status_code == 200
        for path in ("/desk/positions/", f"/desk/positions/?client={located.client.reference}"):
            assert visitor.get(path).text.count(f'tabular">{located.device}<') == 2
        assert located.device not in visitor.get("/desk/positions/?client=CLI-none").text
    with visiting(desk, located.contact) as visitor:
        for path in ("/portal/positions/", f"/portal/positions/devices/{located.device}"):
            told = visitor.get(path).text
            assert told.count(located.agent.name) == 2
            assert PURPOSE in told
            assert not located.is_told_in(told)


def test_several_devices_are_on_one_map_with_a_table(desk):
    located = Located(desk, count=3)
    page = f"/portal/positions/orders/{located.order}"
    with visiting(desk, located.contact) as visitor:
        before = visitor.get(page)
        assert "Ver las posiciones de 3 terminales" in before.text
        assert not located.is_told_in(before.text)
        seen = visitor.post(page, cursor="")
        for position in located.positions:
            assert coordinates_in_spanish(position) in seen.text
        assert seen.text.count('class="spot"') == 3
        assert visitor.post(page, cursor="not one of ours").status_code == 422
    assert len(located.looks()) == 3


def test_a_forged_look_is_refused_and_not_recorded(desk, located):
    with visiting(desk, located.contact) as visitor:
        visitor.token = "forged"
        assert visitor.post(f"/portal/positions/devices/{located.device}").status_code == 400
    assert located.looks() == []


def test_who_may_not_look_is_told_so_and_strangers_find_nothing(desk, located):
    make = desk.make
    manager = make.person(Role.ACCOUNT_MANAGER, located.client)
    other = make.person(Role.ACCOUNT_MANAGER, make.client())
    paths = (f"devices/{located.device}", f"orders/{located.order}")
    for person, status in ((manager, 403), (other, 404)):
        with visiting(desk, person) as visitor:
            for path in paths:
                assert visitor.get(f"/desk/positions/{path}").status_code == status
                assert visitor.post(f"/desk/positions/{path}").status_code == status
            assert visitor.get("/desk/positions/").status_code == 403
    with visiting(desk, manager) as visitor:
        for path in (f"/desk/orders/{located.order}", f"/desk/devices/{located.device}"):
            told = visitor.get(path)
            assert "Posición conocida" in told.text
            assert "/positions/" not in told.text
            assert not located.is_told_in(told.text)
    with visiting(desk, make.contact()) as visitor:
        for path in paths:
            assert visitor.get(f"/portal/positions/{path}").status_code == 404
            assert visitor.post(f"/portal/positions/{path}").status_code == 404
    assert located.looks() == []


def test_the_api_looks_too(desk, located):
    make = desk.make
    path = f"/devices/{located.device}/position"
    answer = desk.api(located.contact).get(path)
    assert answer.status_code == 200
    first, told = located.positions[0], answer.json()
    assert (told["latitude"], told["longitude"]) == (first.latitude, first.longitude)
    assert (told["device"], told["order"], told["purpose"]) == (
        located.device,
        located.order,
        PURPOSE,
    )
    assert [look.looked_by_name for look in located.looks()] == [located.contact.name]
    manager = make.person(Role.ACCOUNT_MANAGER, located.client)
    for person, status in ((manager, 403), (make.contact(), 404)):
        refused = desk.api(person).get(path)
        assert refused.status_code == status
        assert refused.headers["Content-Type"] == "application/problem+json"
    assert desk.api(located.agent).get("/devices/DEV-none/position").status_code == 404
    _age(located, days=31)
    assert desk.api(located.contact).get(path).status_code == 404
    assert len(located.looks()) == 1


def _age(located: Located, days: int) -> None:
    """Make the positions older than they are."""
    session = database.session()
    session.rollback()
    session.connection().execute(text("RESET ROLE"))
    past = f"- interval '{days} days'"
    session.execute(
        text(
            f"UPDATE device_position SET taken_at = taken_at {past}, expires_at = expires_at {past}"
            " WHERE client_id = :client"
        ),
        {"client": located.client.id},
    )
    session.commit()


def test_what_has_expired_is_shown_nowhere(desk, located):
    _age(located, days=31)
    with visiting(desk, located.contact) as visitor:
        page = f"/portal/positions/devices/{located.device}"
        assert "Ver la posición" not in visitor.get(page).text
        assert visitor.post(page).status_code == 404
        assert visitor.post(f"/portal/positions/orders/{located.order}").status_code == 404
        assert "Posición conocida" not in visitor.get(f"/portal/orders/{located.order}").text
    assert located.looks() == []


def test_no_page_export_mail_log_or_answer_of_the_api_carries_a_position(desk, located):
    """After a look of each kind: the canary is nowhere but in what the look returned."""
    leaks = {}

    def note(name: str, told: str) -> None:
        if located.is_told_in(told):
            leaks[name] = told

    with visiting(desk, located.contact) as visitor:
        visitor.get(f"/portal/positions/devices/{located.device}")
        seen = visitor.post(f"/portal/positions/devices/{located.device}").text
        visitor.post(f"/portal/positions/orders/{located.order}")
        for path in (
            "/portal/",
            "/portal/devices/",
            f"/portal/devices/{located.device}",
            f"/portal/tickets/{located.ticket}",
            f"/portal/orders/{located.order}",
            f"/portal/orders/{located.order}/progress",
            f"/portal/positions/devices/{located.device}",
            f"/portal/positions/orders/{located.order}",
            "/portal/positions/",
            "/portal/devices/export.csv",
        ):
            answer = visitor.get(path)
            assert answer.status_code == 200, path
            note(path, answer.text)
        workbook = visitor.get("/portal/devices/export.xlsx").content
        note("xlsx", unzipped(workbook))
    api = desk.api(located.contact)
    assert api.get(f"/devices/{located.device}/position").status_code == 200
    for path in (f"/devices/{located.device}", f"/work-orders/{located.order}"):
        note(path, api.get(path).text)
    note("ticket", api.get(f"/tickets/{located.ticket}").text)
    session = database.session()
    for table in ("outgoing_mail", "audit_entry", "command_observation", "device_command"):
        rows = session.execute(text(f"SELECT t::text FROM {table} t"))
        note(table, "\n".join(row[0] for row in rows))
    session.rollback()
    for log in desk.folder.glob("*.log"):
        note(log.name, log.read_text(errors="replace"))
    assert leaks == {}
    assert located.is_told_in(seen)  # it is searched for as it is written


def test_an_error_of_the_database_says_nothing_of_the_values_that_caused_it(desk):
    app = create_app(Settings.from_environment(desk.environment))
    with app.app_context():
        engine = app.extensions["sqlalchemy"].engine
        with engine.connect() as connection, pytest.raises(DBAPIError) as fault:
            connection.execute(text("SELECT 1 / 0 + CAST(:value AS float)"), {"value": 41.387431})
        engine.dispose()
    desk.take_over()
    assert "division by zero" in str(fault.value)
    assert "41.38" not in str(fault.value)


def unzipped(workbook: bytes) -> str:
    with zipfile.ZipFile(io.BytesIO(workbook)) as book:
        return "\n".join(book.read(name).decode() for name in book.namelist())


def test_a_map_is_read_by_everybody(desk, sign_in):
    located = Located(desk, count=2)
    page = sign_in(located.contact)
    found = []
    for scheme, width in (("light", 1280), ("dark", 390)):
        page.emulate_media(color_scheme=scheme)
        page.set_viewport_size({"width": width, "height": 900})
        for path in (f"devices/{located.device}", f"orders/{located.order}"):
            page.goto(f"{desk.address}/portal/positions/{path}")
            found += violations(page)
            page.get_by_role("button", name=re.compile("Look at the position")).click()
            assert page.locator(".map svg path.land").count() > 0
            found += violations(page)
            assert page.evaluate(
                "document.documentElement.scrollWidth <= document.documentElement.clientWidth + 1"
            )
            fill = "getComputedStyle(document.querySelector('.map .sea')).fill"
            assert (
                page.evaluate(fill)
                == {
                    "light": "rgb(213, 229, 242)",
                    "dark": "rgb(15, 34, 51)",
                }[scheme]
            )
    assert found == []
