"""The bell, the page behind it, whose notices are whose, and what the mail of a warning says."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pytest
from flask import Flask
from sqlalchemy import text
from sqlalchemy.exc import ProgrammingError

from config import ROOT, Settings
from servicedesk.accounts.notices import notices, read_all_notices, read_notice, unread_count
from servicedesk.core import clock, database
from servicedesk.core.actors import SYSTEM, Role
from servicedesk.core.errors import NotFound
from servicedesk.core.paging import PAGE_SIZE
from servicedesk.shell import formatting, language, mail
from servicedesk.sla.cycles import METRIC_LABELS
from tests.check_round import check_now
from tests.visitor import visiting
from tests.warning_story import MONDAY, notify, warned

TELL = "INSERT INTO notice (user_id, at, kind, reference, facts)"
BELL = re.compile(r'class="bell[^>]*>.*?</a>', re.DOTALL)


def bell(page: str) -> str:
    """What a screen reader says of the bell."""
    return " ".join(re.sub(r"<[^>]*>", " ", BELL.search(page)[0]).split("</svg>")[-1].split())


def of(actor, number: int = 1):
    with database.acting_as(actor):
        found = notices(actor).items, unread_count(actor)
        database.session().rollback()
    return found[number]


@pytest.fixture
def cast(make):
    client = make.client()
    contact = make.contact(client)
    ticket = make.request(contact, "device.lock", make.device(client, "ios"))
    return SimpleNamespace(client=client, contact=contact, ticket=ticket, agent=make.agent())


def told(cast, *people, **facts) -> list[int]:
    return notify(cast.client.id, cast.ticket.reference, *people, **facts)


def test_everybody_has_their_own_notices_and_puts_away_only_those(make, cast):
    other = make.agent()
    mine, theirs = told(cast, cast.agent, other)
    with database.acting_as(cast.agent):
        with pytest.raises(NotFound):
            read_notice(cast.agent, theirs)
        read_notice(cast.agent, mine)
    assert (of(cast.agent), of(other)) == (0, 1)
    told(cast, cast.agent, other)
    with database.acting_as(other):
        read_all_notices(other, theirs)  # what came since was not seen
    assert (of(cast.agent), of(other)) == (1, 1)


def test_what_was_read_long_ago_is_forgotten_and_what_was_not_stays(cast):
    read, _unread = (told(cast, cast.agent)[0] for _ in range(2))
    with database.acting_as(cast.agent):
        read_notice(cast.agent, read)
    for days, left in ((89, 2), (91, 1)):
        with clock.told_as(datetime.now(UTC) + timedelta(days=days)):
            check_now("house.expiries")
        assert len(of(cast.agent, 0)) == left
    assert of(cast.agent) == 1


def test_the_database_itself_shows_nobody_the_notices_of_another(make, cast):
    manager = make.person(Role.ACCOUNT_MANAGER, cast.client)
    people = (cast.agent, make.agent(), make.supervisor(), cast.contact, manager)
    told(cast, *people)
    for person in people:
        with database.acting_as(person):
            session = database.session()
            seen = session.execute(text("SELECT user_id FROM notice")).scalars().all()
            assert seen == [person.user_id]
            changed = session.execute(text("UPDATE notice SET read_at = now()")).rowcount
            assert changed == 1
            session.rollback()
            with pytest.raises(ProgrammingError, match="permission denied"):
                session.execute(text("UPDATE notice SET reference = 'x'"))
            session.rollback()


def test_a_contact_cannot_write_notices(cast):
    with database.acting_as(cast.contact):
        with pytest.raises(ProgrammingError, match="permission denied"):
            database.session().execute(text(f"{TELL} VALUES (1, now(), 'x', 'x', '{{}}')"))
        database.session().rollback()


def test_an_operator_can_tell_a_colleague(make, cast):
    with database.acting_as(cast.agent):
        other = make.agent()
        database.become(cast.agent)
        database.session().execute(
            text(f"{TELL} VALUES ({other.user_id}, now(), 'x', 'x', '{{}}')")
        )
        database.session().commit()
    assert of(other) == 1


def test_the_bell_counts_and_the_page_leads_to_the_ticket(desk):
    make = desk.make
    client = make.client()
    contact, agent = make.contact(client), make.agent()
    ticket = make.request(contact, "device.lock", make.device(client, "ios"))
    for person, home in ((agent, "/desk"), (contact, "/portal")):
        first, second = (
            notify(client.id, ticket.reference, person, **facts)[0]
            for facts in ({"percent": 75}, {"percent": 100, "left": -7200})
        )
        with visiting(desk, person) as visitor:
            assert bell(visitor.get(f"{home}/").text).endswith("2")
            page = visitor.get(f"{home}/notices/").text
            assert page.index(f"/notices/{second}/open") < page.index(f"/notices/{first}/open")
            assert "&lt;b&gt;is&lt;/b&gt;" in page
            opened = visitor.post(f"{home}/notices/{first}/open")
            assert opened.headers["location"].endswith(f"{home}/tickets/{ticket.reference}")
            assert bell(visitor.get(f"{home}/tickets/").text).endswith("1")
            assert visitor.post(f"{home}/notices/{second}/read").status_code == 302
            assert not bell(visitor.get(f"{home}/tickets/").text)[-1].isdigit()


def test_a_long_list_goes_on_by_key_and_all_of_it_can_be_put_away(desk):
    make = desk.make
    client, agent = make.client(), make.agent()
    for number in range(PAGE_SIZE + 2):
        notify(client.id, f"INC-2026-{number:06d}", agent)
    with visiting(desk, agent) as visitor:
        first = visitor.get("/desk/notices/").text
        onward = re.search(r'rel="next" href="([^"]+)"', first)[1]
        second = visitor.get(onward).text
        seen = [set(re.findall(r"INC-2026-\d{6}", page)) for page in (first, second)]
        assert [len(found) for found in seen] == [PAGE_SIZE, 2]
        assert not seen[0] & seen[1]
        up_to = re.search(r'name="up_to" value="(\d+)"', first)[1]
        visitor.post("/desk/notices/read", up_to=up_to)
        assert not bell(visitor.get("/desk/").text)[-1].isdigit()


@pytest.mark.parametrize("odd", ["0", "-1", "x", "9" * 40, "%00"])
def test_what_is_no_notice_is_not_found_and_breaks_nothing(desk, odd):
    with visiting(desk, desk.make.agent()) as visitor:
        for act in ("open", "read"):
            assert visitor.post(f"/desk/notices/{odd}/{act}").status_code == 404
        assert visitor.post("/desk/notices/read", up_to=odd).status_code == 302
        assert visitor.get("/desk/notices/?cursor=x").status_code < 500


def test_a_ticket_shows_the_operator_who_was_told_or_why_not(desk):
    make = desk.make
    client = make.client()
    contact, agent = make.contact(client), make.agent()
    ticket = make.request(contact, "device.lock", make.device(client, "ios"))
    warned(ticket)
    for person, home, is_ours in ((agent, "/desk", True), (contact, "/portal", False)):
        with visiting(desk, person) as visitor:
            page = visitor.get(f"{home}/tickets/{ticket.reference}").text
            assert ("Ana, Berta" in page) is is_ours
            assert ("Standard v1" in page) is is_ours
            assert "#chevrons-up" in page
            assert "#chevrons-up" in visitor.get(f"{home}/tickets/?show=all").text


def test_the_api_tells_and_filters_escalated_tickets(desk):
    make = desk.make
    client = make.client()
    contact = make.contact(client)
    calm, hot = (make.request(contact, "device.lock", make.device(client, "ios")) for _ in range(2))
    warned(hot)
    api = desk.api(contact)
    assert api.get(f"/tickets/{hot.reference}").json()["escalation"] == 2
    assert api.get(f"/tickets/{calm.reference}").json()["escalation"] == 0
    listed = api.get("/tickets", params={"escalated": "true"}).json()["items"]
    assert [(item["reference"], item["escalation"]) for item in listed] == [(hot.reference, 2)]
    assert len(api.get("/tickets").json()["items"]) == 2


FACTS = {
    "reference": "INC-2026-000007",
    "title": "The scanner <b>is</b> dead",
    "client": "Somebody Ltd",
    "metric": "resolution",
    "percent": 90,
    "due_at": MONDAY.isoformat(),
}


@pytest.mark.parametrize(
    ("wanted", "zone", "left", "words"),
    [
        ("en", "Atlantic/Canary", 5400, ("Resolution: 90 %", "1 h 30 min", "09:00")),
        ("es", "Europe/Madrid", 5400, ("Resolución: se ha consumido el 90 %", "10:00")),
        ("en", "Europe/Madrid", -5400, ("Resolution: overdue by 1 h 30 min", "10:00")),
        ("es", "America/Lima", -60, ("Resolución: vencido hace 1 min", "4:00")),
    ],
)
def test_a_mail_speaks_the_readers_language_and_zone(tmp_path, wanted, zone, left, words):
    settings = Settings.from_environment(
        {"SERVICEDESK_MODE": "test", "SERVICEDESK_INSTANCE": str(tmp_path)}
    )
    app = Flask("desk", root_path=str(ROOT), template_folder="templates")
    language.install(app)
    formatting.install(app)
    mail.install(app, settings)
    app.jinja_env.globals.update(metric_labels=METRIC_LABELS, public_url="https://desk.example")
    outgoing = SimpleNamespace(
        template="sla_warning",
        language=wanted,
        context=FACTS | {"left": left, "time_zone": zone},
        recipient="ana@desk.example",
        subject_reference=FACTS["reference"],
        created_at=MONDAY,
        message_id="x",
    )
    with app.app_context(), clock.told_as(MONDAY - timedelta(hours=1)):
        message = mail.render(outgoing)
    for part in (message.body, message.html):
        assert all(word in part for word in words)
        assert "https://desk.example/desk/tickets/INC-2026-000007" in part
        assert "Somebody Ltd" in part
    assert "&lt;b&gt;" in message.html
    assert message.subject.startswith("[INC-2026-000007] Resol")


def test_counting_the_unread_needs_no_look_at_the_read(make, cast):
    with database.acting_as(SYSTEM):
        session = database.session()
        session.execute(
            text(
                "INSERT INTO notice (user_id, at, kind, reference, facts, read_at)"
                " SELECT :me, now(), 'x', 'x', '{}', now() FROM generate_series(1, 20000)"
            ),
            {"me": cast.agent.user_id},
        )
        session.commit()
        told(cast, cast.agent)
        session.execute(text("ANALYZE notice"))
        session.commit()
    with database.acting_as(cast.agent):
        session = database.session()
        plan = session.execute(
            text(
                "EXPLAIN SELECT count(*) FROM (SELECT id FROM notice WHERE user_id = :me"
                " AND read_at IS NULL LIMIT 100) AS unread"
            ),
            {"me": cast.agent.user_id},
        )
        assert "ix_notice_unread" in "\n".join(row[0] for row in plan)
        session.rollback()
    assert of(cast.agent) == 1
