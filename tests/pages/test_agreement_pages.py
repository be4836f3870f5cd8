"""Calendars, plans and service levels as people see and change them."""

from __future__ import annotations

import itertools
import re
from datetime import UTC, date, datetime, timedelta
from html import unescape

import pytest
from babel.dates import format_date

from servicedesk.core.actors import Role
from servicedesk.sla.agreements import NewLevel, agree, state_of
from servicedesk.sla.calendar import CalendarDefinition, Holiday, OpenInterval
from servicedesk.sla.calendar_editing import CalendarDraft, add_calendar_version, create_calendar
from servicedesk.sla.cycles import Metric, WorkingDays
from servicedesk.sla.plan import PlanDefinition
from servicedesk.sla.plan_editing import PlanDraft, create_plan
from servicedesk.sla.queries import agreement, calendar_versions, plan_versions
from servicedesk.sla.versioning import live_of
from tests.pages.test_accessible import look
from tests.visitor import visiting

numbers = itertools.count(1)
INPUT = re.compile(r'<input[^>]*?name="([^"]+)"[^>]*>')
VALUE = re.compile(r'value="([^"]*)"')
CALENDAR_FILE = """BEGIN:VCALENDAR
VERSION:2.0
PRODID:-//test//EN
BEGIN:VEVENT
UID:1
SUMMARY:Fiesta local
DTSTART;VALUE=DATE:20200502
RRULE:FREQ=YEARLY
END:VEVENT
BEGIN:VEVENT
UID:2
SUMMARY:Puente
DTSTART;VALUE=DATE:20270301
DTEND;VALUE=DATE:20270303
END:VEVENT
BEGIN:VEVENT
UID:3
SUMMARY:Tarde libre
DTSTART:20270601T120000Z
DTEND:20270601T160000Z
END:VEVENT
BEGIN:VEVENT
UID:4
SUMMARY:<b>Lunes</b>
DTSTART;VALUE=DATE:20270104
RRULE:FREQ=WEEKLY;BYDAY=MO
END:VEVENT
BEGIN:VEVENT
UID:5
SUMMARY:Rota
DTSTART:mañana
END:VEVENT
BEGIN:VEVENT
UID:6
SUMMARY:Antigua
DTSTART;VALUE=DATE:19990101
END:VEVENT
END:VCALENDAR
""".replace("\n", "\r\n")


def fields_of(page: str) -> dict[str, str]:
    """Return what a page's form would send if nobody touched it; boxes as far as ticked."""
    body = page.split("<main")[1]
    told: dict[str, object] = {}
    for tag in re.finditer(r"<(input|select|textarea)\b[^>]*>", body):
        name = re.search(r'name="([^"]+)"', tag[0])
        if not name or 'type="file"' in tag[0]:
            continue
        if tag[1] == "textarea":
            rest = body[tag.end() :].split("</textarea>")[0]
            told[name[1]] = unescape(rest).removeprefix("\r\n")
        elif tag[1] == "select":
            options = body[tag.end() :].split("</select>")[0]
            chosen = re.search(r'<option selected value="([^"]*)"', options) or re.search(
                r'<option value="([^"]*)" selected', options
            )
            first = re.search(r'value="([^"]*)"', options)
            told[name[1]] = unescape((chosen or first)[1]) if chosen or first else ""
        elif 'type="checkbox"' in tag[0]:
            if " checked" in tag[0]:
                told.setdefault(name[1], []).append(VALUE.search(tag[0])[1])
        else:
            value = VALUE.search(tag[0])
            told[name[1]] = unescape(value[1]) if value else ""
    return told


def says(page: str, field: str) -> str:
    """Return what stands beside a field."""
    found = page.split(f'id="{field}-says"')
    return unescape(found[1].split("</div></div>")[0]) if len(found) > 1 else ""


@pytest.fixture
def supervisor(desk):
    return desk.make.supervisor()


@pytest.fixture
def calendar(supervisor):
    """A calendar of its own: the desk of these tests is shared."""
    day = (OpenInterval(540, 1020),)
    definition = CalendarDefinition(
        time_zone="Europe/Madrid",
        weekly=(day,) * 5 + ((), ()),
        holidays=(Holiday(date(2026, 12, 8), "Inmaculada"), Holiday(date(2099, 1, 1), "Lejos")),
    )
    draft = CalendarDraft(
        name=f"Hours {next(numbers)} of pages", effective_on=date(2020, 1, 1), definition=definition
    )
    return create_calendar(supervisor, draft)


@pytest.fixture
def plan(supervisor):
    targets = {
        ("incident", "critical"): {Metric.FIRST_RESPONSE: timedelta(minutes=30)},
        ("request", "low"): {Metric.RESOLUTION: WorkingDays(days=3)},
    }
    draft = PlanDraft(
        name=f"Plan {next(numbers)} of pages",
        effective_on=date(2020, 1, 1),
        definition=PlanDefinition(targets=targets),
    )
    return create_plan(supervisor, draft)


def test_only_supervisors_enter_and_others_find_nothing(desk, calendar, plan):
    make = desk.make
    client = make.client()
    reference = client.reference.replace("CLI", "CTR")
    paths = [
        "/desk/admin/calendars/",
        f"/desk/admin/calendars/{calendar.code}",
        "/desk/admin/calendars/new",
        f"/desk/admin/calendars/{calendar.code}/new-version",
        "/desk/admin/plans/",
        f"/desk/admin/plans/{plan.code}",
        "/desk/admin/plans/new",
        f"/desk/admin/service-levels/{reference}",
    ]
    posts = [
        f"/desk/admin/calendars/{calendar.code}/versions/1/withdraw",
        f"/desk/admin/plans/{plan.code}/versions/1/withdraw",
        f"/desk/admin/service-levels/{reference}/withdraw",
    ]
    for person in (make.contact(client), make.agent(), make.person(Role.ACCOUNT_MANAGER, client)):
        with visiting(desk, person) as visitor:
            for path in paths:
                assert visitor.get(path).status_code == 404, path
            for path in posts:
                assert visitor.post(path).status_code == 404, path


def test_a_calendar_is_made_with_its_helpers_and_nothing_is_kept_before_it_is_saved(
    desk, supervisor
):
    address, name = "/desk/admin/calendars/new", f"Turno {next(numbers)}"
    with visiting(desk, supervisor) as visitor:
        page = visitor.get(address).text
        assert "Europe/Madrid" in page
        assert '<option value="Atlantic/Canary">' in page
        typed = fields_of(page) | {"name": name, "effective_on": "2026-01-01"}
        typed |= {"first_year": "2026", "last_year": "2027"}
        for wish, change in (
            ("preset:lunch", {}),
            ("copy_monday", {"day_0": "07:00-15:00"}),
            ("regions", {"country": "DE"}),
            ("add_public", {"country": "DE", "subdivision": "BY"}),
            ("add_own", {"own_date": "2026-09-17", "own_name": "Patrón", "own_hours": "12-24"}),
            ("check", {}),
        ):
            answer = visitor.post(address, **(typed | change | {"do": wish}))
            assert answer.status_code == 200, (wish, answer.text)
            typed = fields_of(answer.text)
            assert typed["name"] == name
        assert [typed[f"day_{day}"] for day in range(7)] == ["07:00-15:00"] * 5 + ["", ""]
        lines = typed["holidays"].splitlines()
        assert "2026-09-17; Patrón; 12:00-24:00" in lines
        assert "2026-06-04; Fronleichnam" in lines  # of the region
        assert typed["own_name"] == ""
        assert "40 h por semana" in unescape(answer.text)
        again = visitor.post(address, **(typed | {"do": "add_public"}))
        assert "0 festivos añadidos" in again.text
        assert name not in visitor.get("/desk/admin/calendars/").text
        saved = visitor.post(address, **(typed | {"do": "save"}))
        assert saved.status_code == 302
        shown = visitor.get(saved.headers["Location"] + "?month=2026-09").text
    assert name in shown
    assert "Patrón" in shown
    made = calendar_versions(supervisor, saved.headers["Location"].rsplit("/", 1)[1])
    assert len(made) == 1
    assert len(CalendarDefinition.from_json(made[0].definition).holidays) == len(lines)


def test_public_holidays_are_in_the_readers_language(desk, supervisor):
    address = "/desk/admin/calendars/new"
    wish = {"do": "add_public", "country": "ES", "subdivision": "PV"}
    wish |= {"first_year": "2027", "last_year": "2027"}
    with visiting(desk, supervisor) as visitor:
        typed = fields_of(visitor.get(address).text)
        spanish = fields_of(visitor.post(address, **(typed | wish)).text)["holidays"]
        visitor.post("/language", language="en")
        english = fields_of(visitor.post(address, **(typed | wish)).text)["holidays"]
    assert "2027-01-01; Año Nuevo" in spanish
    assert "2027-01-01; New Year's Day" in english


def test_a_calendar_file_is_read_and_what_failed_is_listed_with_its_reason(desk, supervisor):
    address = "/desk/admin/calendars/new"
    with visiting(desk, supervisor) as visitor:
        typed = fields_of(visitor.get(address).text)
        typed |= {"do": "import", "holidays": "2027-08-01; Agosto", "name": "Kept"}
        typed |= {"first_year": "2027", "last_year": "2028"}

        def send(content: bytes, **change: str):
            return visitor.http.post(
                address,
                data=typed | {"csrf_token": visitor.token} | change,
                files={"file": ("days.ics", content, "text/calendar")},
            )

        answer = send(CALENDAR_FILE.encode())
        assert answer.status_code == 200
        found = fields_of(answer.text)
        assert found["holidays"].splitlines() == [
            "2027-03-01; Puente",
            "2027-03-02; Puente",
            "2027-05-02; Fiesta local",
            "2027-06-01; Tarde libre; 14:00-18:00",
            "2027-08-01; Agosto",
            "2028-05-02; Fiesta local",
        ]
        told = unescape(answer.text)
        assert "3 entradas del fichero no se pudieron incorporar" in told
        assert "solo se puede incorporar la misma fecha cada año" in told
        assert "queda fuera de los años 2027 a 2028" in told
        assert "<b>Lunes" not in answer.text
        for content, change in (
            (b"", {}),
            (b"no calendar", {}),
            (b"\xff\x00", {}),
            (b"BEGIN:VCALENDAR\r\nEND:VCALENDAR\r\n", {}),
            (b"BEGIN:VEVENT\r\n" * 20_000, {}),
            (b"x" * 600_000, {}),
            (CALENDAR_FILE.encode(), {"first_year": "1"}),
            (CALENDAR_FILE.encode(), {"time_zone": "Nowhere"}),
            (CALENDAR_FILE.encode(), {"holidays": "no holiday"}),
        ):
            answer = send(content, **change)
            assert answer.status_code == 422, (content[:20], change)
            assert "field-error" in answer.text
            kept = fields_of(answer.text)
            assert kept["name"] == "Kept"
            assert kept["holidays"] == change.get("holidays", "2027-08-01; Agosto")


@pytest.mark.parametrize(
    ("field", "wrong"),
    [
        ("name", ""),
        ("name", "x" * 200),
        ("time_zone", "Europe/Nowhere"),
        ("effective_on", "soon"),
        ("effective_on", "1999-01-01"),
        ("effective_on", "9999-12-31"),
        ("day_0", "ocho a dos"),
        ("day_1", "08:00-14:00, 13:00-15:00"),
        ("day_6", "22:00-10:00"),
        ("holidays", "2027-13-01; Nunca"),
        ("holidays", "x" * 10_000),
    ],
)
def test_a_bad_field_of_a_calendar_stays_as_typed_with_the_reason_beside_it(
    desk, supervisor, field, wrong
):
    address = "/desk/admin/calendars/new"
    typed = {f"day_{day}": "08:00-14:00" for day in range(7)}
    with visiting(desk, supervisor) as visitor:
        typed |= {
            name: value
            for name, value in fields_of(visitor.get(address).text).items()
            if not name.startswith("day")
        }
        typed |= {"name": f"Odd {next(numbers)}", "do": "save", field: wrong}
        answer = visitor.post(address, **typed)
    assert answer.status_code == 422
    kept = fields_of(answer.text)
    for name, value in typed.items():
        if name not in {"do", "csrf_token"}:
            assert kept[name] == value, name
    assert "field-error" in says(answer.text, field), field


def test_a_version_follows_shows_what_differs_and_can_be_withdrawn(desk, supervisor, calendar):
    own = f"/desk/admin/calendars/{calendar.code}"
    first = (datetime.now(UTC) + timedelta(days=40)).date().replace(day=1)
    month = f"{first:%Y-%m}"
    with visiting(desk, supervisor) as visitor:
        typed = fields_of(visitor.get(f"{own}/new-version").text)
        assert typed["day_0"] == "09:00-17:00"
        assert "Lejos" in typed["holidays"]
        assert "time_zone" not in typed
        today = datetime.now(UTC).date().isoformat()
        early = visitor.post(
            f"{own}/new-version", **(typed | {"effective_on": today, "do": "save"})
        )
        assert early.status_code == 422
        assert "mañana o más tarde" in says(early.text, "effective_on")
        change = {"effective_on": first.isoformat(), "day_2": "09:00-12:00", "do": "save"}
        saved = visitor.post(f"{own}/new-version", **(typed | change))
        assert saved.headers["Location"].endswith(f"{own}?month={month}")
        # the other one's form was opened before
        late = visitor.post(f"{own}/new-version", **(typed | change | {"day_3": "10:00-11:00"}))
        assert late.status_code == 409
        assert "la última versión es ahora la 2" in unescape(late.text)
        kept = fields_of(late.text)
        assert (kept["day_3"], kept["after"]) == ("10:00-11:00", "2")
        page = visitor.get(f"{own}?month={month}&version=2").text
        wednesdays = sum(
            (first + timedelta(days=day)).weekday() == 2
            for day in range(31)
            if (first + timedelta(days=day)).month == first.month
        )
        assert page.count("Difiere") == wednesdays
        assert "Difiere" not in visitor.get(f"{own}?month={month}&version=1").text
        assert f"month={(first - timedelta(days=1)):%Y-%m}" in page
        listed = visitor.get("/desk/admin/calendars/").text
        assert f"{own}?version=2" in listed
        refused = visitor.post(f"{own}/versions/1/withdraw")
        assert refused.status_code == 302
        assert "Ya ha empezado" in unescape(visitor.get(own).text)
        visitor.post(f"{own}/versions/2/withdraw")
        after = unescape(visitor.get(own).text)
        assert f"Retirada por {supervisor.name}" in after
        assert "Por venir" not in after
        assert visitor.get(f"{own}?version=2").status_code == 200
        assert fields_of(visitor.get(f"{own}/new-version").text)["after"] == "3"
        assert visitor.post(f"{own}/versions/2/withdraw").status_code == 404


def test_a_month_says_why_a_day_is_closed_and_how_long_it_is(desk, supervisor, calendar):
    own = f"/desk/admin/calendars/{calendar.code}"
    with visiting(desk, supervisor) as visitor:
        december = visitor.get(f"{own}?month=2026-12").text
        assert "Diciembre 2026" in december
        assert "Inmaculada" in december
        assert "176 h laborables" in unescape(december)
        assert "Día de 25 h" in unescape(visitor.get(f"{own}?month=2026-10").text)
        assert "Día de 23 h" in unescape(visitor.get(f"{own}?month=2026-03").text)
        for odd in (
            "2026-13",
            "2026-00",
            "0001-01",
            "9999-12",
            "x",
            "%00",
            "\u0662\u0660\u0662\u0666-01",
        ):
            assert visitor.get(f"{own}?month={odd}&version={odd}").status_code == 200
        for code in ("nowhere", "%00", "x" * 300):
            assert visitor.get(f"/desk/admin/calendars/{code}").status_code == 404


def test_a_plan_is_made_like_another_and_its_grid_is_read(desk, supervisor, plan):
    address, name = f"/desk/admin/plans/new?like={plan.code}", f"Rápido {next(numbers)}"
    with visiting(desk, supervisor) as visitor:
        page = visitor.get(address).text
        typed = fields_of(page)
        assert typed["incident_critical_first_response"] == "30 min"
        assert typed["request_low_resolution"] == "3 d"
        assert (
            len([one for one in typed if one.endswith(("response", "update", "resolution"))]) == 36
        )
        assert 'aria-label="Incidencia, Crítica: Primera respuesta"' in unescape(page)
        more = visitor.post(address, **(typed | {"do": "add_row", "query_low_resolution": "1,5 h"}))
        assert more.status_code == 200
        typed = fields_of(more.text)
        assert "thresholds-1-percent" in typed
        typed |= {
            "name": name,
            "do": "save",
            "thresholds-0-percent": "80",
            "thresholds-0-reaches": ["supervisors", "assignee"],
            "thresholds-1-percent": "100",
            "thresholds-1-priorities": ["critical"],
            "thresholds-1-raises": "yes",
            "thresholds-1-queue": "security",
            "notice_calendar": "office",
            "round_the_clock": ["critical"],
        }
        saved = visitor.post(address, **typed)
        assert saved.status_code == 302, says(saved.text, "name")
        code = saved.headers["Location"].rsplit("/", 1)[1]
        shown = unescape(visitor.get(saved.headers["Location"]).text)
    definition = PlanDefinition.from_json(plan_versions(supervisor, code)[0].definition)
    assert definition.targets_of("query", "low") == {Metric.RESOLUTION: timedelta(minutes=90)}
    assert [one.percent for one in definition.thresholds] == [80, 100]
    assert definition.thresholds[1].priorities == {"critical"}
    for words in ("3 días laborables", "1 h 30 min", "80 %", "Supervisores", "pasa a Seguridad"):
        assert words in shown, words


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"incident_high_resolution": "pronto"}, "incident_high_resolution"),
        ({"incident_high_resolution": "0 h"}, "incident_high_resolution"),
        ({"incident_high_resolution": "2001 h"}, "incident_high_resolution"),
        ({"request_low_resolution": "251 d"}, "request_low_resolution"),
        ({"thresholds-0-percent": "500", "thresholds-0-raises": "yes"}, "thresholds-0-percent"),
        ({"thresholds-0-percent": "80"}, "thresholds-0-percent"),
        ({"thresholds-0-percent": "many"}, "thresholds-0-percent"),
        ({"thresholds-0-raises": "yes"}, "thresholds-0-percent"),
        (
            {"thresholds-0-percent": "9", "thresholds-0-raises": "y", "thresholds-0-metrics": []},
            "thresholds-0-metrics",
        ),
        ({"effective_on": "x"}, "effective_on"),
        ({"name": ""}, "name"),
    ],
)
def test_what_a_plan_refuses_stands_beside_its_field(desk, supervisor, plan, change, field):
    address = f"/desk/admin/plans/{plan.code}/new-version"
    with visiting(desk, supervisor) as visitor:
        typed = fields_of(visitor.get(address).text) | {"do": "save"} | change
        answer = visitor.post(address, **typed)
    assert answer.status_code == 422
    kept = fields_of(answer.text)
    for name, value in change.items():
        if isinstance(value, str) and not name.endswith("raises"):
            assert kept[name] == value
    assert "field-error" in says(answer.text, field)
    assert len(plan_versions(supervisor, plan.code)) == 1


def test_a_conflict_between_thresholds_and_an_empty_plan_are_refused(desk, supervisor, plan):
    address = f"/desk/admin/plans/{plan.code}/new-version"
    with visiting(desk, supervisor) as visitor:
        typed = fields_of(visitor.get(address).text)
        more = fields_of(visitor.post(address, **(typed | {"do": "add_row"})).text)
        twice = {f"thresholds-{row}-{name}": "75" for row in (0, 1) for name in ("percent",)}
        twice |= {f"thresholds-{row}-raises": "yes" for row in (0, 1)}
        answer = visitor.post(address, **(more | twice | {"do": "save"}))
        assert answer.status_code == 422
        assert "mismo momento" in says(answer.text, "thresholds-1-percent")
        empty = {name: "" for name in typed if name.endswith(("response", "update", "resolution"))}
        answer = visitor.post(address, **(typed | empty | {"do": "save"}))
        assert answer.status_code == 422
        assert 'role="alert"' in answer.text


def test_a_plans_version_follows_and_can_be_withdrawn(desk, supervisor, plan):
    own = f"/desk/admin/plans/{plan.code}"
    later = (datetime.now(UTC) + timedelta(days=40)).date().isoformat()
    with visiting(desk, supervisor) as visitor:
        typed = fields_of(visitor.get(f"{own}/new-version").text) | {"effective_on": later}
        saved = visitor.post(f"{own}/new-version", **(typed | {"do": "save"}))
        assert saved.status_code == 302
        late = visitor.post(f"{own}/new-version", **(typed | {"do": "save"}))
        assert late.status_code == 409
        assert fields_of(late.text)["after"] == "2"
        assert "Por venir" in visitor.get(own).text
        assert visitor.get(f"{own}?version=2").status_code == 200
        visitor.post(f"{own}/versions/2/withdraw")
        assert "Por venir" not in visitor.get(own).text
    assert [one.version for one in live_of(plan_versions(supervisor, plan.code))] == [1]


def test_a_contract_agrees_to_another_plan_and_the_page_says_what_a_ticket_would_get(
    desk, supervisor, plan, calendar
):
    make = desk.make
    client = make.client()
    contact = make.contact(client)
    reference = client.reference.replace("CLI", "CTR")
    own = f"/desk/admin/service-levels/{reference}"
    with visiting(desk, supervisor) as visitor:
        assert (
            own.removeprefix("/desk/admin") in visitor.get(f"/desk/clients/{client.reference}").text
        )
        page = visitor.get(own).text
        typed = fields_of(page)
        assert (typed["plan_code"], typed["calendar_code"]) == ("standard", "office")
        assert "hasta" in page
        refused = visitor.post(own, **(typed | {"effective_on": "2020-01-01", "reason": "Kept"}))
        assert refused.status_code == 422
        assert fields_of(refused.text)["reason"] == "Kept"
        assert "field-error" in says(refused.text, "effective_on")
        ends = date.today() + timedelta(days=800)
        after = {"effective_on": (ends + timedelta(days=1)).isoformat(), "reason": "Late"}
        refused = visitor.post(own, **(typed | after))
        assert format_date(ends, "medium", locale="es") in says(refused.text, "effective_on")
        change = {"plan_code": plan.code, "calendar_code": calendar.code, "reason": "Acta 7"}
        assert visitor.post(own, **(typed | change)).status_code == 302
        late = visitor.post(own, **(typed | change))
        assert late.status_code == 409
        later = (datetime.now(UTC) + timedelta(days=40)).date().isoformat()
        back = fields_of(late.text) | {"plan_code": "standard", "effective_on": later}
        assert visitor.post(own, **back).status_code == 302
        shown = unescape(visitor.get(own).text)
        for words in (
            "Acta 7",
            "Vigente",
            "Por venir",
            plan.name,
            calendar.name,
            "3 días laborables",
        ):
            assert words in shown, words
        odd = visitor.post(f"{own}/withdraw", effective_on="x")
        assert odd.status_code == 404
        visitor.post(f"{own}/withdraw", effective_on="2020-01-01")
        assert "Ya rige" in visitor.get(own).text
        visitor.post(f"{own}/withdraw", effective_on=later)
    found = agreement(contact, reference)
    assert (found.current.plan_code, found.coming) == (plan.code, [])


def test_the_client_reads_its_own_service_level_and_no_other(desk, supervisor, plan, calendar):
    make = desk.make
    client, other = make.client(), make.client()
    contact, agent = make.contact(client), make.agent()
    manager = make.person(Role.ACCOUNT_MANAGER, client)
    reference, foreign = (one.reference.replace("CLI", "CTR") for one in (client, other))
    seen = state_of(agreement(supervisor, reference).levels)
    level = NewLevel(
        plan_code=plan.code,
        calendar_code=calendar.code,
        effective_on=agreement(supervisor, reference).today,
        reason="Agreed",
        seen=seen,
    )
    agree(supervisor, reference, level)
    with visiting(desk, contact) as visitor:
        assert "/portal/service-levels/" in visitor.get("/portal/").text
        entered = visitor.get("/portal/service-levels/")
        assert entered.headers["Location"].endswith(f"/portal/service-levels/{reference}")
        page = unescape(visitor.get(f"/portal/service-levels/{reference}").text)
        for words in ("3 días laborables", "30 min", "09:00–17:00", calendar.name):  # noqa: RUF001
            assert words in page, words
        assert "Agreed" not in page
        assert "/admin/" not in page
        assert visitor.get(f"/portal/service-levels/{foreign}").status_code == 404
    for person, sees in ((manager, 404), (agent, 200)):
        with visiting(desk, person) as visitor:
            assert visitor.get(f"/desk/service-levels/{reference}").status_code == 200
            assert visitor.get(f"/desk/service-levels/{foreign}").status_code == sees
            listed = visitor.get("/desk/service-levels/").text
            assert "/desk/admin/" not in listed.split("<main")[1]


def test_the_api_tells_the_service_levels_in_reach(desk, supervisor, plan, calendar):
    make = desk.make
    client, other = make.client(), make.client()
    contact = make.contact(client)
    reference, foreign = (one.reference.replace("CLI", "CTR") for one in (client, other))
    day = agreement(supervisor, reference).today
    definition = CalendarDefinition.from_json(calendar.definition)
    draft = CalendarDraft(
        name=calendar.name, effective_on=day + timedelta(days=9), definition=definition
    )
    add_calendar_version(supervisor, calendar.code, draft, after=1)
    level = NewLevel(
        plan_code=plan.code,
        calendar_code=calendar.code,
        effective_on=day,
        reason="Agreed",
        seen=state_of(agreement(supervisor, reference).levels),
    )
    agree(supervisor, reference, level)
    api = desk.api(contact)
    listed = api.get("/service-levels").json()
    assert [one["contract"] for one in listed["items"]] == [reference]
    (found,) = listed["items"]
    assert found == api.get(f"/service-levels/{reference}").json()
    assert found["plan"]["targets"] == [
        {
            "kind": "incident",
            "priority": "critical",
            "metric": "first_response",
            "seconds": 1800,
        },
        {"kind": "request", "priority": "low", "metric": "resolution", "working_days": 3},
    ]
    assert found["calendar"]["hours"]["monday"] == [{"from": "09:00", "until": "17:00"}]
    assert found["calendar"]["hours"]["sunday"] == []
    assert {"on": "2099-01-01", "name": "Lejos", "from": "00:00", "until": "24:00"} in found[
        "calendar"
    ]["holidays"]
    assert [one["version"] for one in found["coming_calendars"]] == [2]
    for path, status in (
        (f"/service-levels/{foreign}", 404),
        ("/service-levels?cursor=x", 422),
        ("/service-levels?limit=0", 422),
    ):
        answer = api.get(path)
        assert answer.status_code == status
        assert answer.headers["Content-Type"] == "application/problem+json"
    both = desk.api(make.agent()).get("/service-levels", params={"client": other.reference}).json()
    assert [one["contract"] for one in both["items"]] == [foreign]


def test_the_pages_are_for_everybody(desk, sign_in, supervisor, calendar, plan):
    make = desk.make
    client = make.client()
    contact, reference = make.contact(client), client.reference.replace("CLI", "CTR")
    definition = CalendarDefinition.from_json(calendar.definition)
    draft = CalendarDraft(name=calendar.name, effective_on=date(2030, 1, 1), definition=definition)
    add_calendar_version(supervisor, calendar.code, draft, after=1)
    calendars = f"/desk/admin/calendars/{calendar.code}"
    pages = [
        f"{calendars}?month=2026-10",
        f"{calendars}?month=2026-12&version=2",
        f"{calendars}/new-version",
        f"/desk/admin/plans/{plan.code}",
        f"/desk/admin/plans/{plan.code}/new-version",
        f"/desk/service-levels/{reference}",
        f"/desk/admin/service-levels/{reference}",
    ]
    assert look(desk, sign_in(supervisor), pages) == []
    own = f"/portal/service-levels/{reference}"
    assert look(desk, sign_in(contact), [own]) == []
