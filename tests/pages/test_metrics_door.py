"""The door of a worker's host, and the files its processes keep their numbers in."""

from __future__ import annotations

import os

import httpx

from config import Settings
from servicedesk.app import create_app
from servicedesk.processes import measuring
from servicedesk.processes.metrics_door import open_metrics_door
from tests.desk_on_loopback import free_port

TOKEN = "a-token-for-prometheus"


def test_a_worker_tells_its_numbers_where_no_web_server_stands(desk):
    port = free_port()
    told = {"METRICS_PORT": str(port), "METRICS_TOKEN": TOKEN}
    settings = Settings.from_environment({**desk.environment, **told})
    app = create_app(settings)
    try:
        open_metrics_door(app, settings)
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", trust_env=False) as http:
            assert http.get("/metrics").status_code == 404
            with_token = {"Authorization": f"Bearer {TOKEN}"}
            assert http.get("/other", headers=with_token).status_code == 404
            answer = http.get("/metrics", headers=with_token)
    finally:
        with app.app_context():
            app.extensions["sqlalchemy"].engine.dispose()
        desk.take_over()
    assert answer.status_code == 200
    assert "desk_database_up 1.0" in answer.text
    assert "desk_workers_alive" in answer.text


def test_what_dead_processes_had_open_is_forgotten_and_what_they_counted_is_not(
    tmp_path, monkeypatch
):
    monkeypatch.setenv(measuring.FOLDER, "before")  # put back at the end
    folder = tmp_path / "metrics"
    folder.mkdir()
    names = [f"gauge_livesum_{os.getpid()}.db", "gauge_livesum_99999999.db", "counter_99999999.db"]
    for name in names:
        (folder / name).touch()

    measuring.share(folder)

    assert sorted(path.name for path in folder.iterdir()) == sorted([names[0], names[2]])
    assert os.environ[measuring.FOLDER] == str(folder)
    measuring.start_anew(folder)
    assert list(folder.iterdir()) == []
