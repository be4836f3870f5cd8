"""The pages of a what-if, with a worker that really counts."""

from __future__ import annotations

import csv
import io
from datetime import UTC, datetime, timedelta

import pytest

from servicedesk.core.actors import Role
from tests.desk_on_loopback import until
from tests.operations.test_what_if import Story
from tests.pages.test_accessible import look, violations
from tests.visitor import visiting


def last_month() -> datetime:
    """Return a Monday morning of last month."""
    first = (datetime.now(UTC).replace(day=1) - timedelta(days=1)).replace(day=1)
    monday = first + timedelta(days=(7 - first.weekday()) % 7)
    return monday.replace(hour=9, minute=0, second=0, microsecond=0)


@pytest.fixture
def story(desk):
    told = Story(desk.make)
    told.late = told.resolved(53, last_month())
    told.early = told.resolved(1, last_month())
    return told


def form(story, **more) -> dict[str, str]:
    return {
        "contract": story.contract,
        "months": "1",
        "plan": "",
        "calendar": "",
        "factor_percent": "45",
    } | more


def asked(visitor, story, **more) -> str:
    visitor.get("/desk/what-if/new")
    answer = visitor.post("/desk/what-if/new", **form(story, **more))
    assert answer.status_code == 302, answer.text
    return answer.headers["location"]


def counted(visitor, page: str):
    def answer():
        found = visitor.get(page)
        return None if 'hx-trigger="every 2s"' in found.text else found

    return until(answer)


def test_a_supervisor_asks_and_reads_which_tickets_would_breach(desk, story):
    with visiting(desk, story.supervisor) as visitor:
        page = asked(visitor, story)
        done = counted(visitor, page)
        assert story.late.reference in done.text
        assert f"/desk/tickets/{story.late.reference}" in done.text
        assert story.early.reference not in done.text
        assert "100,0 %" in done.text
        assert "50,0 %" in done.text
        only = visitor.get(f"{page}?change=better")
        assert story.late.reference not in only.text
        assert visitor.get(f"{page}?change=nonsense&cursor=").status_code == 200
        assert visitor.get(f"{page}?cursor=nonsense").status_code == 422
        listed = visitor.get("/desk/what-if/")
        assert page.rsplit("/", 1)[-1] in listed.text
        over = visitor.get(f"{page}/progress")
        assert over.headers["HX-Refresh"] == "true"


def test_both_tables_are_downloaded(desk, story):
    with visiting(desk, story.supervisor) as visitor:
        page = asked(visitor, story)
        counted(visitor, page)
        changes = list(
            csv.reader(io.StringIO(visitor.get(f"{page}/changes.csv").text), delimiter=";")
        )
        assert {row[0] for row in changes[1:]} == {story.late.reference}
        assert {len(row) for row in changes} == {11}
        figures = list(
            csv.reader(io.StringIO(visitor.get(f"{page}/figures.csv").text), delimiter=";")
        )
        assert {len(row) for row in figures} == {13}
        assert ["2", "2", "2", "1", "0", "1"] in [row[3:9] for row in figures]


def test_what_is_wrong_stands_beside_its_field_and_what_was_typed_stays(desk, story):
    with visiting(desk, story.supervisor) as visitor:
        visitor.get("/desk/what-if/new")
        for more, typed in (
            ({"months": "99"}, 'value="99"'),
            ({"months": "x"}, 'value="x"'),
            ({"factor_percent": "0"}, 'value="0"'),
            ({"incident_high_resolution": "soon"}, 'value="soon"'),
            ({"incident_high_resolution": "x" * 100}, "x" * 100),
            ({"contract": "CTR-9999"}, 'value="45"'),
            ({"plan": "99999"}, 'value="45"'),
            ({"factor_percent": "100"}, 'value="100"'),
        ):
            answer = visitor.post("/desk/what-if/new", **form(story, **more))
            assert answer.status_code == 422, more
            assert "field-error" in answer.text, more
            assert typed in answer.text, more


def test_one_that_nobody_counts_yet_is_cancelled(desk, story):
    with visiting(desk, story.supervisor) as visitor:
        page = asked(visitor, story)
        first = visitor.get(f"{page}/progress")
        assert first.status_code == 200
        answer = visitor.post(f"{page}/cancel")  # before it is done, or just after: both are fine
        assert answer.status_code == 302
        assert "hx-trigger" not in visitor.get(page).text


def test_it_is_not_for_everybody(desk, story):
    manager = desk.make.person(Role.ACCOUNT_MANAGER, story.client)
    stranger = desk.make.person(Role.ACCOUNT_MANAGER, desk.make.client())
    with visiting(desk, manager) as visitor:
        page = asked(visitor, story)
        assert counted(visitor, page).status_code == 200
    for person, status in ((stranger, 404), (story.agent, 403), (story.contact, 404)):
        with visiting(desk, person) as visitor:
            for path in ("", "/progress", "/changes.csv", "/figures.csv"):
                assert visitor.get(f"{page}{path}").status_code == status, (person.role, path)
            assert visitor.post(f"{page}/cancel").status_code in {status, 404}
    with visiting(desk, story.agent) as visitor:
        assert visitor.get("/desk/what-if/new").status_code == 403
        assert visitor.get("/desk/what-if/").status_code == 403
    with visiting(desk, stranger) as visitor:
        visitor.get("/desk/what-if/new")
        assert visitor.post("/desk/what-if/new", **form(story)).status_code == 422
        assert story.client.name not in visitor.get("/desk/what-if/").text


def test_the_pages_are_accessible_and_follow_the_counting(desk, sign_in, story):
    page = sign_in(story.supervisor)
    page.goto(f"{desk.address}/desk/what-if/new?contract={story.contract}")
    page.get_by_text("Single targets").click()
    assert violations(page) == []
    page.get_by_label("Request, Low, Resolution").fill("2 h")
    page.get_by_role("button", name="Ask").click()
    page.get_by_text("Side by side").wait_for()  # it was counting: the page turned by itself
    assert page.get_by_text("1 ticket would breach").is_visible()
    page.get_by_text("By kind and priority").click()
    assert violations(page) == []
    paths = ["/desk/what-if/", "/desk/what-if/new", page.url.removeprefix(desk.address)]
    assert look(desk, page, paths) == []
    page.get_by_role("link", name=story.late.reference).click()
    page.wait_for_url(f"**/desk/tickets/{story.late.reference}")
