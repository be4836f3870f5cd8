"""One desk and one browser for all journeys; each journey brings its own client and people."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import sync_playwright

from tests.conftest import copied_database
from tests.desk_on_loopback import PASSWORD, chromium, desk_on

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser, Page

    from servicedesk.core.actors import Actor
    from tests.desk_on_loopback import Desk


@pytest.fixture(scope="session")
def desk(instance, migrated, tmp_path_factory) -> Iterator[Desk]:
    """A running desk."""
    with (
        copied_database(instance, migrated) as address,
        desk_on(address, tmp_path_factory.mktemp("desk")) as running,
    ):
        yield running


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """A real browser without a screen."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=chromium(),
            args=["--no-sandbox", "--disable-gpu", "--disable-background-networking"],
        )
        yield browser
        browser.close()


@pytest.fixture
def sign_in(desk: Desk, browser: Browser):
    """Give a page on which somebody is signed in; any error in its console fails the test."""
    contexts, complaints = [], []

    def enter(person: Actor) -> Page:
        context = browser.new_context(locale="en-GB", viewport={"width": 1280, "height": 900})
        contexts.append(context)
        page = context.new_page()
        page.on(
            "console",
            lambda message: complaints.append(message.text) if message.type == "error" else None,
        )
        desk.give_password(person)
        page.goto(f"{desk.address}/sign-in")
        page.fill("input[name=email]", person.email)
        page.fill("input[name=password]", PASSWORD)
        page.press("input[name=password]", "Enter")
        page.wait_for_url("**/portal/" if person.is_contact else "**/desk/")
        page.get_by_text(person.name).first.click()
        page.get_by_role("button", name="English").click()
        return page

    yield enter
    for context in contexts:
        context.close()
    assert not complaints
