"""Days as people see and change them, on pages and through the API."""

from __future__ import annotations

import re
from datetime import date, timedelta
from html import unescape
from io import BytesIO

import pytest
from pypdf import PdfReader

from servicedesk.core.actors import Role
from servicedesk.engagement.amendments import offer_days
from servicedesk.engagement.outcomes import cancel_visit, confirm_visit, correct_visit
from servicedesk.engagement.visits import book_visit, change_visit
from tests.engagement_story import entries, plan, visit_named, years
from tests.pages.test_accessible import look
from tests.visitor import visiting

TODAY = date.today()
YESTERDAY, TOMORROW = TODAY - timedelta(days=1), TODAY + timedelta(days=1)
PLAN = {
    "kind": "training",
    "title": "Training for the help desk",
    "day": TOMORROW.isoformat(),
    "at": "09:30",
    "days": "0.5",
    "where": "on_site",
    "place": "Gran Vía 1",
    "attendees": "ana@client.example\nluis@client.example",
}


class Story:
    """A client with its people, a done, a planned and a missed visit."""

    def __init__(self, make) -> None:
        self.client = make.client(name="Talleres Norte")
        self.manager = make.person(Role.ACCOUNT_MANAGER, self.client)
        self.supervisor, self.contact = make.supervisor(), make.contact(self.client)
        done = book_visit(self.manager, self.reference, plan(YESTERDAY, 3, title="First review"))
        self.done = confirm_visit(self.manager, done.reference, 2, version=done.version)
        self.missed = book_visit(self.manager, self.reference, plan(YESTERDAY, 1))
        self.planned = book_visit(self.manager, self.reference, plan(TOMORROW, 6))

    @property
    def reference(self) -> str:
        return self.client.reference

    @property
    def page(self) -> str:
        return f"/engagement/clients/{self.reference}"


@pytest.fixture
def story(desk):
    return Story(desk.make)


def text_of(page: str) -> str:
    body = page.rsplit("<main", maxsplit=1)[-1]
    return re.sub(
        r"\s+", " ", unescape(re.sub(r"<svg.*?</svg>|<[^>]+>", " ", body, flags=re.DOTALL))
    )


def test_a_manager_books_and_sees_what_is_left(desk, story):
    with visiting(desk, story.manager) as visitor:
        booking = f"/desk{story.page}/book"
        assert "13,75 de 16" in text_of(visitor.get(booking).text)
        answer = visitor.post(booking, **PLAN)
        assert answer.status_code == 302
        shown = text_of(visitor.get(answer.headers["location"]).text)
        assert "Training for the help desk" in shown
        assert "09:30 - 13:30" in shown
        assert "luis@client.example" in shown
        assert "Talleres Norte" in visitor.get("/desk/engagement/calendar").text
        home = text_of(visitor.get("/desk/portfolio/").text)
        assert "Visitas por confirmar" in home
        assert "13,25 de 16" in home


def test_the_calendar_of_planned_work_leads_to_visits(desk, story):
    for person, side in ((story.contact, "portal"), (story.manager, "desk")):
        with visiting(desk, person) as visitor:
            calendar = f"/{side}/planned/?date={TOMORROW.isoformat()}"
            visit = f'href="/{side}/engagement/visits/{story.planned.reference}"'
            for shape in ("month", "week", "agenda"):
                shown = visitor.get(f"{calendar}&view={shape}").text
                assert visit in shown, shape
                assert "Visita planificada" in shown
                assert ("Talleres Norte" in text_of(shown.split("Siguiente")[1])) == (
                    side == "desk" and shape != "month"
                )
            assert visit not in visitor.get(f"{calendar}&others=without").text


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"days": "0.3"}, "cuartos"),
        ({"days": "x"}, "decimal"),
        ({"days": "NaN"}, "decimal"),
        ({"days": ""}, "Esto es necesario"),
        ({"days": "-1"}, "cuartos"),
        ({"day": "1990-01-01"}, "contrato"),
        ({"day": "tomorrow"}, "fecha"),
        ({"at": "25:00"}, "tiempo"),
        ({"kind": "holiday"}, "Opción"),
        ({"place": ""}, "dirección"),
        ({"attendees": "ana@client.example\nnobody"}, "«nobody»"),
        ({"title": "x" * 200}, "120"),
    ],
)
def test_what_cannot_be_booked_keeps_what_was_typed(desk, story, change, words):
    with visiting(desk, story.manager) as visitor:
        booking = f"/desk{story.page}/book"
        visitor.get(booking)
        answer = visitor.post(booking, **(PLAN | change))
        assert answer.status_code == 422
        assert 'value="Training' in answer.text or "x" * 200 in answer.text
        errors = re.findall(r'field-error">([^<]+)', answer.text)
        assert any(words in unescape(error) for error in errors), errors
    assert len(years(story.client)) == 1


def test_the_wall_is_told_with_what_could_be_released(desk, story):
    with visiting(desk, story.manager) as visitor:
        booking = f"/desk{story.page}/book"
        visitor.get(booking)
        for _ in range(2):
            assert visitor.post(booking, **(PLAN | {"days": "5"})).status_code == 302
        answer = visitor.post(booking, **(PLAN | {"days": "5"}))
        assert answer.status_code == 409
        shown = text_of(answer.text)
        assert "solo quedan 3,75 de 16" in shown
        assert story.planned.reference in shown
        assert story.done.reference not in shown


def test_the_visits_page_confirms_corrects_and_keeps_minutes(desk, story):
    page = f"/desk/engagement/visits/{story.missed.reference}"
    with visiting(desk, story.manager) as visitor:
        visitor.get(page)
        assert visitor.post(f"{page}/confirm", days="0.3", version="1").status_code == 422
        assert visitor.post(f"{page}/confirm", days="0.5", version="9").status_code == 409
        version = str(visit_named(story.missed.reference).version)
        assert visitor.post(f"{page}/confirm", days="0.5", version=version).status_code == 302
        version = str(visit_named(story.missed.reference).version)
        assert (
            visitor.post(f"{page}/correct", days="1", reason="", version=version).status_code == 422
        )
        corrected = visitor.post(
            f"{page}/correct", days="1", reason="It was a whole day.", version=version
        )
        assert corrected.status_code == 302
        version = str(visit_named(story.missed.reference).version)
        minutes = "We agreed on the pilot.\n\nMore of it."
        assert visitor.post(f"{page}/minutes", minutes=minutes, version=version).status_code == 302
        stale = visitor.post(f"{page}/minutes", minutes="Mine!", version=version)
        assert stale.status_code == 409
        assert "Mine!" in stale.text
        action = {"words": "Send the pilot plan", "owner": "Ana", "due_on": TOMORROW.isoformat()}
        assert visitor.post(f"{page}/actions", **action).status_code == 302
        assert visitor.post(f"{page}/actions", **(action | {"due_on": "x"})).status_code == 422
        sent = visitor.http.post(
            f"{page}/documents",
            data={"csrf_token": visitor.token},
            files=[("files", ("plan.txt", b"the plan"))],
        )
        assert sent.status_code == 302
        shown = visitor.get(page).text
        assert re.search(r"CON-\d+-\d+", shown)
        assert "It was a whole day." in shown
        file = re.search(r'href="([^"]+/documents/[^"]+)"', shown)[1]
        assert visitor.get(file).content == b"the plan"
    with visiting(desk, story.contact) as visitor:
        shown = visitor.get(page.replace("/desk/", "/portal/")).text
        assert "We agreed on the pilot." in shown
        assert "plan.txt" in shown
        assert "confirm" not in shown
        assert visitor.get(file.replace("/desk/", "/portal/")).content == b"the plan"


def test_a_moved_and_a_called_off_visit(desk, story):
    page = f"/desk/engagement/visits/{story.planned.reference}"
    with visiting(desk, story.manager) as visitor:
        form = visitor.get(f"{page}/change").text
        assert 'value="1.5"' in form
        later = (TOMORROW + timedelta(days=2)).isoformat()
        moved = visitor.post(f"{page}/change", **(PLAN | {"day": later, "version": "1"}))
        assert moved.status_code == 302
        assert visitor.post(f"{page}/change", **(PLAN | {"version": "1"})).status_code == 409
        version = str(visit_named(story.planned.reference).version)
        off = visitor.post(f"{page}/cancel", reason="Nobody can come.", version=version)
        assert off.status_code == 302
        assert visitor.get(f"{page}/change").status_code == 409
        assert "Nobody can come." in visitor.get(page).text


def test_page_paper_and_api_tell_the_same_statement(desk, story):
    correct_visit(
        story.manager, story.done.reference, 4, "It was a day.", version=story.done.version
    )
    moved = change_visit(
        story.manager,
        story.planned.reference,
        plan(TOMORROW, 2, title="A shorter one"),
        version=story.planned.version,
    )
    cancel_visit(story.manager, moved.reference, "Not needed.", version=moved.version)
    with visiting(desk, story.contact) as visitor:
        page = text_of(visitor.get(f"/portal{story.page}").text)
        paper = visitor.get(f"/portal{story.page}/statement.pdf")
        assert paper.headers["content-type"] == "application/pdf"
        assert len(paper.content) < 300_000
    pdf = PdfReader(BytesIO(paper.content))
    assert pdf.trailer["/Root"]["/MarkInfo"]["/Marked"]
    printed = " ".join(" ".join(sheet.extract_text() for sheet in pdf.pages).split())
    told = desk.api(story.contact).get(f"/engagement/{story.reference}").json()
    assert (told["total_days"], told["left_days"]) == ("16", "14.75")
    sums = [told[f"{name}_days"] for name in ("reserved", "consumed", "left")]
    assert sum(map(float, sums)) == 16
    assert len(told["entries"]) == len(entries(story.client)) == 10
    for line in told["entries"]:
        left = line["left_days"].replace(".", ",")
        assert left in page
        assert left in printed
    for words in ("14,75", "It was a day.", "Not needed.", "First review"):
        assert words in printed
        assert words in page
    assert story.done.reference in printed


def test_the_contact_accepts_more_days_in_the_portal(desk, story):
    offer = offer_days(story.supervisor, story.reference, TODAY, 8, "Tablets for the workshops")
    with visiting(desk, story.contact) as visitor:
        assert "Tablets for the workshops" in visitor.get("/portal/").text
        led = visitor.get("/portal/engagement/")
        assert led.headers["location"].endswith(story.page)
        page = f"/portal/engagement/amendments/{offer.reference}"
        assert visitor.get(page).status_code == 200
        assert visitor.post(page, reason="").status_code == 422
        assert visitor.post(f"{page}/agree").status_code == 302
        assert visitor.post(f"{page}/agree").status_code == 409
        assert "15,75" in text_of(visitor.get(f"/portal{story.page}").text)
    with visiting(desk, story.manager) as visitor:
        visitor.get(f"/desk{story.page}/offer")
        offered = {"days": "2", "day": TODAY.isoformat(), "reason": "Even more"}
        assert (
            visitor.post(f"/desk{story.page}/offer", **(offered | {"days": "0"})).status_code == 422
        )
        assert visitor.post(f"/desk{story.page}/offer", **offered).status_code == 302
        shown = visitor.get(f"/desk{story.page}").text
        other = re.search(r"amendments/(AMP-[0-9-]+)\"[^>]*>2 ", shown)[1]
        page = f"/desk/engagement/amendments/{other}"
        visitor.get(page)
        assert visitor.post(f"{page}/agree").status_code == 403
        assert visitor.post(page, reason="A slip.").status_code == 302


def test_an_agent_reads_and_changes_nothing(desk, story):
    page = f"/desk/engagement/visits/{story.missed.reference}"
    with visiting(desk, desk.make.agent()) as visitor:
        assert visitor.get("/desk/engagement/").status_code == 200
        assert visitor.get(f"/desk{story.page}").status_code == 200
        assert "confirm" not in visitor.get(page).text
        for path in (f"{page}/change", f"/desk{story.page}/book", f"/desk{story.page}/offer"):
            assert visitor.get(path).status_code == 403
        answer = visitor.post(f"{page}/confirm", days="1", version="1")
        assert answer.status_code == 403


def test_the_api_books_moves_settles_and_refuses_with_a_problem(desk, story):
    api = desk.api(story.manager)
    wanted = {
        "client": story.reference,
        "kind": "project",
        "title": "Roll-out",
        "day": YESTERDAY.isoformat(),
        "at": "09:00:00",
        "days": "5",
        "is_on_site": False,
    }
    made = api.post("/visits", json=wanted)
    assert made.status_code == 201, made.text
    reference, version = made.json()["reference"], made.json()["version"]
    assert made.json()["reserved_days"] == "5"
    for _ in range(1):
        assert api.post("/visits", json=wanted).status_code == 201
    refused = api.post("/visits", json=wanted)
    assert refused.status_code == 409
    problem = refused.json()
    assert problem["type"] == "/problems/budget-exhausted"
    assert problem["left"] == "3.75"
    assert {line["visit"] for line in problem["releasable"]} >= {story.planned.reference, reference}
    assert problem["errors"][0]["field"] == "days"

    body = {name: value for name, value in wanted.items() if name != "client"}
    moved = api.put(f"/visits/{reference}", json=body | {"days": "4.5", "version": version})
    assert moved.status_code == 200, moved.text
    version = moved.json()["version"]
    settle = f"/visits/{reference}/outcome"
    done = api.post(settle, json={"outcome": "done", "days": "4.25", "version": version})
    assert done.json()["consumed_days"] == "4.25"
    version = done.json()["version"]
    again = api.post(settle, json={"outcome": "done", "days": "1", "version": version})
    assert again.status_code == 409
    wrong = {"outcome": "corrected", "days": "0", "reason": "A mistake.", "version": version}
    assert api.post(settle, json=wrong).json()["state"] == "cancelled"
    assert api.get("/visits", params={"client": story.reference}).json()["items"]
    assert api.get("/engagement").json()["items"][0]["client"] == story.reference

    offered = api.post(
        f"/engagement/{story.reference}/amendments",
        json={"days": "2", "day": TODAY.isoformat(), "reason": "More"},
    ).json()
    assert offered["state"] == "offered"
    agree = f"/engagement/amendments/{offered['reference']}/agree"
    assert desk.api(story.contact).post(agree).json()["state"] == "operator_next"
    assert api.post(agree).status_code == 403
    assert desk.api(story.supervisor).post(agree).json()["state"] == "agreed"


def test_pages_are_accessible_and_fit(desk, sign_in, story):
    offer_days(story.manager, story.reference, TODAY, 8, "Tablets for the workshops")
    found = []
    page = sign_in(story.supervisor)
    visits = [f"/desk/engagement/visits/{v.reference}" for v in (story.done, story.missed)]
    found += look(
        desk,
        page,
        [
            "/desk/portfolio/",
            "/desk/engagement/",
            "/desk/engagement/calendar",
            f"/desk{story.page}",
            f"/desk{story.page}/book",
            f"/desk{story.page}/offer",
            *visits,
            f"/desk/engagement/visits/{story.planned.reference}/change",
        ],
    )
    page = sign_in(story.contact)
    found += look(desk, page, [f"/portal{story.page}", visits[0].replace("/desk/", "/portal/")])
    assert found == []
