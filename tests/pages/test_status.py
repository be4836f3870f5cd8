"""The page about the state of the service, and what Prometheus is given."""

from __future__ import annotations

import pytest

from config import Settings
from servicedesk.app import create_app
from servicedesk.core.actors import Role
from servicedesk.monitoring.gauges import is_welcome
from tests.desk_on_loopback import client_at
from tests.visitor import visiting

TOKEN = "a-token-for-prometheus"


def test_agents_and_supervisors_see_how_the_service_is_and_others_do_not(desk):
    make = desk.make
    client = make.client()
    with visiting(desk, make.agent()) as visitor:
        page = visitor.get("/desk/status/")
        assert page.status_code == 200
        assert "Base de datos" in page.text
        assert "/desk/status/" in visitor.get("/desk/").text
    for person in (make.contact(client), make.person(Role.ACCOUNT_MANAGER, client)):
        with visiting(desk, person) as visitor:
            assert visitor.get("/desk/status/").status_code in {403, 404}


def test_prometheus_is_given_the_numbers_of_all_processes(desk):
    with client_at(desk.address) as http:
        http.get("/sign-in")
        http.get("/no-such-page")
        told = http.get("/metrics")
    assert told.status_code == 200
    assert (
        'desk_request_seconds_count{endpoint="sign_in.show",method="GET",status="2xx"}' in told.text
    )
    assert 'endpoint="unknown"' in told.text
    assert "no-such-page" not in told.text
    assert "desk_database_up 1.0" in told.text
    # measured in the worker, told by the web server
    assert 'desk_job_seconds_count{job="' in told.text


@pytest.mark.parametrize(
    ("changed", "authorization", "address", "welcome"),
    [
        ({}, "", "127.0.0.1", True),
        ({}, "", "::1", True),
        ({}, "", "10.0.0.7", False),
        ({}, "", "", False),
        ({"TRUSTED_PROXIES": "1"}, "", "127.0.0.1", False),
        ({"METRICS_TOKEN": TOKEN}, "", "127.0.0.1", False),
        ({"METRICS_TOKEN": TOKEN}, f"Bearer {TOKEN}x", "127.0.0.1", False),
        ({"METRICS_TOKEN": TOKEN}, f"bearer {TOKEN}", "10.0.0.7", True),
        ({"SERVICEDESK_MODE": "production"}, "", "127.0.0.1", False),
        ({"SERVICEDESK_MODE": "production"}, "Bearer ", "127.0.0.1", False),
        ({"SERVICEDESK_MODE": "production", "METRICS_TOKEN": TOKEN}, f"Bearer {TOKEN}", "x", True),
    ],
)
def test_who_may_read_the_metrics(desk, changed, authorization, address, welcome):
    settings = Settings.from_environment({**desk.environment, **changed})
    assert is_welcome(settings, authorization, address) is welcome


def test_in_production_without_a_token_there_is_no_such_page(desk):
    settings = Settings.from_environment({**desk.environment, "SERVICEDESK_MODE": "production"})
    app = create_app(settings)
    try:
        assert app.test_client().get("/metrics").status_code == 404
    finally:
        with app.app_context():
            app.extensions["sqlalchemy"].engine.dispose()
        desk.take_over()


@pytest.mark.parametrize(
    ("proxies", "told", "taken"),
    [
        ("0", "given-by-a-stranger", False),
        ("1", "given-by-our-proxy", True),
        ("1", "not a number at all", False),
    ],
)
def test_a_number_is_taken_from_our_own_proxy_only(desk, proxies, told, taken):
    app = create_app(Settings.from_environment({**desk.environment, "TRUSTED_PROXIES": proxies}))
    answer = app.test_client().get("/healthz", headers={"X-Request-ID": told})
    desk.take_over()
    assert (answer.headers["X-Request-ID"] == told) is taken
